"""`memdump ui` in a real browser: from what grew to the object that leaks, and what it refuses."""

from __future__ import annotations

import contextlib
import http.client
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import VERSIONS
from live import DEADLINE, LISTENER, Command, Target

HOSTILE = "<img src=x onerror=document.title='gone'>"
LEAK = f"""
import memdump
memdump.install()

class SomeRef:
    pass

class Cart:
    def __init__(self):
        self.ref = SomeRef()

Hostile = type({HOSTILE!r}, (), {{}})

leaked = {{}}

def leak(number):
    # Others would take the places of what is freed meanwhile.
    for _ in range(number):
        leaked[f"cart {{len(leaked)}}"] = Cart()
    leaked["hostile"] = Hostile()

leak(10)
listen()
"""


@pytest.fixture(scope="module")
def leaking(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two dumps of a service that leaks, 200 objects between them."""
    venvs = request.config.getoption("--venvs")
    python = next(path for version in VERSIONS if (path := venvs / version / "bin" / "python").exists())
    place = tmp_path_factory.mktemp("leaking")
    (place / "listener.py").write_text(LISTENER)
    (place / "target.py").write_text("from listener import listen\n" + LEAK)
    target = Target([str(python), str(place / "target.py")], place, {})
    try:
        target.await_ready()
        before = target.dump_by_signal()
        target.do("leak(200)")
        after = target.dump_by_signal()
    finally:
        target.destroy()
    return [before, after]


class Served:
    """A running `memdump ui`."""

    def __init__(self, command: Path, dumps: list[Path]) -> None:
        self.process = subprocess.Popen(
            [command, "ui", *(path.name for path in dumps)],
            cwd=dumps[0].parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()
        match = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/#token=([0-9a-f]{32})", self.url)
        assert match, self.url
        self.port, self.token = int(match[1]), match[2]

    def status(self, path: str, **headers: str) -> int:
        """What a request is answered with; `Host` and the token are there unless they are given."""
        headers = {"Host": f"127.0.0.1:{self.port}", "Authorization": f"Bearer {self.token}", **headers}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        with contextlib.closing(connection):
            connection.putrequest("GET", path, skip_host=True)
            for name, value in headers.items():
                if value:
                    connection.putheader(name, value)
            connection.endheaders()
            return connection.getresponse().status


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest, leaking: list[Path]) -> Iterator[Served]:
    served = Served(request.config.getoption("--command"), leaking)
    yield served
    served.process.kill()
    served.process.wait(DEADLINE)


def go(page: Any, view: str) -> None:
    page.get_by_role("navigation", name="Views").get_by_role("link", name=view, exact=True).click()


def command_of(page: Any) -> str:
    """The command that the view offers."""
    return page.locator("#view .command code").first.inner_text()


def test_from_growth_to_the_chain_of_one_object(page, served, leaking, memdump: Command):
    page.goto(served.url)
    page.get_by_role("heading", name="Overview").wait_for()
    # The token gets into no history.
    assert served.token not in page.url
    go(page, "Growth")
    row = page.locator("tr", has=page.get_by_role("link", name="__main__.SomeRef", exact=True))
    row.wait_for()
    assert "+200" in row.inner_text()
    assert command_of(page) == f"memdump diff {leaking[0].name} {leaking[1].name}"

    row.get_by_role("link", name="__main__.SomeRef").click()
    page.get_by_role("heading", name="__main__.SomeRef").wait_for()
    told = memdump.json("new", *leaking, "--type", "__main__.SomeRef")
    page.get_by_text(re.compile(rf"\b{told['total']} objects")).first.wait_for()
    addresses = page.locator("tbody tr td:first-child a").all_inner_texts()
    assert addresses and set(addresses) <= {row["address"] for row in told["objects"]}

    page.locator("tbody tr td:first-child a").first.click()
    page.get_by_role("heading", name=f"__main__.SomeRef {addresses[0]}").wait_for()
    steps = page.locator(".chain .way li").all_inner_texts()
    assert steps[0].startswith(("module", "thread")), steps
    assert any("leaked" in step and "dict" in step for step in steps), steps
    assert steps[-1].startswith(".ref __main__.SomeRef"), steps

    # From there to what holds it, and back.
    page.locator(".referrers tbody a").first.click()
    page.get_by_role("heading", name=re.compile("^__main__.Cart")).wait_for()
    page.go_back()
    page.get_by_role("heading", name=f"__main__.SomeRef {addresses[0]}").wait_for()
    page.reload()
    page.get_by_role("heading", name=f"__main__.SomeRef {addresses[0]}").wait_for()


def test_every_view_has_a_command_that_works(page, served, leaking, memdump: Command):
    page.goto(served.url)
    ways = page.get_by_role("navigation", name="Views").get_by_role("link")
    ways.first.wait_for()
    names = ways.all_inner_texts()
    assert {"Overview", "Suspects", "Growth", "Types", "Objects", "Chains", "SQL"} <= set(names)
    for name in names:
        go(page, name)
        page.locator("#top a[aria-current]", has_text=name).wait_for()
        page.locator("#view h2").first.wait_for()
        if name == "Chains":
            page.get_by_label("type", exact=True).fill("SomeRef")
            page.get_by_role("button", name="explain").click()
            page.get_by_label(re.compile("all explained by")).wait_for()
            page.wait_for_function("() => document.querySelector('.picture img')?.naturalWidth > 100")
        if name == "SQL":
            continue
        words = shlex.split(command_of(page))
        result = memdump.run(*words[1:], cwd=leaking[0].parent)
        assert result.returncode == 0, f"{name}: {result.stderr}"


def test_a_query(page, served):
    page.goto(served.url)
    go(page, "SQL")
    page.get_by_label("Query").fill(
        "SELECT type_name, count(*) AS n FROM instance WHERE is_new AND type_name LIKE '%Cart' GROUP BY 1"
    )
    page.keyboard.press("Control+Enter")
    cell = page.get_by_role("cell", name="__main__.Cart")
    cell.wait_for()
    assert page.locator(".result tbody td").nth(1).inner_text() in {"200", *map(str, range(150, 200))}
    assert page.get_by_label("Schema").get_by_text("instance", exact=True).first.is_visible()

    # On a phone the rows scroll, not the page.
    size = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    page.set_viewport_size(size)

    # An address leads to its object.
    page.get_by_label("Query").fill("SELECT dump, address FROM instance WHERE type_name LIKE '%Cart' AND dump = 1 LIMIT 1")
    page.get_by_role("button", name="run").click()
    page.locator(".result tbody a").click()
    page.get_by_role("heading", name=re.compile("^__main__.Cart")).wait_for()


def test_a_query_that_is_wrong_or_takes_too_long(page, served):
    page.goto(served.url)
    go(page, "SQL")
    page.get_by_label("Query").fill("SELECT nonsense FROM instance")
    page.get_by_role("button", name="run").click()
    page.get_by_role("alert").get_by_text("nonsense").first.wait_for()
    # The browser itself tells of refused requests.
    assert all("400" in complaint for complaint in page.complaints.take())
    page.get_by_label("Query").fill("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
    page.get_by_role("button", name="run").click()
    page.get_by_role("button", name="stop").click()
    page.get_by_text("stopped").wait_for()
    # Nobody waits for it any more, so the next has its turn.
    page.get_by_label("Query").fill("SELECT 7 AS seven")
    page.get_by_role("button", name="run").click()
    page.get_by_role("cell", name="7", exact=True).wait_for()


def test_names_are_text(page, served):
    page.goto(served.url)
    title = page.title()
    go(page, "Types")
    page.get_by_label("Search types").fill("onerror")
    page.get_by_role("link", name=HOSTILE).click()
    page.get_by_role("heading", name=HOSTILE).wait_for()
    page.locator("tbody tr td:first-child a").first.click()
    page.get_by_role("heading", name=HOSTILE).wait_for()
    go(page, "Chains")
    page.get_by_label("type", exact=True).fill("*onerror*")
    page.get_by_role("button", name="explain").click()
    page.get_by_text(HOSTILE).first.wait_for()
    assert page.locator("img[onerror]").count() == 0
    assert page.title() != "gone" and title != "gone"


def test_the_dumps_are_told_to_nobody_else(page, served):
    assert served.status("/api/info") == 200
    assert served.status("/api/info", Authorization="") == 401
    assert served.status("/api/info", Authorization=f"Bearer {'0' * 32}") == 401
    assert served.status("/api/info", Host=f"rebound.example:{served.port}") == 403
    assert served.status("/api/info", Host="") in (400, 403)
    assert served.status("/api/info", Origin="http://rebound.example") == 403
    assert served.status("/api/info", Origin=f"http://127.0.0.1:{served.port + 1}") == 403
    assert served.status("/api/info", **{"Sec-Fetch-Site": "cross-site"}) == 403
    # A page without the token says so.
    page.goto(f"http://127.0.0.1:{served.port}/")
    page.get_by_role("alert").get_by_text("token").wait_for()
    assert all("401" in complaint for complaint in page.complaints.take())


def test_a_page_of_another_origin_cannot_ask(page, served):
    """Not even one that has the token: what it asks is refused, what it puts in a frame stays empty."""

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>evil</title>")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Evil)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        ask = """async ([url, token]) => {
            const attempts = [{}, { headers: { Authorization: `Bearer ${token}` } }, { mode: "no-cors" }];
            const answers = attempts.map((options) => fetch(url, options).then((r) => r.text(), () => ""));
            return Promise.all(answers);
        }"""
        url = f"http://127.0.0.1:{served.port}/api/info"
        assert page.evaluate(ask, [url, served.token]) == ["", "", ""]
        page.complaints.take()
        page.evaluate("(url) => document.body.append(Object.assign(document.createElement('iframe'), { src: url }))", served.url)
        page.wait_for_function("() => true")
        assert not any("memdump" in (frame.title() or "") for frame in page.frames[1:])
        page.complaints.take()
    finally:
        server.shutdown()
        server.server_close()


def test_it_listens_on_loopback_only(served):
    listening = [line.split() for line in Path(f"/proc/{served.process.pid}/net/tcp").read_text().splitlines()[1:]]
    of_port = [fields[1] for fields in listening if fields[3] == "0A" and fields[1].endswith(f":{served.port:04X}")]
    assert of_port == [f"0100007F:{served.port:04X}"]
    six = Path(f"/proc/{served.process.pid}/net/tcp6").read_text()
    assert not re.search(rf":{served.port:04X} \S+ 0A", six)


def test_an_interrupt_ends_it_at_once(request, leaking):
    served = Served(request.config.getoption("--command"), leaking)
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(DEADLINE) == -signal.SIGINT


def test_a_port_that_is_taken_is_told(request, served, leaking):
    command = [request.config.getoption("--command"), "ui", "--port", str(served.port), leaking[1]]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=DEADLINE)
    assert result.returncode != 0 and not result.stdout
    assert f"port {served.port}" in result.stderr
