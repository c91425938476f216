"""What a large heap of a program in Rust costs: the pause beside a bare fork, the dump, the typing of it, and two questions.

    python3 tests/bench/large_heap.py --program target/…/large-heap --command target/release/memdump

1,100,000 items are some five million blocks. Once with stacks of eight frames, once without. CPU time is the command's own;
memory is what was resident at most, mapped files included.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--command", type=Path, required=True)
    parser.add_argument("--items", type=int, default=1_100_000)
    arguments = parser.parse_args()
    for stacks in ("8", "0"):
        with tempfile.TemporaryDirectory() as place:
            measure(arguments, stacks, Path(place))


def measure(arguments: argparse.Namespace, stacks: str, place: Path) -> None:
    told = subprocess.run(
        [arguments.program, str(arguments.items), place],
        env={**os.environ, "MEMDUMP_STACKS": stacks},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    dumps = [place / "a.dump", place / "b.dump"]
    print(f"stacks of {stacks} frames")
    for dump, line in zip(dumps, told.stdout.splitlines(), strict=True):
        fork, pause, duration = map(float, line.split())
        size = dump.stat().st_size / 1e6
        print(f"  {dump.name}: bare fork {fork:.1f} ms, pause {pause:.1f} ms, dump {duration / 1e3:.1f} s, file {size:.1f} MB")
    for what, words in {
        "typing a.dump": ["info", dumps[0]],
        "typing b.dump": ["info", dumps[1]],
        "diff": ["diff", *dumps],
        "chain of the new items": ["chain", "--type", "*::Item", *dumps],
    }.items():
        seconds, mebibytes = run([arguments.command, *words])
        print(f"  {what:24} {seconds:6.2f} s {mebibytes:6.0f} MiB")


def run(command: list[str | Path]) -> tuple[float, float]:
    """CPU seconds, and MiB."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, command
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


if __name__ == "__main__":
    main()
