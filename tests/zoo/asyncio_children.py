"""asyncio with child processes, whose ends its watcher waits for, and with threads."""

import asyncio

import rounds


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


if __name__ == "__main__":
    rounds.install()
    with asyncio.Runner() as runner:
        rounds.run(lambda: runner.run(work()))
