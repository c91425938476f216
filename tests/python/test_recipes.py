"""docs/recipes.md: each program is run as it stands there, and its leak comes out as it is told there."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from live import DEADLINE, Command
from test_documents import CONSOLE, demo, shape  # noqa: F401 (a fixture)

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTIONS = {
    section.partition("\n")[0]: section
    for section in re.split(r"^## ", (ROOT / "docs" / "recipes.md").read_text(), flags=re.MULTILINE)[1:]
}


def blocks(title: str, kind: str) -> list[str]:
    return [text for language, text in BLOCK.findall(SECTIONS[title]) if language == kind]


def write_programs(title: str, place: Path) -> None:
    for text in blocks(title, "python"):
        (place / text.partition("\n")[0].removeprefix("# ")).write_text(text)


def bash(script: str, place: Path, python: Path, memdump: Command) -> subprocess.CompletedProcess[str]:
    """As somebody would who has both on the path. What it leaves running is ended."""
    path = os.pathsep.join([str(python.parent), str(memdump.path.parent), os.environ["PATH"]])
    # Where CI is set, pytest writes its summary uncut.
    left_out = ("MEMDUMP_", "PYTHON", "CI", "BUILD_NUMBER")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    with subprocess.Popen(
        ["bash", "-c", script],
        cwd=place,
        env={**clean, "PATH": path, "MEMDUMP_MIN_FREE": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            out, error = shell.communicate(timeout=DEADLINE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
    return subprocess.CompletedProcess(script, shell.returncode, out, error)


def told(text: str) -> list[str]:
    """Its shape, without the lines that depend on the machine and on how long it took."""
    text = re.sub(r"/\S*/(\d\.dump)", r"\1", text)
    return [re.sub(r"in N\.?N?s", "in Ns", line) for line in shape(text) if not line.startswith(("memory:", "N dumps over"))]


def check_console(title: str, place: Path, python: Path, memdump: Command, code: int = 0) -> None:
    for block in CONSOLE.findall(SECTIONS[title]):
        prompt, _, expected = block.partition("\n")
        done = bash(prompt.removeprefix("$ "), place, python, memdump)
        assert done.returncode == code, f"{prompt}: {done.stdout}{done.stderr}"
        assert told(done.stdout) == told(expected), f"{prompt}\n{done.stdout}"


def test_a_leak_test_fails_the_build(zoo_python, memdump, tmp_path):
    title = "A leak test in CI"
    write_programs(title, tmp_path)
    check_console(title, tmp_path, zoo_python, memdump, code=1)
    shop = (tmp_path / "shop.py").read_text()
    (tmp_path / "shop.py").write_text(shop.replace('    audit["orders"].append(order)\n', ""))
    mended = bash("python -m pytest -q test_leaks.py", tmp_path, zoo_python, memdump)
    assert mended.returncode == 0, mended.stdout


def test_a_django_view(demo, memdump):  # noqa: F811
    check_console("A Django view", demo, Path(sys.executable), memdump)


@pytest.mark.parametrize("title", ["A Celery task", "An asyncio service"])
def test_a_service(title, zoo_python, memdump, tmp_path):
    write_programs(title, tmp_path)
    (tmp_path / "dumps").mkdir()
    [script] = blocks(title, "sh")
    done = bash(f"set -e\n{script}", tmp_path, zoo_python, memdump)
    assert done.returncode == 0 and len(list(tmp_path.glob("dumps/*.dump"))) == 3, done.stdout + done.stderr
    check_console(title, tmp_path, zoo_python, memdump)


def test_conditions_fail_a_build(demo, memdump, tmp_path):  # noqa: F811
    (tmp_path / "dumps").mkdir()
    for number, dump in enumerate(sorted(demo.glob("*.dump"))[:3]):
        (tmp_path / "dumps" / dump.name).symlink_to(dump)
        (tmp_path / f"{'abc'[number]}.dump").symlink_to(dump)
    conditions = blocks("A leak test in CI", "sh")
    assert len(conditions) == 2
    for condition in conditions:
        failed = bash(condition, tmp_path, Path(sys.executable), memdump)
        assert failed.returncode == 6 and "SomeRef" in failed.stdout, failed.stdout + failed.stderr
        # The same dump again has not grown.
        again = re.sub(r"dumps/\*\.dump|a\.dump b\.dump", "a.dump a.dump a.dump", condition)
        passed = bash(again, tmp_path, Path(sys.executable), memdump)
        assert passed.returncode == 0 and passed.stdout, passed.stdout + passed.stderr
