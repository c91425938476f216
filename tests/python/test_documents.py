"""The documents tell the truth: their commands are run on the demo's dumps, their options compared with the programs'."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import jsonschema
import pytest
from conftest import ROOT, VERSIONS
from live import Command

CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def demo(request, tmp_path_factory) -> Path:
    """The dumps that `make demo` leaves."""
    venvs = request.config.getoption("--venvs")
    python = next(path for version in VERSIONS if (path := venvs / version / "bin" / "python").exists())
    output = tmp_path_factory.mktemp("demo") / "demo-out"
    command = [python, ROOT / "tests" / "demo" / "demo.py"]
    command += ["--command", request.config.getoption("--command"), "--output", output]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=900)
    assert result.returncode == 0, result.stdout + result.stderr
    return output


# Serves until it is interrupted; a browser's tests run it.
FOREVER = ("memdump ui",)


def shape(output: str) -> list[str]:
    """The output with everything replaced that differs from run to run."""
    text = re.sub(r"0x[0-9a-f]+", "ADDRESS", output)
    text = re.sub(r"[+-]?\d[\d,.]*( ([KMG]i)?B\b)?", "N", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("document", ["README.md", "docs/tutorial.md"])
def test_console_blocks(document, demo, memdump):
    blocks = CONSOLE.findall((ROOT / document).read_text())
    assert blocks
    for block in blocks:
        prompt, _, expected = block.partition("\n")
        command = shlex.split(prompt.removeprefix("$ "))
        assert command[0] == "memdump", prompt
        if command[1] == "show":
            # The group that leaks comes first, as in the document.
            group = memdump.json("chain", "--type", "SomeRef", *sorted(demo.glob("*.dump"))[-2:])["groups"][0]
            command[-1] = group["example"]["steps"][-1]["address"]
        result = memdump.run(*command[1:], cwd=demo)
        assert result.returncode == 0, f"{prompt}: {result.stderr}"
        found = shape(result.stdout)
        if command[1] == "diff":
            # A module that a request imports late brings rows of its own.
            found = [line for line in found if line in shape(expected)]
        expected = shape(expected)
        if command[1] == "suspects":
            # How long it took, and how long memory will do, has other units on another machine.
            found, expected = (
                [line for line in lines if not line.startswith(("memory:", "N dumps over"))] for lines in (found, expected)
            )
        assert found == expected, prompt


def test_what_takes_the_place_of_objgraph_can_be_run(demo, memdump):
    document = (ROOT / "docs" / "objgraph.md").read_text()
    in_place_of, _, _ = document.partition("## What is different")
    commands = [command for command in re.findall(r"`(memdump [a-z]+.*?)`", in_place_of) if command not in FOREVER]
    assert len(commands) > 15
    first, second = sorted(demo.glob("*.dump"))[-2:]
    example = memdump.json("chain", "--type", "SomeRef", second)["groups"][0]["example"]["steps"][-1]["address"]
    places = {"a.dump": first.name, "b.dump": second.name, "c.dump": second.name, "0x7f3a1c0042d0": example}
    for command in commands:
        words = [places.get(word, word) for word in shlex.split(command)]
        result = memdump.run(*words[1:], cwd=demo)
        assert result.returncode == 0 and result.stdout, f"{command}: {result.stderr}"


def test_what_takes_the_place_of_objgraph_is_all_of_it(python):
    """Its functions, but for those that a reader never calls himself."""
    document = (ROOT / "docs" / "objgraph.md").read_text()
    listing = "import objgraph; print(*(n for n, f in vars(objgraph).items() if getattr(f, '__module__', '') == 'objgraph'))"
    names = subprocess.run([python, "-c", listing], capture_output=True, text=True, check=True).stdout.split()
    names = [name for name in names if not name.startswith("_")]
    assert "show_growth" in names
    left_out = {name for name in names if not re.search(rf"\b{name}\b", document)}
    assert left_out <= {"at_addrs", "find_ref_chain"}, left_out


# About processes that live, or directories that are looked at for ever: other tests run these.
LIVE = ("send", "attach", "ui", "watch")
# What other programs do with a result is no matter of memdump's; that it is JSON is.
OTHERS = {"jq": "exec python3 -m json.tool >/dev/null", "sqlite3": "exit 0", "rsync": "exit 0", "man": "exit 0"}


def examples(memdump: Command) -> set[str]:
    """The commands that the help and the documents for everybody show, without their comments and what they print."""
    helped = re.findall(r"^  ([a-z-]+) +\S", memdump.run("--help").stdout.partition("Commands:")[2], re.MULTILINE)
    texts = [memdump.run(name, "--help").stdout.partition("\nExamples:\n")[2] for name in set(helped) - {"help"}]
    for name in ("README.md", "docs/commands.md", "docs/tutorial.md"):
        document = (ROOT / name).read_text()
        texts += re.findall(r"^```sh\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
        # Of another run than the blocks that are compared with what is printed.
        texts += re.findall(r"^```\n\$ (memdump .*)$", document, re.MULTILINE)
    lines = {re.split(r" {3,}| +#", line.strip())[0] for text in texts for line in text.splitlines()}
    shown = {line for line in lines if re.search(r"(^|\$\(|&& )memdump [a-z]", line)}
    return {line for line in shown if not re.search(rf"memdump ({'|'.join(LIVE)})\b", line)}


def test_examples_of_the_help_and_the_reference_can_be_run(demo, memdump, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, script in OTHERS.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    (tools / "memdump").symlink_to(memdump.path.resolve())
    dumps = sorted(demo.glob("*.dump"))[-3:]
    example = memdump.json("chain", "--type", "SomeRef", dumps[-1])["groups"][0]["example"]["steps"][-1]["address"]
    loaded = tmp_path / "heap.db"
    assert memdump.run("load", dumps[-1], "-o", loaded).returncode == 0
    lines = examples(memdump)
    assert len(lines) > 50, lines
    for number, line in enumerate(sorted(lines)):
        # Where none are named, the newest are taken: the same under other names would be newest, too.
        place = tmp_path / str(number)
        place.mkdir()
        for dump in dumps:
            (place / dump.name).symlink_to(dump)
        for name, dump in zip("abcde", [*dumps, dumps[-1], dumps[-1]], strict=True):
            if f"{name}.dump" in line:
                (place / f"{name}.dump").symlink_to(dump)
        (place / "leak.sql").write_text("SELECT count(*) FROM type;\n")
        if "sql heap.db" in line:
            (place / "heap.db").symlink_to(loaded)
        for directory in (".zfunc", ".config/fish/completions", ".local/share/bash-completion/completions"):
            (place / directory).mkdir(parents=True)
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {line.replace('0x7f3a1c0042d0', example)}"],
            cwd=place,
            env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "HOME": str(place)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )
        forbids = "--fail-on" in line
        assert done.returncode == (6 if forbids else 0), f"{line}: {done.returncode}: {done.stderr}"


def test_commands_are_those_of_the_help(memdump: Command):
    document = (ROOT / "docs" / "commands.md").read_text()
    general, *sections = re.split(r"^## ", document, flags=re.MULTILINE)
    documented = {section.split("\n")[0]: section for section in sections}
    helped = re.findall(
        r"^  ([a-z-]+) +\S", memdump.run("--help").stdout.partition("Commands:")[2].partition("Options:")[0], re.MULTILINE
    )
    assert set(documented) | {"help"} == set(helped)
    for command, section in documented.items():
        named = re.findall(r"^- (?:`-\w`, )?`(--[a-z-]+)", section + general, re.MULTILINE)
        offered = re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", memdump.run(command, "--help").stdout, re.MULTILINE)
        assert set(named) | {"--help"} == set(offered), command


def test_json_is_what_its_schema_says(demo, memdump: Command, tmp_path):
    first, second, third = sorted(demo.glob("*.dump"))
    example = memdump.json("chain", "--type", "SomeRef", third)["groups"][0]["example"]["steps"][-1]["address"]
    asked = {
        "chain": ["chain", "--type", "SomeRef", first, third],
        "diff": ["diff", "--retained", first, third],
        "export": ["export", "-o", tmp_path / "parquet", "--table", "type", third],
        "info": ["info", third],
        "leaks": ["leaks", first, third],
        "load": ["load", third, "-o", tmp_path / "heap.db"],
        "new": ["new", "--type", "SomeRef", first, third],
        "report": ["report", "-o", tmp_path / "report.html", first, third],
        "schema": ["sql", "--schema"],
        "series": ["diff", first, second, third],
        "show": ["show", third, example],
        "survivors": ["survivors", first, second, third],
        "suspects": ["suspects", first, second, third],
        "top": ["top", "--retained", third],
        "top_objects": ["top", "--objects", third],
        "verify": ["verify", third],
    }
    names = memdump.run("json-schema").stdout.split()
    assert set(names) - {"attach", "send"} == set(asked)
    for name, command in asked.items():
        schema = json.loads(memdump.run("json-schema", name).stdout)
        document = memdump.json(*command)
        jsonschema.validate(document, schema, cls=jsonschema.Draft202012Validator)
        assert document["schema"] == f"memdump.{name}/1"
        assert set(document) <= set(schema["properties"]), name
        document["dumps"] = 5
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, schema)


def test_json_about_live_processes_is_what_its_schema_says(python, start, memdump: Command):
    target = start(python, "import memdump; memdump.install(); listen()")
    for name in ("attach", "send"):
        schema = json.loads(memdump.run("json-schema", name).stdout)
        document = memdump.json(name, str(target.pid))
        jsonschema.validate(document, schema, cls=jsonschema.Draft202012Validator)
        assert document["schema"] == f"memdump.{name}/1"
        assert set(document) <= set(schema["properties"])


def test_exit_codes_are_those_of_the_help(memdump: Command):
    helped = re.findall(r"^  (\d)  (.*)$", memdump.run("--help").stdout, re.MULTILINE)
    document = (ROOT / "docs" / "commands.md").read_text().replace("`", "")
    assert helped == re.findall(r"^\| (\d) \| (.*) \|$", document, re.MULTILINE)


def test_settings_are_those_of_the_source():
    native = [path for path in (ROOT / "dumper" / "src").glob("**/*.rs") if path.name != "failpoint.rs"]
    at_start = (ROOT / "dumper" / "cpython" / "memdump.data").glob("**/*.py")
    source = "".join(path.read_text() for path in [*native, *at_start])
    document = (ROOT / "docs" / "python.md").read_text()
    variables = re.compile(r"\bMEMDUMP_[A-Z_]+\b")
    assert set(variables.findall(document)) == set(variables.findall(source)) - {"MEMDUMP_FAILPOINTS"}


def test_python_blocks_compile():
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for code in re.findall(r"^```python\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL):
            compile(code, str(document), "exec")


# Runs what stands behind each prompt, and tells what each printed.
SESSION = """
import contextlib, doctest, io, json, sys
scope, told = {}, []
for example in doctest.DocTestParser().get_examples(sys.stdin.read()):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(example.source, "<document>", "single"), scope)
    told.append([example.source, example.want, out.getvalue()])
print(json.dumps(told))
"""


def test_sessions_of_python(python, demo, memdump):
    document = (ROOT / "docs" / "python-api.md").read_text()
    session = "\n".join(re.findall(r"^```pycon\n(.*?)^```$", document, re.MULTILINE | re.DOTALL))
    for dump, name in zip(sorted(demo.glob("*.dump"))[-3:], ("shop.1.dump", "shop.2.dump", "shop.3.dump"), strict=True):
        session = session.replace(name, dump.name)
    env = {**os.environ, "MEMDUMP_COMMAND": str(memdump.path)}
    done = subprocess.run([python, "-c", SESSION], input=session, cwd=demo, env=env, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    examples = json.loads(done.stdout)
    assert len(examples) > 5
    for source, expected, found in examples:
        found = shape(found)
        if "growth" in source:
            # A module that a request imports late brings rows of its own.
            found = [line for line in found if line in shape(expected)]
        assert found == shape(expected), source
