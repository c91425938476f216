"""docs/fleet.md is true: its questions, asked of twenty dumps by DuckDB, have the answers that `memdump sql` gives."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import ROOT
from live import Command

DOCUMENT = (ROOT / "docs" / "fleet.md").read_text()
VIEWS, *QUESTIONS = re.findall(r"^```sql\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
HOSTS, PROCESSES = 5, 2


@pytest.fixture(scope="module")
def fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with `dumps`, two each of ten processes on five hosts, and their export `heaps`, made as the document says."""
    place = tmp_path_factory.mktemp("fleet")
    (place / "dumps").mkdir()
    synth = request.config.getoption("--rows").with_name("synth")
    for number in range(HOSTS * PROCESSES):
        host, pid = f"web-{number % HOSTS + 1}", 100 + number
        of_process = ["--host", host, "--pid", str(pid), "--seed", str(number)]
        heap = ["--objects", "2000", "--leaked", str(10 * number)]
        dumps = ["-o", place / f"dumps/app.{pid}.1.dump", "--later", place / f"dumps/app.{pid}.2.dump"]
        subprocess.run([synth, *of_process, *heap, *dumps], check=True, capture_output=True)
    (export,) = re.findall(r"^memdump (export .*)$", DOCUMENT, re.MULTILINE)
    arguments = export.replace("dumps/*.dump", " ".join(str(dump) for dump in dumps_of(place))).split()
    result = memdump_of(request).run(*arguments, cwd=place)
    assert result.returncode == 0, result.stderr
    return place


@pytest.fixture
def lake(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> duckdb.DuckDBPyConnection:
    """DuckDB with the document's views."""
    monkeypatch.chdir(fleet)
    connection = duckdb.connect()
    connection.execute(VIEWS)
    return connection


def memdump_of(request: pytest.FixtureRequest) -> Command:
    return Command(request.config.getoption("--command"))


def dumps_of(place: Path) -> list[Path]:
    return sorted((place / "dumps").glob("*.dump"))


def asked_of_memdump(memdump: Command, fleet: Path, question: str) -> list[tuple[Any, ...]]:
    result = memdump.run("sql", *dumps_of(fleet), question, "--format", "jsonl")
    assert result.returncode == 0, result.stderr
    return [tuple(json.loads(line).values()) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("question", QUESTIONS[:2])
def test_the_same_question_has_the_same_answer(question, fleet, lake, memdump):
    answer = lake.execute(question).fetchall()
    assert len(answer) == 10
    assert answer == asked_of_memdump(memdump, fleet, question)


def test_a_host_is_found_by_the_path(fleet, lake, memdump):
    question = QUESTIONS[2]
    answer = lake.execute(question).fetchall()
    assert answer
    join = "FROM reference JOIN dump ON dump.id = reference.dump\nWHERE dump.host"
    by_join = question.replace("FROM reference\nWHERE host", join)
    assert answer == asked_of_memdump(memdump, fleet, by_join)
    plan = lake.execute(f"EXPLAIN ANALYZE {question}").fetchall()[0][1]
    # Two processes of two dumps each.
    assert re.search(r"Scanning Files: 4/20|Total Files Read: 4\b", plan), plan


def test_every_table_of_every_dump_is_there(fleet, lake, memdump):
    schema = json.loads(memdump.run("info", "--json", *dumps_of(fleet)).stdout)["infos"]
    assert len(schema) == 20
    counts = lake.execute("SELECT host, pid, sequence, objects, reference_count FROM dump ORDER BY pid, sequence").fetchall()
    assert counts == [
        (f"web-{number % HOSTS + 1}", 100 + number, sequence, info["objects"], info["references"])
        for info, (number, sequence) in zip(
            schema, ((number, sequence) for number in range(HOSTS * PROCESSES) for sequence in (1, 2)), strict=True
        )
    ]
    for table, column in (("object", "objects"), ("reference", "reference_count"), ("type", "types")):
        different = lake.execute(
            f"SELECT dump.id FROM dump LEFT JOIN {table} ON {table}.dump = dump.id "
            f"GROUP BY dump.id, {column} HAVING count({table}.dump) <> {column}"
        ).fetchall()
        assert different == [], table


def test_columns_are_described(fleet, lake):
    said = dict(
        lake.execute("SELECT key::VARCHAR, value::VARCHAR FROM parquet_kv_metadata('heaps/object/**/*.parquet')").fetchall()
    )
    assert said["memdump.object.retained"] == "What would be freed with it, in bytes."
    types = dict(lake.execute("SELECT column_name, column_type FROM (DESCRIBE object)").fetchall())
    assert types["address"] == types["size"] == types["pid"] == "BIGINT"
    assert types["is_new"] == "BOOLEAN" and types["host"] == types["held"] == "VARCHAR"
