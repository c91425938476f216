"""The Python package: arguments, environment, errors, what `dump` and `status` tell."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest
from live import TargetError

pytestmark = pytest.mark.every_version

INSTALL = "import memdump; memdump.install({})"


def test_a_signal_writes_a_dump_under_the_default_names(start, python, memdump):
    target = start(python, env={"MEMDUMP_DIR": "", "MEMDUMP_NAME": ""})
    target.do(INSTALL.format(""))
    target.signal()
    target.await_line("end")
    dump = target.place / f"target.{target.pid}.1.dump"
    memdump.check(dump)
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600


def test_arguments_beat_the_environment(start, python):
    target = start(python, env={"MEMDUMP_SIGNAL": "SIGUSR2", "MEMDUMP_NAME": "env", "MEMDUMP_DIR": "nowhere/at/all"})
    target.do(INSTALL.format("signal='RTMIN+3', name='argument', directory='there'"))
    assert target.ask("memdump.status().signal") == signal.SIGRTMIN + 3
    target.signal(signal.SIGRTMIN + 3)
    target.await_line("end")
    assert [path.name for path in (target.place / "there").iterdir()] == [f"argument.{target.pid}.1.dump"]
    assert stat.S_IMODE((target.place / "there").stat().st_mode) == 0o700


def test_the_environment_beats_the_defaults(start, python):
    target = start(python, env={"MEMDUMP_SIGNAL": "usr2", "MEMDUMP_NAME": "env", "MEMDUMP_KEEP": "2"})
    target.do(INSTALL.format(""))
    for count in (1, 2, 3):
        target.signal(12)
        target.await_line("end", count)
    assert [path.name for path in target.dumps()] == [f"env.{target.pid}.{n}.dump" for n in (2, 3)]


@pytest.mark.parametrize(
    ("arguments", "variables", "error"),
    [
        ("signal='SIGNONE'", {}, "ValueError: signal: `SIGNONE` is not a signal that a process may handle"),
        ("signal=9", {}, "ValueError: signal: `9`"),
        ("signal='SIGSEGV'", {}, "ValueError: signal: `SIGSEGV`"),
        ("signal='usr1', second_signal='usr1'", {}, "ValueError: second_signal: "),
        ("name='a/b'", {}, "ValueError: name: `a/b` is not a name"),
        ("deadline=0", {}, "ValueError: deadline: "),
        ("deadline=float('nan')", {}, "ValueError: deadline: "),
        ("deadline=-1", {}, "ValueError: deadline: "),
        ("", {"MEMDUMP_KEEP": "many"}, "ValueError: MEMDUMP_KEEP: `many` is not a number of dumps"),
        ("", {"MEMDUMP_MIN_FREE": "10 apples"}, "ValueError: MEMDUMP_MIN_FREE: `10 apples` is not a size"),
        ("", {"MEMDUMP_DEADLINE": "soon"}, "ValueError: MEMDUMP_DEADLINE: `soon` is not a time"),
        ("", {"MEMDUMP_SIGNAL": "KILL"}, "ValueError: MEMDUMP_SIGNAL: `KILL` is not"),
        ("", {"MEMDUMP_LABELS": "maybe"}, "ValueError: MEMDUMP_LABELS: `maybe` is not on or off"),
    ],
)
def test_what_cannot_be_used_is_named(start, python, arguments, variables, error):
    target = start(python, env=variables)
    with pytest.raises(TargetError) as raised:
        target.do(INSTALL.format(arguments))
    assert str(raised.value).startswith(error), raised.value
    # Nothing is armed: the signal's default action is still in place.
    assert target.ask("int(__import__('signal').getsignal(10))") == 0
    assert target.ask("memdump.status().signal") is None


@pytest.mark.parametrize(
    ("otherwise", "says"),
    [
        ("sys.abiflags = 't'", "it is a free-threaded build, which is not supported yet"),
        ("sys.implementation.name = 'other'", "it is other; 64-bit CPython is supported"),
        ("sys.getobjects = len", "it was built with Py_TRACE_REFS"),
        ("gc.garbage = []", "its collector is not where it should be"),
        ("sys.getsizeof = lambda o: 7", "its layout is not that of CPython 3."),
    ],
)
def test_an_interpreter_that_looks_different_is_refused(start, python, otherwise, says):
    target = start(python)
    target.do(f"import gc, memdump, sys; {otherwise}")
    for call in ("memdump.install()", "memdump.dump('x.dump')"):
        with pytest.raises(TargetError) as raised:
            target.do(call)
        assert str(raised.value).startswith(f"RuntimeError: memdump cannot dump this interpreter: {says}"), raised.value
    assert target.ask("int(__import__('signal').getsignal(10))") == 0
    assert not list(target.place.glob("*.dump*"))


def test_a_free_threaded_build_is_told_why_it_cannot_import(start, python):
    target = start(python)
    target.do("import sys; sys.abiflags = 't'; sys.modules['memdump._native'] = None")
    with pytest.raises(TargetError, match="ImportError: memdump cannot dump this interpreter: it is a free-threaded build"):
        target.do("import memdump")


def test_arguments_are_by_name_only(start, python):
    target = start(python)
    with pytest.raises(TargetError, match="TypeError"):
        target.do(INSTALL.format("'SIGUSR1'"))


def test_status_before_and_after(start, python):
    target = start(python)
    target.do("import memdump; s = memdump.status")
    assert target.ask("[s().signal, s().taken_away, s().agent_alive, s().in_progress, s().dumps, s().last_dump]") == [
        None,
        False,
        False,
        False,
        0,
        None,
    ]
    target.do("memdump.install()")
    assert target.ask("[s().signal.name, s().taken_away, s().agent_alive, s().dumps]") == ["SIGUSR1", False, True, 0]
    dump = target.dump_by_signal()
    assert target.ask("[s().dumps, s().ignored, s().last_error, s().last_dump.path]") == [1, 0, None, str(dump)]
    assert target.ask("s().last_dump.bytes") == dump.stat().st_size
    assert target.ask("s().last_dump.sequence") == 1


def test_dump_tells_what_is_in_the_file(start, python, memdump):
    target = start(python)
    path = target.place / "by hand.dump"
    target.do(f"import memdump, pathlib; d = memdump.dump(pathlib.Path({str(path)!r}))")
    memdump.check(path)
    told = target.ask("vars(d)")
    info = memdump.json("info", path)
    assert told["path"] == str(path)
    assert told["bytes"] == path.stat().st_size
    [info] = info["infos"]
    assert [info["objects"], info["references"]] == [told["objects"], told["references"]]
    assert told["faults"] == 0
    assert 0 <= told["pause"] <= told["duration"] and told["wait"] >= 0
    # It works without an installation and leaves none behind.
    assert target.ask("memdump.status().signal") is None
    assert target.ask("int(__import__('signal').getsignal(10))") == 0


def test_dump_refuses_what_exists(start, python):
    target = start(python)
    path = target.place / "mine.txt"
    path.write_text("precious")
    with pytest.raises(TargetError, match=r"FileExistsError: .*mine\.txt.*exists"):
        target.do(f"import memdump; memdump.dump({str(path)!r})")
    assert path.read_text() == "precious"
    # A link is no way around it.
    (target.place / "link.dump").symlink_to(target.place / "elsewhere")
    with pytest.raises(TargetError, match="FileExistsError"):
        target.do(f"memdump.dump({str(target.place / 'link.dump')!r})")
    assert not (target.place / "elsewhere").exists()
    assert not list(target.place.glob("*.partial"))


@pytest.mark.parametrize("path", ["/nonexistent/directory/x.dump", "/proc/x.dump", "\\0", "x" * 300])
def test_dump_raises_oserror_or_valueerror(start, python, path):
    target = start(python)
    with pytest.raises(TargetError, match=r"^(OSError|FileNotFoundError|PermissionError|ValueError)"):
        target.do(f"import memdump; memdump.dump('{path}')")
    assert target.ask("1") == 1


def test_a_dump_that_exists_is_passed_over_by_the_series(start, python):
    target = start(python)
    target.do(INSTALL.format(""))
    theirs = target.dumps_in / f"t.{target.pid}.1.dump"
    theirs.write_text("precious")
    assert target.dump_by_signal().name == f"t.{target.pid}.2.dump"
    assert theirs.read_text() == "precious"


def test_labels_can_be_left_out(start, python, memdump):
    target = start(python)
    target.do("import memdump; secrets = {'hunter' + str(2): object()}")
    for labels in (True, False):
        path = target.place / f"{labels}.dump"
        target.do(f"memdump.dump({str(path)!r}, labels={labels})")
        memdump.check(path)
        raw = memdump.run("chain", path, "--type", "object", "--all", "--json").stdout
        assert ("hunter2" in raw) is labels


def test_the_markers_of_a_program_are_all_counted(start, python, memdump):
    target = start(python)
    target.do("import memdump\nclass Marker: pass\nkept = [Marker() for _ in range(1234)]")
    target.do(INSTALL.format(""))
    rows = {row["type"]: row["count"] for row in memdump.json("top", target.dump_by_signal())["types"]}
    assert rows["__main__.Marker"] == 1234


GOOD = """
import memdump
from pathlib import Path
memdump.install(signal="SIGUSR2", directory=Path("x"), keep=3, deadline=1.5)
d: memdump.Dump = memdump.dump(Path("y"), labels=False)
n: int = d.objects + memdump.status().dumps
"""
BAD = """
import memdump
memdump.install(directory=3)
memdump.install("SIGUSR1")
x: str = memdump.dump("y").objects
memdump.status().dumps = 4
"""


def test_the_package_is_typed(tools, tmp_path, request):
    package = Path(__file__).resolve().parents[2] / "dumper" / "cpython" / "python"
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "bad.py").write_text(BAD)

    def mypy(name: str) -> str:
        result = subprocess.run(
            [tools / "mypy", "--strict", "--cache-dir", tmp_path / "cache", name],
            cwd=tmp_path,
            env={**os.environ, "MYPYPATH": str(package)},
            capture_output=True,
            text=True,
        )
        return result.stdout + result.stderr

    assert mypy("good.py").startswith("Success")
    bad = mypy("bad.py")
    for line in (3, 4, 5, 6):
        assert f"bad.py:{line}: error:" in bad, bad
    assert "Found 4 errors" in bad, bad
