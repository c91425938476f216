"""Heap dumps of live Python processes.

    import memdump
    memdump.install(directory="/var/tmp/dumps")

From then on ``kill -USR1 PID`` makes the process write a compressed snapshot of its heap: every object with its type and
size, every reference by name. The process pauses for a fork and for nothing else; without the signal nothing happens.
Read the dumps with the command ``memdump`` (``memdump diff``, ``memdump chain``), or from here: :func:`memdump.open`.
"""

from __future__ import annotations

import atexit
import builtins
import os
import sys
from dataclasses import dataclass
from signal import Signals
from typing import TYPE_CHECKING, Any, Optional, Union

if TYPE_CHECKING:
    from collections.abc import Iterable

    from . import testing as testing
    from .analyzer import Dumps


class _OnlyReads:
    """In place of the extension module, where that is not: dumps can be looked at, but not be made."""

    def __getattr__(self, name: str) -> Any:
        raise ImportError("memdump cannot dump this process: its extension module is not here; install memdump's wheel with pip")


try:
    from . import _native
except ImportError as error:
    # Such builds do not even look for what the wheel has: it is of the stable ABI, which they do not have.
    if "t" in sys.abiflags:
        raise ImportError(
            "memdump cannot dump this interpreter: it is a free-threaded build, which is not supported yet"
        ) from error
    # The package has no such name: it is not there. All else is why it cannot be used, which is told at once.
    if error.name != __name__:
        raise
    _native = _OnlyReads()  # type: ignore[assignment]

# Not `open`: a star import must not hide the builtin.
__all__ = ["Dump", "Status", "dump", "install", "status"]

_PathLike = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True)
class Dump:
    """A dump that was written."""

    path: str
    """The file."""
    sequence: int
    """Its number in this process, from 1."""
    objects: int
    """Objects in it."""
    references: int
    """References between them."""
    bytes: int
    """Size of the file."""
    faults: int
    """Objects that could not be read; ``memdump info`` tells why."""
    wait: float
    """Seconds until the interpreter held still (another thread had the GIL)."""
    pause: float
    """Seconds for which it was held still: the fork."""
    duration: float
    """Seconds from the request to the complete file."""
    growth: Optional[dict[str, int]]
    """The types with most new objects since the last dump of this process, and how many; None for the first."""

    def __fspath__(self) -> str:
        return self.path


@dataclass(frozen=True)
class Status:
    """How things stand in this process."""

    signal: Optional[int]
    """The signal that asks for a dump, a :class:`signal.Signals` where it has a name; None before :func:`install`."""
    taken_away: bool
    """Whether something replaced the signal's handler since. ``memdump send PID`` still works; :func:`install` takes it back."""
    second_signal: Optional[int]
    """The real-time signal that ``memdump send`` uses."""
    agent_alive: bool
    """Whether the thread that answers signals is there."""
    in_progress: bool
    """Whether a dump is being written."""
    dumps: int
    """Dumps written by this process."""
    ignored: int
    """Signals that came while a dump was being written."""
    last_dump: Optional[Dump]
    last_error: Optional[str]
    settings: Optional[dict[str, Any]]
    """The settings in force, by the names of the arguments of :func:`install`; None before."""
    next_level: Optional[int]
    """Resident memory, bytes, at which the next dump is taken by itself; None without `on_memory`."""
    held_back: float
    """Seconds for which dumps because of the memory are held back, because one was taken not long ago."""


def install(
    *,
    signal: Union[int, str, None] = None,
    directory: Optional[_PathLike] = None,
    name: Optional[str] = None,
    keep: Optional[int] = None,
    min_free: Optional[int] = None,
    deadline: Optional[float] = None,
    labels: Optional[bool] = None,
    second_signal: Union[int, str, None] = None,
    identity: Optional[str] = None,
    values: Optional[str] = None,
    arguments: Optional[bool] = None,
    nice: Optional[int] = None,
    ionice: Union[int, str, None] = None,
    on_memory: Union[int, str, None] = None,
    on_rise: Optional[str] = None,
    on_memory_error: Optional[bool] = None,
    on_exit: Union[bool, float, str, None] = None,
    trigger_interval: Optional[float] = None,
) -> None:
    """Makes a signal write a heap dump. An argument beats its environment variable, which beats the default.

    signal: which one, by number or name. ``MEMDUMP_SIGNAL``; SIGUSR1. A handler that stood there before still runs.
    directory: where dumps are written. ``MEMDUMP_DIR``; the working directory of now.
    name: files are called ``NAME.PID.SEQ.dump``; ``{script}`` and ``{host}`` are filled in. ``MEMDUMP_NAME``; the script's name.
    keep: how many of its own dumps a process leaves in the directory; 0: all. ``MEMDUMP_KEEP``; 0.
    min_free: bytes to leave free on the disk. ``MEMDUMP_MIN_FREE``; 256 MiB.
    deadline: seconds after which a dump is given up. ``MEMDUMP_DEADLINE``; 600.
    labels: whether keys of dicts may be in the dump (shortened to 64 characters). ``MEMDUMP_LABELS``; yes.
    identity: how two dumps know an object to be the same: "address" (and type), or "exact", for which allocations are
        marked from now on until the process ends. ``MEMDUMP_IDENTITY``; "address".
    values: what of texts and numbers is in the dump: "off", "shortened" (their first 64 bytes) or "hashed" (equal ones can be told,
        what they are cannot). ``MEMDUMP_VALUES``; "off".
    second_signal: the one for ``memdump send``, a real-time signal. ``MEMDUMP_SECOND_SIGNAL``; the first free one.

    arguments: whether the program's arguments are in the dump. ``MEMDUMP_ARGUMENTS``; yes.
    nice: by how much the snapshot process lowers its priority. ``MEMDUMP_NICE``; 10.
    ionice: its priority at the disk, 0 to 7 or "idle". ``MEMDUMP_IONICE``; 7.

    Dumps that nobody asks for by hand, all off unless asked for:

    on_memory: when resident memory reaches a level, and again at each further step: bytes, "2G", "80%" (of the limit),
        "2G+256M". ``MEMDUMP_ON_MEMORY``.
    on_rise: when resident memory rises fast: "100M/min". ``MEMDUMP_ON_RISE``.
    on_memory_error: when a MemoryError is raised (before 3.12: is not handled). ``MEMDUMP_ON_MEMORY_ERROR``.
    on_exit: when the process ends; or for how many seconds that may hold the end up, 20 if True. ``MEMDUMP_ON_EXIT``.
    trigger_interval: least seconds between two of them, which double each time. ``MEMDUMP_TRIGGER_INTERVAL``; 60.

    May be called again: takes the new settings, and takes the signal back if something replaced its handler. Forked
    workers answer signals too, each under its own pid.

    Raises RuntimeError for an interpreter that memdump does not know, ValueError for a setting that cannot be
    used, OSError if the signal or the thread cannot be had. Nothing is armed then.
    """
    memory_error = _native.install(
        _given(
            signal=_signal(signal),
            second_signal=_signal(second_signal),
            directory=directory,
            name=name,
            keep=keep,
            min_free=min_free,
            deadline=deadline,
            labels=labels,
            identity=identity,
            values=values,
            arguments=arguments,
            nice=nice,
            ionice=_text(ionice),
            on_memory=_text(on_memory),
            on_rise=on_rise,
            on_memory_error=on_memory_error,
            on_exit=_text(on_exit),
            trigger_interval=trigger_interval,
        )
    )
    _register_hooks()
    # Imported only where it is needed: the program may never ask for it.
    if memory_error or "memdump._memory_error" in sys.modules:
        from . import _memory_error

        _memory_error.watch(memory_error)


def dump(
    path: _PathLike,
    *,
    deadline: Optional[float] = None,
    labels: Optional[bool] = None,
    values: Optional[str] = None,
) -> Dump:
    """Writes a dump to `path` and waits until it is complete; other threads go on meanwhile. Needs no :func:`install`.

    Never overwrites a file. Raises OSError if the dump cannot be written; nothing is left of it then.
    """
    report = _native.dump(os.fspath(path), _given(deadline=deadline, labels=labels, values=values))
    return Dump(**{**report, "path": os.fspath(report["path"])})


def status() -> Status:
    """How things stand in this process: what is armed, whether it still is, what was written."""
    now = _native.status()
    last = now.pop("last_dump")
    signal = now.pop("signal")
    return Status(
        signal=None if signal is None else _named(signal),
        last_dump=None if last is None else Dump(**{**last, "path": os.fspath(last["path"])}),
        **now,
    )


def open(
    *dumps: _PathLike,
    command: Optional[_PathLike] = None,
    recover: bool = False,
    symbols: Iterable[_PathLike] = (),
    threads: Optional[int] = None,
) -> Dumps:
    """Opens dumps, the earliest first, for questions: what grew, which objects are new, what keeps them alive, SQL.

        dumps = memdump.open("a.dump", "b.dump")
        dumps.growth()
        dumps.chains("SomeRef")

    Needs the command ``memdump``, which answers them in a process of its own.

    command: where that is; else ``MEMDUMP_COMMAND``, beside the interpreter, on the path.
    recover: read what is sound of damaged dumps.
    symbols: of dumps of Rust programs: files or directories with debug information.
    threads: how many the command may use; one per processor.

    Raises FileNotFoundError for a dump that is not there, and :class:`memdump.analyzer.CommandUnavailable` without the command.
    """
    # Not before it is needed: most programs that import this only ever write dumps.
    from . import analyzer

    return analyzer.open(*dumps, command=command, recover=recover, symbols=symbols, threads=threads)


def __getattr__(name: str) -> Any:
    if name in ("analyzer", "testing"):
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_SETTINGS = (
    "signal",
    "second_signal",
    "directory",
    "name",
    "keep",
    "min_free",
    "deadline",
    "labels",
    "arguments",
    "nice",
    "ionice",
    "on_memory",
    "on_rise",
    "on_memory_error",
    "on_exit",
    "trigger_interval",
    "identity",
    "values",
)


def _given(**settings: Any) -> dict[str, Any]:
    return {**dict.fromkeys(_SETTINGS), "default_name": _script_name(), **settings}


def _signal(signal: Union[int, str, None]) -> Optional[str]:
    return None if signal is None else str(int(signal) if isinstance(signal, int) else signal)


def _text(value: Union[bool, float, str, None]) -> Optional[str]:
    """As the environment has it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return None if value is None else str(value)


def _named(signal: int) -> int:
    try:
        return Signals(signal)
    except ValueError:  # most real-time signals
        return signal


def _script_name() -> str:
    script = os.path.basename(sys.argv[0]) if getattr(sys, "argv", None) else ""
    if script == "-m":  # not found yet: the interpreter is starting
        module = _module_argument()
        return module.removesuffix(".__main__") or "python"
    if script == "__main__.py":  # python -m package
        script = os.path.basename(os.path.dirname(sys.argv[0]))
    # Not every name of a file is text.
    name = os.fsencode(script).decode(errors="replace")
    return name.removesuffix(".py").lstrip(".-") or "python"


def _module_argument() -> str:
    """What stands behind -m on the interpreter's command line, before it is known where that is."""
    with builtins.open("/proc/self/cmdline", "rb") as file:
        line = file.read().split(b"\0")[:-1]
    # What follows it is already what the module will find.
    before = line[: len(line) - len(sys.argv) + 1]
    last = before[-1].decode(errors="replace") if before else ""
    return last.partition("m")[2] if last.startswith("-") else last


_hooks_registered = False


def _register_hooks() -> None:
    """Once per process: there is no way to unregister a fork hook."""
    global _hooks_registered
    if not _hooks_registered:
        _hooks_registered = True
        os.register_at_fork(
            before=_native.before_fork,
            after_in_parent=_native.after_fork_in_parent,
            after_in_child=_native.after_fork_in_child,
        )
        atexit.register(_native.shutdown)
