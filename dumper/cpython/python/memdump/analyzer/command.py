"""The command ``memdump``: where it is, and what it answers."""

from __future__ import annotations

import functools
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Optional, Union

from .errors import AnalysisError, CommandUnavailable, error_of

VARIABLE = "MEMDUMP_COMMAND"
"""Where the command is, if it is not where programs are looked for."""

_CURE = (
    "build it with `cargo install --locked --path analyzer` and put it on the PATH, beside this Python, "
    f"or where {VARIABLE} or `memdump.open(…, command=…)` says"
)
_log = logging.getLogger("memdump")


@dataclass(frozen=True)
class Command:
    """The command, which has been tried."""

    path: str
    """The program."""
    common: tuple[str, ...] = ()
    """Options that each call has."""

    def json(self, schema: str, arguments: Sequence[str]) -> dict[str, Any]:
        """The result of a question as JSON, which must be of this schema."""
        text = self._output([*arguments[:1], "--json", *arguments[1:]])
        try:
            document = json.loads(text)
        except ValueError as error:
            raise CommandUnavailable(f"{self.path} gave no JSON: {error}") from error
        found = document.get("schema") if isinstance(document, dict) else None
        if found != schema:
            raise CommandUnavailable(
                f"{self.path} answers with {found}, and this package reads {schema}; install command and package of one version"
            )
        return dict(document)

    def text(self, arguments: Sequence[str]) -> str:
        """The result as text."""
        return self._output(arguments)

    def lines(self, arguments: Sequence[str], script: str) -> Iterator[str]:
        """The lines of the result; the command reads `script`."""
        # Not `splitlines`: JSON leaves characters as they are that this takes for ends of lines.
        return (line for line in self._output(arguments, script).split("\n") if line)

    def _output(self, arguments: Sequence[str], script: Optional[str] = None) -> str:
        # On an interrupt `run` kills the command, so nothing goes on by itself.
        done = subprocess.run(
            [self.path, *arguments[:1], *self.common, *arguments[1:]],
            env=_environment(os.environ),
            input=None if script is None else script.encode(),
            stdin=subprocess.DEVNULL if script is None else None,
            capture_output=True,
        )
        said = _said(done.stderr.decode(errors="replace").splitlines())
        if done.returncode != 0:
            raise _error(done.returncode, said)
        for line in said:
            _log.warning("%s", line)
        # JSON is UTF-8; so is what the command prints of names that are none.
        return done.stdout.decode(errors="replace")


def find(given: Union[str, os.PathLike[str], None], common: Iterable[str] = ()) -> Command:
    """The command: the one that is given, that ``MEMDUMP_COMMAND`` names, beside the interpreter, or on the path.

    Raises CommandUnavailable if there is none, or it is of another version.
    """
    named = os.fspath(given) if given is not None else os.environ.get(VARIABLE)
    if named:
        path = shutil.which(named)
        if path is None:
            raise CommandUnavailable(f"there is no program {named}, which should be the command memdump; {_CURE}")
    else:
        beside = os.path.join(os.path.dirname(sys.executable or ""), "memdump")
        path = (shutil.which(beside) if sys.executable else None) or shutil.which("memdump")
        if path is None:
            raise CommandUnavailable(f"the command memdump, which reads dumps, is not to be found; {_CURE}")
    path = os.path.abspath(path)
    _check(path, os.stat(path).st_mtime_ns)
    return Command(path, tuple(common))


@functools.cache
def _check(path: str, _changed: int) -> None:
    """Whether it is the command, and of this package's version: other programs are called memdump, too."""
    try:
        done = subprocess.run([path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, env=_environment(os.environ))
    except OSError as error:
        raise CommandUnavailable(f"{path} cannot be run: {error}; {_CURE}") from error
    told = re.fullmatch(r"memdump (\d+\.\d+)\.\S+", done.stdout.decode(errors="replace").strip())
    if done.returncode != 0 or told is None:
        raise CommandUnavailable(f"{path} is another program; {_CURE}")
    try:
        own = metadata.version("memdump")
    except metadata.PackageNotFoundError:  # not installed: imported from the source
        return
    if not own.startswith(f"{told[1]}."):
        raise CommandUnavailable(
            f"{path} is of version {told[1]}, and the Python package memdump is {own}; install both of one version"
        )


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Without what would colour text."""
    return {**{name: value for name, value in environment.items() if name != "CLICOLOR_FORCE"}, "NO_COLOR": "1"}


def _said(lines: Iterable[str]) -> list[str]:
    """What was told, without progress, which files were written (whoever called it knows them), and what only helps at a prompt."""
    told = (line.removeprefix("memdump: ").removeprefix("error: ") for line in lines if line.strip() and not line.endswith(" …"))
    return [line for line in told if not line.startswith(("wrote ", "For more information, try"))]


def _error(code: int, said: Sequence[str]) -> AnalysisError:
    if code < 0:
        return AnalysisError(f"the command was killed by signal {-code}; if that is 9, there may have been too little memory")
    return error_of(code)("\n".join(said) or f"the command ended with code {code} and said nothing")
