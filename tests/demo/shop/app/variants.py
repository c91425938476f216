"""Ways to keep memory, two healthy ones and four leaks, for `memdump suspects` to tell apart.

The shop calls none of them by itself. `/variants?of=cache,global` does, once for each name.
"""

from __future__ import annotations

import collections
import queue
import threading
from collections.abc import Callable

from django.http import HttpRequest, JsonResponse

from app.models import SomeRef

# Healthy: a bounded cache, which forgets what was used least recently. It is full after 64 requests.
CACHED = 64
offers: collections.OrderedDict[int, SomeRef] = collections.OrderedDict()


def cache(number: int) -> None:
    offers[number] = SomeRef(number)
    if len(offers) > CACHED:
        offers.popitem(last=False)


# Healthy: a pool that warms up. It grows with the first requests, and then no more.
POOLED = 150


class Connection:
    def __init__(self) -> None:
        self.buffer = bytearray(1000)


idle: list[Connection] = []


def pool(number: int) -> None:
    if len(idle) < POOLED:
        idle.append(Connection())


# A leak in a global: nobody takes anything out.
audited: dict[str, list[SomeRef]] = {"refs": []}


def in_global(number: int) -> None:
    audited["refs"].append(SomeRef(number))


# A leak in a closure: the list has no name outside of the function that made it.
def make_counter() -> Callable[[int], int]:
    seen: list[SomeRef] = []

    def count(number: int) -> int:
        seen.append(SomeRef(number))
        return len(seen)

    return count


in_closure = make_counter()


# A leak through cycles with a finaliser: a session and its user refer to each other. gunicorn.conf.py switches the collector off,
# as services do that want to be spared its pauses and believe that they make no cycles.
class User:
    def __init__(self) -> None:
        self.session: Session | None = None


class Session:
    def __init__(self) -> None:
        self.user = User()
        self.user.session = self

    def __del__(self) -> None:
        self.user.session = None


def in_cycle(number: int) -> None:
    Session()


# A leak in a thread that is stuck: it collects rows until there is a thousand million of them, which never comes.
class Row:
    def __init__(self, number: int) -> None:
        self.number = number


rows: queue.SimpleQueue[int] = queue.SimpleQueue()


def write_in_batches() -> None:
    batch: list[Row] = []
    while len(batch) < 1_000_000_000:
        batch.append(Row(rows.get()))


writer = threading.Thread(target=write_in_batches, name="writer", daemon=True)


def in_thread(number: int) -> None:
    if writer.ident is None:
        writer.start()
    rows.put(number)


ALL: dict[str, Callable[[int], object]] = {
    "cache": cache,
    "pool": pool,
    "global": in_global,
    "closure": in_closure,
    "cycle": in_cycle,
    "thread": in_thread,
}


def run(request: HttpRequest) -> JsonResponse:
    """Runs the variants that are asked for, with a number of the client's."""
    number = int(request.GET["number"])
    for name in request.GET["of"].split(","):
        ALL[name](number)
    # How many rows wait, and for which thread, is for tests, which want to see that wait.
    return JsonResponse({"number": number, "waiting": rows.qsize(), "writer": writer.native_id})
