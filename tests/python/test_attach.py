"""`memdump attach`: programs that nobody prepared, and what must not be attached to."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from http.client import HTTPConnection
from pathlib import Path

import pytest
from live import DEADLINE, state_of, wait_for

SHOP = Path(__file__).resolve().parents[1] / "demo" / "shop"

BUSY = """
import threading, time
def work():
    while True:
        [object() for _ in range(1000)]
        time.sleep(0.001)
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
print("listening", flush=True)
while True:
    time.sleep(0.002)
"""
# As memdump is in the site-packages of the tests' environments, `-S` and `-E` make them ones that nobody prepared.
BARE = ("-S", "-E")


@pytest.fixture
def package(python, tmp_path):
    """A directory with nothing but the package in it."""
    found = next((python.parent.parent / "lib").glob("python3.*/site-packages/memdump"))
    shutil.copytree(found, tmp_path / "package" / "memdump", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "package"


def test_an_unprepared_program_dumps_after_it(python, start, memdump, package):
    target = start(python, BUSY, flags=BARE)
    target.await_ready()
    refused = memdump.run("send", str(target.pid))
    assert refused.returncode == 5 and f"memdump attach {target.pid}" in refused.stderr
    attached = memdump.run(
        "attach", str(target.pid), "--package", package, "--dir", target.dumps_in, "--name", "busy", "--set", "min_free=0"
    )
    assert attached.returncode == 0, attached.stderr
    assert "has memdump in it now" in attached.stdout and f"kill -USR1 {target.pid}" in attached.stdout
    first, second = target.dump_by_signal(), target.dump_by_signal()
    assert first.name == f"busy.{target.pid}.1.dump"
    memdump.check(first)
    memdump.check(second)
    again = memdump.json("attach", str(target.pid))
    assert again["already"] and again["signal"] == signal.SIGUSR1


def test_a_listener_is_left_as_it_was(python, start, memdump, package):
    # It sleeps in read(2), so nothing runs before it is asked something.
    target = start(python, "listen()", flags=BARE)
    names = "[sorted(set(__import__('sys').modules['__main__'].__dict__)), __import__('sys').path]"
    before = target.ask(names)
    target.await_blocked()
    asleep = memdump.run("attach", str(target.pid), "--package", package, "--timeout", "1s")
    assert asleep.returncode == 5
    assert "ran no Python code" in asleep.stderr and "taken back" in asleep.stderr and "--wake" in asleep.stderr
    # What was taken back does nothing when code runs again.
    assert target.ask(names) == before
    assert target.ask("'memdump' in __import__('sys').modules") is False
    assert target.ask("__import__('_thread')._count()") == 0
    with subprocess.Popen(
        [memdump.path, "attach", str(target.pid), "--package", package], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as attach:
        while attach.poll() is None:
            target.ask("1")
        assert attach.returncode == 0, attach.stderr.read() if attach.stderr else ""
    assert target.ask(names) == before
    target.dump_by_signal()
    assert target.close() == 0
    assert "Traceback" not in target.log()


def test_a_handler_written_in_python_can_be_woken(python, start, memdump, package):
    script = "import signal\nsignal.signal(signal.SIGUSR2, lambda *_: None)\nlisten()"
    target = start(python, script, flags=BARE)
    target.await_blocked()
    unheard = memdump.run("attach", str(target.pid), "--package", package, "--wake", "HUP")
    assert unheard.returncode == 5 and "no handler for signal 1" in unheard.stderr and "SIGUSR2" in unheard.stderr
    woken = memdump.run("attach", str(target.pid), "--package", package, "--wake", "USR2")
    assert woken.returncode == 0, woken.stderr
    target.dump_by_signal()


def test_the_reason_is_told_when_the_target_cannot_install(python, start, memdump, package):
    target = start(python, BUSY, flags=BARE)
    target.await_ready()
    pid = str(target.pid)
    none = memdump.run("attach", pid)
    assert none.returncode == 5 and "No module named 'memdump'" in none.stderr and "pip install --target" in none.stderr
    wrong = memdump.run("attach", pid, "--package", package, "--set", "colour=red")
    assert wrong.returncode == 5 and "TypeError" in wrong.stderr and "colour" in wrong.stderr
    impossible = memdump.run("attach", pid, "--package", package, "--signal", "KILL")
    assert impossible.returncode == 5 and "ValueError" in impossible.stderr, impossible
    assert target.process.poll() is None
    assert memdump.run("attach", pid, "--package", package).returncode == 0


def test_what_is_no_python_is_left_alone(memdump, tmp_path):
    def refusal(pid: int) -> str:
        result = memdump.run("attach", str(pid))
        assert result.returncode == 5, result.stdout
        return result.stderr

    sleep = subprocess.Popen(["sleep", "600"])
    try:
        assert "not a CPython" in refusal(sleep.pid) and "_PyRuntime" in refusal(sleep.pid)
        os.kill(sleep.pid, signal.SIGSTOP)
        wait_for("stopped", lambda: state_of(sleep.pid) == "T")
        assert f"kill -CONT {sleep.pid}" in refusal(sleep.pid)
        sleep.kill()
        wait_for("zombie", lambda: state_of(sleep.pid) == "Z")
        assert "zombie" in refusal(sleep.pid)
    finally:
        sleep.kill()
        sleep.wait()
    assert "no process" in refusal(sleep.pid)


@pytest.mark.skipif(shutil.which("strace") is None and shutil.which("gdb") is None, reason="neither strace nor gdb is here")
def test_a_traced_process_is_told_with_its_tracer(start, memdump, python):
    target = start(python, BUSY, flags=BARE)
    target.await_ready()
    tracer = ["strace", "-qqf", "-e", "none", "-p"] if shutil.which("strace") else ["gdb", "-q", "-nx", "-ex", "continue", "-p"]
    with subprocess.Popen(
        [*tracer, str(target.pid)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as debugger:
        status = Path(f"/proc/{target.pid}/status")
        wait_for("traced", lambda: re.search(r"^TracerPid:\t[1-9]", status.read_text(), re.MULTILINE))
        wait_for("running", lambda: state_of(target.pid) in "RS")
        refused = memdump.run("attach", str(target.pid))
        debugger.kill()
    assert refused.returncode == 5 and f"already traced by process {debugger.pid}" in refused.stderr, refused.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_another_users_process_is_told_with_the_cure(start, memdump, python):
    target = start(python, BUSY, flags=BARE)
    target.await_ready()
    readable = subprocess.run([memdump.path, "--version"], user=65534, capture_output=True)
    if readable.returncode != 0:
        pytest.skip("the command cannot be run by others here")
    refused = memdump.run("attach", str(target.pid), user=65534)
    assert refused.returncode == 5 and f"sudo memdump attach {target.pid}" in refused.stderr, refused.stderr


def test_a_target_survives_attaches_that_are_killed(python, start, memdump, package, tmp_path):
    target = start(python, BUSY, flags=BARE)
    target.await_ready()
    arguments = [memdump.path, "attach", str(target.pid), "--package", str(package), "--dir", str(tmp_path)]
    for index in range(20):
        # At another moment each time: from before anything is done to after the end.
        with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as attach:
            try:
                attach.wait(0.002 * index)
            except subprocess.TimeoutExpired:
                attach.kill()
        assert target.process.poll() is None, target.log()
    last = memdump.run(*arguments[1:])
    assert last.returncode == 0, last.stderr
    assert memdump.run("send", str(target.pid)).returncode == 0
    assert "Traceback" not in target.log()


def test_a_container_is_looked_into(python, memdump, package, tmp_path):
    """A target in pid and mount namespaces of its own, as in a container."""
    unshare = ["unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        pytest.skip("namespaces cannot be made here")
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    # A file system of its own for its dumps: the path means something else here.
    inner = f'mount -t tmpfs none {dumps} && exec {python} -S -E -c "$0"'
    container = subprocess.Popen([*unshare, "sh", "-c", inner, BUSY], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        children = Path(f"/proc/{container.pid}/task/{container.pid}/children")
        pid = int(wait_for("the target", lambda: children.read_text().split()[:1])[0])
        wait_for("Python", lambda: "python" in os.readlink(f"/proc/{pid}/exe") and (Path(f"/proc/{pid}/task")).stat().st_nlink > 5)
        attached = memdump.run("attach", str(pid), "--package", package, "--dir", dumps, "--set", "min_free=0")
        assert attached.returncode == 0, attached.stderr
        sent = memdump.run("send", str(pid))
        assert sent.returncode == 0, sent.stderr
        dump = Path(sent.stdout.strip())
        assert dump.exists() and str(dump).startswith(f"/proc/{pid}/root" + os.sep), dump
        # Its pid in there is part of the name.
        assert re.search(r"\.1\.1\.dump$", dump.name), dump
        memdump.check(dump)
    finally:
        container.kill()
        container.wait()


def test_a_leak_of_django_is_found_after_an_attach(python, memdump, package, tmp_path):
    """The demo's shop under gunicorn, which knows nothing of memdump: attach, two signals, and the usual questions."""
    shop = tmp_path / "shop"
    shutil.copytree(SHOP, shop, ignore=shutil.ignore_patterns("__pycache__", "gunicorn.conf.py"))
    # The environment's other packages by links, so that memdump is not among them.
    (sites,) = (python.parent.parent / "lib").glob("python3.*/site-packages")
    others = tmp_path / "others"
    others.mkdir()
    for path in sites.iterdir():
        if not path.name.startswith("memdump"):
            (others / path.name).symlink_to(path)
    listener = socket.create_server(("127.0.0.1", 0))
    log = tmp_path / "server.log"
    with open(log, "wb") as output:
        server = subprocess.Popen(
            [python, "-S", "-m", "gunicorn", "--bind", f"fd://{listener.fileno()}", "--workers", "1", "wsgi"],
            cwd=shop,
            env={**{key: value for key, value in os.environ.items() if not key.startswith("MEMDUMP_")}, "PYTHONPATH": str(others)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[listener.fileno()],
        )
    port = listener.getsockname()[1]
    listener.close()

    def get(path: str) -> int:
        connection = HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status

    def booted() -> int | None:
        assert server.poll() is None, log.read_text()
        found = re.search(r"Booting worker with pid: (\d+)", log.read_text())
        return int(found[1]) if found else None

    try:
        worker = wait_for("a worker", booted)
        assert get("/browse?customer=0") == 200
        arguments = ["--package", package, "--dir", tmp_path, "--name", "shop", "--set", "min_free=0"]
        # A worker without requests sleeps for 15 s.
        with subprocess.Popen([memdump.path, "attach", str(worker), *arguments], stderr=subprocess.PIPE, text=True) as attach:
            while attach.poll() is None:
                assert get("/browse?customer=0") == 200
            assert attach.returncode == 0, attach.stderr.read() if attach.stderr else ""
        dumps = [tmp_path / f"shop.{worker}.{number}.dump" for number in (1, 2)]
        for dump in dumps:
            os.kill(worker, signal.SIGUSR1)
            wait_for("the dump", dump.exists)
            for _ in range(50):
                assert get("/checkout") == 200
        third = memdump.run("send", str(worker))
        assert third.returncode == 0, third.stderr
        dumps.append(Path(third.stdout.strip()))
        diff = memdump.run("diff", dumps[0], dumps[2])
        assert re.search(r"\+10\s.*SomeRef", diff.stdout), diff.stdout
        chain = memdump.run("chain", dumps[0], dumps[2], "--type", "SomeRef")
        assert "global_data" in chain.stdout and "['a']" in chain.stdout, chain.stdout + chain.stderr
        assert get("/browse?customer=1") == 200
    finally:
        server.terminate()
        server.wait()
    assert "Traceback" not in log.read_text()
