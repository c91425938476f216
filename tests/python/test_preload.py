"""Programs that nobody prepared, in C and Rust, under the library that is preloaded; and the interface for C."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT
from live import DEADLINE, Target, await_installed, wait_for

SOURCES = ROOT / "tests" / "native"
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
COMPILERS = {
    ".c": ["cc", "-pthread", *WARNINGS],
    ".cc": ["c++", "-std=c++17", *WARNINGS],
    ".rs": ["rustc", "--edition", "2024"],
}


@pytest.fixture
def library(request) -> Path:
    return Path(request.config.getoption("--preload")).resolve()


@pytest.fixture
def build(tmp_path):
    """Compiles a program of tests/native."""

    def build(name, *flags) -> Path:
        program = tmp_path / Path(name).stem
        compiler = COMPILERS[Path(name).suffix]
        if not shutil.which(compiler[0]):
            pytest.skip(f"there is no {compiler[0]}")
        subprocess.run([*compiler, SOURCES / name, "-o", program, *flags], check=True, timeout=DEADLINE)
        return program

    return build


@pytest.fixture
def launch(tmp_path, library):
    """Starts a program under the library, and waits until it listens."""
    started = []

    def launch(program, *arguments, preload=True, **env) -> Target:
        place = tmp_path / f"target{len(started)}"
        place.mkdir()
        variables = {"LD_PRELOAD": str(library), **env} if preload else env
        target = Target([str(program), *map(str, arguments)], place, variables)
        started.append(target)
        target.await_ready()
        return target

    yield launch
    for target in started:
        target.destroy()


class Rows:
    """What a dump says, by the slow reader."""

    def __init__(self, rows: Path, dump: Path) -> None:
        text = subprocess.run([rows, dump], check=True, capture_output=True, text=True, timeout=DEADLINE).stdout
        lines = [line.split("\t") for line in text.splitlines()]
        self.sizes = {int(line[1]): int(line[3]) for line in lines if line[0] == "O"}
        self.references = {(int(line[1]), line[4], int(line[2])) for line in lines if line[0] == "R"}
        self.roots = [(line[2], int(line[5])) for line in lines if line[0] == "T"]
        self.faults = [line for line in lines if line[0] == "F"]
        self.facts = {line[1]: line[2] for line in lines if line[0] == "M"}

    def count(self, size) -> int:
        return list(self.sizes.values()).count(size)


@pytest.fixture
def read(request):
    return lambda dump: Rows(request.config.getoption("--rows"), dump)


def types_of(memdump, dump) -> dict[str, int]:
    """How many blocks there are of each type."""
    answer = memdump.json("top", dump)
    return {row["type"]: row["count"] for row in answer["types"]}


def test_every_block_is_told_as_it_was_asked_for(build, launch, read, memdump):
    """Sizes, alignments, references with their offsets and what holds them, as the program itself tells them; and types,
    from its debug information."""
    target = launch(build("known.c", "-O1", "-g"))
    told = [line.split() for line in target._early]
    dump = target.dump_by_signal()
    rows = read(dump)
    assert rows.facts["runtime"] == "malloc"
    assert not rows.faults

    nodes = {int(line[1], 16): [int(child, 16) for child in line[2:]] for line in told if line[0] == "node"}
    assert len(nodes) == 1000
    for node, (left, right) in nodes.items():
        assert rows.sizes[node] == 40
        expected = {(node, offset, child) for offset, child in (("+8", left), ("+16", right)) if child}
        assert {reference for reference in rows.references if reference[0] == node} == expected
    items = [int(line[1], 16) for line in told if line[0] == "item"]
    assert all(rows.sizes[item] == 16 for item in items)
    assert {(item, "+0", after) for item, after in itertools.pairwise(items)} <= rows.references
    for address, size, align in (line[1:] for line in told if line[0] == "block"):
        assert rows.sizes[int(address, 16)] == int(size)
        assert int(address, 16) % int(align) == 0

    # Nothing holds what is leaked; the tree's and the list's first blocks are held by static memory of the program.
    assert rows.count(333) == 10
    held = {block for _, block in rows.roots} | {block for _, _, block in rows.references}
    assert sum(rows.sizes[block] == 333 for block in held) <= 1, "the last one may still be in a register"
    statics = {block for name, block in rows.roots if name.startswith("known+0x")}
    assert {next(iter(nodes)), items[0]} <= statics

    types = types_of(memdump, dump)
    assert types["node"] == 1000
    assert types["item"] == 100
    assert types["[333 bytes] leak"] == 10
    chain = memdump.run("chain", "--type", "item", dump).stdout
    assert "static list" in chain
    assert ".next" in chain
    assert target.close() == 0


def test_a_rust_program_that_nobody_prepared_has_its_types(build, launch, memdump):
    target = launch(build("unprepared.rs", "-O", "-g", "-Cforce-frame-pointers=yes"))
    types = types_of(memdump, target.dump_by_signal())
    assert types["alloc::sync::Arc<unprepared::Receipt>"] == 1000
    assert types["hashbrown::raw::RawTable<(u64, alloc::boxed::Box<[u64; 6]>)>"] == 1
    assert types["[u64; 6]"] == 500
    assert target.close() == 0


READ, FUTEX = "0", "202"


def calls(pid: int) -> set[tuple[str, str]]:
    """The names of its threads, each with the number of the system call that it is in."""
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    return {((task / "comm").read_text().strip(), (task / "syscall").read_text().split()[0]) for task in tasks}


def test_what_threads_hold_has_the_names_of_their_functions_and_variables(build, launch, memdump):
    """Of a thread that waits, one that runs, and the first one, which reads; with debug information and with symbols alone."""
    for flags in (["-g"], []):
        target = launch(build("threads.rs", "-O", "-Cforce-frame-pointers=yes", *flags))
        # What it says before it waits is said by functions of libc, which have no frame pointers.
        wait_for("two threads to wait", lambda target=target: {("threads", READ), ("waiting", FUTEX)} <= calls(target.process.pid))
        dump = target.dump_by_signal()
        query = "SELECT r.kind, r.thread, r.name, o.size FROM root r JOIN object o ON o.dump = r.dump AND o.id = r.object"
        answer = memdump.run("sql", dump, query, "--format", "jsonl").stdout
        roots = {tuple(json.loads(line).values()) for line in answer.splitlines()}
        frames = {
            ("frame", "waiting", "threads::waits_with_a_block", 7 * 8),
            ("frame", "busy", "threads::runs_with_a_block", 8 * 8),
            ("frame", "threads", "threads::reads_with_a_block", 9 * 8),
        }
        assert frames <= roots
        if flags:
            for thread in ("waiting", "threads"):
                held = {(name, size) for kind, of, name, size in roots if kind == "thread" and of == thread}
                assert ("threads::EAGER", 4 * 40) in held
                assert "threads::LAZY" in {name for name, _ in held}
        assert target.close() == 0


def test_a_cplusplus_program_is_told_by_who_asked(build, launch, memdump):
    """With and without debug information; it checks itself what becomes of exceptions where there is no memory."""
    for flags in (["-O2", "-g"], ["-O2"]):
        target = launch(build("plusplus.cc", *flags))
        types = types_of(memdump, target.dump_by_signal())
        receipts = "shop::Receipt" if "-g" in flags else "[64 bytes] shop::Cache::add"
        assert types[receipts] == 100
        assert types["[100 bytes] shop::count"] == 10
        if "-g" in flags:
            # A vector's elements, what their tables of virtual functions tell of what they point to, and texts.
            assert types["[*shop::Shape]"] == 1
            wrapped = "shop::Wrapped<std::pair<long int, long int> >"
            assert [types[name] for name in ("shop::Circle", "shop::Same", wrapped)] == [20, 20, 20], types
            assert types["str"] >= 100
        assert target.close() == 0


def test_names_of_functions_come_from_the_symbol_table(build, launch, memdump):
    """Where there is no debug information; and sizes alone where there is no symbol table."""
    types = types_of(memdump, launch(build("known.c", "-O1")).dump_by_signal())
    assert types["[40 bytes] make_node"] == 1000
    assert types["[333 bytes] leak"] == 10
    types = types_of(memdump, launch(build("known.c", "-O1", "-s")).dump_by_signal())
    assert types["[40 bytes]"] == 1000
    types = types_of(memdump, launch(build("unprepared.rs", "-O", "-Cforce-frame-pointers=yes")).dump_by_signal())
    assert types["[72 bytes] unprepared::make"] == 1000


def test_dumps_of_busy_threads_and_of_forked_processes(build, launch, read):
    """The program checks what its blocks hold. A process that it forks, and that goes on without exec, is dumped as well.
    MEMDUMP_FIRE_DUMPS says how many dumps."""
    target = launch(build("busy.c", "-O2"))
    assert target.process.stdin
    order = target.process.stdin

    def ask(text: bytes) -> str:
        order.write(text)
        order.flush()
        return target.line()

    wait_for("threads that have filled their tables", lambda: int(ask(b"\n")) > 50_000)
    for _ in range(int(os.environ.get("MEMDUMP_FIRE_DUMPS", "8"))):
        before = int(ask(b"\n"))
        rows = read(target.dump_by_signal())
        assert len(rows.sizes) > 1000
        assert len(rows.faults) <= 8, rows.faults
        wait_for("the threads go on", lambda before=before: int(ask(b"\n")) > before)

    child = int(ask(b"f").removeprefix("child "))
    await_installed(child)
    os.kill(child, 10)
    rows = read(Path(target.await_line("end", 1, child).split("file=")[1].split(" ")[0]))
    assert rows.count(4321) == 1
    assert ask(b"e") == "ended 7"
    assert read(target.dump_by_signal()).count(4321) == 0
    assert target.close() == 0


EVERYDAY = {
    "ls": "ls -l /etc",
    "shell": "for i in 1 2 3; do (echo $i; exit $i); echo $?; done; echo a | sed s/a/b/; exit 3",
    "sort": "seq 1 200000 | sed 's/./&x/' | LC_ALL=C sort --parallel=4 -r | sha256sum",
    "python": "python3 -c 'import threading, subprocess, os\n"
    "t = [threading.Thread(target=lambda: [bytearray(n) for n in range(3000)]) for _ in range(8)]\n"
    "[x.start() for x in t]; [x.join() for x in t]\n"
    'print(subprocess.run(["sh", "-c", "exit 5"]).returncode, os.system("exit 6"))\n'
    "pid = os.fork()\nif pid == 0: os._exit(sum(range(4)))\nprint(os.waitpid(pid, 0)[1]); raise SystemExit(9)'",
    "git": "git init -q r && cd r && seq 1 9999 >f && git add f && git -c user.name=a -c user.email=a@b commit -qm x\n"
    "git gc -q && git fsck && git ls-files -s",
    "compiler": "printf 'int main(void){return 42;}' >c.c && cc -O2 c.c -o c && ./c",
    "refused": "kill -9 $$",
}


@pytest.mark.parametrize("name", EVERYDAY)
def test_everyday_programs_do_not_notice(name, library, tmp_path):
    """The same output and the same end, with the library in each of their processes."""
    outcomes = []
    for preload in ({}, {"LD_PRELOAD": str(library)}):
        place = tmp_path / f"{len(outcomes)}"
        place.mkdir()
        result = subprocess.run(
            ["bash", "-c", EVERYDAY[name]],
            cwd=place,
            env={**os.environ, **preload, "MEMDUMP_DIR": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DEADLINE,
        )
        outcomes.append((result.returncode, result.stdout, result.stderr))
    assert outcomes[0] == outcomes[1]


def test_only_processes_that_are_meant(build, launch, library):
    """Others run as ever; what cannot be understood is told in one line."""
    program = build("known.c", "-O1")
    target = launch(program, MEMDUMP_INSTALL="match:known")
    await_installed(target.pid)
    assert launch(program, MEMDUMP_INSTALL="match:unknown").threads() == 1
    wrong = launch(program, MEMDUMP_INSTALL="perhaps")
    assert wrong.threads() == 1
    assert "not installed: MEMDUMP_INSTALL: `perhaps` is not on, off, match:TEXT or pid:NUMBER\n" in wrong.log()
    assert len(wrong.log().splitlines()) == 1
    assert wrong.close() == 0
    setting = launch(program, MEMDUMP_SIGNAL="nonsense")
    assert "not installed: " in setting.log()
    assert setting.close() == 0


def test_what_cannot_be_remembered_is_allocated_all_the_same(build, library, tmp_path):
    """Where there is no room for the first piece of the map of blocks."""
    limited = 'ulimit -v 60000 && exec "$0"'
    result = subprocess.run(
        ["bash", "-c", limited, build("known.c", "-O1")],
        env={**os.environ, "LD_PRELOAD": str(library), "MEMDUMP_DIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert result.returncode == 0
    assert result.stdout.endswith("listening\n")
    told = result.stderr.splitlines()
    assert "not installed: the system refuses memory" in told[-1], told


def test_the_interface_for_c(build, launch, library, read, tmp_path):
    """Linked and not preloaded: the program says when."""
    flags = [
        "-std=c11",
        "-D_DEFAULT_SOURCE",
        "-I",
        ROOT / "dumper" / "preload" / "include",
        library,
        f"-Wl,-rpath,{library.parent}",
    ]
    path = tmp_path / "by call.dump"
    target = launch(build("interface.c", *flags), path, preload=False)
    exists, nonsense = target._early
    assert str(path) in exists
    assert "nonsense" in nonsense
    assert read(path).count(12345) == 1
    os.kill(target.pid, 12)
    rows = read(Path(target.await_line("end").split("file=")[1].split(" ")[0]))
    assert rows.count(12345) == 1
    assert target.close() == 0
    if not shutil.which("c++"):
        return
    header = (ROOT / "dumper" / "preload" / "include" / "memdump.h").read_text()
    as_cplusplus = ["c++", "-x", "c++", "-fsyntax-only", *WARNINGS, "-"]
    subprocess.run(as_cplusplus, input=header, check=True, text=True, timeout=DEADLINE)
