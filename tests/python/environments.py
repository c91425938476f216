"""Makes the virtual environments that the demo, the tests and the lints use, each once.

    python3 tests/python/environments.py --into target/venvs tools
    python3 tests/python/environments.py --into target/venvs --wheel memdump.whl targets
    python3 tests/python/environments.py --into target/venvs --wheel memdump.whl demo
    python3 tests/python/environments.py --into target/venvs --wheel memdump.whl zoo
    python3 tests/python/environments.py --into target/venvs --wheel failpoints/memdump.whl failpoints

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

VERSIONS = ("3.11", "3.12", "3.13")
HERE = Path(__file__).resolve().parent
REQUIREMENTS = {
    "tools": HERE / "requirements-tools.txt",
    "targets": HERE / "requirements.txt",
    "demo": HERE.parent / "demo" / "requirements.txt",
    "zoo": HERE.parent / "zoo" / "requirements.txt",
    "failpoints": None,
    "bench": HERE / "requirements.txt",
}


def main() -> None:
    arguments = parse_arguments()
    arguments.into.mkdir(parents=True, exist_ok=True)
    # Two makes at a time must not make the same environment.
    with open(arguments.into / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        interpreters = find_interpreters()
        requirements = REQUIREMENTS[arguments.what]
        if arguments.what == "targets":
            for version, interpreter in interpreters.items():
                make(arguments.into / version, interpreter, requirements, arguments.wheel)
        else:
            # What the zoo needs is there for newer versions only.
            in_order = list(interpreters.values())
            interpreter = interpreters.get("3.12", in_order[-1]) if arguments.what == "zoo" else in_order[0]
            make(arguments.into / arguments.what, interpreter, requirements, arguments.wheel)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=REQUIREMENTS)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--wheel", type=Path, help="the wheel of memdump to install")
    return parser.parse_args()


def find_interpreters() -> dict[str, str]:
    """By version, oldest first: `python3.X` on the path, or the newest that pyenv has."""
    found = {}
    for version in VERSIONS:
        for candidate in candidates(version):
            if version_of(candidate) == version:
                found[version] = candidate
                break
        else:
            say(f"SKIPPED: there is no Python {version} (with venv) on this machine; it is not tested")
    if not found:
        sys.exit(f"environments: none of Python {', '.join(VERSIONS)} is here; install one of them")
    return found


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
    subprocess.run([interpreter, "-m", "venv", "--clear", place], check=True)
    # The wheel by its path in the same call, so that nothing of that name is looked for elsewhere.
    what = [*(["-r", requirements] if requirements else []), *([wheel] if wheel else [])]
    pip = [place / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--no-input"]
    subprocess.run([*pip, "install", "--quiet", *what], check=True, stdin=subprocess.DEVNULL)
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
