"""The whole way: a leaking Django service under gunicorn, two signals, and what memdump says about it.

    make demo

Starts the service in `shop/` with this interpreter, which must have Django, gunicorn and memdump; sends it real requests and
real signals; then asks the command. Prints each command and what it printed. Fails unless the leak comes out first.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

SHOP = Path(__file__).resolve().parent / "shop"
LEAKED = 120
DEADLINE = 60.0


def main() -> None:
    arguments = parse_arguments()
    output = arguments.output.resolve()
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    # So that the commands that are shown are the commands that are run.
    os.environ["PATH"] = f"{arguments.command.resolve().parent}:{os.environ['PATH']}"
    service = Service(output, arguments.worker_class)
    try:
        service.await_ready()
        worker = service.worker()
        say(f"The shop is up: worker {worker}. Its first customers come.")
        traffic(service.port, customers=range(50), checkouts=200)
        first = service.dump(worker)
        say("Some hundred requests later:")
        traffic(service.port, customers=range(2, 51), checkouts=LEAKED * 10)
        second = service.dump(worker)
        say("And as many again:")
        traffic(service.port, customers=range(3, 52), checkouts=LEAKED * 10)
        third = service.dump(worker)
    finally:
        service.stop()
    ask([dump.relative_to(output) for dump in (first, second, third)], output)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--command", type=Path, required=True, help="the command memdump")
    parser.add_argument("--output", type=Path, required=True, help="where the dumps are left")
    parser.add_argument("--worker-class", default="gthread")
    return parser.parse_args()


class Service:
    """gunicorn with the shop, on a free port of the loopback."""

    def __init__(self, output: Path, worker_class: str) -> None:
        # gunicorn gets a socket that listens already, so that no other program can take the port meanwhile.
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.log = output / "service.log"
        self.errors = output / "gunicorn.log"
        self.requests = output / "access.log"
        command = [sys.executable, "-m", "gunicorn", "--bind", f"fd://{listener.fileno()}"]
        command += ["--worker-class", worker_class, "--pid", str(output / "gunicorn.pid")]
        command += ["--error-logfile", str(self.errors), "--access-logfile", str(self.requests)]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=SHOP,
                env={**os.environ, "MEMDUMP_DIR": str(output), "MEMDUMP_NAME": "shop", "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[listener.fileno()],
            )
        listener.close()

    def await_ready(self) -> None:
        def answers() -> bool:
            self.check_alive()
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
                connection.request("GET", "/browse?customer=0")
                return connection.getresponse().status == 200
            except ConnectionError:
                return False

        wait_for("the service to answer", answers)

    def worker(self) -> int:
        """The process that answers requests."""
        pids = re.findall(r"Booting worker with pid: (\d+)", self.errors.read_text())
        if len(pids) != 1:
            raise SystemExit(f"demo: gunicorn started {len(pids)} workers; see {self.errors}")
        return int(pids[0])

    def dump(self, worker: int) -> Path:
        """`kill -USR1`, and the file that comes of it."""
        ended = re.compile(rf"^memdump\[{worker}\]: (?:end file=(\S+) .*|failed .*)$", re.MULTILINE)
        before = len(ended.findall(self.log.read_text()))
        # The log of requests is moved away as logrotate does, to show that gunicorn reopens it: its own handler still runs.
        self.requests.rename(self.requests.with_suffix(f".log.{before + 1}"))
        run("kill", "-USR1", str(worker))
        wait_for("the dump", lambda: self.check_alive() or len(ended.findall(self.log.read_text())) > before)
        line = list(ended.finditer(self.log.read_text()))[before]
        print(line[0].replace(f"{self.log.parent}/", ""))
        if line[1] is None:
            raise SystemExit("demo: the dump failed")
        wait_for("gunicorn to reopen its log file", self.requests.exists)
        return Path(line[1])

    def check_alive(self) -> None:
        if self.process.poll() is not None:
            said = self.errors.read_text() if self.errors.exists() else ""
            raise SystemExit(f"demo: the service ended ({self.process.returncode}):\n{self.log.read_text()}{said}")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def traffic(port: int, customers: range, checkouts: int) -> None:
    requests = [f"/browse?customer={customer}" for customer in customers]
    ask_all(port, requests + ["/checkout"] * checkouts)


def ask_all(port: int, requests: list[str]) -> None:
    """Requests from four clients at once. Every one must be answered."""
    failures: list[str] = []

    def client(share: list[str]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        for path in share:
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                response.read()
                if response.status != 200:
                    failures.append(f"{path}: {response.status}")
            except OSError as error:
                failures.append(f"{path}: {error}")
                connection.close()
        connection.close()

    clients = [threading.Thread(target=client, args=(requests[n::4],)) for n in range(4)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    if failures:
        raise SystemExit(f"demo: {len(failures)} requests failed, the first: {failures[0]}")
    print(f"({len(requests)} requests answered)")


def ask(dumps: list[Path], output: Path) -> None:
    first, second, _ = dumps
    say("What grew:")
    run("memdump", "diff", str(first), str(second), "--limit", "5", cwd=output)
    say("The new ones:")
    run("memdump", "new", "--type", "SomeRef", str(first), str(second), "--limit", "3", cwd=output)
    say("What keeps them alive:")
    run("memdump", "chain", "--type", "SomeRef", str(first), str(second), cwd=output)
    check(answer("diff", first, second, cwd=output), answer("chain", "--type", "SomeRef", first, second, cwd=output))
    say("The verdict over all three:")
    run("memdump", "suspects", *map(str, dumps), cwd=output)
    check_verdict(answer("suspects", *dumps, cwd=output))
    say(f"Found: app.views.global_data['a'] leaks SomeRef. The dumps are in {output.name}/; ask them more.")


def check(diff: Any, chain: Any) -> None:
    """The leak comes out first, and its chain names module, global, key and index."""
    top = diff["types"][0]
    require(top["type"] == "app.models.SomeRef", f"the type that grew most is {top['type']}")
    require(top["count_growth"] == LEAKED, f"SomeRef grew by {top['count_growth']}, and {LEAKED} were leaked")
    group = chain["groups"][0]
    # Fewer than all: some lie where an object of the same type was before, and are taken for that one (identity by address).
    require(LEAKED // 2 <= group["count"] <= LEAKED, f"the biggest group is of {group['count']} objects of {LEAKED}")
    holder = (group["holder"]["kind"], group["holder"]["name"])
    require(holder == ("module", "app.views"), f"they are held by {holder}")
    expression = group["example"]["expression"]
    require(
        re.fullmatch(r"app\.views\.global_data\['a'\]\[\d+\]", expression or "") is not None,
        f"the chain is {expression}",
    )


def check_verdict(verdict: Any) -> None:
    """The leak is the only suspect, with its container and its rate; the carts of recent customers are none."""
    expressions = [suspect["holder"]["chain"]["expression"] for suspect in verdict["suspects"]]
    require(expressions == ["app.views.global_data['a']"], f"the suspects are {expressions}")
    suspect = verdict["suspects"][0]
    require(suspect["type"] == "app.models.SomeRef", f"what accumulates is {suspect['type']}")
    require(suspect["growth"] == 2 * LEAKED, f"it grew by {suspect['growth']}, and {2 * LEAKED} were leaked")


def require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise SystemExit(f"demo: FAILED: {otherwise}")


def run(*command: str, cwd: Path | None = None) -> None:
    print(f"$ {shlex.join(command)}", flush=True)
    subprocess.run(command, cwd=cwd, check=True)
    sys.stdout.flush()


def answer(*command: str | Path, cwd: Path) -> Any:
    result = subprocess.run(["memdump", *command, "--json"], cwd=cwd, check=True, capture_output=True)
    return json.loads(result.stdout)


def say(text: str) -> None:
    print(f"\n# {text}", flush=True)


def wait_for(what: str, condition: Any) -> None:
    give_up = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > give_up:
            raise SystemExit(f"demo: waited {DEADLINE} s in vain for {what}")
        time.sleep(0.01)


if __name__ == "__main__":
    main()
