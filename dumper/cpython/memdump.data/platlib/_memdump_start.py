"""Installs memdump at the start of a program that does not know of it.

``memdump-start.pth``, beside the package, calls :func:`start` in every Python process that has ``MEMDUMP_INSTALL`` in its
environment. It stands beside the package, so that a process that is not meant imports nothing else. The variable goes down to
child processes; its value says which of them are meant:

``1``, ``on``       all
``match:TEXT``      those with TEXT in their command line
``pid:NUMBER``      this one, whatever it becomes by exec
``0``, ``off``      none

Here nothing may ever keep the program from starting.
"""

from __future__ import annotations

import os
import sys

_begun = False


def start() -> None:
    """Installs memdump if this process is meant. What keeps it from that is told in one line."""
    global _begun
    # In virtual environments Python goes through such files twice.
    if _begun:
        return
    _begun = True
    # As Python's own variables: -E and -I ask for a process that its environment does not change.
    if sys.flags.ignore_environment:
        return
    value = os.environ.get("MEMDUMP_INSTALL", "").strip()
    try:
        if is_meant(value):
            import memdump

            memdump.install()
    except Exception as error:
        say(f"not installed: {error}")


def is_meant(value: str) -> bool:
    kind, _, what = value.partition(":")
    if kind.lower() in ("1", "on", "true", "yes"):
        return True
    if kind.lower() in ("", "0", "off", "false", "no"):
        return False
    if kind == "match" and what:
        return what in command_line()
    if kind == "pid" and what.isdecimal():
        return int(what) == os.getpid()
    raise ValueError(f"MEMDUMP_INSTALL: `{value}` is not on, off, match:TEXT or pid:NUMBER")


def command_line() -> str:
    """As ``pgrep -f`` sees it."""
    with open("/proc/self/cmdline", "rb") as file:
        return os.fsdecode(file.read().rstrip(b"\0").replace(b"\0", b" "))


def say(text: str) -> None:
    line = " ".join(text.split())
    try:  # noqa: SIM105 - contextlib is not imported yet, and is not for this
        os.write(2, f"memdump[{os.getpid()}]: {line}\n".encode(errors="replace"))
    except OSError:  # no stderr
        pass
