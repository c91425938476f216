"""`memdump diff` counts as `objgraph.typestats` does on the same heap."""

from __future__ import annotations

import json
import subprocess

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


def test_diff_agrees_with_objgraph(python, memdump, tmp_path):
    done = subprocess.run([python, "-c", COUNTED, tmp_path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)
    found = memdump.json("diff", tmp_path / "a.dump", tmp_path / "b.dump", "--limit", "100000", "--min-growth", "-100000")
    growth = {row["type"]: (row["count_before"], row["count_after"]) for row in found["types"]}
    for name, change in {"__main__.Leaking": 17, "__main__.Healthy": 17, "__main__.Shrinking": -30}.items():
        assert growth[name] == (first[name], second[name])
        assert second[name] - first[name] == change
    # The collector tracks all instances of classes that are written in Python, so these counts agree to the last one.
    compared = [name for name in growth if name in second and "." in name and not name.startswith("builtins.")]
    assert len(compared) > 20
    assert {name: growth[name][1] for name in compared} == {name: second[name] for name in compared}
