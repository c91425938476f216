"""Programs that do not know of memdump: `python -m memdump run`, and MEMDUMP_INSTALL."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest
from live import DEADLINE, await_installed, wait_for

CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(("MEMDUMP_", "PYTHON"))}


def run(
    python: Path, *arguments: str | Path, env: dict[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, *arguments],
        env={**CLEAN, **(env or {})},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=DEADLINE,
        **options,
    )


# What a program can see of how it was started.
LOOK = """
import json, sys, os, __main__
print(json.dumps({
    "argv": sys.argv,
    "path": sys.path,
    "name": __name__,
    "file": globals().get("__file__"),
    "spec": str(globals().get("__spec__") and __spec__.name),
    "main": __main__ is sys.modules["__main__"] and vars(__main__) is globals(),
    "globals": sorted(k for k in globals() if k not in ("json", "sys", "os", "__main__")),
    "flags": [str(sys.flags), sys.warnoptions, sys._xoptions],
    "hook": sys.excepthook is sys.__excepthook__,
}))
"""


@pytest.mark.parametrize(
    ("flags", "program"),
    [
        ([], ["look.py", "--dir", "x", "-m", "run"]),
        ([], ["sub/look.py"]),
        ([], ["-m", "look", "a b", "--", "--help"]),
        ([], ["-mpackage", "1"]),
        ([], ["-c", LOOK, "--name"]),
        ([], ["application"]),
        (["-u", "-O", "-X", "dev", "-W", "ignore"], ["look.py"]),
    ],
    ids=["script", "directory", "module", "package", "code", "directory with main", "options"],
)
def test_a_program_sees_no_difference(python, tmp_path, flags, program):
    for place in ("look.py", "sub/look.py", "package/__main__.py", "application/__main__.py"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(LOOK)
    plain = run(python, *flags, *program, cwd=tmp_path)
    ours = run(python, *flags, "-m", "memdump", "run", "--name", "n", "--keep=3", *program, cwd=tmp_path)
    assert plain.returncode == 0, plain.stderr
    assert (ours.stdout, ours.stderr, ours.returncode) == (plain.stdout, plain.stderr, 0)


def test_options_may_be_in_one_word_with_the_module(python):
    ours = run(python, "-um", "memdump", "run", "-c", "import sys; print(sys.orig_argv[1:])")
    assert ours.stdout.strip() == str(["-u", "-c", "import sys; print(sys.orig_argv[1:])"]), ours.stderr


@pytest.mark.parametrize(
    "code",
    [
        "raise ValueError('no')",
        "import sys; sys.exit(7)",
        "import sys; sys.exit('told')",
        "import os, signal; os.kill(os.getpid(), 15)",
    ],
)
def test_a_program_ends_as_it_would(python, tmp_path, code):
    (tmp_path / "end.py").write_text(f"def inner():\n    {code}\ninner()\n")
    plain = run(python, "end.py", cwd=tmp_path)
    ours = run(python, "-m", "memdump", "run", "end.py", cwd=tmp_path)
    assert plain.returncode != 0
    assert (ours.stdout, ours.stderr, ours.returncode) == (plain.stdout, plain.stderr, plain.returncode)


def test_what_cannot_be_run_is_told(python, tmp_path):
    nothing = run(python, "-m", "memdump", "run", "--keep", "2")
    assert nothing.returncode == 2 and "give a program" in nothing.stderr
    unknown = run(python, "-m", "memdump", "run", "--kept", "2", "x.py")
    assert unknown.returncode == 2 and "--kept" in unknown.stderr
    isolated = run(python, "-I", "-m", "memdump", "run", "x.py")
    assert isolated.returncode == 2 and "-E or -I" in isolated.stderr
    missing = run(python, "-m", "memdump", "run", "x.py", cwd=tmp_path)
    assert missing.returncode == 2 and "can't open file" in missing.stderr


UNPREPARED = """
import os, sys, time
{body}
print("ready", flush=True)
sys.stdin.read()
"""


def start(
    python: Path, place: Path, *command: str | Path, body: str = "", env: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """A program that says `ready` and ends with its stdin."""
    (place / "app.py").write_text(UNPREPARED.format(body=textwrap.dedent(body)))
    process = subprocess.Popen(
        [python, *command],
        env={**CLEAN, "MEMDUMP_MIN_FREE": "0", **(env or {})},
        cwd=place,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=open(place / "stderr", "ab"),
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n", (place / "stderr").read_text()
    return process


def dump_of(place: Path, pattern: str) -> Path:
    return wait_for(f"a dump {pattern}", lambda: next(iter(place.glob(pattern)), None))


@pytest.mark.parametrize("how", ["run", "variable", "module"])
def test_an_unprepared_program_dumps(python, memdump, tmp_path, how):
    command, env, name = {
        "run": (("-m", "memdump", "run", "--dir", "dumps", "app.py"), {}, "app"),
        "variable": (("app.py",), {"MEMDUMP_INSTALL": "1", "MEMDUMP_DIR": "dumps"}, "app"),
        "module": (("-m", "app"), {"MEMDUMP_INSTALL": "on", "MEMDUMP_DIR": "dumps"}, "app"),
    }[how]
    with start(
        python, tmp_path, *command, body="class Marker: pass\nkept = [Marker() for _ in range(321)]\nos.chdir('/')", env=env
    ) as app:
        os.kill(app.pid, signal.SIGUSR1)
        dump = dump_of(tmp_path / "dumps", f"{name}.{app.pid}.1.dump")
        app.communicate(timeout=DEADLINE)
    assert app.returncode == 0
    counts = {row["type"]: row["count"] for row in memdump.json("top", dump)["types"]}
    assert counts["__main__.Marker"] == 321


def test_child_processes_have_it_too_unless_only_this_one_is_meant(python, tmp_path):
    body = """
    import subprocess
    code = "print('there', flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    assert child.stdout.readline() == b"there\\n"
    print(child.pid, flush=True)
    """
    threads = {}
    for only in ([], ["--only"]):
        place = tmp_path / f"{len(only)}"
        place.mkdir()
        (place / "app.py").write_text(UNPREPARED.format(body=textwrap.dedent(body)))
        app = subprocess.Popen(
            [python, "-m", "memdump", "run", *only, "app.py"],
            cwd=place,
            env=CLEAN,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert app.stdout
        child = int(app.stdout.readline())
        threads[bool(only)] = [len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in (app.pid, child)]
        os.kill(child, signal.SIGKILL)
        app.communicate(timeout=DEADLINE)
    # The agent is the second one.
    assert threads == {False: [2, 2], True: [2, 1]}


def has_it(python: Path, value: str, *arguments: str) -> bool:
    code = "import sys, os; print('memdump._native' in sys.modules, len(os.listdir('/proc/self/task')))"
    result = run(python, "-c", code, *arguments, env={"MEMDUMP_INSTALL": value})
    assert result.returncode == 0, result.stderr
    assert result.stdout in ("True 2\n", "False 1\n") and not result.stderr, result
    return result.stdout == "True 2\n"


def test_which_processes_are_meant(python):
    assert has_it(python, "on") and has_it(python, "1") and has_it(python, "match:worker of", "worker of things")
    for value in ("", "0", "off", "match:celery", "pid:1"):
        assert not has_it(python, value, "worker of things"), value


def test_a_start_is_never_broken(python, tmp_path):
    """Whatever is wrong is one line, and the program runs."""
    cases: list[tuple[dict[str, str], list[str], str]] = [
        ({"MEMDUMP_INSTALL": "sometimes"}, [], "MEMDUMP_INSTALL: `sometimes` is not on, off, match:TEXT or pid:NUMBER"),
        ({"MEMDUMP_INSTALL": "on", "MEMDUMP_KEEP": "many"}, [], "MEMDUMP_KEEP: `many` is not a number of dumps"),
        ({"MEMDUMP_INSTALL": "on", "MEMDUMP_SIGNAL": "KILL"}, [], "MEMDUMP_SIGNAL"),
        # The package is damaged.
        ({"MEMDUMP_INSTALL": "on", "PYTHONPATH": str(tmp_path)}, [], "not installed"),
    ]
    (tmp_path / "memdump").mkdir()
    (tmp_path / "memdump" / "__init__.py").write_text("raise ImportError('half\\nof it')")
    for env, flags, told in cases:
        result = run(python, *flags, "-c", "print('works')", env=env)
        assert (result.returncode, result.stdout) == (0, "works\n"), result
        assert told in result.stderr and result.stderr.count("\n") == 1, result.stderr
    silent = run(python, "-I", "-c", "print('works')", env={"MEMDUMP_INSTALL": "sometimes"})
    assert (silent.returncode, silent.stdout, silent.stderr) == (0, "works\n", "")


def test_no_thread_for_the_agent(python):
    """Where a process may have no second thread it starts as ever. Root is not limited, so this runs as nobody with root's eyes."""
    if os.getuid() != 0:
        pytest.skip("not root")
    capabilities = "-all,+dac_read_search"
    command: list[str | Path] = [
        *("setpriv", "--reuid=65534", "--clear-groups", f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}"),
        *("prlimit", "--nproc=1"),
        *(python, "-c", "print('works')"),
    ]
    env = {**CLEAN, "MEMDUMP_INSTALL": "on"}
    result = subprocess.run(command, env=env, cwd="/", capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=DEADLINE)
    assert (result.returncode, result.stdout) == (0, "works\n"), result
    assert "not installed: cannot start the agent's thread" in result.stderr and result.stderr.count("\n") == 1


def test_gunicorn_that_nobody_prepared(python, memdump, tmp_path):
    """It takes SIGUSR1 for itself after the start; `memdump send` still reaches master and workers."""
    (tmp_path / "app.py").write_text("def app(environ, start):\n    start('200 OK', [])\n    return [b'x']\n")
    service = subprocess.Popen(
        [python, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--workers", "2", "app:app"],
        cwd=tmp_path,
        env={
            **CLEAN,
            "MEMDUMP_INSTALL": "match:gunicorn",
            "MEMDUMP_DIR": str(tmp_path),
            "MEMDUMP_MIN_FREE": "0",
            "HOME": str(tmp_path),
        },
        stderr=open(tmp_path / "stderr", "wb"),
        stdin=subprocess.DEVNULL,
    )
    try:
        log = tmp_path / "stderr"

        def booted() -> list[str] | None:
            found = [line.split()[-1] for line in log.read_text().splitlines() if "with pid:" in line]
            return found if len(found) == 2 else None

        workers = wait_for("two workers", booted)
        for pid in [str(service.pid), *workers]:
            await_installed(int(pid))
            sent = memdump.run("send", pid)
            assert sent.returncode == 0, sent.stderr + log.read_text()
            assert Path(sent.stdout.strip()).name.startswith(f"gunicorn.{pid}.")
            memdump.check(Path(sent.stdout.strip()))
    finally:
        service.terminate()
        assert service.wait(DEADLINE) == 0


def test_a_thread_without_a_name_is_told_by_its_number(python, memdump, tmp_path):
    """Names are `threading`'s, which this program does not import. That it is a thread, every view says itself."""
    dump = tmp_path / "a.dump"
    code = f"""
import memdump, sys
class Job: pass
def work(job):
    memdump.dump({str(dump)!r})
assert "threading" not in sys.modules
work(Job())
"""
    assert run(python, "-c", code).returncode == 0
    [group] = memdump.json("chain", dump, "--type", "Job")["groups"]
    assert re.fullmatch("0x[0-9a-f]+", group["example"]["holder"]["thread"])
