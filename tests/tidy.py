"""House rules that no other tool looks after. Prints each breach with its place; ends with 1 if there was one.

- No file names a place on somebody's machine.
- Links between documents lead somewhere, also those to a heading.
- Every file ends with a line feed, and no line with a space.
"""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# In pieces, so that this file does not break its own rule.
MACHINE = re.compile("|".join(["/" + "home/", "/" + "root/", "/" + "work/", "/" + "Users/"]))
LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([^)\s]*))?\)")
CODE = re.compile(r"^(```+).*?^\1$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)
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
        yield from check_links(path, text)


def check_links(path: Path, text: str) -> Iterator[str]:
    # What is in code is no link; its lines count.
    text = CODE.sub(lambda code: "\n" * code[0].count("\n"), text)
    for number, line in enumerate(text.splitlines(), 1):
        for target, heading in LINK.findall(line):
            found = path.parent / target if target else path
            if not found.exists() or (heading and found.suffix == ".md" and heading not in anchors(found)):
                yield f"{path.relative_to(ROOT)}:{number}: leads nowhere: {target}{heading and '#'}{heading}"


@functools.cache
def anchors(path: Path) -> set[str]:
    """What a link calls the headings of a document: their words in small letters with hyphens between."""
    # Headings may have code in them, and what is no more than a comment in a block of code looks like one.
    text = re.sub(r"^(```+).*?^\1$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found: set[str] = set()
    for heading in HEADING.findall(text):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        again = (f"{slug}-{number}" for number in range(1, len(found) + 1))
        found.add(slug if slug not in found else next(name for name in again if name not in found))
    return found


if __name__ == "__main__":
    main()
