"""Exact identity: what was born after a dump is told as new, wherever it lies; and what happens where births cannot be marked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from live import Command, Target, TargetError

# Objects that are looked for have a dict; have slots; lie behind a tuple's header; are not tracked by the collector.
HEAP = """
import gc, memdump

class Thing:
    def __init__(self, number):
        self.number = number

class Slotted:
    __slots__ = ("a", "__weakref__")

class Pair(tuple):
    pass

class Text(str):
    pass

def make(number):
    slotted = Slotted()
    slotted.a = number
    return [Thing(number), slotted, Pair((number, number)), Text(number)]

def made(count):
    return [one for number in range(count) for one in make(number)]

def places(objects):
    return [[type(one).__name__, id(one)] for one in objects]
"""
CLASSES = ("Thing", "Slotted", "Pair", "Text")


def born(memdump: Command, before: Path, after: Path) -> set[tuple[str, int]]:
    """Type and address of every new object of the classes, as memdump tells it."""
    found = set()
    for name in CLASSES:
        told = memdump.json("new", "--type", f"__main__.{name}", before, after)
        assert told["identity"] == {"kind": "exact"}
        found |= {(name, int(row["address"], 16)) for row in told["objects"]}
    return found


def replace_most(target: Target) -> tuple[set[tuple[str, int]], int]:
    """Frees three of four objects and makes as many; where the new ones are, and how many of them lie where an equal one lay."""
    target.do("old = places(kept); kept = kept[::4]; gc.collect(); new = made(750); kept += new")
    now = {tuple(place) for place in target.ask("places(new)")}
    return now, len(now & {tuple(place) for place in target.ask("old")})


@pytest.mark.parametrize("allocator", ["", "debug", "malloc"])
def test_what_is_born_after_a_dump_is_new(start, python, memdump, allocator):
    target = start(python, HEAP + "listen()", env={"MEMDUMP_IDENTITY": "exact", "PYTHONMALLOC": allocator})
    target.do("memdump.install(); kept = made(1000)")
    dumps = [target.dump_by_signal()]
    reused = 0
    for _ in range(2):
        new, again = replace_most(target)
        dumps.append(target.dump_by_signal())
        assert born(memdump, dumps[-2], dumps[-1]) == new
        reused += again
    for dump in dumps:
        memdump.check(dump)
    if allocator == "":
        assert reused > 1000, "identity by address would have done"
    assert target.lines("identity") == target.lines("birth") == []


def test_installed_late_and_twice(start, python, memdump):
    target = start(python, HEAP + "listen()")
    target.do("memdump.install(); kept = made(1000)")
    by_address = target.dump_by_signal()
    assert target.ask("memdump.status().settings['identity']") == "address"
    target.do("memdump.install(identity='exact')")
    assert target.ask("memdump.status().settings['identity']") == "exact"
    replace_most(target)
    first = target.dump_by_signal()
    assert memdump.json("diff", by_address, first)["identity"] == {"kind": "by_address"}
    target.do("memdump.install(identity='exact')")
    new, _ = replace_most(target)
    assert born(memdump, first, target.dump_by_signal()) == new
    # Without the argument the marks are still kept.
    target.do("memdump.install()")
    new, _ = replace_most(target)
    target.do("memdump.dump('called.dump')")
    third = target.place / "called.dump"
    second = target.dumps()[-1]
    assert born(memdump, second, third) == new


def test_many_dumps_and_the_marks_begin_anew(start, python, memdump):
    if "3.13" not in str(python):
        pytest.skip("it does not depend on the version")
    target = start(python, HEAP + "listen()")
    target.do("memdump.install(identity='exact'); kept = made(1000)")
    first = target.dump_by_signal()
    # A mark is a byte: 255 dumps can be told apart.
    target.do("import os\nfor n in range(252): memdump.dump('one.dump'); os.remove('one.dump')")
    replace_most(target)
    before = target.dump_by_signal()
    new, _ = replace_most(target)
    last = target.dump_by_signal()
    assert born(memdump, before, last) == new
    assert memdump.json("diff", first, last)["identity"] == {"kind": "exact"}
    for _ in range(2):
        new, _ = replace_most(target)
        earlier, last = last, target.dump_by_signal()
        assert born(memdump, earlier, last) == new
    assert memdump.json("diff", first, last)["identity"] == {"kind": "by_address"}


FORK = """
import json, os
memdump.install(identity="exact")
kept = made(1000)
if (child := os.fork()) == 0:
    memdump.dump("one.dump")
    kept = kept[::4]
    new = made(750)
    print(json.dumps(places(new)), flush=True)
    memdump.dump("two.dump")
    os._exit(0)
os.waitpid(child, 0)
listen()
"""


def test_a_forked_worker_marks_on(start, python, memdump):
    target = start(python, HEAP + FORK)
    new = {tuple(place) for place in json.loads(target.line())}
    assert born(memdump, target.place / "one.dump", target.place / "two.dump") == new


def test_another_tool_may_come_and_go_above(start, python, memdump):
    target = start(python, HEAP + "import tracemalloc\nlisten()")
    target.do("memdump.install(identity='exact'); kept = made(1000); tracemalloc.start()")
    first = target.dump_by_signal()
    new, _ = replace_most(target)
    second = target.dump_by_signal()
    assert born(memdump, first, second) == new
    target.do("tracemalloc.stop()")
    new, _ = replace_most(target)
    assert born(memdump, second, target.dump_by_signal()) == new
    assert target.lines("birth") == []


def test_another_tool_takes_the_hooks_out(start, python, memdump):
    target = start(python, HEAP + "import tracemalloc\nlisten()")
    target.do("tracemalloc.start(); memdump.install(identity='exact'); kept = made(1000)")
    first = target.dump_by_signal()
    target.do("tracemalloc.stop()")
    replace_most(target)
    second = target.dump_by_signal()
    assert memdump.json("diff", first, second)["identity"] == {"kind": "by_address"}
    (line,) = target.lines("birth")
    assert "took memdump's hooks" in line
    new, _ = replace_most(target)
    third = target.dump_by_signal()
    assert born(memdump, second, third) == new
    # The tool again, over hooks that have gone once.
    target.do("tracemalloc.start(); tracemalloc.stop()")
    new, _ = replace_most(target)
    assert born(memdump, third, target.dump_by_signal()) == new


# A thread that begins takes 128 MiB of addresses for its malloc, and gives half of them back at once: what is read in between is
# no limit.
LIMIT = """
import resource, time
def size():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmSize"))
def settled():
    sizes = [size()]
    while len(sizes) < 10 or len(set(sizes[-10:])) > 1:
        time.sleep(0.02)
        sizes.append(size())
    return sizes[-1]
def limit(mib):
    size = settled()
    resource.setrlimit(resource.RLIMIT_AS, ((size << 10) + (mib << 20), resource.RLIM_INFINITY))
def no_limit():
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


def test_without_room_for_the_table_it_is_by_address(start, python, memdump):
    target = start(python, HEAP + LIMIT + "listen()")
    target.do("memdump.install(); limit(5); memdump.install(identity='exact'); no_limit()")
    (line,) = target.lines("identity")
    assert "by address" in line and "ulimit -v" in line
    dump = target.dump_by_signal()
    assert memdump.json("info", dump)["infos"][0]["metadata"]["identity"] == "address"
    # Asked again when there is room, it is exact.
    target.do("memdump.install(identity='exact'); kept = made(1000)")
    first = target.dump_by_signal()
    new, _ = replace_most(target)
    assert born(memdump, first, target.dump_by_signal()) == new


def test_without_room_for_marks_it_begins_anew(start, python, memdump):
    target = start(python, HEAP + LIMIT + "listen()")
    target.do("memdump.install(); limit(11); memdump.install(identity='exact'); kept = made(1000); no_limit()")
    first = target.dump_by_signal()
    (line,) = target.lines("birth")
    assert "no memory for marks" in line
    new, _ = replace_most(target)
    second = target.dump_by_signal()
    assert born(memdump, first, second) == new
    assert len(target.lines("birth")) == 1


HOOKS = """
import ctypes
def allocators():
    get, found = ctypes.pythonapi.PyMem_GetAllocator, []
    for domain in range(3):
        fields = (ctypes.c_void_p * 5)()
        get(domain, fields)
        found.append(list(fields))
    return found
"""


def test_by_address_no_allocator_is_touched(start, python):
    target = start(python, HOOKS + "import memdump\nlisten()")
    target.do("before = allocators(); memdump.install(); memdump.dump('one.dump')")
    assert target.ask("before == allocators()")
    target.do("memdump.install(identity='exact')")
    before, after = target.ask("before"), target.ask("allocators()")
    assert before[0] == after[0], "raw memory holds no objects"
    for domain in (1, 2):
        changed = [old != new for old, new in zip(before[domain], after[domain], strict=True)]
        # Context and free stay: whoever calls in the middle of the exchange calls something that works.
        assert changed == [False, True, True, True, False]


CHURN = """
import threading
stop = False
def churn():
    while not stop:
        made(50)
        [bytes(n) for n in range(0, 4000, 7)]
        text = ""
        for n in range(200):
            text += "x" * n
threads = [threading.Thread(target=churn) for _ in range(4)]
"""


def test_dumps_under_load(start, python, memdump):
    target = start(python, HEAP + CHURN + "listen()")
    target.do("memdump.install(identity='exact'); [t.start() for t in threads]; kept = made(1000)")
    first = target.dump_by_signal()
    for _ in range(5):
        new, _ = replace_most(target)
        second = target.dump_by_signal()
        told = born(memdump, first, second)
        assert new <= told
        kept = {tuple(place) for place in target.ask("places(kept[:-3000])")}
        assert not kept & told
        memdump.check(second)
        first = second
    target.do("stop = True; [t.join() for t in threads]")
    assert target.close() == 0


def test_what_cannot_be_used_is_named(start, python):
    target = start(python)
    with pytest.raises(TargetError, match="identity: `serial` is not address or exact"):
        target.do("import memdump; memdump.install(identity='serial')")
