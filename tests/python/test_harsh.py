"""Hours at which a dump is asked for that nobody would choose: the process ends, forks, installs, has no directory."""

from __future__ import annotations

import os

import pytest
from live import wait_for

START = "import atexit, memdump, os, signal, sys, threading\n"


def test_a_dump_at_exit_follows_the_one_that_is_under_way(start, python, memdump):
    """At the end of the process nobody but the caller is left to look after the snapshot process."""
    target = start(
        python,
        """
import atexit
# Runs after memdump's own.
atexit.register(lambda: memdump.dump("exit.dump"))
"""
        + START
        + "memdump.install(); listen()",
    )
    with target.frozen_dump():
        target.process.stdin.close()
        wait_for("the agent's end", lambda: target.threads() == 1)
        assert target.process.poll() is None
    assert target.process.wait(60) == 0, target.log()
    memdump.check(target.place / "exit.dump")
    memdump.check(target.dumps()[-1])
    assert not target.leftovers()


def test_a_dump_in_a_fork_hook_follows_the_one_that_is_under_way(start, python, memdump):
    target = start(
        python,
        START
        + """
# Runs after memdump's own.
os.register_at_fork(before=lambda: memdump.dump("fork.dump"))
memdump.install()
listen()
""",
    )
    with target.frozen_dump():
        target.post("child = os.fork() or os._exit(0)")
        wait_for("the agent's end", lambda: target.threads() == 1)
    target.answer()
    memdump.check(target.place / "fork.dump")
    assert target.ask("os.waitpid(child, 0)[1]") == 0
    target.dump_by_signal()


def test_installing_in_several_threads_under_fire(start, python, memdump):
    """One thread ends the agent while the other starts the next one: each agent obeys its own order."""
    target = start(
        python,
        START
        + """
def install():
    while memdump.status().dumps < 30:
        # The agent waits for the GIL, which this thread and the others keep to themselves for a while.
        os.kill(os.getpid(), signal.SIGUSR1)
        sum(range(100_000))
        memdump.install(keep=1)
memdump.install()
threads = [threading.Thread(target=install) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
listen()
""",
    )
    wait_for("one agent", lambda: target.threads() == 2)
    wait_for("the last dump", lambda: not target.ask("memdump.status().in_progress"))
    target.dump_by_signal()
    assert target.threads() == 2


def test_a_working_directory_that_is_gone(start, python, memdump):
    target = start(
        python,
        START
        + """
os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
listen()
""",
    )
    path = target.place / "by-hand.dump"
    target.do(f"memdump.dump({str(path)!r})")
    memdump.check(path)
    target.do("""
try: memdump.dump("relative.dump")
except FileNotFoundError: pass
""")
    target.do("memdump.install()")
    memdump.check(target.dump_by_signal())


def test_a_script_whose_name_is_no_text(start, python, memdump):
    target = start(
        python, START + "sys.argv[0] = os.fsdecode(b'caf\\xe9.py'); memdump.install(); listen()", env={"MEMDUMP_NAME": ""}
    )
    assert target.dump_by_signal().name == f"caf\N{REPLACEMENT CHARACTER}.{target.pid}.1.dump"


@pytest.mark.every_version
def test_a_subinterpreter_is_refused(start, python):
    """Asking for the GIL of the main interpreter would hang a thread that holds it for another one."""
    target = start(
        python,
        START
        + """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
memdump.install()
code = '''
for what in ("install()", "dump('sub.dump')"):
    try:
        import memdump
        eval("memdump." + what)
    except (ImportError, RuntimeError) as error:
        text = str(error)
        assert "subinterpreter" in text, text
    else:
        raise AssertionError(what)
'''
inner = interpreters.create()
run = getattr(interpreters, "run_string", None) or interpreters.exec
failure = run(inner, code)
assert failure is None, failure
interpreters.destroy(inner)
listen()
""",
    )
    target.dump_by_signal()
    assert not list(target.place.glob("sub.dump*"))


@pytest.mark.every_version
def test_a_subinterpreter_that_works_is_not_disturbed(start, python, memdump):
    """Its objects are its own: from 3.12 on it has a GIL of its own, and goes on while the main interpreter holds still."""
    target = start(
        python,
        START
        + """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
memdump.install()
code = '''
import os
kept = [[str(n)] for n in range(100_000)]
open("working", "w").close()
rounds = 0
while not os.path.exists("enough"):
    rounds += 1
    kept[rounds % len(kept)] = [str(rounds), {rounds: kept[0]}]
with open("result.part", "w") as result:
    result.write(str(len(kept)))
os.rename("result.part", "result")
'''
inner = interpreters.create()
run = getattr(interpreters, "run_string", None) or interpreters.exec
thread = threading.Thread(target=run, args=(inner, code))
thread.start()
listen()
""",
    )
    wait_for("the subinterpreter works", (target.place / "working").exists)
    for _ in range(3):
        dump = target.dump_by_signal()
        memdump.check(dump)
        [info] = memdump.json("info", dump)["infos"]
        assert info["faults"] == []
    (target.place / "enough").touch()
    wait_for("the subinterpreter is done", (target.place / "result").exists)
    assert (target.place / "result").read_text() == "100000"
    target.do("thread.join(); interpreters.destroy(inner)")
    memdump.check(target.dump_by_signal())


@pytest.mark.parametrize("size", [64 << 10, 256 << 10])
def test_a_thread_with_a_small_stack(start, python, memdump, size):
    """The snapshot process goes on on a copy of the caller's stack."""
    target = start(
        python,
        START
        + f"""
threading.stack_size({size})
thread = threading.Thread(target=memdump.dump, args=("small.dump",))
thread.start(); thread.join()
""",
    )
    assert target.close() == 0, target.log()
    dump = target.place / "small.dump"
    memdump.check(dump)
    assert os.stat(dump).st_mode & 0o777 == 0o600


def test_dumps_from_within(start, python, memdump):
    """From a finaliser and a callback of a collection, a weak reference's callback, a comparison inside of a dict, a
    signal handler, a generator, a thread that holds a lock, and at the end of the recursion limit."""
    target = start(
        python,
        START
        + """
import gc, weakref
faults = []
def dump():
    faults.append(memdump.dump(f"{len(faults)}.dump").faults)
class Ring:
    def __init__(self): self.ring = self
    def __del__(self): dump()
class Key:
    def __hash__(self): return 1
    def __eq__(self, other): dump(); return False
class Plain: pass
def generator(): yield dump()
def deep(n):
    try: deep(n + 1)
    except RecursionError: pass
    if n == 900: dump()
def callback(phase, info): dump()
Ring(); gc.callbacks.append(callback); gc.collect(); gc.callbacks.clear()
plain = Plain(); reference = weakref.ref(plain, lambda _: dump()); del plain
{Key(): 1, Key(): 2}
[Ring()].clear(); gc.collect()
signal.signal(signal.SIGALRM, lambda *_: dump()); signal.raise_signal(signal.SIGALRM)
next(generator())
with threading.Lock(): dump()
deep(0)
listen()
""",
    )
    faults = target.ask("faults")
    assert faults == [0] * 10
    for number in range(len(faults)):
        memdump.check(target.place / f"{number}.dump")
