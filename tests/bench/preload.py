"""What the preloaded library costs a program, beside the profilers that see the same allocations.

    python3 tests/bench/preload.py --program target/…/json --preload target/release/libmemdump_preload.so

The program parses JSON. The ways take turns, and the least of all rounds counts: CPU time of the process and its children, and the
most memory that was resident.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--preload", type=Path, required=True)
    parser.add_argument("--times", type=int, default=20, help="how often the document is parsed")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--bytehound", type=Path, help="its libbytehound.so, which is in no registry, to be measured, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        results = measure(arguments, Path(place))
    bare = results["bare"][0]
    print(f"{'':34}{'CPU':>8}{'':>10}{'resident':>12}")
    for name, (seconds, kibibytes) in results.items():
        print(f"{name:34}{seconds:7.2f}s{seconds / bare:9.2f}×{kibibytes / 1024:8.0f} MiB")


def measure(arguments: argparse.Namespace, place: Path) -> dict[str, tuple[float, int]]:
    program = str(arguments.program.resolve())
    library = {"LD_PRELOAD": str(arguments.preload.resolve()), "MEMDUMP_DIR": str(place)}
    # Each with its command, its environment, and how much less it does because it is slow.
    ways = {
        "bare": ([program], {}, 1),
        "preloaded, not meant": ([program], {**library, "MEMDUMP_INSTALL": "off"}, 1),
        "preloaded, stacks off": ([program], {**library, "MEMDUMP_STACKS": "0"}, 1),
        "preloaded, stacks of 8 frames": ([program], {**library, "MEMDUMP_STACKS": "8"}, 1),
    }
    if arguments.bytehound:
        profiler = {"LD_PRELOAD": str(arguments.bytehound.resolve()), "MEMORY_PROFILER_OUTPUT": str(place / "bytehound")}
        ways["bytehound"] = ([program], profiler, 1)
    if shutil.which("heaptrack"):
        ways["heaptrack"] = (["heaptrack", "-o", str(place / "heaptrack"), program], {}, 1)
    if shutil.which("valgrind"):
        ways["dhat (valgrind)"] = (["valgrind", "--tool=dhat", f"--dhat-out-file={place / 'dhat'}", program], {}, 10)
    least: dict[str, tuple[float, int]] = {}
    for number in range(arguments.rounds):
        for name, (command, environment, less) in ways.items():
            # One round is enough for what is many times slower.
            if less > 1 and number > 0:
                continue
            # Beside the parsing there is the making of the document, which hardly counts.
            seconds, kibibytes = run([*command, str(max(1, arguments.times // less))], environment)
            before = least.get(name, (float("inf"), 1 << 62))
            least[name] = (min(before[0], seconds * less), min(before[1], kibibytes))
            print(f"round {number + 1}: {name}: {seconds:.2f} s", file=sys.stderr)
    return least


def run(command: list[str], environment: dict[str, str]) -> tuple[float, int]:
    """CPU seconds and KiB, of a child made for it: what is known of all children is the sum, and the greatest, of all so far."""
    child = os.fork()
    if child == 0:
        done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True)
        os._exit(0 if done.returncode == 0 else 1)
    _, status, used = os.wait4(child, 0)
    assert status == 0, command
    return used.ru_utime + used.ru_stime, used.ru_maxrss


if __name__ == "__main__":
    main()
