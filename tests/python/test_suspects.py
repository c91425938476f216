"""The verdict on real services: leaks of four kinds are named, and what only looks like one is not accused."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from live import file_of, wait_for
from test_servers import Gunicorn, gunicorn  # noqa: F401 (a fixture)

VARIANTS = ("cache", "pool", "global", "closure", "cycle", "thread")
# Of each variant, between two dumps. The pool is full after two intervals.
REQUESTS = 75


def drive(service: Gunicorn, variants: tuple[str, ...], numbers: range) -> None:
    """One request after the other: what is counted depends on their number, not on time."""
    connection = service.connection()
    for number in numbers:
        assert service.get(connection, f"/variants?of={','.join(variants)}&number={number}") == 200
        assert service.get(connection, f"/browse?customer={number}") == 200

    def written() -> bool:
        connection.request("GET", "/variants?of=cache&number=0")
        return json.loads(connection.getresponse().read())["waiting"] == 0

    wait_for("the thread to take its rows", written)


def dumps_of(service: Gunicorn, worker: int, variants: tuple[str, ...], count: int) -> list[Path]:
    dumps = []
    for number in range(count):
        drive(service, variants, range(number * REQUESTS, (number + 1) * REQUESTS))
        os.kill(worker, signal.SIGUSR1)
        wait_for("the end of a dump", lambda number=number: len(service.ends(worker)) == number + 1)
        dumps.append(file_of(service.ends(worker)[-1]))
    return dumps


def place(suspect: dict) -> str:
    """Where it is, in short: the expression, and before it what is no module."""
    chain = suspect["holder"]["chain"]
    labels = "".join(step["label"] for step in chain["steps"])
    return f"{chain['holder']['kind']} {chain['holder']['name']}: {chain['expression'] or labels}"


def test_four_leaks_are_named_and_two_caches_are_not(gunicorn, memdump, monkeypatch):  # noqa: F811
    monkeypatch.setenv("SHOP_COLLECTOR", "off")
    service = gunicorn("--worker-class", "gthread", "--threads", "2")
    [worker] = service.await_workers(1)
    dumps = dumps_of(service, worker, VARIANTS, 5)
    verdict = memdump.json("suspects", *dumps)
    found = {(suspect["kind"], suspect["type"]): suspect for suspect in verdict["suspects"]}
    text = memdump.run("suspects", *dumps).stdout
    assert len(found) == len(verdict["suspects"]) == 4, text
    assert {suspect["confidence"] for suspect in found.values()} == {"certain"}, text
    in_lists = [suspect for suspect in verdict["suspects"] if suspect["type"] == "app.models.SomeRef"]
    places = {place(suspect) for suspect in verdict["suspects"]}
    assert "module app.variants: app.variants.audited['refs']" in places, text
    assert in_lists, text


def test_a_service_without_leaks_has_no_suspects(gunicorn, memdump):  # noqa: F811
    service = gunicorn("--worker-class", "gthread", "--threads", "2")
    [worker] = service.await_workers(1)
    dumps = dumps_of(service, worker, ("cache", "pool"), 5)
    verdict = memdump.json("suspects", *dumps)
    assert verdict["suspects"] == [], memdump.run("suspects", *dumps).stdout
