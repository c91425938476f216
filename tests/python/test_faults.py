"""When a dump cannot be had: the service goes on, one clear line says why, and nothing half-written is left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from live import catch_snapshot, snapshots_of, wait_for, zombies_of

START = """
import memdump, os, sys, signal, resource, time
filling = [(str(n), n + 10**6) for n in range(30_000)]
"""
NOBODY = 54321


def goes_on(target) -> None:
    """It answers, has no zombie, and nothing is left under any name."""
    assert target.ask("sum(range(10))") == 45
    wait_for("no child", lambda: not snapshots_of(target.pid))
    assert not zombies_of(target.pid)


def fails_with(target, pattern: str) -> None:
    """The next dump fails; the log says so in one line."""
    import re

    before = len(target.lines(""))
    failed = len(target.lines("failed"))
    target.signal()
    line = target.await_line("failed", failed + 1)
    assert re.search(pattern, line), line
    # A cause and a cure.
    assert "; " in line, line
    new = target.lines("")[before:]
    assert [line.split()[1] for line in new] == ["begin", "failed"], new
    assert "Traceback" not in target.log()
    assert target.ask("memdump.status().last_error") == line.split("failed ", 1)[1]
    goes_on(target)


def in_namespace() -> tuple[str, ...]:
    for unshare in (("unshare", "-m"), ("unshare", "-r", "-m")):
        if shutil.which("unshare") and not subprocess.run([*unshare, "true"], capture_output=True).returncode:
            return unshare
    pytest.skip("this machine lets nobody mount (unshare -m)")


def mounted(options: str, after: str = "true") -> tuple[str, ...]:
    """The start of a command that runs with a file system of its own on `small`."""
    script = f'mkdir small && mount -t tmpfs -o {options} none small && {after} && exec "$@"'
    return (*in_namespace(), "sh", "-c", script, "sh")


# Faults of the real world


def test_disk_full(start, python):
    target = start(python, START + "memdump.install(); listen()", env={"MEMDUMP_DIR": "small"}, before=mounted("size=256k"))
    assert target.ask("os.listdir('small')") == []
    fails_with(target, "No space left on device.*; free space, or set MEMDUMP_DIR")
    assert target.ask("os.listdir('small')") == []
    # With room again it works again.
    target.do("os.system('mount -o remount,size=64m small')")
    target.signal()
    target.await_line("end")
    assert target.ask("os.listdir('small')") == [f"t.{target.pid}.1.dump"]


def test_too_little_free_space(start, python):
    target = start(
        python,
        START + "memdump.install(); listen()",
        env={"MEMDUMP_DIR": "small", "MEMDUMP_MIN_FREE": ""},
        before=mounted("size=200m"),
    )
    assert target.ask("os.listdir('small')") == []
    fails_with(target, "less than 268435456 bytes are free.*MEMDUMP_MIN_FREE")
    assert target.ask("os.listdir('small')") == []


def test_read_only_file_system(start, python):
    target = start(
        python,
        START + "memdump.install(); listen()",
        env={"MEMDUMP_DIR": "small"},
        before=mounted("size=64m", "mount -o remount,ro small"),
    )
    fails_with(target, "Read-only file system")
    assert target.ask("os.listdir('small')") == []


def test_unwritable_directory(start, python):
    target = start(python, START + "memdump.install(); listen()")
    # Root may write everywhere, so it is somebody else for the time being.
    target.do("os.chmod(os.environ['MEMDUMP_DIR'], 0o555); root = os.getuid() == 0")
    target.do(f"if root: os.seteuid({NOBODY})")
    fails_with(target, "Permission denied.*; let this user write there, or set MEMDUMP_DIR")
    assert not list(target.dumps_in.iterdir())
    target.do("if root: os.seteuid(0)")
    target.do("os.chmod(os.environ['MEMDUMP_DIR'], 0o755)")
    target.dump_by_signal()


def test_missing_directory(start, python):
    target = start(python, START + "memdump.install(directory='no/such'); listen()")
    fails_with(target, "no/such.*No such file or directory.*; make the directory")


def test_a_file_in_place_of_the_directory(start, python):
    target = start(python, START + "open('file', 'w').close(); memdump.install(directory='file'); listen()")
    fails_with(target, "Not a directory")


def test_fork_refused(start, python):
    target = start(
        python,
        START
        + """
memdump.install()
if os.getuid() == 0:
    os.setgroups([]); os.setgid({uid}); os.setuid({uid})
soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
resource.setrlimit(resource.RLIMIT_NPROC, (1, hard))
listen()
""".replace("{uid}", str(NOBODY)),
    )
    fails_with(target, "refused a snapshot process.*; raise the limit on processes")
    assert not list(target.dumps_in.iterdir())


def test_file_size_limit(start, python):
    target = start(
        python,
        START + "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY)); memdump.install(); listen()",
    )
    fails_with(target, "File too large.*ulimit -f")
    assert not list(target.dumps_in.iterdir())


def test_no_descriptor_left(start, python, memdump):
    """The target has none free; the snapshot process does not need one of the target's."""
    target = start(
        python,
        START
        + """
memdump.install()
resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir('/proc/self/fd'))), 4096))
listen()
""",
    )
    memdump.check(target.dump_by_signal())


def test_snapshot_process_killed(start, python):
    target = start(python, START + "memdump.install(); listen()")
    with target.frozen_dump() as snapshot:
        begun, ended = len(target.lines("begin")), len(target.lines("end"))
        os.kill(snapshot, signal.SIGKILL)
        assert "was killed (signal 9)" in target.await_line("failed")
    assert len(target.lines("begin")) == begun == ended + 1
    assert not target.leftovers()
    goes_on(target)
    target.dump_by_signal()


def test_signals_during_a_dump(start, python, memdump):
    target = start(python, START + "memdump.install(); listen()")
    with target.frozen_dump():
        begun, ended = len(target.lines("begin")), len(target.lines("end"))
        for count in range(1, 4):
            target.signal()
            wait_for("counted", lambda count=count: target.ask("memdump.status().ignored") == count)
        assert target.ask("memdump.status().in_progress") is True
    line = target.await_line("end", ended + 1)
    assert line.endswith(" ignored=3"), line
    assert len(target.lines("busy")) == 1
    assert len(target.lines("begin")) == begun
    goes_on(target)


@pytest.mark.parametrize("end", ["returns", "is killed"])
def test_the_process_ends_during_a_dump(start, python, memdump, end):
    """What was begun is completed and published."""
    target = start(python, START + "memdump.install(); listen()")
    with target.frozen_dump():
        before = target.dumps()
        if end == "returns":
            assert target.close() == 0, target.log()
        else:
            target.process.kill()
            target.process.wait()
        assert target.dumps() == before
    wait_for("the dump of a process that is gone", lambda: len(target.dumps()) == len(before) + 1)
    for dump in target.dumps():
        memdump.check(dump)
    assert not target.leftovers()


def test_the_process_execs_during_a_dump(start, python, memdump):
    target = start(python, START + "memdump.install(); listen()")
    with target.frozen_dump():
        before = target.dumps()
        target.post("os.execv('/bin/cat', ['cat'])")
        wait_for("exec", lambda: Path(f"/proc/{target.pid}/comm").read_text() == "cat\n")
    wait_for("dump", lambda: len(target.dumps()) == len(before) + 1)
    memdump.check(target.dumps()[-1])


# Faults by name


@pytest.mark.parametrize(
    ("failpoint", "says"),
    [
        ("clone-refused", "refused a snapshot process"),
        ("mmap-fails", "no memory for a page"),
        ("child-killed-at-start", r"was killed \(signal 9\)"),
        ("child-killed", r"was killed \(signal 9\)"),
        ("walk-faults", r"memory fault"),
        ("walk-panics", r"panicked at .*\.rs"),
        ("no-space-after=0", "No space left on device"),
        ("no-space-after=20000", "No space left on device"),
        ("rename-fails", "Input/output error"),
    ],
)
def test_fault(start, faulty_python, failpoint, says):
    target = start(faulty_python, START + "memdump.install(); listen()", env={"MEMDUMP_FAILPOINTS": failpoint})
    for _ in range(3):
        fails_with(target, says)
        assert not list(target.dumps_in.iterdir())
    # The failpoints are looked up for each dump, so this one succeeds.
    target.do("os.environ.pop('MEMDUMP_FAILPOINTS')")
    target.do("os.unsetenv('MEMDUMP_FAILPOINTS')")
    target.dump_by_signal()


@pytest.mark.parametrize("failpoint", ["clone-refused", "child-killed", "walk-faults", "no-space-after=20000", "rename-fails"])
def test_fault_by_hand(start, faulty_python, failpoint):
    from live import TargetError

    target = start(faulty_python, START + "listen()", env={"MEMDUMP_FAILPOINTS": failpoint})
    with pytest.raises(TargetError, match=r"^(OSError|BlockingIOError): .*; "):
        target.do("memdump.dump('x.dump')")
    assert not list(target.place.glob("x.dump*"))
    assert target.lines("") == []
    goes_on(target)


def test_deadline(start, faulty_python):
    target = start(
        faulty_python,
        START + "memdump.install(deadline=0.5); listen()",
        env={"MEMDUMP_FAILPOINTS": "child-hangs"},
    )
    fails_with(target, "took longer than 500ms.*; raise MEMDUMP_DEADLINE")
    assert not list(target.dumps_in.iterdir())


def test_a_hanging_dump_is_killed_from_outside(start, faulty_python):
    target = start(faulty_python, START + "memdump.install(); listen()", env={"MEMDUMP_FAILPOINTS": "child-hangs"})
    target.signal()
    snapshot = wait_for("a snapshot process", lambda: catch_snapshot(target.pid))
    os.kill(snapshot, signal.SIGKILL)
    assert "was killed" in target.await_line("failed")
    assert not list(target.dumps_in.iterdir())
    goes_on(target)


def test_without_rename_that_refuses(start, faulty_python, memdump):
    """On file systems that cannot rename without replacing, a link does."""
    target = start(faulty_python, START + "memdump.install(); listen()", env={"MEMDUMP_FAILPOINTS": "rename-unsupported"})
    memdump.check(target.dump_by_signal())
    assert not target.leftovers()
