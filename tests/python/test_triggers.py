"""Dumps that nobody asks for by hand: memory, errors of it, exit. And what grew since the last one."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from live import file_of, wait_for

INSTALL = "import memdump; memdump.install({})"


def trigger_of(memdump, dump: Path) -> str:
    [row] = memdump.json("sql", dump, "SELECT trigger FROM dump")
    return str(row["trigger"])


def test_a_level_of_memory_and_the_next_one(start, python, memdump):
    target = start(python)
    # Far beyond what any Python needs to start, and less than it takes to notice on any machine.
    level = target.ask("int(open('/proc/self/statm').read().split()[1]) * 4096") + (64 << 20)
    target.do(INSTALL.format(f"on_memory='{level}+{32 << 20}', trigger_interval=0.001"))
    assert target.ask("memdump.status().next_level") == level
    assert target.lines("begin") == []
    target.do("held = [bytearray(b'x') * (70 << 20)]")
    begin = target.await_line("begin")
    assert re.search(rf'trigger="memory \d+ MiB, level {level >> 20} MiB"', begin), begin
    first = file_of(target.await_line("end"))
    memdump.check(first)
    assert trigger_of(memdump, first) in begin
    assert target.ask("memdump.status().next_level") == level + (32 << 20)
    target.do("held.append(bytearray(b'x') * (40 << 20))")
    target.await_line("end", 2)
    assert target.ask("memdump.status().next_level") == level + (64 << 20)


def test_dumps_by_themselves_are_held_back(start, python):
    target = start(python)
    target.do(INSTALL.format("on_memory='1M+1K', trigger_interval=3600"))
    target.await_line("end")
    # Each of these would be a step of its own.
    target.do("held = bytearray(b'x') * (4 << 20)")
    time.sleep(2.5)
    assert len(target.lines("begin")) == 1
    assert 3000 < target.ask("memdump.status().held_back") <= 3600
    # What is asked for by hand is not held back.
    target.dump_by_signal()


def test_a_family_has_one_pace(start, python):
    """Each worker is above the level; one dump is taken."""
    script = """
import memdump, os, sys, time
memdump.install(on_memory=200 << 20, trigger_interval=3600)
for _ in range(4):
    if os.fork() == 0:
        held = bytearray(b'x') * (250 << 20 if hasattr(os, 'fork') else 0)
        time.sleep(600)
listen()
import signal
os.killpg(0, signal.SIGKILL)
"""
    target = start(python, script.replace("250 << 20", "210 << 20"), start_new_session=True)
    target.await_line("end")
    time.sleep(3)
    assert len(target.lines("begin")) == 1, target.log()
    target.close()


def test_a_rise_is_found_after_the_start(start, python):
    target = start(python)
    target.do(INSTALL.format("on_rise='40M/10s'"))
    target.do("held = [bytearray(b'x') * (60 << 20)]")
    time.sleep(2)
    # The first ten seconds are the start of the program.
    assert target.lines("begin") == []
    time.sleep(10)
    target.do("held.append(bytearray(b'x') * (60 << 20))")
    assert re.search(r'trigger="rise of \d+ MiB in \d+ s"', target.await_line("begin"))
    target.await_line("end")


HANDLED = """
class Big: pass
def work():
    evidence = [Big() for _ in range(1234)]
    return bytearray(1 << 62)
def attempt():
    try:
        work()
    except MemoryError:
        return True
"""


def test_a_memory_error_is_dumped_where_it_is_raised(start, python, memdump, request):
    target = start(python, HANDLED + "listen()")
    target.do(INSTALL.format("on_memory_error=True, trigger_interval=3600"))
    if request.node.callspec.params["python"] < "3.12":
        # Nothing tells of an error that is handled there.
        assert target.ask("attempt()")
        target.post("import threading; t = threading.Thread(target=work); t.start(); t.join()")
        target.answer()
    else:
        assert target.ask("attempt()")
    assert 'trigger="MemoryError"' in target.await_line("begin")
    dump = file_of(target.await_line("end"))
    counts = {row["type"]: row["count"] for row in memdump.json("top", dump)["types"]}
    # What the function held when it failed is in the dump.
    assert counts["__main__.Big"] == 1234
    # And not again at once.
    assert target.ask("all([attempt() for _ in range(100)])")
    time.sleep(0.2)
    assert len(target.lines("begin")) == 1


def test_other_exceptions_and_another_setting(start, python):
    target = start(python, HANDLED + "listen()")
    target.do(INSTALL.format("on_memory_error=True"))
    target.do("try:\n    1 / 0\nexcept ZeroDivisionError:\n    pass")
    target.do("memdump.install(on_memory_error=False)")
    assert target.ask("attempt()")
    time.sleep(0.2)
    assert target.lines("begin") == []


def test_a_memory_error_under_a_limit_on_addresses(start, python, memdump):
    """Really no memory: the target's own, and the snapshot process's, are refused. Whatever comes of it, the target goes on."""
    target = start(python, HANDLED + "listen()")
    target.do(INSTALL.format("on_memory_error=True, trigger_interval=0.001"))
    target.do(
        "import resource\nused = int(open('/proc/self/statm').read().split()[0]) * 4096\n"
        "hard = resource.getrlimit(resource.RLIMIT_AS)[1]\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (24 << 20), hard))\n"
    )
    target.do(
        "def fill():\n"
        "    held = []\n"
        "    size = 1 << 20\n"
        "    while size > 16:\n"
        "        try:\n"
        "            held.append(bytearray(size))\n"
        "        except MemoryError:\n"
        "            size //= 2\n"
        "    return len(held)\n"
    )
    for _ in range(3):
        assert target.ask("fill()") > 10
    if os.path.basename(os.path.dirname(os.path.dirname(python))) >= "3.12":
        wait_for("an end", lambda: target.lines("end") + target.lines("failed"))
    assert target.ask("1 + 1") == 2
    assert target.close() == 0


def test_an_exit_is_waited_for(start, python, memdump):
    target = start(
        python, "import memdump; memdump.install(on_exit=True)\nclass Last: pass\nkept = [Last() for _ in range(77)]\nlisten()"
    )
    assert target.close() == 0
    assert 'trigger="exit"' in target.lines("begin")[0]
    [dump] = target.dumps()
    assert file_of(target.lines("end")[0]) == dump
    counts = {row["type"]: row["count"] for row in memdump.json("top", dump)["types"]}
    assert counts["__main__.Last"] == 77


def test_an_exit_is_not_held_up_for_ever(start, faulty_python):
    target = start(faulty_python, env={"MEMDUMP_FAILPOINTS": "child-hangs=1", "MEMDUMP_ON_EXIT": "100ms", "MEMDUMP_DEADLINE": "2s"})
    target.do(INSTALL.format(""))
    assert target.close() == 0
    assert len(target.lines("begin")) == 1 and target.lines("end") == []


def test_without_triggers_nothing_wakes_the_agent(start, python):
    target = start(python)
    target.do(INSTALL.format(""))
    target.dump_by_signal()
    [agent] = [path.parent for path in Path(f"/proc/{target.pid}/task").glob("*/comm") if path.read_text() == "memdump\n"]

    def switches() -> list[str]:
        return re.findall(r"ctxt_switches:\s+(\d+)", (agent / "status").read_text())

    wait_for("the agent to sleep", lambda: (before := switches()) and time.sleep(0.2) is None and switches() == before)
    before = switches()
    time.sleep(2.5)
    assert switches() == before


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("on_memory='lots'", "ValueError: on_memory: `lots` is not off, or a level of memory"),
        ("on_memory='120%'", "ValueError: on_memory: `120%`"),
        ("on_rise='1G'", "ValueError: on_rise: `1G` is not off, or a rise"),
        ("on_exit='later'", "ValueError: on_exit: `later` is not on, off"),
        ("ionice=9", "ValueError: ionice: `9` is not idle, or a number from 0 to 7"),
        ("trigger_interval=0", "ValueError: trigger_interval: "),
    ],
)
def test_what_cannot_be_used_is_named(start, python, arguments, error):
    target = start(python)
    with pytest.raises(Exception, match=re.escape(error)):
        target.do(INSTALL.format(arguments))


def test_the_end_line_and_the_status_tell_what_grew(start, python):
    target = start(python, "class Leak: pass\nclass Other: pass\nheld = []\nlisten()")
    target.do(INSTALL.format(""))
    target.dump_by_signal()
    assert " growth=" not in target.await_line("end")
    assert target.ask("memdump.status().last_dump.growth") is None
    target.do("held += [Leak() for _ in range(5000)] + [Other() for _ in range(3000)]")
    target.dump_by_signal()
    end = target.await_line("end", 2)
    assert re.search(r'growth="__main__\.Leak \+5000, __main__\.Other \+3000', end), end
    growth = target.ask("memdump.status().last_dump.growth")
    assert list(growth.items())[:2] == [["__main__.Leak", 5000], ["__main__.Other", 3000]] or list(growth.items())[:2] == [
        ("__main__.Leak", 5000),
        ("__main__.Other", 3000),
    ]
    target.do("held.clear()")
    target.dump_by_signal()
    assert "Leak" not in target.await_line("end", 3)


def test_status_tells_the_settings_in_force(start, python):
    target = start(
        python, env={"MEMDUMP_KEEP": "4", "MEMDUMP_ON_MEMORY": "80%", "MEMDUMP_IONICE": "idle", "MEMDUMP_NAME": "{script}@{host}"}
    )
    assert target.ask("__import__('memdump').status().settings") is None
    target.do(INSTALL.format("on_rise='100M/min', on_exit=5"))
    settings = target.ask("memdump.status().settings")
    assert [settings[name] for name in ("keep", "on_memory", "on_rise", "on_exit", "ionice", "nice")] == [
        4,
        "80%+10%",
        "100M/60s",
        5.0,
        "idle",
        10,
    ]
    assert settings["name"] == f"target@{os.uname().nodename}"
    assert target.ask("memdump.status().next_level") > 1 << 20
