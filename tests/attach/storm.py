"""A thousand attaches: does any target crash, hang, lose its memory or count wrong?

    python3 tests/attach/storm.py --attach target/debug/examples/once --package DIR --python python3.9 python3.13 --times 1000

Two storms for each interpreter. *Fresh*: each attach has a target of its own. *Same*: one target for all, and every other attach
is killed at a random moment, two thirds of them by SIGKILL; after each the target must still answer. The targets allocate in
several threads, run an asyncio loop, sleep in short naps, wait for children, or use pending calls themselves; each checks
its own results, and says so when it is asked to end.
"""

from __future__ import annotations

import argparse
import collections
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TARGETS = {
    "threads": """
import threading
def work():
    while not over.is_set():
        numbers = [str(i) for i in range(300)]
        assert sum(map(int, numbers)) == 44850
for _ in range(4):
    thread = threading.Thread(target=guard, args=(work,)); thread.start(); threads.append(thread)
""",
    "asyncio": """
import asyncio, threading
async def tick(queue):
    while not over.is_set():
        await queue.put(1)
        assert await queue.get() == 1
        await asyncio.sleep(0.001)
async def main():
    await asyncio.gather(*(tick(asyncio.Queue()) for _ in range(20)))
main_work = lambda: asyncio.run(main())
""",
    "naps": """
import time
def main_work():
    while not over.is_set():
        time.sleep(0.003)
""",
    "children": """
import subprocess, sys
def main_work():
    while not over.is_set():
        assert subprocess.run(["true"]).returncode == 0
        pid = os.fork()
        if pid == 0:
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
""",
    "pending": """
import ctypes, threading
ran = [0]
callback = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda _: ran.__setitem__(0, ran[0] + 1) or 0)
def main_work():
    added = 0
    while not over.is_set():
        for _ in range(5):
            added += ctypes.pythonapi.Py_AddPendingCall(callback, None) == 0
        for _ in range(1000):
            pass
    for _ in range(100000):
        pass
    # A ring that was left inconsistent would lose some, or run them late.
    assert ran[0] == added, (ran[0], added)
""",
}

FRAME = """
import os, signal, sys, threading
over = threading.Event()
threads, failures = [], []
main_work = over.wait
def guard(work):
    try:
        work()
    except BaseException as error:
        failures.append(repr(error))
# Set by another thread: a handler may interrupt `over.wait`, which holds the lock that `set` takes.
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=over.set).start())
before = set(dir(sys.modules["__main__"]))
{work}
kept = [bytes([i % 256]) * 1000 for i in range(5000)]
names = set(dir(sys.modules["__main__"])) | {{"names"}}
path = list(sys.path)
print("ready", flush=True)
if main_work == over.wait:
    main_work = lambda: [over.wait(0.01) for _ in iter(lambda: over.is_set(), True)]
guard(main_work)
for thread in threads:
    thread.join()
assert all(block == bytes([i % 256]) * 1000 for i, block in enumerate(kept))
strange = set(dir(sys.modules["__main__"])) - names - {{"thread", "path", "_", "__warningregistry__"}}
if strange or path != sys.path:
    failures.append(f"left behind: {{strange}} {{sys.path}}")
print("well" if not failures else failures, flush=True)
"""


class Target:
    def __init__(self, python: str, kind: str, place: Path) -> None:
        self.kind = kind
        self.errors = place / "stderr"
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                [python, "-W", "ignore", "-c", FRAME.format(work=TARGETS[kind])],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=place,
            )
        assert self.process.stdout
        assert self.process.stdout.readline() == "ready\n", self.errors.read_text()

    def end(self) -> str | None:
        """What is wrong with it, if anything is."""
        self.process.send_signal(signal.SIGTERM)
        try:
            out, _ = self.process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            return f"{self.kind}: hangs; left for a debugger: {self.process.pid}"
        errors = "".join(line for line in self.errors.read_text().splitlines(True) if not line.startswith("memdump["))
        if out != "well\n" or self.process.returncode != 0 or errors:
            return f"{self.kind}: exit code {self.process.returncode}, said {out!r}; its stderr: {errors}"
        return None


class Storm:
    def __init__(self, arguments: argparse.Namespace, python: str, place: Path) -> None:
        self.arguments, self.python, self.place = arguments, python, place
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.held: list[int] = []  # microseconds
        self.faults: list[str] = []

    def attach(self, pid: int, kill: bool = False) -> None:
        command = [self.arguments.attach, str(pid), self.arguments.package, str(self.place)]
        attach = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if kill:
            time.sleep(random.expovariate(1 / self.arguments.kill_after))
            attach.send_signal(random.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
        _, error = attach.communicate(timeout=180)
        if attach.returncode < 0:
            self.outcomes["killed"] += 1
        elif "InstallFailed" in error and "not known" in error:
            self.outcomes["answered"] += 1  # a version that this memdump does not dump: but it ran
        elif attach.returncode == 0:
            self.outcomes["attached"] += 1
            self.held.append(int(error.split()[1]))
        else:
            self.outcomes[error.split("{")[0].strip()] += 1
            if not kill and self.outcomes[error] < 3:
                print(f"  {error.strip()}", flush=True)

    def fresh(self) -> None:
        for index in range(self.arguments.times):
            target = Target(self.python, list(TARGETS)[index % len(TARGETS)], self.place)
            self.attach(target.process.pid)
            if fault := target.end():
                self.faults.append(fault)

    def same(self, kind: str, times: int) -> None:
        target = Target(self.python, kind, self.place)
        for _ in range(times // 2):
            self.attach(target.process.pid, kill=True)
            self.attach(target.process.pid)
            if target.process.poll() is not None:
                break
        if fault := target.end():
            self.faults.append(fault)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attach", required=True, help="the example `once` of memdump-attach")
    parser.add_argument("--package", required=True, help="a directory with the package memdump in it")
    parser.add_argument("--python", nargs="+", required=True)
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--only", choices=["fresh", "same"])
    parser.add_argument("--kill-after", type=float, default=0.005, help="seconds, on average")
    arguments = parser.parse_args()
    faults = []
    for python in arguments.python:
        with tempfile.TemporaryDirectory() as place:
            for what in [arguments.only] if arguments.only else ["fresh", "same"]:
                storm = Storm(arguments, python, Path(place))
                begun = time.monotonic()
                if what == "fresh":
                    storm.fresh()
                else:
                    for kind in TARGETS:
                        storm.same(kind, arguments.times // len(TARGETS))
                print(
                    f"{python} {what}: {dict(storm.outcomes)}, {len(storm.faults)} faults, {time.monotonic() - begun:.0f} s",
                    flush=True,
                )
                held = sorted(storm.held)
                if held:
                    print(f"  held: median {held[len(held) // 2]}, longest {held[-1]} us", flush=True)
                for fault in storm.faults:
                    print(f"  {fault}", flush=True)
                faults += storm.faults
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
