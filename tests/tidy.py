"""House rules that no other tool looks after. Prints each breach with its place; ends with 1 if there was one.

- No file names a place on somebody's machine.
- Links between documents lead somewhere.
- Every file ends with a line feed, and no line with a space.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# In pieces, so that this file does not break its own rule.
MACHINE = re.compile("|".join(["/" + "home/", "/" + "root/", "/" + "work/", "/" + "Users/"]))
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
TEXT = {".rs", ".py", ".pyi", ".md", ".toml", ".c", ".sh", ".sql", ".txt", ""}
VERBATIM = {"LICENSE-MIT", "LICENSE-APACHE", "Cargo.lock"}


def main() -> None:
    breaches = [breach for path in files() for breach in check(path)]
    for breach in breaches:
        print(breach)
    sys.exit(1 if breaches else 0)


def files() -> Iterator[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in listed.stdout.decode().splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix in TEXT and path.name not in VERBATIM:
            yield path


def check(path: Path) -> Iterator[str]:
    name = path.relative_to(ROOT)
    text = path.read_text(encoding="utf-8")
    if text and not text.endswith("\n"):
        yield f"{name}: no line feed at the end"
    for number, line in enumerate(text.splitlines(), 1):
        if line != line.rstrip():
            yield f"{name}:{number}: a space at the end of the line"
        if found := MACHINE.search(line):
            yield f"{name}:{number}: names a place on somebody's machine: {found[0]}"
        if path.suffix == ".md":
            for target in LINK.findall(line):
                if not (path.parent / target).exists():
                    yield f"{name}:{number}: leads nowhere: {target}"


if __name__ == "__main__":
    main()
