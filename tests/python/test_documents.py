"""The documents tell the truth: their commands are run on the demo's dumps, their options compared with the programs'."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

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
    commands = re.findall(r"^\|.*\| `(memdump .*?)`", document, re.MULTILINE)
    assert len(commands) > 10
    first, second = sorted(demo.glob("*.dump"))[-2:]
    example = memdump.json("chain", "--type", "SomeRef", second)["groups"][0]["example"]["steps"][-1]["address"]
    places = {"a.dump": first.name, "b.dump": second.name, "0x7f3a1c0042d0": example}
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


def test_commands_are_those_of_the_help(memdump: Command):
    document = (ROOT / "docs" / "commands.md").read_text()
    general, *sections = re.split(r"^## ", document, flags=re.MULTILINE)
    documented = {section.split("\n")[0]: section for section in sections}
    helped = re.findall(
        r"^  ([a-z]+) +\S", memdump.run("--help").stdout.partition("Commands:")[2].partition("Options:")[0], re.MULTILINE
    )
    assert set(documented) | {"help"} == set(helped)
    for command, section in documented.items():
        named = re.findall(r"^- (?:`-\w`, )?`(--[a-z-]+)", section + general, re.MULTILINE)
        offered = re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", memdump.run(command, "--help").stdout, re.MULTILINE)
        assert set(named) | {"--help"} == set(offered), command


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
