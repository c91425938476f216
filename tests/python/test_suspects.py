"""The verdict on real services: leaks of four kinds are named, and what only looks like one is not accused."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from live import file_of, wait_for
from test_servers import Gunicorn, gunicorn  # noqa: F401 (a fixture)

VARIANTS = ("cache", "pool", "global", "closure", "cycle", "thread")
# Of each variant, between two dumps. The pool is full after two intervals.
REQUESTS = 75


def drive(service: Gunicorn, worker: int, variants: tuple[str, ...], numbers: range) -> None:
    """One request after the other: what is counted depends on their number, not on time."""
    connection = service.connection()
    for number in numbers:
        assert service.get(connection, f"/variants?of={','.join(variants)}&number={number}") == 200
        assert service.get(connection, f"/browse?customer={number}") == 200

    def thread_waits() -> bool:
        connection.request("GET", "/variants?of=cache&number=0")
        told = json.loads(connection.getresponse().read())
        if told["waiting"] or not told["writer"]:
            return not told["waiting"]
        # It has taken every row, but may still have one in its hands. While it waits for a row, and not for the interpreter's
        # lock, its system call stays the same.
        call = Path(f"/proc/{worker}/task/{told['writer']}/syscall")
        seen = set()
        for _ in range(4):
            seen.add(call.read_text())
            time.sleep(0.05)
        return len(seen) == 1 and seen.pop()[0].isdigit()

    wait_for("the thread to take its rows", thread_waits)


def is_at_rest(worker: int) -> bool:
    """Whether no thread does anything. A request that is answered is not over: it is logged, with all that it has in hand."""

    def calls() -> list[str]:
        return [path.read_text() for path in sorted(Path(f"/proc/{worker}/task").glob("*/syscall"))]

    before = calls()
    time.sleep(0.05)
    return before == calls() and all(call[0].isdigit() for call in before)


def dumps_of(service: Gunicorn, worker: int, variants: tuple[str, ...], count: int) -> list[Path]:
    dumps = []
    for number in range(count):
        drive(service, worker, variants, range(number * REQUESTS, (number + 1) * REQUESTS))
        wait_for("the last request to be over", lambda: is_at_rest(worker))
        os.kill(worker, signal.SIGUSR1)
        wait_for("the end of a dump", lambda number=number: len(service.ends(worker)) == number + 1)
        dumps.append(file_of(service.ends(worker)[-1]))
    return dumps


def place(suspect: dict) -> str:
    """Where it is, in short."""
    chain = suspect["holder"]["chain"]
    return chain["holder"]["kind"] + " " + "".join(step["label"] for step in chain["steps"])


def test_four_leaks_are_named_and_two_caches_are_not(gunicorn, memdump, monkeypatch):  # noqa: F811
    monkeypatch.setenv("SHOP_COLLECTOR", "off")
    service = gunicorn("--worker-class", "gthread", "--threads", "2")
    [worker] = service.await_workers(1)
    dumps = dumps_of(service, worker, VARIANTS, 5)
    verdict = memdump.json("suspects", *dumps)
    text = memdump.run("suspects", *dumps).stdout
    found = {(suspect["kind"], suspect["type"], place(suspect)) for suspect in verdict["suspects"]}
    assert found == {
        ("container", "app.models.SomeRef", "module .audited['refs']"),
        ("container", "app.models.SomeRef", "module .in_closure<closure seen>.cell_contents"),
        ("container", "app.variants.Row", "frame "),
        ("cycles", "app.variants.Session", "unreachable "),
    }, text
    leaked = [REQUESTS * number for number in range(1, 6)]
    for suspect in verdict["suspects"]:
        assert suspect["confidence"] == "certain", text
        # Nothing is left out: what the dumps count is what was leaked. A session's cycle is of two objects or more, with its user.
        per_request = 1 if suspect["kind"] == "container" else suspect["counts"][0] // REQUESTS
        assert suspect["counts"] == [count * per_request for count in leaked], text
    reasons = {reason["reason"]: reason for suspect in verdict["suspects"] for reason in suspect["reasons"]}
    assert reasons["finaliser"]["type"] == "app.variants.Session", text
    assert reasons["stands_still"]["thread"] == "writer", text
    assert "write_in_batches" in reasons["stands_still"]["place"], text
    cleared = {place(row): row["because"]["reason"] for row in verdict["cleared"]}
    assert cleared["module .offers"] == "replaced", text
    assert cleared["module .idle"] in ("one_step", "stopped"), text


def test_a_service_without_leaks_has_no_suspects(gunicorn, memdump):  # noqa: F811
    service = gunicorn("--worker-class", "gthread", "--threads", "2")
    [worker] = service.await_workers(1)
    dumps = dumps_of(service, worker, ("cache", "pool"), 5)
    verdict = memdump.json("suspects", *dumps)
    assert verdict["suspects"] == [], memdump.run("suspects", *dumps).stdout
