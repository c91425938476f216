"""A dump says of a heap what the interpreter says of it: objects, references, sizes. See tests/oracle."""

from __future__ import annotations

import subprocess

import pytest
from conftest import ROOT

pytestmark = pytest.mark.every_version

ORACLE = ROOT / "tests" / "oracle"


@pytest.mark.parametrize("heap", ["heap_builtin", "heap_django", "heap_numpy"])
def test_the_interpreter_agrees(python, heap, tmp_path, request):
    command = [python, ORACLE / "oracle.py", heap, request.config.getoption("--rows"), tmp_path / "heap.dump"]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=900)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 differences" in result.stdout
