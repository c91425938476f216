"""What exact identity costs and what it misses. Prints a table; `make bench-identity` calls it.

    python tests/bench/identity.py --python VENV/bin/python --command memdump

Three processes do the same work in turns, a fifth of a second each: without memdump, with it (identity by address), and with exact
identity. What counts is the CPU time of a turn as a ratio to that of the turn without memdump just before; the median of many.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
KINDS = ("none", "address", "exact")
ROUNDS = 60
GOAL = 1.03


class Worker:
    """A process that works when it is told to."""

    def __init__(self, python: str, kind: str, work: str, place: str) -> None:
        command = [python, HERE / "identity_target.py", kind, work]
        self.process = subprocess.Popen(command, cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, number: int) -> dict:
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def compare(python: str, work: str, rounds: int) -> dict[str, list[float]]:
    """CPU seconds per unit of work, by kind, one for each round."""
    with tempfile.TemporaryDirectory() as place:
        workers = {kind: Worker(python, kind, work, place) for kind in KINDS}
        # Warm, and so many units that a turn takes a fifth of a second.
        units = max(1, round(0.2 / workers["none"].ask(20)["cpu"] * 20))
        for worker in workers.values():
            worker.ask(units)
        found: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for turn in range(rounds):
            # Whoever is first in a round changes, so that no kind always follows the same one.
            for step in range(len(KINDS)):
                kind = KINDS[(turn + step) % len(KINDS)]
                result = workers[kind].ask(units)
                found[kind].append(result["cpu"] / result["done"])
        for worker in workers.values():
            worker.end()
    return found


def ratio(found: dict[str, list[float]], kind: str) -> float:
    return statistics.median(one / none for one, none in zip(found[kind], found["none"], strict=True))


def misses(python: str, command: str) -> None:
    """By type: how many were made, and how many of them are new by births and by address."""
    with tempfile.TemporaryDirectory() as place:
        run = [python, HERE / "identity_target.py", "exact", "misses"]
        ways = json.loads(subprocess.run(run, cwd=place, check=True, capture_output=True, text=True).stdout)
        for step, way in enumerate(ways):
            print(f"told as new: {way['how']}\n  {'':16} {'made':>8} {'exact':>8} {'by address':>11}")
            for name, row in way["rows"].items():
                made = set(row["made"])
                exact = made & new(command, place, name, f"{step}.dump", f"{step + 1}.dump")
                print(f"  {name:16} {len(made):8} {len(exact):8} {len(made) - row['reused']:11}")


def new(command: str, place: str, name: str, before: str, after: str) -> set[str]:
    run = [command, "new", "--json", "--type", name, before, after]
    told = json.loads(subprocess.run(run, cwd=place, check=True, capture_output=True, text=True).stdout)
    assert told["identity"]["kind"] == "exact", told["identity"]
    return {row["address"] for row in told["objects"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="an interpreter with memdump and Django")
    parser.add_argument("--command", required=True, help="the command memdump")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    pairs = compare(arguments.python, "pairs", arguments.rounds)
    print("an allocation and its end, ns of CPU (least)")
    for kind in KINDS:
        print(f"  {kind:10} {min(pairs[kind]) * 1e9:8.1f}")
    requests = compare(arguments.python, "requests", arguments.rounds)
    print("a request of Django's test client, CPU")
    print(f"  {'none':10} {statistics.median(requests['none']) * 1e6:8.1f} µs")
    for kind in KINDS[1:]:
        found = ratio(requests, kind)
        goal = "" if kind == "address" else f"   goal {GOAL}: {'reached' if found <= GOAL else 'MISSED'}"
        print(f"  {kind:10} {found:8.4f} ×{goal}")
    misses(arguments.python, arguments.command)


if __name__ == "__main__":
    main()
