"""FastAPI under uvicorn, on uvloop: coroutines, threads and streams."""

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import rounds
from fastapi import FastAPI
from fastapi.responses import StreamingResponse


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    rounds.install()
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/sum")
async def sum_of(n: int) -> dict[str, int]:
    parts = await asyncio.gather(*(part(number) for number in range(n)))
    return {"sum": sum(parts)}


async def part(number: int) -> int:
    await asyncio.sleep(0.001)
    return number


@app.get("/blocking")
def blocking(n: int) -> dict[str, int]:
    # Long enough that every client has a thread to itself, which is then there for good.
    time.sleep(0.005)
    return {"sum": sum(range(n))}


@app.get("/stream")
async def stream(n: int) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        for number in range(n):
            await asyncio.sleep(0)
            yield f"{number}\n"

    return StreamingResponse(lines())


def main() -> None:
    server = rounds.Server("uvicorn", "uvicorn_fastapi:app", "--fd", "{fd}", "--loop", "uvloop", "--log-level", "warning")
    server.await_up("/sum?n=1")

    def work() -> list[tuple[int, bytes]]:
        paths = [path for n in range(15) for path in (f"/sum?n={n}", f"/blocking?n={n * 10_000}", f"/stream?n={n * 50}")]
        return list(clients.map(server.get, paths))

    with ThreadPoolExecutor(4) as clients:
        rounds.run(work)
    server.stop()


if __name__ == "__main__":
    main()
