"""Real servers under load, dumped all the while: no request fails, no worker is replaced."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from http.client import HTTPConnection
from pathlib import Path

import pytest
from live import DEADLINE, await_installed, file_of, snapshots_of, wait_for, zombies_of

SHOP = Path(__file__).resolve().parents[1] / "demo" / "shop"


class Gunicorn:
    """The demo's shop under gunicorn, with its logs in files."""

    def __init__(self, python: Path, place: Path, *arguments: str) -> None:
        self.place = place
        shutil.copytree(SHOP, place / "shop", ignore=shutil.ignore_patterns("__pycache__"))
        self.stderr, self.errors, self.access = place / "stderr.log", place / "errors.log", place / "access.log"
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        logs = ("--error-logfile", str(self.errors), "--access-logfile", str(self.access))
        with open(self.stderr, "ab") as log:
            self.process = subprocess.Popen(
                [python, "-m", "gunicorn", "--bind", f"fd://{listener.fileno()}", *logs, *arguments],
                cwd=place / "shop",
                env={**os.environ, "MEMDUMP_DIR": str(place), "MEMDUMP_NAME": "shop", "MEMDUMP_MIN_FREE": "0", "HOME": str(place)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[listener.fileno()],
            )
        listener.close()

    def get(self, connection: HTTPConnection, path: str) -> int:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status

    def connection(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)

    def await_workers(self, count: int) -> list[int]:
        def booted() -> list[int] | None:
            assert self.process.poll() is None, self.stderr.read_text()
            pids = self.booted()
            return pids if len(pids) == count else None

        found = wait_for(f"{count} workers", booted)
        assert self.get(self.connection(), "/browse?customer=0") == 200
        for pid in found:
            await_installed(pid)
        return list(found)

    def booted(self) -> list[int]:
        text = self.errors.read_text() if self.errors.exists() else ""
        return [int(pid) for pid in re.findall(r"Booting worker with pid: (\d+)", text)]

    def ends(self, pid: int) -> list[str]:
        return re.findall(rf"^memdump\[{pid}\]: end .*$", self.stderr.read_text(), re.MULTILINE)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(DEADLINE)


@pytest.fixture
def gunicorn(tmp_path, python):
    services: list[Gunicorn] = []

    def start(*arguments: str) -> Gunicorn:
        services.append(Gunicorn(python, tmp_path, *arguments))
        return services[-1]

    yield start
    for service in services:
        if service.process.poll() is None:
            service.stop()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--worker-class", "sync", "--workers", "2"),
        ("--worker-class", "gthread", "--workers", "2"),
        ("--worker-class", "gthread", "--workers", "2", "--preload"),
    ],
    ids=["sync", "gthread", "preload"],
)
def test_gunicorn_under_load(gunicorn, memdump, arguments):
    service = gunicorn(*arguments)
    workers = service.await_workers(2)
    over = threading.Event()
    statuses: list[object] = []

    def client() -> None:
        # A connection for each request, so that both workers get some, whatever their kind.
        while not over.is_set():
            try:
                statuses.append(service.get(service.connection(), "/checkout"))
            except OSError as error:
                statuses.append(error)

    clients = [threading.Thread(target=client) for _ in range(3)]
    for thread in clients:
        thread.start()
    try:
        for count in range(1, 5):
            for worker in workers:
                answered = len(statuses)
                os.kill(worker, signal.SIGUSR1)
                wait_for("the end of a dump", lambda w=worker, c=count: len(service.ends(w)) >= c)
                wait_for("answers meanwhile", lambda a=answered: len(statuses) > a + 3)
    finally:
        over.set()
        for thread in clients:
            thread.join()
    assert set(statuses) == {200}, [status for status in statuses if status != 200][:3]
    assert service.booted() == workers
    for worker in workers:
        assert not snapshots_of(worker) and not zombies_of(worker)
        memdump.check(file_of(service.ends(worker)[-1]))
    assert service.stop() == 0
    assert "Traceback" not in service.stderr.read_text() + service.errors.read_text()


@pytest.mark.parametrize("worker_class", ["sync", "gthread"])
def test_gunicorn_still_reopens_its_logs(gunicorn, worker_class):
    """It takes SIGUSR1 for that itself; both happen."""
    service = gunicorn("--worker-class", worker_class)
    [worker] = service.await_workers(1)
    for count in (1, 2):
        wait_for("the log of requests", lambda: service.access.exists() and service.access.stat().st_size)
        service.access.rename(service.access.with_suffix(f".{count}"))
        os.kill(worker, signal.SIGUSR1)
        wait_for("the log of requests again", service.access.exists)
        wait_for("the dump", lambda count=count: len(service.ends(worker)) == count)
        assert service.get(service.connection(), "/checkout") == 200


def test_send_reaches_a_worker(gunicorn, memdump):
    service = gunicorn("--worker-class", "gthread")
    [worker] = service.await_workers(1)
    sent = memdump.run("send", str(worker))
    assert sent.returncode == 0, sent.stderr
    memdump.check(Path(sent.stdout.strip()))


def test_the_demo(memdump, python, tmp_path):
    """As `make demo` does; it fails by itself unless the leak comes out first."""
    demo = SHOP.parent / "demo.py"
    command = [python, demo, "--command", memdump.path, "--output", tmp_path / "out"]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=900)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "e.g. app.views.global_data['a'][" in result.stdout
    for dump in (tmp_path / "out").glob("*.dump"):
        memdump.check(dump)
    assert len(list((tmp_path / "out").glob("*.dump"))) == 3
