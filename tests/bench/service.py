"""What memdump costs a program in Rust, by allocator: CPU time of a service's request, of parsing JSON, and of an allocation.

    python3 tests/bench/service.py --programs target/rust-service/release

The ways take turns, and the least of all rounds counts. heaptrack is beside them where it is installed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Way:
    program: str
    settings: dict[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    #: Many times slower than the others: one round is enough.
    is_slow: bool = False


def ways(place: Path, bytehound: Path | None) -> dict[str, Way]:
    off, eight = {"MEMDUMP_STACKS": "0"}, {"MEMDUMP_STACKS": "8"}
    result = {
        "system": Way("system"),
        "memdump, stacks off": Way("memdump-system", off),
        "memdump, stacks of 8 frames": Way("memdump-system", eight),
        "mimalloc": Way("mimalloc"),
        "memdump over mimalloc, stacks off": Way("memdump-mimalloc", off),
        "memdump over mimalloc, 8 frames": Way("memdump-mimalloc", eight),
    }
    if shutil.which("heaptrack"):
        result["heaptrack"] = Way("system", before=("heaptrack", "-o", str(place / "heaptrack")), is_slow=True)
    if bytehound:
        profiler = {"LD_PRELOAD": str(bytehound.resolve()), "MEMORY_PROFILER_OUTPUT": str(place / "bytehound")}
        result["bytehound"] = Way("system", profiler, is_slow=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=Path, required=True)
    parser.add_argument("--requests", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bytehound", type=Path, help="its libbytehound.so, which is in no registry, to be measured, too")
    arguments = parser.parse_args()
    requests: dict[str, float] = {}
    documents: dict[str, float] = {}
    pairs: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for number in range(arguments.rounds):
            for what, way in ways(place, arguments.bytehound).items():
                if way.is_slow and number > 0:
                    continue
                requests[what] = min(requests.get(what, float("inf")), request(arguments, way, place))
                documents[what] = min(documents.get(what, float("inf")), parse(arguments, way, place))
                if not way.is_slow:
                    pairs[what] = min(pairs.get(what, float("inf")), pair(arguments, way, place))
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
    print(f"{'':36}{'CPU of a request':>18}{'':>10}{'of parsing JSON':>17}{'':>10}{'allocation and free':>22}")
    for what, microseconds in requests.items():
        each = f"{pairs[what]:.1f} ns" if what in pairs else "–"
        times, json_times = microseconds / requests["system"], documents[what] / documents["system"]
        print(f"{what:36}{microseconds:15.1f} µs{times:9.3f}×{documents[what]:15.2f} s{json_times:9.3f}×{each:>22}")


def request(arguments: argparse.Namespace, way: Way, place: Path) -> float:
    """Microseconds of CPU time of a request, the kernel's included. A tenth of the load goes before, for warmth."""
    command = [*way.before, str(arguments.programs / way.program), "serve"]
    service = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(way, place))
    assert service.stdout is not None and service.stdin is not None
    line = service.stdout.readline()
    while not line.strip().isdigit():
        assert line, "the service did not start"
        line = service.stdout.readline()
    pid = listener(service.pid, Path(arguments.programs / way.program).resolve())
    load = [str(arguments.programs / "load"), line.strip()]
    subprocess.run([*load, str(arguments.requests // 10)], check=True)
    before = cpu(pid)
    subprocess.run([*load, str(arguments.requests)], check=True)
    taken = cpu(pid) - before
    service.stdin.close()
    service.stdout.read()
    service.wait()
    return taken / arguments.requests * 1e6


def parse(arguments: argparse.Namespace, way: Way, place: Path) -> float:
    """Seconds of CPU time of all its processes, a profiler's, too."""
    command = [*way.before, str(arguments.programs / way.program), "json"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment(way, place))
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, way
    return used.ru_utime + used.ru_stime


def listener(pid: int, program: Path) -> int:
    """The process of the program itself: a child's where a profiler started it."""
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        if Path(f"/proc/{one}/exe").resolve() == program:
            return one
        waiting += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
    raise AssertionError("the service is gone")


def cpu(pid: int) -> float:
    """Seconds of all threads so far; to the hundredth, which is a fraction of a per cent of what is measured here."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pair(arguments: argparse.Namespace, way: Way, place: Path) -> float:
    told = subprocess.run(
        [str(arguments.programs / way.program), "pair"], stdout=subprocess.PIPE, text=True, check=True, env=environment(way, place)
    )
    return float(told.stdout)


def environment(way: Way, place: Path) -> dict[str, str]:
    return {**os.environ, "MEMDUMP_DIR": str(place), **way.settings}


if __name__ == "__main__":
    main()
