"""Dumps against the runtime itself: the same objects, references and sizes as `gc` and `sys` tell, the same counts as objgraph."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from live import Command

ORACLE = Path(__file__).resolve().parents[1] / "oracle"

# Counts before and after, and a dump of each moment; nothing is made between a count and its dump.
COUNTED = """
import gc, json, sys
import memdump, objgraph

class Healthy: pass
class Leaking:
    def __init__(self): self.held = [Healthy()]
class Shrinking: pass

def moment(path):
    gc.collect()
    counts = objgraph.typestats(shortnames=False)
    memdump.dump(path)
    return counts

kept, gone = [Leaking() for _ in range(100)], [Shrinking() for _ in range(70)]
moment(sys.argv[1] + '/warm.dump')
first = moment(sys.argv[1] + '/a.dump')
kept += [Leaking() for _ in range(17)]
del gone[:30]
second = moment(sys.argv[1] + '/b.dump')
print(json.dumps([first, second]))
"""


@pytest.fixture
def rows(request: pytest.FixtureRequest) -> Path:
    """The program that prints a dump; built beside the command."""
    program = Path(request.config.getoption("--command")).parent / "rows"
    assert program.exists(), f"{program} is missing: cargo build -p memdump-tests --bin rows"
    return program


@pytest.mark.parametrize("heap", ["heap_builtin", "heap_numpy", "heap_django"])
def test_a_dump_says_what_the_interpreter_says(python: Path, rows: Path, heap: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [python, ORACLE / "oracle.py", heap, rows, tmp_path / "a.dump"],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ": 0 differences" in done.stdout


def test_diff_agrees_with_objgraph(python: Path, memdump: Command, tmp_path: Path) -> None:
    done = subprocess.run(
        [python, "-c", COUNTED, tmp_path], capture_output=True, text=True, timeout=120, env={**os.environ, "MEMDUMP_NAME": "x"}
    )
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)
    found = memdump.json("diff", tmp_path / "a.dump", tmp_path / "b.dump", "--limit", "100000")
    growth = {row["type"]: (row["count"]["before"], row["count"]["after"]) for row in found["types"]}
    for name, change in {"__main__.Leaking": 17, "__main__.Healthy": 17, "__main__.Shrinking": -30}.items():
        assert growth[name] == (first[name], second[name])
        assert second[name] - first[name] == change
    # Types whose instances are always tracked have the same counts, to the last one.
    compared = 0
    for name, (before, after) in growth.items():
        if name in second and not name.startswith("builtins."):
            assert (before, after) == (first.get(name, 0), second[name]), name
            compared += 1
    assert compared >= 3
