"""The signal, whatever the main thread is doing, and in the company of other handlers."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from live import wait_for

pytestmark = pytest.mark.every_version

START = """
import memdump, socket, select, subprocess, threading, time, signal, sys, os
memdump.install()
"""

# What the main thread waits in; the variable `port` is where the test listens, and a connection ends the wait.
WAITS = {
    "accept": "s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); s.accept()",
    "select": "s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); select.select([s], [], [])",
    "lock": """
s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)
lock = threading.Lock(); lock.acquire()
threading.Thread(target=lambda: (s.accept(), lock.release())).start()
lock.acquire()
""",
    "join": """
s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)
t = threading.Thread(target=s.accept); t.start(); t.join()
""",
    "subprocess": """
code = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); s.accept()"
assert subprocess.run([sys.executable, '-c', code]).returncode == 0
""",
    "asyncio": """
import asyncio
async def main():
    done = asyncio.Event()
    async def serve(reader, writer):
        done.set()
    server = await asyncio.start_server(serve, '127.0.0.1', 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await done.wait()
asyncio.run(main())
""",
}


@pytest.mark.parametrize("wait", WAITS)
def test_while_the_main_thread_waits(start, python, memdump, wait):
    target = start(python, START + "listen()")
    target.post(WAITS[wait])
    port = int(target.line())
    target.await_blocked()
    dumps = [target.dump_by_signal(), target.dump_by_signal()]
    for dump in dumps:
        memdump.check(dump)
    # The wait goes on until what it waits for happens, and only until then.
    target.await_blocked()
    with socket.create_connection(("127.0.0.1", port)):
        target.answer()


def test_a_sleep_lasts_as_long_as_it_should(start, python):
    target = start(python, START + "listen()")
    target.post("a = time.monotonic(); time.sleep(1.5); assert time.monotonic() - a >= 1.5")
    target.await_blocked()
    target.dump_by_signal()
    target.answer()


def test_send_does_not_cut_a_c_call_short(start, python, memdump):
    """A naive C call returns early from a signal to the process; the second signal goes to the agent's thread."""
    target = start(python, START + "import ctypes; libc = ctypes.CDLL(None); listen()")
    target.post("left = libc.sleep(4)")
    target.await_blocked()
    sent = memdump.run("send", str(target.pid))
    assert sent.returncode == 0, sent.stderr
    target.answer()
    assert target.ask("left") == 0
    assert [str(path) for path in target.dumps()] == [sent.stdout.strip()]
    memdump.check(target.dumps()[0])


def test_while_threads_are_busy(start, python, memdump):
    target = start(python, START + "listen()")
    target.do("""
go = True
def work():
    things = []
    while go:
        things.append({"a": [len(things)], "b": (object(), str(len(things)))})
        if len(things) > 2000: things.clear()
workers = [threading.Thread(target=work) for _ in range(4)]
for w in workers: w.start()
""")
    for _ in range(5):
        memdump.check(target.dump_by_signal())
    target.do("go = False; [w.join() for w in workers]")


def test_a_handler_that_stood_there_still_runs(start, python):
    target = start(python)
    target.do("import signal, memdump; seen = []; signal.signal(signal.SIGUSR1, lambda n, f: seen.append(n))")
    target.do("memdump.install()")
    for count in (1, 2):
        target.dump_by_signal()
        assert target.ask("seen") == [10] * count
    assert target.ask("memdump.status().taken_away") is False


def test_an_ignored_signal_is_taken(start, python):
    target = start(python)
    target.do("import signal, memdump; signal.signal(signal.SIGUSR1, signal.SIG_IGN); memdump.install()")
    target.dump_by_signal()


def test_a_signal_that_is_taken_away(start, python, memdump):
    target = start(python, START + "listen()")
    target.do("seen = []; signal.signal(signal.SIGUSR1, lambda n, f: seen.append(n))")
    assert target.ask("memdump.status().taken_away") is True
    target.signal()
    # The application has it, and no dump comes of it; `send` still works.
    assert target.ask("seen") == [10]
    sent = memdump.run("send", str(target.pid))
    assert sent.returncode == 0, sent.stderr
    assert len(target.lines("begin")) == 1
    # Installed again, both run.
    target.do("memdump.install()")
    assert target.ask("memdump.status().taken_away") is False
    target.dump_by_signal()
    assert target.ask("seen") == [10, 10]
    # And again: the handler is called once for each signal.
    target.do("memdump.install(); memdump.install()")
    target.dump_by_signal()
    assert target.ask("seen") == [10, 10, 10]
    assert len(target.dumps()) == 3


def test_a_handler_that_calls_the_one_before(start, python):
    target = start(python)
    target.do("""
import signal, memdump
seen = []
signal.signal(signal.SIGUSR1, lambda n, f: seen.append("first"))
memdump.install()
before = signal.getsignal(signal.SIGUSR1)
def later(n, f):
    seen.append("later"); before(n, f)
signal.signal(signal.SIGUSR1, later)
memdump.install()
""")
    target.dump_by_signal()
    assert target.ask("seen") == ["later", "first"]


def test_settings_change_when_installed_again(start, python):
    target = start(python, START + "listen()")
    target.dump_by_signal()
    target.do("memdump.install(name='renamed', signal='USR2')")
    target.signal(12)
    target.await_line("end", 2)
    assert sorted(path.name for path in target.dumps()) == [f"renamed.{target.pid}.2.dump", f"t.{target.pid}.1.dump"]


def test_a_signal_while_the_interpreter_ends(start, python):
    """At any point of the end, from atexit to the last finaliser, the signal does nothing bad."""
    for when in ("memdump installed first", "memdump installed last"):
        first, last = ("", "memdump.install()") if "last" in when else ("memdump.install()", "")
        script = f"""
import atexit, os, signal, sys, memdump
{first}
class Last:
    def __del__(self, kill=os.kill, pid=os.getpid()):
        for _ in range(20): kill(pid, signal_number)
signal_number = int(signal.SIGUSR1)
Last.__del__.__globals__["keep"] = Last()
def at_exit():
    for _ in range(20): os.kill(os.getpid(), signal.SIGUSR1)
atexit.register(at_exit)
{last}
"""
        target = start(python, script)
        assert target.close() == 0, target.log()
        assert "Traceback" not in target.log() and "Fatal" not in target.log()
        # A dump that had begun goes on without it.
        wait_for("no unfinished file", lambda target=target: not target.leftovers())


def test_a_daemon_that_closed_everything(start, python, memdump):
    """It closes all its descriptors, gets their numbers again for files of its own, and finds nothing foreign in those."""
    target = start(
        python,
        """
import os, sys, memdump
memdump.install()
if os.fork():
    os._exit(0)
os.setsid()
os.closerange(0, 100)
mine = [os.open(f"mine{n}", os.O_RDWR | os.O_CREAT | os.O_TRUNC) for n in range(12)]
assert mine[:3] == [0, 1, 2]
with open("daemon.pid.new", "w") as f: f.write(str(os.getpid()))
os.rename("daemon.pid.new", "daemon.pid")
import signal
while True:
    signal.pause()
""",
    )
    target.process.wait(60)
    where = target.place / "daemon.pid"
    wait_for("the daemon", where.exists)
    pid = int(where.read_text())
    try:
        for count in (1, 2):
            dump = target.dumps_in / f"t.{pid}.{count}.dump"

            # Without a log nobody knows when the dump before is quite over; until then a signal is ignored.
            def there(dump: Path = dump) -> bool:
                os.kill(pid, 10)
                return dump.exists()

            wait_for("the daemon's dump", there, every=0.2)
            memdump.check(dump)
        for n in range(12):
            assert (target.place / f"mine{n}").read_bytes() == b""
    finally:
        os.kill(pid, 9)
