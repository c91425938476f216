"""A Jupyter kernel, which is asked over its sockets."""

import rounds
from jupyter_client.manager import start_new_kernel

CELL = """
import collections, math
counts = collections.Counter(math.gcd(a, b) for a in range(150) for b in range(150))
sorted(counts.items())[:20]
"""


def main() -> None:
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=rounds.PATIENCE)
    prepare = f"import sys; sys.path.insert(0, {str(rounds.HERE)!r}); import rounds; rounds.install()"
    assert execute(client, prepare) == ("ok", [])

    rounds.run(lambda: [execute(client, CELL) for _ in range(5)])
    client.stop_channels()
    manager.shutdown_kernel()


def execute(client, code: str) -> tuple[str, list[str]]:
    """Its status and what it showed."""
    shown = []

    def hook(message) -> None:
        if message["msg_type"] == "execute_result":
            shown.append(message["content"]["data"]["text/plain"])
        elif message["msg_type"] == "error":
            shown.append(message["content"]["evalue"])

    reply = client.execute_interactive(code, timeout=rounds.PATIENCE, output_hook=hook)
    return reply["content"]["status"], shown


if __name__ == "__main__":
    main()
