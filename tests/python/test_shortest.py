"""Chains in a real Django process are as short as any: a slow search over the printed dump finds no shorter one."""

from __future__ import annotations

import collections
import itertools
import subprocess

import pytest
from conftest import ROOT

DUMPED = """
import sys
sys.path.insert(0, sys.argv[1])
import heap_django, memdump
kept = heap_django.build()
memdump.dump(sys.argv[2])
"""
# Modules, frames, threads, the interpreter's tables, static types; what native code holds is second to them.
PRECISE = {"1", "2", "3", "4", "5"}


def read(rows, dump):
    """(references by source, distance of every object from the precise roots), by breadth-first search."""
    text = subprocess.run([rows, dump], check=True, capture_output=True, text=True, timeout=120).stdout
    references, roots, objects = collections.defaultdict(list), set(), set()
    for line in text.split("\n"):
        match line.split("\t"):
            case ["O", address, *_]:
                objects.add(int(address))
            case ["R", source, target, "0", label]:
                references[int(source)].append((int(target), label))
            case ["T", kind, _, _, _, target, _] if kind in PRECISE:
                roots.add(int(target))
    distance = dict.fromkeys(roots & objects, 0)
    queue = collections.deque(distance)
    while queue:
        source = queue.popleft()
        for target, _ in references[source]:
            if target in objects and target not in distance:
                distance[target] = distance[source] + 1
                queue.append(target)
    return references, distance


def hops(references, chain):
    """How many references a chain takes; a step may fold `.__dict__` and a key into one."""
    total = 0
    for source, target in itertools.pairwise(chain):
        if any(t == target for t, _ in references[source]):
            total += 1
            continue
        dicts = [t for t, label in references[source] if label == ".__dict__"]
        assert any(t == target for dict_ in dicts for t, _ in references[dict_]), f"{source:#x} does not refer to {target:#x}"
        total += 2
    return total


@pytest.mark.parametrize("pattern", ["User", "URLPattern", "CharField", "Template", "ModelState", "type"])
def test_no_chain_is_shorter(python, memdump, request, tmp_path_factory, pattern):
    place = tmp_path_factory.getbasetemp() / f"shortest-{python.parents[1].name}"
    dump = place / "django.dump"
    if not dump.exists():
        place.mkdir(exist_ok=True)
        subprocess.run([python, "-c", DUMPED, ROOT / "tests" / "oracle", dump], check=True, timeout=120)
    references, distance = read(request.config.getoption("--rows"), dump)
    compared = 0
    for group in memdump.json("chain", "--type", pattern, dump)["groups"]:
        if group["holder"]["kind"] not in ("module", "frame", "thread", "interpreter", "static"):
            continue
        chain = [int(step["address"], 16) for step in group["example"]["steps"]]
        # A module is the holder and not a step; its first step may be what its dict holds.
        start = distance[chain[0]]
        assert start <= 2
        assert start + hops(references, chain) == distance[chain[-1]]
        compared += 1
    assert compared > 0
