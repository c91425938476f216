"""memdump beside its peers on the same heap, in one run. Prints a table of ratios; `make bench` calls it.

What counts are ratios within a run and CPU time: wall times depend on what else the machine does.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def info(command, dump):
    result = subprocess.run([command, "info", "--json", dump], check=True, capture_output=True, text=True)
    return json.loads(result.stdout)["infos"][0]["metadata"]


def measure(arguments, kind):
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        run = [arguments.python, HERE / "target.py", kind, str(arguments.tracked), directory]
        result = subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True)
        found = json.loads(result.stdout)
        metadata = [info(arguments.command, dump) for dump in found["dumps"]]
    found["child_mib"] = max(int(m["child_memory_bytes"]) for m in metadata) / 2**20
    return found


def rows(found):
    """The lines of the table: what, figure, unit, goal (None where the issue sets none), whether more is better."""
    objects = found["objects"]
    cpu = found["cpu_s"][0]
    pause, fork = found["pause_ms"], found["fork_ms"]
    # Which objects were visited takes one bit per 8 bytes at most, where they lie far apart.
    room = 8 + 8 * objects / 2**20 + (found["rss_mib"] / 64 if found["kind"] == "large" else 0)
    kind = found["kind"]
    fresh = kind != "aged"
    most_written = 0.02 * found["rss_mib"] if kind == "large" else None
    return [
        ("objects", objects / 1e6, "M", None, None),
        ("of these tracked", found["tracked"] / 1e6, "M", None, None),
        ("references", found["references"] / 1e6, "M", None, None),
        ("resident memory", found["rss_mib"], "MiB", None, None),
        ("bare fork, longest tick (min)", fork[0], "ms", None, None),
        ("bare fork, longest tick (median)", fork[1], "ms", None, None),
        ("dump, longest tick (min)", pause[0], "ms", None, None),
        ("dump, longest tick (median)", pause[1], "ms", None, None),
        ("dump : bare fork (min)", pause[0] / fork[0], "×", 1.3, False),
        ("dump : bare fork (median)", pause[1] / fork[1], "×", None, None),
        ("objgraph.show_growth, longest tick", found["show_growth_ms"], "ms", None, None),
        ("show_growth : dump", found["show_growth_ms"] / pause[1], "×", None, None),
        ("CPU of the child (min)", cpu, "s", None, None),
        ("CPU of the child (median)", found["cpu_s"][1], "s", None, None),
        ("objects per second of CPU", objects / cpu / 1e6, "M/s", 3.5 if fresh else 1.4, True),
        ("references per second of CPU", found["references"] / cpu / 1e6, "M/s", None, None),
        ("file, bytes per object", found["bytes"] / objects, "B", 9.0 if fresh else None, False),
        ("memory of the child", found["child_mib"], "MiB", room, False),
        ("memory that the child wrote to", found["dirty_kib"] / 1024, "MiB", most_written, False),
        ("memory of the parent, 7 dumps later", found["parent_kib"] / 1024, "MiB more", None, None),
        ("faults", found["faults"], "", 0, False),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="an interpreter with memdump and objgraph")
    parser.add_argument("--command", required=True, help="the command memdump")
    parser.add_argument("--tracked", type=int, default=1_000_000, help="tracked objects of the heap")
    parser.add_argument("--kinds", nargs="+", default=["fresh", "aged"], choices=["fresh", "aged", "large"], help="heaps")
    parser.add_argument("--directory", default=None, help="where the dumps go meanwhile")
    arguments = parser.parse_args()
    for kind in arguments.kinds:
        found = measure(arguments, kind)
        print(f"\n{kind} heap")
        for what, figure, unit, goal, more in rows(found):
            word = "reached" if goal is None or (figure >= goal) == more or figure == goal else "MISSED"
            reached = "" if goal is None else f"   goal {goal:.4g}: {word}"
            print(f"  {what:38} {figure:10.3f} {unit}{reached}")


if __name__ == "__main__":
    main()
