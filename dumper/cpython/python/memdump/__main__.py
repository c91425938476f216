"""``python -m memdump run``: starts a program with memdump installed, and changes nothing else about it.

The program is not run in this interpreter: this one replaces itself by ``python program …``, with ``MEMDUMP_INSTALL`` in the
environment. So ``__main__``, ``sys.argv``, ``sys.path``, tracebacks, exit codes and signals are what they always are, and
what the program starts (reloaders, pools that spawn) has memdump as well.
"""

from __future__ import annotations

import argparse
import os
import site
import sys
from collections.abc import Sequence
from typing import NoReturn

# Option, variable, what stands for its value, what it means.
_SETTINGS = (
    ("--dir", "MEMDUMP_DIR", "DIR", "where dumps are written; the working directory"),
    ("--name", "MEMDUMP_NAME", "NAME", "first part of the files' names; {script} and {host} are filled in"),
    ("--signal", "MEMDUMP_SIGNAL", "SIGNAL", "the signal that asks for a dump; SIGUSR1"),
    ("--second-signal", "MEMDUMP_SECOND_SIGNAL", "SIGNAL", "the signal of `memdump send`; the first free one from SIGRTMIN+9 on"),
    ("--keep", "MEMDUMP_KEEP", "N", "how many of its own dumps a process leaves; 0: all"),
    ("--min-free", "MEMDUMP_MIN_FREE", "SIZE", "what to leave free on the disk; 256M"),
    ("--deadline", "MEMDUMP_DEADLINE", "TIME", "when a dump is given up; 10m"),
    ("--labels", "MEMDUMP_LABELS", "on|off", "whether keys of dicts may be in the dump; on"),
    ("--identity", "MEMDUMP_IDENTITY", "address|exact", "how two dumps know an object to be the same; address"),
    ("--values", "MEMDUMP_VALUES", "off|shortened|hashed", "what of texts and numbers is in the dump; off"),
    ("--arguments", "MEMDUMP_ARGUMENTS", "on|off", "whether the program's arguments are in the dump; on"),
    ("--nice", "MEMDUMP_NICE", "N", "by how much the snapshot process lowers its priority; 10"),
    ("--ionice", "MEMDUMP_IONICE", "N|idle", "its priority at the disk, 0 to 7; 7"),
    (
        "--on-memory",
        "MEMDUMP_ON_MEMORY",
        "LEVEL",
        "dump when resident memory reaches 2G, or 80%% of the limit, and at each step: 2G+256M",
    ),
    ("--on-rise", "MEMDUMP_ON_RISE", "RISE", "dump when resident memory rises by 100M/min"),
    ("--on-memory-error", "MEMDUMP_ON_MEMORY_ERROR", None, "dump when a MemoryError is raised"),
    ("--on-exit", "MEMDUMP_ON_EXIT", None, "dump when the program ends"),
    (
        "--trigger-interval",
        "MEMDUMP_TRIGGER_INTERVAL",
        "TIME",
        "least time between dumps that nobody asked for by hand; 1m, and doubling",
    ),
)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m memdump", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser(
        "run",
        allow_abbrev=False,
        usage="python -m memdump run [options] (program.py | -m module | -c code) [arguments]",
        help="run a Python program with memdump installed",
        description="Runs a Python program, and what it starts, with memdump installed.",
    )
    run.add_argument("--only", action="store_true", help="not in the processes that the program starts (forked ones have it)")
    for option, variable, metavar, meaning in _SETTINGS:
        if metavar is None:
            run.add_argument(option, dest=variable, action="store_const", const="on", help=meaning)
        else:
            run.add_argument(option, dest=variable, metavar=metavar, help=meaning)
    own, program = _split(sys.argv[1:], run)
    given = parser.parse_args(own)
    if not program:
        run.error("give a program: program.py, -m module or -c code")
    _check(run)
    variables = {name: value for _, name, _, _ in _SETTINGS if (value := getattr(given, name)) is not None}
    _run(variables, program, only=given.only)


def _split(arguments: Sequence[str], run: argparse.ArgumentParser) -> tuple[list[str], list[str]]:
    """What is memdump's, and what is Python's: from the first argument on that is neither an option of ours nor its value."""
    values = {option: action.nargs != 0 for action in run._actions for option in action.option_strings}
    if not arguments or arguments[0] != "run":
        return list(arguments), []
    index = 1
    while index < len(arguments):
        option, equals, _ = arguments[index].partition("=")
        if option == "--":
            return list(arguments[:index]), list(arguments[index + 1 :])
        if not option.startswith("--") and option != "-h":
            break
        index += 2 if values.get(option) and not equals else 1
    return list(arguments[:index]), list(arguments[index:])


def _check(run: argparse.ArgumentParser) -> None:
    if sys.flags.ignore_environment:
        run.error("with -E or -I Python ignores its environment, and memdump is not installed by it; leave them out")
    if sys.flags.no_site:
        run.error("with -S Python does not look for what is to be started with it; leave it out")
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    places = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    if not any(os.path.exists(place) and os.path.samefile(place, here) for place in places):
        run.error(
            f"memdump is in {here}, where Python looks for modules but not for what is to be started with it; "
            "install its wheel with pip, or call memdump.install() in the program"
        )
    if not os.path.exists(os.path.join(here, "memdump-start.pth")):
        run.error(f"{here} has no memdump-start.pth, which comes with memdump's wheel; install that again")


def _run(variables: dict[str, str], program: Sequence[str], *, only: bool) -> NoReturn:
    environment = {**os.environ, **variables}
    if environment.get("MEMDUMP_DIR"):
        # The program's working directory may be another one.
        environment["MEMDUMP_DIR"] = os.path.abspath(environment["MEMDUMP_DIR"])
    environment["MEMDUMP_INSTALL"] = f"pid:{os.getpid()}" if only else "on"
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *_interpreter_options(), *program], environment)


def _interpreter_options() -> list[str]:
    """What stood between ``python`` and ``-m memdump``, which may be one word with options: ``-um memdump``."""
    before = _original()[1 : len(_original()) - len(sys.argv) + 1]
    options, last = before[:-1], before[-1]
    word = options.pop() if last == "memdump" else last.removesuffix("memdump")
    last = word.removesuffix("m")
    return [*options, last] if last not in ("", "-") else options


def _original() -> list[str]:
    # As `sys.orig_argv`, which 3.9 has not.
    with open("/proc/self/cmdline", "rb") as file:
        return [os.fsdecode(part) for part in file.read().split(b"\0")[:-1]]


if __name__ == "__main__":
    main()
