"""Programs from Debian's development suite that the machine does not have: versions of CPython, and a browser.

The packages are unpacked into a directory, with the C library and all else that they need, and the program is told by patchelf
to look for these there. It is a program like any other then, which needs no root, sees the machine's files and appears in
/proc under its own name. A chroot has none of these, and debootstrap unpacks a whole system for one program.

Nothing is installed, and the machine's own apt is not touched: apt-get works on lists, a cache and a status of its own. Where
packages come from is what the machine's apt is configured with.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

SUITE = "sid"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class Unavailable(Exception):
    """Why there is no such program."""


def interpreter(version: str, place: Path, patchelf: Path) -> Path:
    """The path of `python3.X`; unpacked into `place` if it is not there. Unavailable: why it cannot be had."""
    check = ("-c", "import ctypes, sqlite3, ssl, venv, zlib")
    return program(f"python{version}", f"usr/bin/python{version}", place / version, patchelf, check)


def program(package: str, path: str, root: Path, patchelf: Path, check: tuple[str, ...]) -> Path:
    """A program of a package that is unpacked into `root` with all that it needs, and runs if it is called with `check`."""
    found = root / path
    stamp = root / ".made-of"
    made_of = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == made_of:
        return found
    if not sys.platform.startswith("linux") or not patchelf.exists():
        raise Unavailable("there is no patchelf for this machine")
    packages = download(package, root.parent)
    run("rm", "-rf", root)
    root.mkdir(parents=True)
    for archive in packages:
        run("dpkg-deb", "--extract", archive, root)
    make_self_contained(found, root, patchelf)
    run(found, *check)
    stamp.write_text(made_of)
    return found


def download(package: str, place: Path) -> list[Path]:
    """Gets a package and all that it depends on."""
    apt = place / "apt"
    cache = apt / "cache" / package
    for directory in (apt / "state" / "lists" / "partial", cache / "archives" / "partial"):
        directory.mkdir(parents=True, exist_ok=True)
    # An empty status: nothing counts as installed, so that every dependency is got.
    (apt / "status").write_text("")
    (apt / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror()} {SUITE} main\n")
    options = {
        "Dir::Etc::SourceList": apt / "sources.list",
        "Dir::Etc::SourceParts": "-",
        "Dir::State": apt / "state",
        "Dir::State::status": apt / "status",
        "Dir::Cache": cache,
        "APT::Install-Recommends": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        # Its own user may not write here.
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
        "Debug::NoLocking": "true",
    }
    arguments = [argument for name, value in options.items() for argument in ("-o", f"{name}={value}")]
    run("apt-get", *arguments, "-qq", "update")
    run("apt-get", *arguments, "-qq", "--yes", "--download-only", "install", package)
    return sorted((cache / "archives").glob("*.deb"))


def mirror() -> str:
    """Where this machine gets Debian's packages from."""
    listed = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages").split()
    for uri in listed:
        if uri.rstrip("/").endswith("/debian"):
            return uri
    raise Unavailable("apt is not configured with a mirror of Debian")


def make_self_contained(found: Path, root: Path, patchelf: Path) -> None:
    loader = Path(run(patchelf, "--print-interpreter", found).strip())
    libraries = root / "usr" / "lib" / f"{platform.machine()}-linux-gnu"
    folders = [libraries, *sorted({library.parent for library in libraries.glob("*/lib*.so*")})]
    for library in libraries.glob("lib*.so*"):
        # One that says itself where to look asks nobody else, and means the system's folders.
        if not library.is_symlink() and run(patchelf, "--print-rpath", library).strip():
            run(patchelf, "--remove-rpath", library)
    # RPATH rather than RUNPATH: it holds for the libraries of libraries, and of extension modules, as well.
    run(patchelf, "--set-interpreter", root / "usr" / loader.relative_to("/"), found)
    run(patchelf, "--force-rpath", "--set-rpath", ":".join(map(str, folders)), found)


def run(*command: object) -> str:
    try:
        result = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=1200
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]}: {error}") from error
    if result.returncode != 0:
        last = (result.stderr.strip() or "no message").splitlines()[-1]
        raise Unavailable(f"{command[0]} ended with {result.returncode}: {last}")
    return result.stdout
