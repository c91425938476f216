"""What every program of the zoo does: the same work, round after round, until its stdin ends.

It says `ready` when it is set up, then `round RESULT` after each round, and at its end whatever must not change either. A round's
result does not depend on time, so that it must be the same whether the program is dumped meanwhile or not.
"""

from __future__ import annotations

import hashlib
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

HERE = Path(__file__).resolve().parent
PATIENCE = 240.0


def install(**_: object) -> None:
    """As a user would: in each process that is to be dumped. Not in the run which shows what is to be expected."""
    if os.environ.get("ZOO_DUMPED"):
        import memdump

        memdump.install()


def run(work: Callable[[], object]) -> None:
    """Does rounds of work. The caller sets up before and takes down after."""
    say("ready")
    while not stdin_has_ended():
        result = work()
        say(f"round {hashlib.sha256(repr(result).encode()).hexdigest()[:16]}")


def say(line: str) -> None:
    print(line, flush=True)


def stdin_has_ended() -> bool:
    ready, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(ready) and not os.read(0, 1)


class Server:
    """A server program in a process of its own, which is handed its listening socket."""

    def __init__(self, *command: str) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        descriptor = self.listener.fileno()
        arguments = [argument.replace("{fd}", str(descriptor)) for argument in command]
        self.process = subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=HERE, pass_fds=[descriptor], stdin=subprocess.DEVNULL, stdout=sys.stderr
        )

    def get(self, path: str) -> tuple[int, bytes]:
        """A request on a connection of its own, so that every worker gets some."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("GET", path)
        response = connection.getresponse()
        answer = response.status, response.read()
        connection.close()
        return answer

    def await_up(self, path: str) -> None:
        # The socket listens already: the request waits until somebody serves it.
        status, body = self.get(path)
        assert status == 200, (status, body)

    def stop(self) -> None:
        self.process.terminate()
        say(f"the server's exit code is {self.process.wait(PATIENCE)}")
        self.listener.close()


def await_true(condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.05)
