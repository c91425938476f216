"""`memdump.open`: its answers are the command's, all of them, on every version; and what is wrong is told."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from live import DEADLINE, Command

# Three dumps of a process that leaks, in the directory of the first argument.
LEAKS = """
import gc, sys
import memdump

class SomeRef:
    def __init__(self, number): self.number = number
class Cyclic:
    def __init__(self): self.me = self
Strange = type("<b>größe</b>", (), {})
kept = []
gc.disable()
for number in (1, 2, 3):
    memdump.dump(f"{sys.argv[1]}/{number}.dump")
    kept += [SomeRef(n) for n in range(40)]
    kept += [Strange() for _ in range(30)]
    for _ in range(5): Cyclic()
"""

# What the API is asked, and the command.
DUMPS = {"A": "1.dump", "B": "2.dump", "C": "3.dump"}
QUESTIONS = {
    "opened[:2].growth()": ("diff", "A", "B"),
    "opened[1:].growth(sort='bytes', retained=True, limit=5)": ("diff", "B", "C", "--sort", "bytes", "--retained", "--limit", "5"),
    "opened.growth()": ("diff", "A", "C"),
    "opened.series()": ("diff", "A", "B", "C"),
    "opened[:2].new_objects('SomeRef')": ("new", "A", "B", "--type", "SomeRef", "--limit", "20"),
    "opened.new_objects(limit=None)": ("new", "A", "B", "C"),
    "opened.survivors('Some*')": ("survivors", "A", "B", "C", "--type", "Some*"),
    "opened.chains('SomeRef', picture=False)": ("chain", "A", "B", "C", "--type", "SomeRef"),
    "opened[2].chains('SomeRef', start='module', avoid=['tuple'], max_depth=9, picture=False)": (
        *("chain", "C", "--type", "SomeRef", "--from", "module", "--avoid", "tuple", "--max-depth", "9"),
    ),
    "opened[:2].chains('SomeRef', all=True, limit=1, picture=False)": (
        *("chain", "A", "B", "--all", "--type", "SomeRef", "--limit", "1"),
    ),
    "opened.suspects()": ("suspects", "A", "B", "C"),
    "opened.leaks()": ("leaks", "A", "C"),
    "opened[0].leaks(limit=1)": ("leaks", "A", "--limit", "1"),
    "opened.top(sort='count', limit=3)": ("top", "C", "--sort", "count", "--limit", "3"),
    "opened.top(retained=True)": ("top", "C", "--retained"),
    "opened.biggest('SomeRef', limit=3)": ("top", "C", "--objects", "--type", "SomeRef", "--limit", "3"),
    "opened.info()": ("info", "A", "B", "C"),
}

# Prints what the interpreter makes of expressions: every field, as JSON has it.
ASKED = """
import json, sys
from dataclasses import fields, is_dataclass
import memdump
from memdump.analyzer import Address

def plain(value):
    if is_dataclass(value):
        assert hash(type(value))
        return {field.name: plain(getattr(value, field.name)) for field in fields(value) if not field.metadata}
    if isinstance(value, tuple): return [plain(each) for each in value]
    return str(value) if isinstance(value, Address) else value

place, *questions = sys.argv[1:]
opened = memdump.open(*(f"{place}/{number}.dump" for number in (1, 2, 3)))
def answer(question):
    value = eval(question)
    return [plain(value), repr(value), value._repr_html_()]
print(json.dumps([answer(question) for question in questions]))
"""


def run(python: Path, memdump: Command, script: str, *arguments: str | Path, **env: str) -> str:
    """What a script prints, with the command where the tests have it."""
    environment = {**os.environ, "MEMDUMP_COMMAND": str(memdump.path), **env}
    done = subprocess.run(
        [python, "-c", script, *arguments], capture_output=True, text=True, timeout=DEADLINE, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def place(python: Path, memdump: Command, tmp_path: Path) -> Path:
    """Where the three dumps are."""
    run(python, memdump, LEAKS, tmp_path)
    return tmp_path


class Page(HTMLParser):
    """Its text, if each tag is closed in its turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.told: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert tag in ("table", "thead", "tbody", "tr", "th", "td", "div", "b"), tag
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.told.append(data)


def without_nulls(value: Any) -> Any:
    """JSON leaves some fields out that Python has as None."""
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


@pytest.mark.every_version
def test_answers_are_those_of_the_command(python, memdump, place):
    address = memdump.json("new", place / "2.dump", place / "3.dump", "--type", "SomeRef")["objects"][0]["address"]
    questions = {
        **QUESTIONS,
        f"opened.show('{address}')": ("show", "C", address, "--limit", "20"),
        f"opened.show({address}, limit=None)": ("show", "C", address),
    }
    answers = json.loads(run(python, memdump, ASKED, place, *questions))
    assert len(answers) == len(questions)
    for (question, words), (found, text, page) in zip(questions.items(), answers, strict=True):
        expected = memdump.json(*(str(place / DUMPS[word]) if word in DUMPS else word for word in words))
        for own in ("schema", "dumps"):
            del expected[own]
        assert without_nulls(found) == without_nulls(expected), question
        # What is printed is on the page as well, and nothing of it is a tag.
        told = "".join("".join(Page(page).told).split())
        for line in text.splitlines():
            if "chain" not in question:
                assert all(word in told for word in line.split()), question
    assert any("größe</b>" in text for _, text, _ in answers)


QUERIES = """
import json, sys
import memdump
from memdump.analyzer import Address, Unanswerable

first, last = sys.argv[1] + "/1.dump", sys.argv[1] + "/3.dump"
dumps = memdump.open(first, last)
rows = dumps.sql("SELECT name, count FROM type WHERE dump = ? AND name = ?", (2, "__main__.SomeRef"))
assert rows.columns == ("name", "count") and [tuple(row) for row in rows] == [("__main__.SomeRef", 80)], rows
assert rows[0].count == 80
# A quote in a parameter is a quote.
assert len(dumps.sql("SELECT * FROM type WHERE name = :name", {"name": "' OR 1 --"})) == 0
strange = "a\\u2028b\\x85c\\r\\nd\\"'\\0é"
assert dumps.sql("SELECT ? AS text", [strange])[0].text == strange
# Columns are known where there are no rows; the last statement's rows are given.
empty = dumps.sql("SELECT 1 AS one; SELECT name, address FROM type WHERE false;")
assert empty.columns == ("name", "address") and not empty, empty
assert repr(empty).split() == ["name", "address"]
# Columns that are called alike, and what is no name in Python.
both = dumps.sql('SELECT 1 AS a, 2 AS a, 3 AS "x y"')
assert both.columns == ("a", "a", "x y") and tuple(both[0]) == (1, 2, 3)
[row] = dumps.sql("SELECT address, type_name FROM instance WHERE dump = 2 AND type_name = '__main__.SomeRef' LIMIT 1")
assert isinstance(row.address, Address) and repr(row.address).startswith("0x")
assert dumps.sql("SELECT type_name AS t FROM instance WHERE dump = 2 AND address = ?", [row.address])[0].t == row.type_name
assert dumps.show(row.address).type == row.type_name
for query, parameters, said in [
    ("SELECT nme FROM type", (), "no such column: nme"),
    ("SELECT :name", {"nme": 1}, ":name"),
    ("SELECT ?", (), "?1"),
]:
    try:
        dumps.sql(query, parameters)
    except Unanswerable as error:
        assert said in str(error), error
    else:
        raise AssertionError(query)
for parameters in ([object()], "text", {"a": float("nan")}):
    try:
        dumps.sql("SELECT 1", parameters)
    except (TypeError, ValueError):
        continue
    raise AssertionError(parameters)
"""


@pytest.mark.every_version
def test_queries_take_parameters(python, memdump, place):
    run(python, memdump, QUERIES, place)


ERRORS = """
import os, sys, warnings
import memdump
from memdump.analyzer import CommandUnavailable, NotFound, Unanswerable, UnreadableDump

place = sys.argv[1]
dump = place + "/3.dump"

def told(call, kind):
    try:
        call()
    except kind as error:
        return str(error)
    raise AssertionError("no error")

assert "gone.dump" in told(lambda: memdump.open(place + "/gone.dump"), FileNotFoundError)
told(lambda: memdump.open(), ValueError)
said = told(lambda: memdump.open(dump).chains("SomeRfe"), NotFound)
assert "SomeRfe" in said and "did you mean" in said and "\\n" not in said, said
assert "0x1" in told(lambda: memdump.open(dump).show(1), LookupError)
told(lambda: memdump.open(dump).growth(), Unanswerable)
told(lambda: memdump.open(dump).series(), ValueError)
wrong = told(lambda: memdump.open(dump).top(sort="colour"), Unanswerable)
assert wrong.startswith("invalid value 'colour'") and "--help" not in wrong, wrong
for limit in (0, -1):
    assert "None for all" in told(lambda: memdump.open(dump).top(limit=limit), ValueError)
# What is about none of the dumps is not about those of the working directory.
os.chdir(place)
none = memdump.open(dump)[1:]
assert len(none) == 0
for ask in (none.growth, none.top, none.info, lambda: none.sql("SELECT 1"), lambda: none.arrow("type")):
    try:
        assert "no dumps" in told(ask, ValueError)
    except ImportError:  # pyarrow
        pass
assert "*dumps" in told(lambda: memdump.open([dump]), TypeError)
with open(dump, "rb") as whole, open(place + "/cut.dump", "wb") as cut:
    cut.write(whole.read()[:-100])
assert "cut.dump" in told(lambda: memdump.open(place + "/cut.dump").top(), UnreadableDump)
assert memdump.open(place + "/cut.dump", recover=True).top().objects > 0

# The command is looked for where the environment says, beside the interpreter, and on the path.
os.environ["MEMDUMP_COMMAND"] = "nowhere/memdump"
assert "nowhere/memdump" in told(lambda: memdump.open(dump), CommandUnavailable)
assert memdump.open(dump, command=sys.argv[2]).info()[0].objects > 0
del os.environ["MEMDUMP_COMMAND"]
os.environ["PATH"] = place
assert "cargo install" in told(lambda: memdump.open(dump), CommandUnavailable)
os.symlink(sys.argv[2], place + "/memdump")
assert memdump.open(dump).info()[0].objects > 0
for script, said in [("echo memdump 77.1.0", "77.1"), ("echo usage: memdump >&2; exit 1", "another program")]:
    with open(place + "/other", "w") as other:
        print("#!/bin/sh\\n" + script, file=other)
    os.chmod(place + "/other", 0o700)
    assert said in told(lambda: memdump.open(dump, command=place + "/other"), CommandUnavailable), script
    os.unlink(place + "/other")
"""


def test_what_is_wrong_is_told(python, memdump, place):
    run(python, memdump, ERRORS, place, memdump.path)


@pytest.mark.every_version
def test_importing_stays_light(python, memdump):
    """A program that only writes dumps imports nothing of this."""
    script = """
import sys
before = set(sys.modules)
import memdump
new = set(sys.modules) - before
assert not {name for name in new if name.startswith(("memdump.analyzer", "memdump.testing"))}, new
assert not new & {"subprocess", "json", "tempfile", "typing_extensions", "importlib.metadata", "shutil"}, new
from memdump import *
assert open.__module__ in ("io", "_io")
assert memdump.analyzer.Growth and memdump.testing.assert_no_growth
"""
    run(python, memdump, script)


def test_dumps_are_read_without_the_extension_module(memdump, place, tools):
    """From the source, by an interpreter that has no wheel."""
    script = """
import sys
import memdump
dumps = memdump.open(sys.argv[1] + "/1.dump", sys.argv[1] + "/2.dump")
assert any(row.type == "__main__.SomeRef" and row.count_growth == 40 for row in dumps.growth())
for call in (memdump.install, memdump.status, lambda: memdump.dump("x.dump")):
    try:
        call()
    except ImportError as error:
        assert "extension module" in str(error), error
    else:
        raise AssertionError("no error")
"""
    package = ROOT / "dumper" / "cpython" / "python"
    run(tools / "python", memdump, script, place, PYTHONPATH=str(package), PYTHONDONTWRITEBYTECODE="1")


FRAMES = """
import sys
import memdump
dumps = memdump.open(*(f"{sys.argv[1]}/{number}.dump" for number in (1, 2, 3)))
new = dumps[:2].new_objects("SomeRef", limit=None)
frame, table = new.to_pandas(), new.to_arrow()
assert len(frame) == len(table) == new.total and frame.address[0] == new[0].address
assert str(table.schema.field("address").type) == "int64" and table.to_pylist()[0]["type"] == "__main__.SomeRef"
# Types are known without rows, too, and whatever a result consists of.
assert dumps[:2].new_objects("SomeRef", limit=1).to_arrow().schema == table.schema
empty = memdump.open(sys.argv[1] + "/1.dump").leaks()
assert empty.to_arrow().schema == dumps.leaks().to_arrow().schema
for result in (dumps.growth(), dumps.series(), dumps.survivors(), dumps.suspects(), dumps.top(), dumps.biggest(), dumps.info(),
               dumps.leaks(), dumps.chains("SomeRef", picture=False), dumps.show(new[0].address).referrers):
    assert len(result.to_arrow()) == len(result.to_pandas()) == len(result) > 0, result
rows = dumps.sql("SELECT address, size, type_name FROM instance WHERE dump = 3 AND type_name LIKE '%SomeRef'")
assert rows.to_arrow().column_names == ["address", "size", "type_name"]
assert rows.to_pandas()["size"].sum() == sum(row.size for row in rows) > 0
# A whole table goes by Parquet, and is what SQL says.
objects = dumps.arrow("object")
[count] = dumps.sql("SELECT count(*) AS n, sum(size) AS bytes FROM object")
assert objects.num_rows == count.n
assert objects.column("size").to_pandas().sum() == count.bytes
"""


def test_results_become_frames(memdump, zoo_python, tmp_path):
    run(zoo_python, memdump, LEAKS, tmp_path)
    run(zoo_python, memdump, FRAMES, tmp_path)


GOOD = """
import memdump
from memdump.analyzer import Chains, Growth
from memdump.testing import assert_no_growth
dumps = memdump.open("a.dump", memdump.dump("b.dump"))
growth: Growth = dumps.growth(retained=True)
names: list[str] = [row.type for row in growth if row.count_growth > 0]
chains: Chains = dumps[-1].chains("SomeRef", avoid=["dict"])
lengths: list[int] = [len(group.steps) for group in chains[:3]]
for number in assert_no_growth(types=[int, "app.*"]):
    growth.total.count_after += number if False else 0  # type: ignore[misc]
with memdump.testing.assert_no_growth(allow=2):
    pass
"""
BAD = """
import memdump
memdump.open(3)
memdump.open("a").growth()[0].counts
x: str = memdump.open("a").show(1).size
memdump.open("a").top().objects = 4
memdump.testing.assert_no_growth(types=3)
"""


def test_it_is_typed(tools, tmp_path):
    package = ROOT / "dumper" / "cpython" / "python"
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "bad.py").write_text(BAD)

    def mypy(name: str) -> str:
        command = [tools / "mypy", "--strict", "--cache-dir", tmp_path / "cache", name]
        env = {**os.environ, "MYPYPATH": str(package)}
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False).stdout

    assert mypy("good.py").startswith("Success"), mypy("good.py")
    bad = mypy("bad.py")
    for line in (3, 4, 5, 6, 7):
        assert f"bad.py:{line}: error:" in bad, bad
    assert "Found 5 errors" in bad, bad


def test_the_files_of_pictures_and_tables_go_away(memdump, zoo_python, tmp_path):
    """Nothing is left in the directory for temporary files, and what lies there meanwhile is the owner's alone."""
    dumps, temporary = tmp_path / "dumps", tmp_path / "temporary"
    dumps.mkdir()
    temporary.mkdir()
    assert not stat.S_IMODE(temporary.stat().st_mode) & 0o002
    run(zoo_python, memdump, LEAKS, dumps)
    script = """
import sys
import memdump
dumps = memdump.open(sys.argv[1] + "/1.dump", sys.argv[1] + "/2.dump")
dumps.arrow("type")
"""
    run(zoo_python, memdump, script, dumps, TMPDIR=str(temporary))
    assert list(temporary.iterdir()) == []


def test_chains_are_shown_as_a_picture(memdump, zoo_python, tmp_path):
    dumps, temporary = tmp_path / "dumps", tmp_path / "temporary"
    dumps.mkdir()
    temporary.mkdir()
    run(zoo_python, memdump, LEAKS, dumps)
    script = """
import base64, re, sys
from xml.etree import ElementTree
import memdump
chains = memdump.open(sys.argv[1] + "/1.dump", sys.argv[1] + "/2.dump").chains("SomeRef", picture=True)
assert chains.groups[0].count == 40
svg = chains._repr_svg_()
assert ElementTree.fromstring(svg).tag.endswith("svg") and "SomeRef" in svg
[data] = re.findall('src="data:image/svg\\+xml;base64,([^"]*)"', chains._repr_html_())
assert base64.b64decode(data).decode() == svg
"""
    run(zoo_python, memdump, script, dumps, TMPDIR=str(temporary))
    assert list(temporary.iterdir()) == []
