"""Damaged heaps, and heaps in the middle of something: the dump costs what cannot be read, and nothing else."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.every_version

# The heap that is damaged is never used again: no collection, and an end without finalisers.
CORRUPT = """
import ctypes, gc, memdump, os, sys, time
gc.collect()
gc.disable()
word = ctypes.c_size_t.from_address
class Victim(list): pass
class Witness: pass
class Late: pass
victims = [Victim([Witness()]) for _ in range(20)]
addresses = [id(victim) for victim in victims]
witnesses = [Late() for _ in range(300)]
gc.collect()
items = [word(address + 24).value for address in addresses]
for number, (address, item) in enumerate(zip(addresses, items)):
    nowhere = 0xDEAD0000 + 4096 * number
    DAMAGE
report = memdump.dump("corrupt.dump")
print(report.faults, flush=True)
os._exit(0)
"""


@pytest.mark.parametrize(
    ("damage", "faults", "victims"),
    [
        ("word(address + 24).value = nowhere  # ob_item", range(20, 21), 20),
        ("word(address + 16).value = 1 << 40  # ob_size", range(20, 21), 20),
        ("word(item).value = nowhere  # an item", range(20, 21), 20),
        # The list of victims meets a damaged type, too; what it holds behind that is told by the ring.
        ("word(address + 8).value = nowhere  # ob_type", range(20, 23), 0),
        ("word(address + 8).value = 0  # ob_type", range(20, 23), 0),
    ],
)
def test_every_damaged_object_is_a_fault_and_costs_no_other(start, python, memdump, damage, faults, victims):
    target = start(python, CORRUPT.replace("DAMAGE", damage))
    told = int(target.line())
    assert target.process.wait(60) == 0, target.log()
    dump = target.place / "corrupt.dump"
    memdump.check(dump)
    info = memdump.run("info", dump).stdout
    counts = {row["type"]: row["count"] for row in memdump.json("top", dump)["types"]}
    assert told in faults, info
    assert (counts.get("__main__.Victim", 0), counts["__main__.Late"]) == (victims, 300)


def test_a_broken_ring_costs_what_is_behind_the_break(start, python, memdump):
    target = start(python, CORRUPT.replace("DAMAGE", "word(addresses[0] - 16).value = nowhere  # _gc_next"))
    # It is tried twice.
    assert int(target.line()) == 2
    memdump.check(target.place / "corrupt.dump")


def test_a_list_that_is_being_sorted_is_empty(start, python, memdump):
    target = start(
        python,
        """
import memdump
class Sorted(list): pass
def key(number):
    if not number:
        memdump.dump("sorted.dump")
    return number
Sorted(range(100)).sort(key=key)
""",
    )
    assert target.close() == 0, target.log()
    [row] = [row for row in memdump.json("top", target.place / "sorted.dump")["types"] if row["type"] == "__main__.Sorted"]
    # Less than its items need.
    assert row["bytes"] < 100 * 8, row
