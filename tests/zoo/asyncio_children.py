"""asyncio with child processes, whose ends its watcher waits for, and with threads."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import rounds

THREADS = 4


async def child(number: int) -> tuple[bytes, int | None]:
    script = f"read line; echo $line {number}; exit {number}"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("sh", "-c", script, stdin=pipe, stdout=pipe)
    out, _ = await process.communicate(b"hello\n")
    return out, process.returncode


async def work() -> list[object]:
    children = [child(number) for number in range(20)]
    threads = [asyncio.to_thread(sum, range(number * 10_000)) for number in range(20)]
    return list(await asyncio.gather(*children, *threads))


async def start_threads() -> None:
    """All of them: a pool starts one only when no other is idle, which is a matter of luck, and the number is compared."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    together = threading.Barrier(THREADS)
    await asyncio.gather(*(asyncio.to_thread(together.wait) for _ in range(THREADS)))


if __name__ == "__main__":
    rounds.install()
    with asyncio.Runner() as runner:
        runner.run(start_threads())
        rounds.run(lambda: runner.run(work()))
