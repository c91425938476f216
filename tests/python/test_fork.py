"""Forked workers: they dump under their own pid, and forking is as it was."""

from __future__ import annotations

import os
import signal

import pytest
from live import await_installed, file_of, wait_for

pytestmark = pytest.mark.every_version

START = "import memdump, os, sys, signal, time, multiprocessing, subprocess\n"


def test_a_forked_child_dumps_under_its_own_pid(start, python, memdump):
    target = start(
        python,
        START
        + """
memdump.install()
go_r, go_w = os.pipe()
for _ in range(3):
    if (pid := os.fork()) == 0:
        os.close(go_w)
        os.read(go_r, 1)
        os._exit(0)
    print(pid, flush=True)
listen()
""",
    )
    children = [int(target.line()) for _ in range(3)]
    for pid in [*children, target.pid, children[0]]:
        before = len(target.lines("end", pid))
        os.kill(pid, signal.SIGUSR1)
        dump = file_of(target.await_line("end", before + 1, pid))
        assert dump.name == f"t.{pid}.{before + 1}.dump"
        memdump.check(dump)
    assert memdump.run("send", str(children[1])).returncode == 0
    assert len(target.dumps()) == 6
    target.do("os.close(go_w)")
    assert target.ask("sorted(os.wait()[0] for _ in range(3))") == sorted(children)


def test_forks_while_a_dump_is_under_way(start, python, memdump):
    """The parent's dump stays the parent's; the child has its own at once."""
    target = start(python, START + "memdump.install(); listen()")
    target.do("go_r, go_w = os.pipe()")
    with target.frozen_dump():
        target.do("""
child = os.fork()
if not child:
    os.close(go_w); os.read(go_r, 1); os._exit(0)
""")
        child = target.ask("child")
        os.kill(child, signal.SIGUSR1)
        memdump.check(file_of(target.await_line("end", 1, child)))
        before = len(target.lines("end", target.pid))
    memdump.check(file_of(target.await_line("end", before + 1, target.pid)))
    target.do("os.close(go_w)")
    assert target.ask("os.waitpid(child, 0)[1]") == 0


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing_pools(start, python, memdump, method):
    target = start(
        python,
        START
        + f"""
def install():
    memdump.install()
def work(n):
    return n * n, os.getpid()
if __name__ == "__main__":
    memdump.install()
    pool = multiprocessing.get_context("{method}").Pool(2, initializer=install)
    listen()
""",
    )
    assert target.ask("[n for n, _ in pool.map(work, range(100))]") == [n * n for n in range(100)]
    workers = target.ask("[p.pid for p in pool._pool]")
    for pid in [*workers, target.pid]:
        # With spawn a worker may still be on its way when the other has done all the work.
        await_installed(pid)
        target.post("r = pool.map(work, range(2000))")
        os.kill(pid, signal.SIGUSR1)
        memdump.check(file_of(target.await_line("end", 1, pid)))
        target.answer()
        assert target.ask("[n for n, _ in r] == [n * n for n in range(2000)]")
    assert target.ask("[p.pid for p in pool._pool]") == workers
    target.do("pool.close(); pool.join()")


def test_forking_brings_no_warning(start, python):
    """Python 3.12 and later warn about a fork when there are other threads; the agent's must not be one of them."""
    target = start(
        python,
        START
        + """
import warnings
warnings.simplefilter("error")
memdump.install()
for _ in range(100):
    if (pid := os.fork()) == 0:
        os._exit(7)
    assert os.waitpid(pid, 0) == (pid, 7 << 8)
subprocess.run(["true"], check=True, preexec_fn=lambda: None)
context = multiprocessing.get_context("fork")
p = context.Process(target=print, args=("child",)); p.start(); p.join()
assert p.exitcode == 0
""",
        flags=("-W", "error"),
    )
    assert target.close() == 0, target.log()
    assert "Warning" not in target.log()


def test_forks_under_fire(start, python):
    """Signals arrive before, during and after forks; every child comes back."""
    target = start(
        python,
        START
        + """
memdump.install(keep=2)
for n in range(60):
    os.kill(os.getpid(), signal.SIGUSR1)
    if (pid := os.fork()) == 0:
        os._exit(n)
    os.kill(os.getpid(), signal.SIGUSR1)
    assert os.waitpid(pid, 0) == (pid, n << 8)
listen()
""",
    )
    assert target.ask("1") == 1
    wait_for("all is answered", lambda: len(target.lines("begin")) == len(target.lines("end")) + len(target.lines("failed")))
    assert not target.lines("failed")
    target.dump_by_signal()


def test_exec_leaves_the_signal_as_it_was(start, python):
    """What is started by subprocess gets SIGUSR1 as every program does, not blocked and not ignored."""
    target = start(python, START + "memdump.install(); listen()")
    target.do("child = subprocess.Popen(['sleep', '1000'])")
    pid = target.ask("child.pid")
    status = (f"/proc/{pid}/status",)
    masks = dict(line.split(":\t") for line in open(*status).read().splitlines() if ":\t" in line)
    for mask in ("SigBlk", "SigIgn"):
        assert not int(masks[mask], 16) & (1 << 9), masks[mask]
    os.kill(pid, signal.SIGUSR1)
    assert target.ask("child.wait()") == -signal.SIGUSR1
