"""`memdump send` beyond one process: by command line, to all, again and again, into another namespace."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from live import DEADLINE, children_of, has_agent, wait_for

INSTALLED = "import memdump; memdump.install(); listen()"
# No other process has these in its command line; one is not in the other.
LEFT, RIGHT = f"the-left-one-{os.getpid()}", f"the-right-one-{os.getpid()}"


def test_by_command_line(start, python, memdump):
    left, right = start(python, INSTALLED, LEFT), start(python, INSTALLED, RIGHT)
    for target, mark in ((left, LEFT), (right, RIGHT)):
        sent = memdump.run("send", "--match", mark)
        assert sent.returncode == 0, sent.stderr
        assert [Path(sent.stdout.strip())] == target.dumps()
        memdump.check(target.dumps()[0])


def test_to_all_that_match(start, python, memdump):
    targets = [start(python, INSTALLED, LEFT) for _ in range(3)]
    unprepared = start(python, "listen()", LEFT)
    several = memdump.run("send", "--match", LEFT)
    assert several.returncode != 0
    assert all(str(target.pid) in several.stderr for target in targets), several.stderr
    assert not any(target.dumps() for target in targets), "nobody is asked while it is not clear who is meant"

    sent = memdump.run("send", "--match", LEFT, "--all")
    assert sent.returncode == 0, sent.stderr
    assert sorted(map(Path, sent.stdout.split())) == sorted(dump for target in targets for dump in target.dumps())
    assert [len(target.dumps()) for target in targets] == [1, 1, 1]
    # One that has no memdump in it would end on the signal.
    assert unprepared.ask("1 + 1") == 2


def test_one_that_fails_keeps_none_of_the_others_from_it(start, python, memdump):
    first, last = start(python, INSTALLED, LEFT), start(python, INSTALLED, LEFT)
    first.do("import os; os.rmdir('dumps'); open('dumps', 'x').close()")
    sent = memdump.run("send", "--match", LEFT, "--all")
    assert sent.returncode == 5
    assert [Path(sent.stdout.strip())] == last.dumps()
    assert str(first.pid) in sent.stderr


def test_nothing_matches(memdump):
    sent = memdump.run("send", "--match", f"nobody has {os.getpid()} in this way")
    assert (sent.returncode, sent.stdout) == (5, "")
    assert "no process" in sent.stderr


def test_a_series(start, python, memdump):
    target = start(python, INSTALLED)
    sent = memdump.run("send", str(target.pid), "--every", "100ms", "-n", "3")
    assert sent.returncode == 0, sent.stderr
    paths = list(map(Path, sent.stdout.split()))
    assert len(set(paths)) == 3 and sorted(paths) == target.dumps()


def test_a_series_until_it_is_interrupted(start, python, memdump):
    target = start(python, INSTALLED)
    command = [memdump.path, "send", str(target.pid), "--every", "50ms"]
    series = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for("four dumps", lambda: len(target.lines("end")) >= 4)
    series.send_signal(signal.SIGINT)
    out, err = series.communicate(timeout=DEADLINE)
    assert len(out.split()) >= 3, err
    assert set(map(Path, out.split())) <= set(target.dumps())


def test_into_another_namespace(start, python, memdump):
    """As in a container: the process has another id there, and its dumps lie below another root."""
    unshare = ("unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc")
    if subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine lets nobody make namespaces (unshare --pid --mount)")
    inside = start(python, INSTALLED, before=(*unshare, "sh", "-c", 'mount -t tmpfs none dumps && exec "$@"', "sh"))
    assert inside.ask("__import__('os').getpid()") == 1
    [pid] = wait_for("its agent", lambda: [child for child in children_of(inside.pid) if has_agent(child)])
    sent = memdump.run("send", str(pid))
    assert sent.returncode == 0, sent.stderr
    # A path that leads there from here.
    assert not inside.dumps()
    memdump.check(Path(sent.stdout.strip()))
