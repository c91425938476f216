"""What texts and numbers hold: not in a dump unless asked for, and then as the setting says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from live import Command, Target, TargetError

HASH = re.compile(r"[0-9a-f]{16}")

# Each object, made so that no constant of the code is it, and what a dump tells of it.
HEAP = r"""
import array, enum, memdump

class Text(str):
    pass

class Number(int):
    pass

class Real(float):
    pass

class Level(enum.IntEnum):
    HIGH = 10**6

def fresh(text):
    return "".join(list(text)) if len(text) > 1 else text

told = [
    (fresh("plain"), "'plain'"),
    ("", "''"),
    (fresh("it's a \\ back"), r"'it\'s a \\ back'"),
    (fresh("a\tb\nc\rd\x00e\x7f"), r"'a\tb\nc\rd\x00e\x7f'"),
    (fresh("gr\xfc\xdfe"), "'gr\xfc\xdfe'"),
    (fresh("\u732b\u20ac"), "'\u732b\u20ac'"),
    (fresh("\U0001f600!"), "'\U0001f600!'"),
    (fresh("lone \udc80"), r"'lone \udc80'"),
    (Text("sub" * 2), "'subsub'"),
    (bytes(range(60, 64)), "b'<=>?'"),
    (bytes([0, 9, 39, 255]), r"b'\x00\t\'\xff'"),
    (int("0"), "0"),
    (int("-123456789"), "-123456789"),
    (2**62 + int("1"), str(2**62 + 1)),
    (-(2**63) - int("1"), str(-(2**63) - 1)),
    (2**128 - int("1"), str(2**128 - 1)),
    (-(2**128) + int("1"), str(-(2**128) + 1)),
    (Number(2**40), str(2**40)),
    (Level.HIGH, "1000000"),
    (float("1.5"), "1.5"),
    (float("-inf"), "-inf"),
    (Real("0.25"), "0.25"),
    # More than there is room for.
    (2**128 * int("1"), "<int of 129 bits> ~HASH"),
    (-(2**30000) * int("1"), "<int of 30001 bits> ~HASH"),
    (fresh("x" * 100), "'" + "x" * 63 + "\u2026' ~HASH"),
    (fresh("\u732b" * 50), "'" + "\u732b" * 21 + "\u2026' ~HASH"),
    (bytes(200), "b'" + r"\x00" * 15 + r"\x" + "\u2026' ~HASH"),
]
# No texts and no numbers, or not worth it.
untold = [True, None, (1, 2), bytearray(b"abc"), array.array("i", [1]), complex(1, 2), int, memoryview(b"abc")]
kept = [one for one, _ in told] + untold
"""


class Told:
    """The rows of a dump that are of values."""

    def __init__(self, rows: Path, dump: Path) -> None:
        # Whatever is in the dump, decompressed.
        self.text = subprocess.run([rows, dump], check=True, stdout=subprocess.PIPE).stdout.decode()
        lines = [line.split("\t") for line in self.text.split("\n")]
        self.values = {int(line[1]): line[2] for line in lines if line[0] == "V"}
        self.faults = {int(line[1]): line[2] for line in lines if line[0] == "F"}
        self.metadata = {line[1]: line[2] for line in lines if line[0] == "M"}
        self.references = [(int(line[1]), int(line[2])) for line in lines if line[0] == "R"]


@pytest.fixture
def told_by(request, memdump):
    rows = request.config.getoption("--rows")

    def told_by(dump: Path) -> Told:
        memdump.check(dump)
        return Told(rows, dump)

    return told_by


def called(target: Target, values: str, name: str) -> Path:
    """A dump by a call, in the directory of the target."""
    target.do(f"memdump.dump({name!r}, values={values!r})")
    return target.place / name


@pytest.mark.every_version
def test_what_is_told_is_what_python_prints(start, python, told_by):
    target = start(python, HEAP + "listen()")
    dump = told_by(called(target, "shortened", "one.dump"))
    assert dump.metadata["values"] == "shortened"
    assert not dump.faults
    for place, expected in target.ask("[(id(one), text) for one, text in told]"):
        value = dump.values[place]
        assert (HASH.sub("HASH", value) if "HASH" in expected else value) == expected
    assert not dump.values.keys() & set(target.ask("list(map(id, untold))"))
    # The same again, and no more than a number: nothing but hashes.
    hashed = told_by(called(target, "hashed", "two.dump"))
    assert hashed.metadata["values"] == "hashed"
    assert hashed.values.keys() >= {place for place, _ in target.ask("[(id(one), 0) for one, _ in told]")}
    assert all(HASH.fullmatch(value) for value in hashed.values.values())
    assert not hashed.values.keys() & set(target.ask("list(map(id, untold))"))


# Constants of code may be keys of the interpreter's table of interned texts, so they are the secret the other way round.
WRITTEN = "hunter2 is what nobody may know, and here are many more words, of which these are the last"
SECRET = f"""
import memdump
def turned(text):
    return text[::-1]
secret = turned({WRITTEN[::-1]!r})
data = secret.encode()
number = int(turned("123456789" * 3))
kept = [secret, data, number]
"""
WORDS = ("hunter2", "nobody may know", "these are the last", "987654321")


@pytest.mark.every_version
def test_a_secret_is_in_the_dump_only_where_it_is_asked_for(start, python, told_by):
    target = start(python, SECRET + "listen()")
    target.do("memdump.install()")
    off = told_by(target.dump_by_signal())
    assert off.values == {} and "values" not in off.metadata
    hashed = told_by(called(target, "hashed", "hashed.dump"))
    for word in WORDS:
        assert word not in off.text
        assert word not in hashed.text
    shortened = told_by(called(target, "shortened", "shortened.dump"))
    assert "hunter2" in shortened.text and "987654321" in shortened.text
    # Only the beginning.
    assert "these are the last" not in shortened.text
    place = target.ask("id(secret)")
    assert shortened.values[place].startswith("'hunter2 is what nobody may know, ")
    # It is the hash that the other dump has.
    assert shortened.values[place].endswith(f"…' ~{hashed.values[place]}")


HASHED = """
import memdump, os
texts = ["".join(["ab", "cd"]) for _ in range(2)]
same = [*texts, type("Text", (str,), {})("abcd")]
long = [bytes(5 << 20), bytes(5 << 20), bytes((5 << 20) - 1), b"\\0" * 100 + b"1" + bytes((5 << 20) - 101)]
# The bytes of the first and of the second are the same, and so are those of the others.
other = ["\\u6261\\u6463", b"abcd", "abce", int.from_bytes(b"abcd", "little"), 7.0, 7, -7, "7", 2**300, -(2**300)]
"""


@pytest.mark.every_version
def test_equal_contents_have_equal_hashes_in_dumps_of_one_process(start, python, told_by):
    target = start(python, HASHED + "listen()", env={"MEMDUMP_VALUES": "hashed"})
    target.do("memdump.install()")
    first, second = (told_by(target.dump_by_signal()) for _ in range(2))
    same, long, other = (target.ask(f"list(map(id, {name}))") for name in ("same", "long", "other"))
    hashes = [first.values[place] for place in same]
    assert len(set(hashes)) == 1
    assert len({*hashes, *(first.values[place] for place in other)}) == 1 + len(other)
    assert first.values[long[0]] == first.values[long[1]]
    assert len({first.values[place] for place in long}) == 3
    places = [*same, *long, *other]
    assert [first.values[place] for place in places] == [second.values[place] for place in places]
    # A worker that was forked has the same key, and a process that was not has another.
    target.do("if not os.fork():\n    memdump.dump('forked.dump'); os._exit(0)\nos.wait()")
    forked = told_by(target.place / "forked.dump")
    assert [forked.values[place] for place in places] == [first.values[place] for place in places]
    stranger = start(python, HASHED + "listen()")
    strange = told_by(called(stranger, "hashed", "strange.dump"))
    assert strange.values[stranger.ask("id(texts[0])")] != hashes[0]


BROKEN = """
import ctypes, memdump, sys

class Text(str):
    pass

def at(text):
    # The address of the data of a text that does not lie in the object itself.
    return ctypes.c_size_t.from_address(id(text) + (56 if sys.version_info >= (3, 12) else 72))

texts = [Text("before"), Text("broken"), Text("behind"), Text("gone")]
right = [at(text).value for text in texts]
"""


@pytest.mark.every_version
def test_a_text_that_cannot_be_read_costs_its_value_only(start, python, told_by):
    target = start(python, BROKEN + "listen()")
    target.do("at(texts[1]).value = 0x5550; at(texts[3]).value = 0")
    dumps = {values: told_by(called(target, values, f"{values}.dump")) for values in ("off", "shortened", "hashed")}
    target.do("at(texts[1]).value = right[1]; at(texts[3]).value = right[3]")
    places, holder = target.ask("list(map(id, texts))"), target.ask("id(texts)")
    for dump in dumps.values():
        assert [reference for reference in dump.references if reference[0] == holder and reference[1] in places] == [
            (holder, place) for place in places
        ]
    assert dumps["off"].faults == {}
    for dump in (dumps["shortened"], dumps["hashed"]):
        assert dump.faults.keys() == {places[1]}
        assert re.fullmatch(r"signal 11 at 0x\w+ while reading its value", dump.faults[places[1]])
        assert dump.values.keys() & set(places) >= {places[0], places[2]}
        assert places[1] not in dump.values
        # No data is no text, rather than an empty one.
        assert places[3] not in dump.values
    assert dumps["shortened"].values[places[2]] == "'behind'"


def test_the_setting(start, python, told_by, memdump: Command):
    target = start(python, SECRET + "listen()")
    with pytest.raises(TargetError, match=r"ValueError: values: .*off, shortened or hashed"):
        target.do("memdump.install(values='yes')")
    with pytest.raises(TargetError, match="ValueError: values: "):
        target.do("memdump.dump('never.dump', values='')")
    target.do("memdump.install(values='shortened')")
    assert target.ask("memdump.status().settings['values']") == "shortened"
    dump = target.dump_by_signal()
    shown = memdump.run("show", dump, hex(target.ask("id(data)"))).stdout
    assert "\nvalue: b'hunter2 is what nobody may know, " in shown
    # Installed again without it, nothing is told any more.
    target.do("memdump.install()")
    assert told_by(target.dump_by_signal()).values == {}
    run = ["-m", "memdump", "run", "--values", "hashed"]
    program = start(python, SECRET + "listen()", flags=tuple(run))
    assert told_by(program.dump_by_signal()).metadata["values"] == "hashed"
