"""The zoo: programs that people run, each at its own work while it is dumped again and again.

Every program of tests/zoo runs twice: alone, and dumped. Its results, what it says at its end, and its exit code must be the same,
and the processes that were dumped must have no more threads and descriptors after the last dump than they had after one of those
before: programs start threads of their own as they need them. `make soak` takes 200 dumps of each.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from live import DEADLINE, Command, Target, descendants_of, has_agent, snapshots_of, wait_for

ZOO = Path(__file__).resolve().parents[1] / "zoo"
# How many processes of each have memdump.
PROGRAMS = {
    "asyncio_children": 1,
    "celery_prefork": 3,
    "grpc_echo": 1,
    "gunicorn_gthread": 2,
    "gunicorn_sync": 2,
    "jupyter_kernel": 1,
    "multiprocessing_pool": 3,
    "native_threads": 1,
    "pandas_frames": 1,
    "sqlalchemy_sessions": 1,
    "uvicorn_fastapi": 1,
}


class Program:
    """A program of the zoo at work."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.results: set[str] = set()
        self.rounds = 0
        assert target.line() == "ready", target.log()

    def round(self) -> None:
        line = self.target.line()
        assert line.startswith("round "), f"{line}\n{self.target.log()}"
        self.results.add(line)
        self.rounds += 1

    def end(self) -> tuple[int, list[str], set[str]]:
        """Its exit code, what it said at its end, and the different results of its rounds."""
        assert self.target.process.stdin
        self.target.process.stdin.close()
        said = self.target.rest()
        self.results.update(line for line in said if line.startswith("round "))
        last = [line for line in said if not line.startswith("round ")]
        return self.target.process.wait(DEADLINE), last, self.results


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_zoo_notices_nothing(name, tmp_path, zoo_python, memdump, dumps):
    alone = start(name, zoo_python, tmp_path / "alone", dumped=False)
    for _ in range(2):
        alone.round()
    expected = alone.end()
    assert expected[0] == 0, alone.target.log()
    assert len(expected[2]) == 1, "its rounds differ by themselves"

    program = start(name, zoo_python, tmp_path / "dumped", dumped=True)
    target = program.target
    # Workers start one after the other.
    prepared = wait_for("processes with an agent", lambda: len(found := agents_of(target.pid)) >= PROGRAMS[name] and found)
    states: dict[int, list[dict[str, int]]] = {pid: [] for pid in prepared}
    for count in range(dumps):
        for pid in prepared:
            dump = dump_by_command(memdump, pid)
            if count < dumps - 1:
                states[pid].append(state(pid))
            else:
                memdump.check(dump)
        program.round()
    for pid in prepared:
        assert not snapshots_of(pid)
        wait_for("as many threads and descriptors as before", lambda pid=pid: no_more(state(pid), states[pid]))
        print(f"{name} {pid}: {memory_kib(pid) - states[pid][0]['memory_kib']:+} KiB after {dumps} dumps, {program.rounds} rounds")
    ended = program.end()
    assert ended == expected, target.log()
    assert len(target.lines("end")) == dumps * len(prepared)
    assert not target.lines("failed"), target.log()
    assert "Traceback" not in target.log(), target.log()


def start(name: str, python: Path, place: Path, *, dumped: bool) -> Program:
    place.mkdir()
    env = {"ZOO_DUMPED": "1" if dumped else "", "MEMDUMP_KEEP": "2", "HOME": str(place), "TMPDIR": str(place)}
    return Program(Target([str(python), str(ZOO / f"{name}.py")], place, env))


def agents_of(pid: int) -> list[int]:
    return [process for process in descendants_of(pid) if has_agent(process)]


def dump_by_command(memdump: Command, pid: int) -> Path:
    """By the second signal, which no server takes for itself: celery's workers end their task on SIGUSR1."""
    sent = memdump.run("send", str(pid))
    assert sent.returncode == 0, sent.stderr
    return Path(sent.stdout.strip())


def state(pid: int) -> dict[str, int]:
    descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    threads = list(Path(f"/proc/{pid}/task").iterdir())
    return {"descriptors": len(descriptors), "threads": len(threads), "memory_kib": memory_kib(pid)}


def no_more(now: dict[str, int], before: list[dict[str, int]]) -> bool:
    """Some are the program's own and come and go, so this is asked until it is true."""
    return all(now[what] <= max(state[what] for state in before) for what in ("descriptors", "threads"))


def memory_kib(pid: int) -> int:
    match = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert match
    return int(match[1])
