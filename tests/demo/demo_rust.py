"""The whole way for a program in Rust: an axum service that leaks, three signals, and what memdump says about it.

    make demo-rust

Sends the service in `rust-shop/` real requests and real signals; then asks the command. Prints each command and what it printed.
Fails unless the leak comes out first.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

from demo import DEADLINE, answer, ask_all, require, run, say, wait_for

LEAKED = 120
RECEIPT = "alloc::sync::Arc<rust_shop::receipts::Receipt>"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--command", type=Path, required=True, help="the command memdump")
    parser.add_argument("--service", type=Path, required=True, help="the program rust-shop")
    parser.add_argument("--output", type=Path, required=True, help="where the dumps are left")
    arguments = parser.parse_args()
    output = arguments.output.resolve()
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    # So that the commands that are shown are the commands that are run.
    os.environ["PATH"] = f"{arguments.command.resolve().parent}:{os.environ['PATH']}"
    service = Service(arguments.service.resolve(), output)
    try:
        say(f"The shop is up: process {service.pid}. Its first customers come.")
        service.traffic(customers=range(50), orders=range(200))
        dumps = [service.dump()]
        for number in (1, 2):
            say(f"{LEAKED * 10} orders later:")
            first = number * LEAKED * 10
            service.traffic(customers=range(number, 50 + number), orders=range(first, first + LEAKED * 10))
            dumps.append(service.dump())
    finally:
        service.stop()
    ask([dump.relative_to(output) for dump in dumps], output)


class Service:
    """The shop, on a free port of the loopback."""

    def __init__(self, program: Path, output: Path) -> None:
        self.log = output / "service.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [program],
                env={**os.environ, "MEMDUMP_DIR": str(output), "MEMDUMP_NAME": "shop"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.pid = self.process.pid
        assert self.process.stdout
        listening = re.fullmatch(r"listening (\d+)\n", self.process.stdout.readline())
        if listening is None:
            raise SystemExit(f"demo: the service did not start:\n{self.log.read_text()}")
        self.port = int(listening[1])

    def traffic(self, customers: range, orders: range) -> None:
        requests = [f"/browse?customer={customer}" for customer in customers]
        requests += [f"/checkout?order={order}" for order in orders]
        ask_all(self.port, requests)

    def dump(self) -> Path:
        """`kill -USR1`, and the file that comes of it."""
        ended = re.compile(rf"^memdump\[{self.pid}\]: (?:end file=(\S+) .*|failed .*)$", re.MULTILINE)
        before = len(ended.findall(self.log.read_text()))
        run("kill", "-USR1", str(self.pid))
        wait_for("the dump", lambda: self.check_alive() or len(ended.findall(self.log.read_text())) > before)
        line = list(ended.finditer(self.log.read_text()))[before]
        print(line[0].replace(f"{self.log.parent}/", ""))
        if line[1] is None:
            raise SystemExit("demo: the dump failed")
        return Path(line[1])

    def check_alive(self) -> None:
        if self.process.poll() is not None:
            raise SystemExit(f"demo: the service ended ({self.process.returncode}):\n{self.log.read_text()}")

    def stop(self) -> None:
        """It ends by itself, as it would without memdump."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        require(self.process.returncode == 0, f"the service ended with {self.process.returncode}")


def ask(dumps: list[Path], output: Path) -> None:
    first, second, _ = dumps
    say("What grew:")
    run("memdump", "diff", str(first), str(second), "--limit", "5", cwd=output)
    say("Steadily:")
    run("memdump", "diff", *map(str, dumps), "--limit", "5", cwd=output)
    say("Who holds it, and how sure that is:")
    run("memdump", "suspects", *map(str, dumps), cwd=output)
    say("What keeps the new ones alive:")
    run("memdump", "chain", "--type", "Receipt", str(first), str(second), cwd=output)
    check(answer("diff", first, second, cwd=output), answer("chain", "--type", "Receipt", first, second, cwd=output))
    check_verdict(answer("suspects", *dumps, cwd=output))
    say(f"Found: static RECEIPTS leaks Receipt. The dumps are in {output.name}/; ask them more.")


def check(diff: Any, chain: Any) -> None:
    """The leak is told by its type and in its number, and its chain names the static and the field."""
    growth = {row["type"]: row["count_growth"] for row in diff["types"]}
    require(growth.get(RECEIPT) == LEAKED, f"{RECEIPT} grew by {growth.get(RECEIPT)}, and {LEAKED} were leaked")
    require(growth.get("[rust_shop::receipts::Line]") == LEAKED, f"what grew is {growth}")
    group = chain["groups"][0]
    require(group["count"] == LEAKED, f"the biggest group is of {group['count']} objects of {LEAKED}")
    holder = (group["holder"]["kind"], group["holder"]["name"])
    require(holder == ("static", "rust_shop::receipts::RECEIPTS"), f"they are held by {holder}")


def check_verdict(verdict: Any) -> None:
    """The receipts are the only suspect; carts and statistics are bounded."""
    types = [suspect["type"] for suspect in verdict["suspects"]]
    require(types == [RECEIPT], f"the suspects are {types}")
    holder = verdict["suspects"][0]["holder"]["chain"]["holder"]["name"]
    require(holder == "rust_shop::receipts::RECEIPTS", f"it is held by {holder}")


if __name__ == "__main__":
    main()
