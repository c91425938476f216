"""What the application must not notice: the snapshot process, the agent, their descriptors and signals."""

from __future__ import annotations

import os
import signal
import socket
import threading

from live import file_of, wait_for, zombies_of

START = """
import memdump, os, sys, signal, subprocess, time, socket, threading
memdump.install(keep=3)
"""


class Barrage:
    """Signals a target every 50 ms until the block ends."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.fire)

    def fire(self) -> None:
        while not self.over.wait(0.05):
            os.kill(self.pid, signal.SIGUSR1)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()


def settled(target) -> None:
    wait_for(
        "no dump under way",
        lambda: len(target.lines("begin")) == len(target.lines("end")) + len(target.lines("failed")),
    )


def test_sigchld_and_wait_see_nothing(start, python):
    target = start(python, START + "listen()")
    target.do("""
seen = []
signal.signal(signal.SIGCHLD, lambda n, f: seen.append(n))
filling = [(str(n), n + 10**6) for n in range(100_000)]
looked = 0
for count in range(1, 4):
    os.kill(os.getpid(), signal.SIGUSR1)
    while memdump.status().dumps < count:
        looked += memdump.status().in_progress
        try:
            raise SystemExit(f"found {os.waitpid(-1, os.WNOHANG)}")
        except ChildProcessError:
            pass
""")
    assert target.ask("looked") > 0
    assert target.ask("seen") == []


def test_a_blocking_wait_is_for_the_applications_own_child(start, python):
    target = start(python, START + "listen()")
    with target.frozen_dump():
        target.do("child = subprocess.Popen(['sleep', '0.2'])")
        assert target.ask("os.waitpid(-1, 0)[0] == child.pid")
    target.await_line("end")


def test_children_are_as_ever_under_a_barrage(start, python):
    """subprocess, asyncio's child watcher and multiprocessing, with a dump asked for every 50 ms."""
    target = start(
        python,
        START
        + """
import asyncio, multiprocessing
def square(n): return n * n
def children():
    for n in range(20):
        assert subprocess.run([sys.executable, "-S", "-c", f"raise SystemExit({n})"]).returncode == n
    async def many():
        async def one(n):
            p = await asyncio.create_subprocess_exec("sh", "-c", f"echo {n}; exit {n}", stdout=asyncio.subprocess.PIPE)
            out, _ = await p.communicate()
            return out, p.returncode
        return await asyncio.gather(*(one(n) for n in range(20)))
    assert asyncio.run(many()) == [(b"%d\\n" % n, n) for n in range(20)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(square, range(500)) == [n * n for n in range(500)]
    p = multiprocessing.get_context("spawn").Process(target=square, args=(3,)); p.start(); p.join()
    assert p.exitcode == 0
if __name__ == "__main__":
    listen()
""",
    )
    with Barrage(target.pid):
        target.do("children()")
    settled(target)
    assert not target.lines("failed"), target.log()
    assert target.lines("end")
    assert not zombies_of(target.pid)


def test_nothing_leaks_in_50_dumps(start, python):
    target = start(python, START + "listen()")
    target.dump_by_signal()
    descriptors, threads = target.descriptors(), target.threads()
    maps = len((open(f"/proc/{target.pid}/maps").read()).splitlines())
    for _ in range(50):
        target.dump_by_signal()
    assert target.descriptors() == descriptors
    assert target.threads() == threads
    assert not zombies_of(target.pid)
    assert len((open(f"/proc/{target.pid}/maps").read()).splitlines()) <= maps + 8
    # keep=3
    assert len(target.dumps()) == 3 and not target.leftovers()


def test_streams_and_atexit_are_the_targets_alone(start, python):
    target = start(
        python,
        START
        + """
import atexit, ctypes
out = open("out.txt", "w", buffering=1 << 16)
out.write("once\\n")
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
stream = ctypes.c_void_p(libc.fopen(b"c.txt", b"w"))
libc.fputs(b"once\\n", stream)
atexit.register(lambda: open("atexit.txt", "a").write("once\\n"))
listen()
""",
    )
    for _ in range(3):
        target.dump_by_signal()
    for name in ("out.txt", "c.txt"):
        assert (target.place / name).read_text() == ""
    assert not (target.place / "atexit.txt").exists()
    assert target.close() == 0
    for name in ("out.txt", "c.txt", "atexit.txt"):
        assert (target.place / name).read_text() == "once\n"


def test_a_peer_sees_the_end_of_a_connection_at_once(start, python):
    """Also while a snapshot process lives that was made when the connection was open."""
    target = start(python, START + "s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); listen()")
    port = int(target.line())
    with socket.create_connection(("127.0.0.1", port), timeout=60) as peer:
        target.do("connection, _ = s.accept()")
        with target.frozen_dump():
            target.do("connection.close()")
            assert peer.recv(1) == b""
            # And the port is free again.
            target.do("s.close()")
            target.do(f"s = socket.create_server(('127.0.0.1', {port})); s.close()")
        target.await_line("end")


def test_locks_are_let_go_at_once(start, python):
    target = start(python, START + "import fcntl; listen()")
    target.do("f = open('lock', 'w'); fcntl.flock(f, fcntl.LOCK_EX)")
    import fcntl

    with open(target.place / "lock") as mine, target.frozen_dump():
        target.do("f.close()")
        fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_pipe_ends_at_once(start, python):
    """The child of a dumping process sees the end of its stdin although a snapshot process lives."""
    target = start(python, START + "listen()")
    target.do("child = subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)")
    with target.frozen_dump():
        target.do("child.stdin.close()")
        assert target.ask("child.wait(60)") == 0
    target.await_line("end")


def test_a_full_stderr_holds_up_nothing(start, python):
    """A log that nobody reads must not stop the target or its dumps."""
    target = start(
        python,
        """
import os, sys, fcntl
r, w = os.pipe()
fcntl.fcntl(w, 1031, 4096)
os.dup2(w, 2)
import memdump
memdump.install(keep=2)
os.set_blocking(w, False)
try:
    while True: os.write(w, b"x" * 512)
except BlockingIOError:
    pass
os.set_blocking(w, True)
listen()
""",
    )
    for count in (1, 2, 3):
        target.signal()
        wait_for("dump", lambda count=count: target.ask("memdump.status().dumps") == count)
    assert target.ask("memdump.status().ignored") == 0


def test_a_closed_stderr_kills_nothing(start, python):
    target = start(
        python,
        """
import os, signal
r, w = os.pipe(); os.dup2(w, 2); os.close(w)
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
import memdump
memdump.install()
os.close(r)
listen()
""",
    )
    target.signal()
    wait_for("dump", lambda: target.ask("memdump.status().dumps") == 1)


def test_dumps_by_hand_and_by_signal_meet(start, python, memdump):
    """One at a time: a dump by hand waits for the one that is under way."""
    target = start(python, START + "listen()")
    path = target.place / "hand.dump"
    with target.frozen_dump():
        ends = len(target.lines("end"))
        target.post(f"memdump.dump({str(path)!r})")
        target.await_blocked()
        assert not path.exists()
    target.answer()
    memdump.check(path)
    memdump.check(file_of(target.await_line("end", ends + 1)))
