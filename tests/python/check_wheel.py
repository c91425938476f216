"""Builds the wheel that is published twice, in different directories, and compares the two: byte for byte the same, or it fails.

python3 tests/python/check_wheel.py --into target/check-wheel
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Of different lengths and depths, so that a path that slips in moves what follows.
PLACES = ("one", "the/other/place")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--into", type=Path, required=True)
    into = parser.parse_args().into.resolve()
    shutil.rmtree(into, ignore_errors=True)
    # Both before the first is built: the sources may be worked on meanwhile.
    for place in PLACES:
        copy_sources(into / place)
    first, second = (build(into / place) for place in PLACES)
    differing = differences(first, second)
    if differing or first.read_bytes() != second.read_bytes():
        sys.exit(f"check-wheel: {first} and {second} differ: {', '.join(differing) or 'in how they are packed'}")
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    print(f"check-wheel: {first.name}: {first.stat().st_size} bytes, the same twice, sha256 {digest}")


def build(place: Path) -> Path:
    environment = {**os.environ, "CARGO_TARGET_DIR": str(place / "target")}
    subprocess.run(["make", "release-wheel"], cwd=place, env=environment, check=True, stdin=subprocess.DEVNULL)
    [wheel] = (place / "target" / "memdump-wheels" / "release").glob("*.whl")
    kept = place / wheel.name
    shutil.move(wheel, kept)
    shutil.rmtree(place / "target")
    return kept


def copy_sources(place: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)


def differences(first: Path, second: Path) -> list[str]:
    """The members that are not the same in both."""
    with zipfile.ZipFile(first) as one, zipfile.ZipFile(second) as other:
        names = sorted({*one.namelist(), *other.namelist()})
        common = {*one.namelist()} & {*other.namelist()}
        return [name for name in names if name not in common or one.read(name) != other.read(name)]


if __name__ == "__main__":
    main()
