"""What there is to look at, on a synthetic heap: the report, and each view of the explorer. `make bench-look` calls it.

A view is what its page asks the server for, one request after the other, as a browser does; how long the browser takes to show
it comes on top. Each is asked twice after all is open: what was answered once may be kept.
"""

import argparse
import contextlib
import http.client
import json
import re
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

from analysis import LEAK, MIB, run, synthesise, verdict

COMMON = "builtins.dict"
GROUPED = "SELECT type, count(*), sum(size) FROM object WHERE dump = 2 GROUP BY type ORDER BY 3 DESC LIMIT 50"
# Seconds until a view has its answers.
GOAL = 1.0


class Explorer:
    """A running `memdump ui`."""

    def __init__(self, command, dumps):
        begun = time.monotonic()
        self.process = subprocess.Popen(
            [command, "ui", *dumps.values()], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True
        )
        line = self.process.stdout.readline()
        address = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/#token=([0-9a-f]+)", line.strip())
        if address is None:
            raise SystemExit(f"the explorer does not start: {line}")
        self.port, self.token = int(address[1]), address[2]
        self.answers_after = time.monotonic() - begun
        while (opening := self.ask("progress")["opening"]) == "underway":
            time.sleep(0.05)
        if opening != "done":
            raise SystemExit(f"the explorer cannot open the dumps: {opening}")
        self.open_after = time.monotonic() - begun

    def request(self, path, body=None):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        with contextlib.closing(connection):
            connection.request("POST" if body else "GET", path, body=body, headers=headers)
            response = connection.getresponse()
            told = response.read()
        if response.status != 200:
            raise SystemExit(f"{path}: {response.status} {told.decode(errors='replace')}")
        return told

    def ask(self, view, **question):
        return json.loads(self.request(path(view, question)))

    def seconds(self, requests):
        """Until all of a view's requests are answered."""
        begun = time.monotonic()
        for view, question in requests:
            if view == "sql":
                self.request("/api/sql", json.dumps(question))
            else:
                self.request(path(view, question))
        return time.monotonic() - begun

    def memory(self):
        """Resident bytes at most, and now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return [int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) * 1024 for name in ("VmHWM", "VmRSS")]

    def end(self):
        self.process.kill()
        self.process.wait()


def path(view, question):
    return f"/api/{view}?{urlencode(question)}"


def views(explorer):
    """What the pages ask for, with the limits that they have; see analyzer/web."""
    new = explorer.ask("instances", dump=2, before=1, type=LEAK, limit=1)["objects"][0]["address"]
    largest = explorer.ask("dominated", dump=2, limit=1)["objects"][0]["address"]

    def objects(**question):
        return [("instances", {"dump": 2, "limit": 200, **question})]

    def one(address):
        return [(view, {"dump": 2, "address": address, "limit": 50}) for view in ("show", "dominated")]

    def chains(**question):
        return [(view, {"dump": 2, "limit": 50, **question}) for view in ("chain", "picture")]

    return {
        "growth": [("diff", {"before": 1, "after": 2, "limit": 5000})],
        "suspects": [("suspects", {})],
        "types": [("top", {"dump": 2, "limit": 5000})],
        "biggest objects": objects(),
        "objects of a common type": objects(type=COMMON),
        "new objects of the type that leaks": objects(type=LEAK, before=1),
        "a new object, and the chain to it": one(new),
        "the biggest object": one(largest),
        "chains of the new ones that leak": chains(type=LEAK, before=1),
        "chains of all of a common type": chains(type=COMMON),
        "chains that lead through no list": chains(type=LEAK, avoid="list"),
        "map": [("map", {"dump": 2})],
        "threads": [("threads", {"dump": 2})],
        "SQL, objects by type": [("sql", {"sql": GROUPED})],
    }


def measure_report(command, dumps, objects):
    page = dumps["B"].parent / "report.html"
    cpu, wall, peak = run([command, "report", *dumps.values(), "--output", page, "--force"])
    size = page.stat().st_size
    print(f"  {'report':34} {cpu:6.2f} s CPU {wall:6.2f} s {peak / MIB:6.0f} MiB, {peak / objects:3.0f} B per object")
    print(f"  {'  its file':34} {size / 1e6:6.2f} MB{verdict(size / 1e6, 2)}")


def measure_explorer(command, dumps, objects):
    explorer = Explorer(command, dumps)
    with contextlib.ExitStack() as stack:
        stack.callback(explorer.end)
        peak, kept = explorer.memory()
        print(
            f"  {'explorer':34} {explorer.answers_after:6.2f} s until it can be used, {explorer.open_after:.2f} s until all is open"
        )
        print(f"  {'':34} {peak / MIB:6.0f} MiB at most, {kept / MIB:.0f} MiB then, {kept / objects:.0f} B per object")
        for name, requests in views(explorer).items():
            first, second = (explorer.seconds(requests) for _ in range(2))
            print(f"    {name:34} {first:6.2f} s, again {second:6.2f} s{verdict(round(first, 2), GOAL)}")
        peak, _ = explorer.memory()
        print(f"  {'':34} {peak / MIB:6.0f} MiB at most, all views together")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--command", required=True, help="the command memdump")
    parser.add_argument("--synth", required=True, help="the synthesiser of dumps")
    parser.add_argument("--millions", type=float, nargs="+", default=[10], help="sizes of heaps, in millions of objects")
    parser.add_argument("--orders", nargs="+", default=["birth"], choices=["birth", "shuffled"])
    parser.add_argument("--directory", help="where the dumps go meanwhile: some 10 bytes per object, twice")
    arguments = parser.parse_args()
    for order in arguments.orders:
        for millions in sorted(arguments.millions):
            with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
                dumps, objects = synthesise(arguments, millions, order, directory)
                print(f"\n{objects / 1e6:.2f} M objects, {order} order")
                measure_report(arguments.command, dumps, objects)
                measure_explorer(arguments.command, dumps, objects)


if __name__ == "__main__":
    main()
