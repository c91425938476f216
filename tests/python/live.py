"""Real target processes for tests, and the things that can be awaited about them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# How long anything may take, on a machine that is busy with other things. Nothing waits this long unless it is broken.
DEADLINE = 240.0

# A target that does what the test tells it, in the globals of its script and in its main thread, which otherwise waits in read(2).
LISTENER = """
import json, sys
def listen():
    scope = sys._getframe(1).f_globals
    print("listening", flush=True)
    while line := sys.stdin.readline():
        try:
            order = json.loads(line)
            if order["ask"]:
                answer = {"value": eval(order["code"], scope)}
            else:
                exec(order["code"], scope)
                answer = {"value": None}
        except BaseException as error:
            if isinstance(error, SystemExit):
                raise
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
"""


class TargetError(Exception):
    """What the target's code raised."""


def wait_for(what: str, condition: Callable[[], Any], every: float = 0.005) -> Any:
    """The condition's first true value."""
    give_up = time.monotonic() + DEADLINE
    while True:
        if value := condition():
            return value
        if time.monotonic() > give_up:
            raise AssertionError(f"{what}: not within {DEADLINE} s")
        time.sleep(every)


class Target:
    """A running Python process. Its stderr goes to a file; its stdin and stdout are for conversation."""

    def __init__(self, command: list[str], place: Path, env: dict[str, str], **popen: Any) -> None:
        self.place = place
        self.dumps_in = place / "dumps"
        self.dumps_in.mkdir(exist_ok=True)
        self.stderr = place / "stderr.log"
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("MEMDUMP_", "PYTHON"))}
        with open(self.stderr, "ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=place,
                env={**clean, "MEMDUMP_DIR": str(self.dumps_in), "MEMDUMP_MIN_FREE": "0", "MEMDUMP_NAME": "t", **env},
                **popen,
            )
        self.pid = self.process.pid
        self._read = b""
        self._early: list[str] = []

    # Conversation

    def await_ready(self) -> None:
        """Waits until it listens; what it prints before that is kept."""
        early = []
        while (line := self.line()) != "listening":
            early.append(line)
        self._early = early

    def line(self) -> str:
        """The next line of its stdout."""
        assert self.process.stdout
        if self._early:
            return self._early.pop(0)
        give_up = time.monotonic() + DEADLINE
        while b"\n" not in self._read:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, give_up - time.monotonic()))
            more = os.read(self.process.stdout.fileno(), 1 << 16) if ready else b""
            if not more:
                state = f"exit code {self.process.poll()}" if ready else f"silent for {DEADLINE} s"
                raise AssertionError(f"the target says nothing ({state}); its stderr:\n{self.log()}")
            self._read += more
        line, self._read = self._read.split(b"\n", 1)
        return line.decode()

    def rest(self) -> list[str]:
        """What it says from now on, until its stdout ends."""
        assert self.process.stdout
        read = self._read + self.process.stdout.read()
        self._read = b""
        return read.decode().splitlines()

    def post(self, code: str, *, ask: bool = False) -> None:
        """Has the listener run code, without waiting for it."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"code": code, "ask": ask}).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        """What the code that was posted came to."""
        answer = json.loads(self.line())
        if "error" in answer:
            raise TargetError(answer["error"])
        return answer["value"]

    def do(self, code: str) -> None:
        """Runs statements."""
        self.post(code)
        self.answer()

    def ask(self, expression: str) -> Any:
        """The value of an expression, by way of JSON."""
        self.post(expression, ask=True)
        return self.answer()

    # Its log and its dumps

    def log(self) -> str:
        return self.stderr.read_text(errors="replace")

    def lines(self, event: str, pid: int | None = None) -> list[str]:
        """memdump's lines of one kind: begin, end, failed, busy."""
        who = r"\d+" if pid is None else str(pid)
        return re.findall(rf"^memdump\[{who}\]: {event}\b.*$", self.log(), re.MULTILINE)

    def await_line(self, event: str, count: int = 1, pid: int | None = None) -> str:
        """The count-th line of a kind, when it is there."""

        def there() -> bool:
            if self.process.poll() is not None and len(self.lines(event, pid)) < count:
                raise AssertionError(f"the target ended ({self.process.returncode}) without `{event}`:\n{self.log()}")
            return len(self.lines(event, pid)) >= count

        try:
            wait_for(f"line `{event}`, {count} times", there)
        except AssertionError as error:
            raise AssertionError(f"{error}\nits stderr:\n{self.log()}") from None
        return self.lines(event, pid)[count - 1]

    def signal(self, number: int = signal.SIGUSR1) -> None:
        os.kill(self.pid, number)

    def dump_by_signal(self) -> Path:
        """Signals and awaits one more dump."""
        before = len(self.lines("end", self.pid))
        self.signal()
        return file_of(self.await_line("end", before + 1, self.pid))

    def dumps(self) -> list[Path]:
        return sorted(self.dumps_in.glob("*.dump"))

    def leftovers(self) -> list[Path]:
        """Whatever is in the directory and is no dump."""
        return sorted(path for path in self.dumps_in.iterdir() if path.suffix != ".dump")

    # Its state

    def await_blocked(self) -> str:
        """Waits until the main thread sleeps in a system call; which one, with its arguments."""

        def blocked() -> str | None:
            with contextlib.suppress(OSError):
                call = Path(f"/proc/{self.pid}/task/{self.pid}/syscall").read_text()
                if call[0].isdigit() and state_of(self.pid) == "S":
                    return call.split(" ")[0]
            return None

        # Where the main thread sleeps for a moment only (a lock, the GIL), it is somewhere else soon after.
        last = [wait_for("main thread blocked", blocked)]

        def settled() -> str | None:
            time.sleep(0.05)
            last.append(blocked() or "")
            return last[-1] if len(last) > 3 and last[-1] and len(set(last[-3:])) == 1 else None

        return str(wait_for("main thread blocked for a while", settled))

    def descriptors(self) -> list[str]:
        found = []
        for descriptor in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.append(os.readlink(descriptor))
        return sorted(found)

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))

    @contextlib.contextmanager
    def frozen_dump(self, ask: Callable[[], None] | None = None) -> Iterator[int]:
        """A dump that is under way and stands still until the block ends: by stopping its process. Gives that process's id."""
        for _ in range(50):
            ends = len(self.lines("end"))
            (ask or self.signal)()
            stopped = wait_for(
                "a snapshot process", lambda ends=ends: catch_snapshot(self.pid) or (len(self.lines("end")) > ends and -1)
            )
            if stopped > 0:
                break
        else:
            raise AssertionError("every dump was over before it could be stopped")
        try:
            yield stopped
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(stopped, signal.SIGCONT)

    def close(self) -> int:
        """Ends its stdin and waits; the exit code."""
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        return self.process.wait(DEADLINE)

    def destroy(self) -> None:
        for child in snapshots_of(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self.process.kill()
        self.process.wait(DEADLINE)
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                if stream:
                    stream.close()


def file_of(end_line: str) -> Path:
    """The file that an end line names."""
    match = re.search(r" file=(\S+) ", end_line)
    assert match, end_line
    return Path(match[1])


def has_agent(pid: int) -> bool:
    """Whether memdump's thread runs in a process."""
    for name in Path(f"/proc/{pid}/task").glob("*/comm"):
        with contextlib.suppress(OSError):
            if name.read_text().strip() == "memdump":
                return True
    return False


def await_installed(pid: int) -> None:
    """Waits for the agent's thread. Before that the signal would end the process."""
    wait_for(f"memdump in process {pid}", lambda: has_agent(pid))


def descendants_of(pid: int) -> list[int]:
    """The process itself, its children, theirs, and so on."""
    found = [pid]
    for process in found:
        found += children_of(process)
    return found


def children_of(pid: int) -> list[int]:
    """Whatever has it as its parent, zombies too."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if int(stat_of(int(entry.name))[1]) == pid:
                    found.append(int(entry.name))
    return found


def snapshots_of(pid: int) -> list[int]:
    found = []
    for child in children_of(pid):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{child}/comm").read_text().strip() == "memdump-snap":
                found.append(child)
    return found


def zombies_of(pid: int) -> list[int]:
    return [child for child in children_of(pid) if state_of(child) == "Z"]


def catch_snapshot(pid: int) -> int | None:
    """Stops the snapshot process of a target while it is at work."""
    for child in snapshots_of(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGSTOP)
            wait_for("stopped", lambda child=child: state_of(child) in "TZX")
            if state_of(child) == "T":
                return child
            os.kill(child, signal.SIGCONT)
    return None


def state_of(pid: int) -> str:
    """One letter as of proc(5); X once it is gone."""
    try:
        return stat_of(pid)[0]
    except OSError:
        return "X"


def stat_of(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, parent, …"""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split(" ")


class Command:
    """The command `memdump`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        options = {"capture_output": True, "text": True, "timeout": DEADLINE, "stdin": subprocess.DEVNULL, **options}
        return subprocess.run([self.path, *arguments], **options)

    def json(self, *arguments: str | Path) -> Any:
        result = self.run(*arguments, "--json")
        assert result.returncode == 0, f"{arguments}: {result.returncode}: {result.stderr}"
        return json.loads(result.stdout)

    def check(self, dump: Path) -> None:
        """The dump is whole and sound."""
        result = self.run("verify", dump)
        assert result.returncode == 0, f"{dump}: {result.stdout}{result.stderr}"
