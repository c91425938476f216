"""Django under gunicorn's sync workers."""

from concurrent.futures import ThreadPoolExecutor

import rounds


def serve_and_ask(worker_class: str) -> None:
    server = rounds.Server(
        *("gunicorn", "--bind", "fd://{fd}", "--workers", "2", "--worker-class", worker_class),
        *("--config", "python:gunicorn_config", "--log-level", "warning", "shop_of_the_zoo:application"),
    )
    server.await_up("/price?item=1")

    def work() -> list[tuple[int, bytes]]:
        paths = [f"/price?item={item}" for item in range(40)]
        return list(clients.map(server.get, paths))

    with ThreadPoolExecutor(4) as clients:
        rounds.run(work)
    server.stop()


if __name__ == "__main__":
    serve_and_ask("sync")
