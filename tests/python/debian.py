"""CPython from Debian's development suite, for versions that the machine does not have.

The packages are unpacked into a directory, with the C library and all else that they need, and the interpreter is told by patchelf
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
    """Why there is no such interpreter."""


def interpreter(version: str, place: Path, patchelf: Path) -> Path:
    """The path of `python3.X`; unpacked into `place` if it is not there. Unavailable: why it cannot be had."""
    root = place / version
    python = root / "usr" / "bin" / f"python{version}"
    stamp = root / ".made-of"
    made_of = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == made_of:
        return python
    if not sys.platform.startswith("linux") or not patchelf.exists():
        raise Unavailable("there is no patchelf for this machine")
    packages = download(f"python{version}", place)
    run("rm", "-rf", root)
    root.mkdir(parents=True)
    for package in packages:
        run("dpkg-deb", "--extract", package, root)
    make_self_contained(python, root, patchelf)
    run(python, "-c", "import ctypes, sqlite3, ssl, venv, zlib")
    stamp.write_text(made_of)
    return python


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


def make_self_contained(python: Path, root: Path, patchelf: Path) -> None:
    loader = Path(run(patchelf, "--print-interpreter", python).strip())
    libraries = root / "usr" / "lib" / f"{platform.machine()}-linux-gnu"
    # RPATH rather than RUNPATH: it holds for the libraries of extension modules as well.
    run(patchelf, "--set-interpreter", root / "usr" / loader.relative_to("/"), python)
    run(patchelf, "--force-rpath", "--set-rpath", libraries, python)


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
