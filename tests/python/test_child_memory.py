"""The snapshot process needs no more memory of its own than 8 MiB and 8 bytes for each object, whatever the heap looks like."""

from __future__ import annotations

import subprocess

import pytest

DUMPED = """
import gc, os, sys
import memdump
gc.disable()
number = 400_000
shape = sys.argv[1]
if shape == 'tuples that nothing else holds':
    # So many that each of them pending at once would be too much.
    kept = [(i % 100,) for i in range(3_000_000)]
elif shape == 'tuples in tuples':
    kept = ()
    for _ in range(number):
        kept = (kept,)
elif shape == 'a dict with many keys':
    kept = {f'key {i}': i for i in range(number)}
elif shape == 'large buffers far apart':
    kept = [bytes(70_000) for _ in range(number // 20)]
elif shape == 'a linked list':
    kept = None
    for _ in range(number):
        kept = [kept]
elif shape == 'many classes':
    kept = [type(f'T{i}', (), {}) for i in range(number // 20)]
# Tuples of numbers are left to themselves by the first collections that meet them.
for _ in range(3):
    gc.collect()
report = memdump.dump(sys.argv[2])
assert report.faults == 0
os._exit(0)  # destroying deep nests is none of our business
"""


@pytest.mark.parametrize(
    ("shape", "objects"),
    [
        ("tuples that nothing else holds", 3_000_000),
        ("tuples in tuples", 400_000),
        ("a dict with many keys", 400_000),
        ("large buffers far apart", 20_000),
        ("a linked list", 400_000),
        ("many classes", 20_000),
    ],
)
def test_the_child_stays_small(python, memdump, tmp_path, shape, objects):
    dump = tmp_path / "a.dump"
    subprocess.run([python, "-c", DUMPED, shape, dump], check=True, timeout=120)
    (info,) = memdump.json("info", dump)["infos"]
    assert info["objects"] > objects
    assert int(info["metadata"]["child_memory_bytes"]) <= (8 << 20) + 8 * info["objects"]
