"""Interpreters, targets and the command, for all tests of this directory."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import chromium
import pytest
from environments import OTHERS, VERSIONS
from live import DEADLINE, LISTENER, Command, Target

ROOT = Path(__file__).resolve().parents[2]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--command", type=Path, required=True, help="the command memdump")
    parser.addoption("--rows", type=Path, required=True, help="the program that prints a dump as text")
    parser.addoption("--rust-shop", type=Path, required=True, help="the demo's service in Rust")
    parser.addoption("--preload", type=Path, required=True, help="the library libmemdump_preload.so")
    parser.addoption("--dumps", type=int, default=5, help="how many dumps each process of the zoo is asked for")
    parser.addoption("--venvs", type=Path, required=True, help="where environments.py made its environments")


# Variables of whoever runs the tests that would change how programs look, or what targets do.
STRANGE = ("MEMDUMP_", "PYTHON")
LOOKS = ("COLUMNS", "LINES", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "NO_COLOR", "PY_COLORS", "PYTEST_ADDOPTS")


def pytest_configure(config: pytest.Config) -> None:
    for name in [name for name in os.environ if name in LOOKS or name.startswith(STRANGE)]:
        del os.environ[name]
    # What readline, which pytest imports, sets behind Python's back.
    for name in LOOKS:
        os.unsetenv(name)
    # A shell starts background jobs with SIGINT ignored, and what a test starts would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line(
        "markers", "every_version: runs on every version of CPython that memdump supports, not only the main ones"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "python" not in metafunc.fixturenames:
        return
    venvs = metafunc.config.getoption("--venvs")
    others = OTHERS if metafunc.definition.get_closest_marker("every_version") else ()
    parameters: list[Any] = []
    for version in (*VERSIONS, *others):
        here = (venvs / version / "bin" / "python").exists()
        skip = pytest.mark.skip(reason=why_missing(venvs, version))
        parameters.append(pytest.param(version, id=version, marks=() if here else skip))
    metafunc.parametrize("python", parameters, indirect=True)


def why_missing(venvs: Path, version: str) -> str:
    told = venvs / f"{version}.missing"
    return told.read_text() if told.exists() else f"there is no environment of Python {version}"


def why_no_browser(venvs: Path) -> str:
    told = venvs / "browser.missing"
    return told.read_text() if told.exists() else "none was got; `environments.py browser` does"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    venvs = config.getoption("--venvs")
    for version in (*VERSIONS, *OTHERS):
        if not (venvs / version / "bin" / "python").exists():
            terminalreporter.write_line(f"SKIPPED: CPython {version}: {why_missing(venvs, version)}", yellow=True)
    if not chromium.program(venvs):
        terminalreporter.write_line(f"SKIPPED: pages in a browser: {why_no_browser(venvs)}", yellow=True)


@pytest.fixture
def python(request: pytest.FixtureRequest) -> Path:
    """An interpreter that has memdump and the servers."""
    return Path(request.config.getoption("--venvs")) / request.param / "bin" / "python"


@pytest.fixture
def zoo_python(request: pytest.FixtureRequest) -> Path:
    """An interpreter that has memdump and what the zoo's programs need."""
    return Path(request.config.getoption("--venvs")) / "zoo" / "bin" / "python"


@pytest.fixture
def dumps(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--dumps"))


@pytest.fixture
def faulty_python(request: pytest.FixtureRequest) -> Path:
    """An interpreter whose memdump can be told to fail."""
    return Path(request.config.getoption("--venvs")) / "failpoints" / "bin" / "python"


@pytest.fixture
def tools(request: pytest.FixtureRequest) -> Path:
    """Where mypy is."""
    return Path(request.config.getoption("--venvs")) / "tools" / "bin"


@pytest.fixture
def memdump(request: pytest.FixtureRequest) -> Command:
    return Command(Path(request.config.getoption("--command")))


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A browser without a screen, driven by playwright."""
    from playwright.sync_api import sync_playwright

    venvs = Path(request.config.getoption("--venvs"))
    program = chromium.program(venvs)
    if not program:
        pytest.skip(f"there is no browser: {why_no_browser(venvs)}")
    with sync_playwright() as playwright:
        # Without its sandbox, which root has none of: all that it is shown are our own pages.
        started = playwright.chromium.launch(
            executable_path=program, chromium_sandbox=False, env=chromium.environment(venvs), timeout=DEADLINE * 1000
        )
        yield started
        started.close()


class Console:
    """What a page complained of: errors of scripts, refused resources, broken rules."""

    def __init__(self, page: Any) -> None:
        self.complaints: list[str] = []
        page.on("console", lambda message: message.type in ("error", "warning") and self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def take(self) -> list[str]:
        taken, self.complaints = self.complaints, []
        return taken


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that must not complain: `page.complaints.take()` is what a test expects of complaints."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(DEADLINE * 1000)
    page.complaints = Console(page)
    yield page
    complaints = page.complaints.take()
    context.close()
    assert complaints == []


Start = Callable[..., Target]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts targets and gets rid of them.

    start(python): a listener; start(python, script): that script, which may use `listen()`.
    """
    started: list[Target] = []

    def start(
        python: Path,
        script: str = "listen()",
        *arguments: str,
        env: dict[str, str] | None = None,
        flags: tuple[str, ...] = (),
        before: tuple[str, ...] = (),
        **popen: Any,
    ) -> Target:
        place = tmp_path / f"target{len(started)}"
        place.mkdir()
        (place / "listener.py").write_text(LISTENER)
        (place / "target.py").write_text("from listener import listen\n" + script)
        command = [*before, str(python), *flags, str(place / "target.py"), *arguments]
        target = Target(command, place, env or {}, **popen)
        started.append(target)
        if "listen()" in script:
            target.await_ready()
        return target

    yield start
    for target in started:
        target.destroy()
