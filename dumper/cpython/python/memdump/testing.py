"""Tests that fail when memory grows.

    from memdump.testing import assert_no_growth

    def test_a_checkout_keeps_nothing():
        for number in assert_no_growth():
            checkout(f"order {number}")

The loop's body is run some times to warm up, then in two rounds, with a dump before, between and after. A type that has more
objects after each of the rounds has grown: what a leak does, and what a cache that is filled once or a late import does not.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Any, NamedTuple, Optional, Union

from . import dump
from .analyzer import NotFound, command
from .analyzer.dumps import Dumps

__all__ = ["Grown", "NoGrowth", "assert_no_growth"]

Types = Union[str, type[Any], Iterable[Union[str, type[Any]]]]


class Grown(NamedTuple):
    """A type that has grown."""

    type: str
    """Its name."""
    rounds: tuple[int, ...]
    """How many objects more there were after each round."""


def assert_no_growth(
    *,
    types: Optional[Types] = None,
    ignore: Types = (),
    allow: int = 0,
    warmup: int = 5,
    repeat: int = 10,
    directory: Union[str, os.PathLike[str], None] = None,
    command: Union[str, os.PathLike[str], None] = None,
) -> NoGrowth:
    """Fails with an AssertionError if objects become more: which, how many, and what keeps them.

    As a loop, ``for _ in assert_no_growth(): …``, the body is run `warmup` times and then two rounds of `repeat` times; what
    becomes more in both rounds has grown. As a context, ``with assert_no_growth(): …``, the body is run once, and whatever is
    more afterwards has grown, caches that it fills for the first time as well.

    types: only these: ``SomeRef``, ``app.models.SomeRef``, ``app.*``, or classes. Else all types count.
    ignore: not these.
    allow: so many more objects of a type are no growth, in each round.
    directory: below which the dumps are written and, if the assertion fails, left; else that for temporary files.
    command: where the command ``memdump`` is; else as for :func:`memdump.open`.
    """
    if warmup < 0 or repeat < 1 or allow < 0:
        raise ValueError("warmup and allow are 0 or more, and repeat is 1 or more")
    chosen = None if types is None else _patterns(types)
    return NoGrowth(chosen, _patterns(ignore), allow, warmup, repeat, directory, command)


class NoGrowth:
    """What :func:`assert_no_growth` gives: a context, or a loop."""

    def __init__(
        self,
        types: Optional[Sequence[str]],
        ignore: Sequence[str],
        allow: int,
        warmup: int,
        repeat: int,
        directory: Union[str, os.PathLike[str], None],
        place: Union[str, os.PathLike[str], None],
    ) -> None:
        self._types = types
        self._ignore = ignore
        self._allow = allow
        self._warmup = warmup
        self._repeat = repeat
        self._directory = directory
        # Before anything is run: without it there is no answer.
        self._command = command.find(place)

    def __iter__(self) -> Iterator[int]:
        """Numbers the calls from 0 on."""
        __tracebackhide__ = True
        dumps = _Dumps(self._directory, 3)
        try:
            yield from range(self._warmup)
            dumps.take(0)
            yield from range(self._warmup, self._warmup + self._repeat)
            dumps.take(1)
            yield from range(self._warmup + self._repeat, self._warmup + 2 * self._repeat)
            dumps.take(2)
            self._judge(dumps)
        finally:
            dumps.end()

    def __enter__(self) -> NoGrowth:
        self._dumps = _Dumps(self._directory, 2)
        try:
            # What is made for the first dump of a process is not the block's.
            self._dumps.warm_up()
            self._dumps.take(0)
        except BaseException:
            self._dumps.end()
            raise
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        __tracebackhide__ = True
        try:
            if error is None:
                self._dumps.take(1)
                self._judge(self._dumps)
        finally:
            self._dumps.end()

    def _judge(self, dumps: _Dumps) -> None:
        __tracebackhide__ = True
        opened = Dumps(dumps.paths, self._command)
        grown = [row for row in _growth(opened) if self._counts(row)]
        if not grown:
            return
        dumps.keep = True
        raise AssertionError(_message(grown, opened, self._repeat if len(opened) > 2 else None))

    def _counts(self, grown: Grown) -> bool:
        if min(grown.rounds) <= self._allow:
            return False
        chosen = self._types is None or _is_meant(grown.type, self._types)
        return chosen and not _is_meant(grown.type, self._ignore)


class _Dumps:
    """The dumps of one assertion. Whatever it needs it has before the first: its own objects must not count."""

    def __init__(self, directory: Union[str, os.PathLike[str], None], count: int) -> None:
        if directory is not None:
            os.makedirs(directory, exist_ok=True)
        # In a directory of its own: those of the last failure may still be there.
        self._directory = os.path.abspath(tempfile.mkdtemp(prefix="memdump-", dir=directory))
        self.paths = [os.path.join(self._directory, f"{number}.dump") for number in range(1, count + 1)]
        self.keep = False
        self._logs = _logs_of_pytest()

    def warm_up(self) -> None:
        self.take(0)
        os.unlink(self.paths[0])

    def take(self, number: int) -> None:
        for handler, count in self._logs:
            del handler.records[count:]
            # Before 3.12 a StringIO is a list of all texts that were written, until it is read.
            handler.stream.read(0)
        # Finalizers may make garbage in turn.
        for _ in range(10):
            if not gc.collect():
                break
        dump(self.paths[number])

    def end(self) -> None:
        if not self.keep:
            shutil.rmtree(self._directory, ignore_errors=True)


def _logs_of_pytest() -> list[tuple[Any, int]]:
    """pytest keeps all that is logged until the test is over, so that each test that logs would leak. With how much there is."""
    logging = sys.modules.get("logging")
    if logging is None or "_pytest.logging" not in sys.modules:
        return []
    handlers = [handler for handler in logging.getLogger().handlers if type(handler).__module__ == "_pytest.logging"]
    return [(handler, len(handler.records)) for handler in handlers if hasattr(handler, "records")]


def _growth(dumps: Dumps) -> list[Grown]:
    """How much each type grew in each round: what grew most first, the program's own types before builtins."""
    if len(dumps) == 2:
        grown = [Grown(row.type, (row.count_growth,)) for row in dumps.growth()]
    else:
        series = ((row.type, row.count.values) for row in dumps.series())
        grown = [Grown(name, tuple(after - before for before, after in zip(counts, counts[1:]))) for name, counts in series]
    return sorted(grown, key=lambda row: ("." not in row.type, -min(row.rounds), row.type))


def _message(grown: Sequence[Grown], dumps: Dumps, repeat: Optional[int]) -> str:
    if repeat is None:
        begin = [f"{_types(len(grown))} more objects than before"]
    else:
        begin = [f"{_types(len(grown))} more objects after each of two rounds of {repeat}"]
    shown = grown[:10]
    begin += [f"  {'  '.join(f'{number:+7,}' for number in row.rounds)}  {row.type}" for row in shown]
    if len(grown) > len(shown):
        begin.append(f"  … and {len(grown) - len(shown)} more types")
    # Builtins mostly come with the program's own; two say enough.
    chains = [text for row in shown[:2] if (text := _chains(row.type, dumps))]
    first, last = dumps.paths[0], dumps.paths[-1]
    end = [
        f"The dumps are kept: {' '.join(dumps.paths)}",
        f"  memdump diff {first} {last}",
        f"  memdump chain --type '{shown[0].type}' {first} {last}",
    ]
    if repeat is None:
        end.append(
            "The block was run once: if this is only what it fills once, use `for _ in assert_no_growth():`, which warms up."
        )
    return "\n\n".join(["\n".join(begin), *chains, "\n".join(end)])


def _types(count: int) -> str:
    return "a type has" if count == 1 else f"{count} types have"


def _chains(name: str, dumps: Dumps) -> str:
    """What keeps the objects that came in the first round and stayed; or, where places were used again, all new ones."""
    for chosen in (dumps, dumps[:: len(dumps) - 1]):
        try:
            found = chosen.chains(name, limit=3, picture=False)
        except NotFound:
            continue
        if found.objects:
            return repr(found)
    return ""


def _patterns(types: Types) -> list[str]:
    if isinstance(types, (str, type)):
        types = [types]
    return [each if isinstance(each, str) else _name(each) for each in types]


def _name(cls: type[Any]) -> str:
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def _is_meant(name: str, patterns: Iterable[str]) -> bool:
    """As the command's patterns: the full name, the short one, or a glob of `*` and `?` for either."""
    forms = (name, name.rpartition(".")[2])
    return any(fnmatchcase(form, pattern.replace("[", "[[]")) for pattern in patterns for form in forms)
