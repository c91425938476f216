"""Programs in Rust, from their start to the verdict."""

from __future__ import annotations

import re
import subprocess
import sys

from conftest import ROOT


def test_the_demo(memdump, tmp_path, request):
    """As `make demo-rust` does; it fails by itself unless the leak comes out first."""
    demo = ROOT / "tests" / "demo" / "demo_rust.py"
    service = request.config.getoption("--rust-shop")
    command = [sys.executable, demo, "--command", memdump.path, "--service", service, "--output", tmp_path / "out"]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=900)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "static rust_shop::receipts::RECEIPTS" in result.stdout
    dumps = sorted((tmp_path / "out").glob("*.dump"))
    assert len(dumps) == 3
    for dump in dumps:
        memdump.check(dump)
    recipe = (ROOT / "docs" / "recipes.md").read_text().partition("## A cache in Rust")[2]
    commands = re.findall(r"^memdump (.*)$", recipe, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        result = memdump.run(*command.split(), cwd=tmp_path / "out")
        assert result.returncode == 0 and result.stdout, f"{command}: {result.stderr}"
        assert command == "leaks" or "static rust_shop::receipts::RECEIPTS" in result.stdout, result.stdout
