"""Dumps, and the questions that can be asked of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Optional, TypeVar, Union, overload

from . import command as commands
from .chains import Chains
from .convert import convert
from .results import Biggest, Growth, Infos, Leaks, NewObjects, Series, Shown, Survivors, Top
from .rows import Parameters, Rows, parameters_as_json, read
from .verdict import Suspects

if TYPE_CHECKING:
    import pyarrow  # type: ignore[import-not-found,import-untyped,unused-ignore]

PathLike = Union[str, "os.PathLike[str]"]
T = TypeVar("T")

LISTED = 20
"""So many objects are listed where no limit is given, as the command does."""


class Dumps:
    """Dumps of a process, the earliest first. Each question is one run of the command ``memdump``; nothing is kept in between.

    Where a `limit` may be given, None is all. Types are all told unless it is given.
    """

    def __init__(self, paths: Sequence[str], command: commands.Command) -> None:
        self.paths = tuple(paths)
        """The files."""
        self._command = command

    def __repr__(self) -> str:
        return f"memdump.open({', '.join(map(repr, self.paths))})"

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> Dumps: ...
    @overload
    def __getitem__(self, index: slice) -> Dumps: ...
    def __getitem__(self, index: Union[int, slice]) -> Dumps:
        """Some of the dumps."""
        chosen = self.paths[index]
        return Dumps((chosen,) if isinstance(chosen, str) else chosen, self._command)

    def growth(self, *, sort: str = "count", retained: bool = False, limit: Optional[int] = None) -> Growth:
        """What grew from the first dump to the last, type by type.

        sort: ``count``, ``bytes``, ``new``, ``retained`` or ``name``. retained: tell what the new objects keep alive, too.
        """
        options = [*_option("sort", sort), *_limit(limit), *_flag("retained", retained)]
        return self._ask(Growth, "diff", ["diff", *options], self._ends())

    def series(self, *, sort: str = "count", limit: Optional[int] = None) -> Series:
        """How each type went over all dumps; three or more. sort: ``count``, ``bytes`` or ``name``."""
        if len(self) < 3:
            raise ValueError("a series has three dumps or more; `growth` compares two")
        return self._ask(Series, "series", ["diff", *_option("sort", sort), *_limit(limit)], self.paths)

    def new_objects(self, type: Optional[str] = None, *, limit: Optional[int] = LISTED) -> NewObjects:
        """The objects that only the later of two dumps has; of more dumps, those that came with the second and stayed.

        type: only of types like this: ``SomeRef``, ``app.models.SomeRef``, ``*Ref``.
        """
        return self._ask(NewObjects, "new", ["new", *_option("type", type), *_limit(limit)], self.paths)

    def survivors(self, type: Optional[str] = None, *, sort: str = "count", limit: Optional[int] = None) -> Survivors:
        """How old the objects of the last dump are. sort: ``count``, ``bytes``, ``generations`` or ``name``."""
        options = [*_option("type", type), *_option("sort", sort), *_limit(limit)]
        return self._ask(Survivors, "survivors", ["survivors", *options], self.paths)

    def chains(
        self,
        type: str,
        *,
        all: bool = False,
        start: str = "any",
        avoid: Iterable[str] = (),
        max_depth: Optional[int] = None,
        limit: Optional[int] = LISTED,
        picture: bool = False,
    ) -> Chains:
        """What keeps the new objects of a type alive; of one dump, or with `all`, all objects of the type.

        start: at which roots chains may begin: ``module``, ``frame`` or ``any``. avoid: types that no chain may lead through.
        max_depth: the most references of a chain. picture: have it drawn, too, to be shown in a notebook.
        """
        options = [
            *_option("type", type),
            *_flag("all", all),
            *_option("from", start),
            *(part for pattern in avoid for part in _option("avoid", pattern)),
            *_option("max-depth", max_depth),
            *_limit(limit),
        ]
        if not picture:
            return self._ask(Chains, "chain", ["chain", *options], self.paths)
        with tempfile.TemporaryDirectory(prefix="memdump-") as directory:
            drawn = Path(directory, "chain.svg")
            chains = self._ask(Chains, "chain", ["chain", *options, "--output", str(drawn)], self.paths)
            return replace(chains, svg=drawn.read_text(encoding="utf-8") if drawn.exists() else None)

    def suspects(self, *, limit: Optional[int] = LISTED) -> Suspects:
        """The verdict: what leaks, who holds it, how fast, how sure."""
        return self._ask(Suspects, "suspects", ["suspects", *_limit(limit)], self.paths)

    def leaks(self, *, limit: Optional[int] = LISTED) -> Leaks:
        """What nothing holds any more in the last dump; and how much of it the first does not have."""
        return self._ask(Leaks, "leaks", ["leaks", *_limit(limit)], self._ends())

    def top(self, *, sort: str = "bytes", retained: bool = False, limit: Optional[int] = None) -> Top:
        """What the last dump consists of, type by type. sort: ``bytes``, ``count`` or ``retained``."""
        options = [*_option("sort", sort), *_flag("retained", retained), *_limit(limit)]
        return self._ask(Top, "top", ["top", *options], self.paths[-1:])

    def biggest(self, type: Optional[str] = None, *, limit: Optional[int] = LISTED) -> Biggest:
        """The objects of the last dump that retain most."""
        return self._ask(Biggest, "top_objects", ["top", "--objects", *_option("type", type), *_limit(limit)], self.paths[-1:])

    def show(self, address: Union[int, str], *, limit: Optional[int] = LISTED) -> Shown:
        """One object of the last dump, what it refers to, what refers to it, and what keeps it alive.

        address: as an int, or as it is printed.
        """
        written = address if isinstance(address, str) else f"{address:#x}"
        return self._ask(Shown, "show", ["show", *_limit(limit)], [*self.paths[-1:], written])

    def info(self) -> Infos:
        """What each dump is: of which process, when, how much, and what could not be read."""
        return self._ask(Infos, "info", ["info"], self.paths)

    def sql(self, query: str, parameters: Parameters = ()) -> Rows:
        """The rows of a query over all dumps; of several statements, those of the last that has any. docs/sql.md has the schema.

        parameters: for ``?`` a sequence, for ``:name`` a mapping, as sqlite3 takes them.
        """
        options = ["--format", "arrays", *(["--parameters", parameters_as_json(parameters)] if parameters else [])]
        return read(self._command.lines(["sql", *options, "--", *_any(self.paths)], query))

    def arrow(self, table: str) -> pyarrow.Table:
        """A whole table of docs/sql.md of all dumps: ``object``, ``reference``, ``type``…; needs pyarrow.

        The command writes it as Parquet, so it takes seconds where rows of `sql` take minutes.
        """
        import pyarrow.parquet  # type: ignore[import-not-found,import-untyped,unused-ignore]

        with tempfile.TemporaryDirectory(prefix="memdump-") as directory:
            self._command.text(["export", "--table", table, "--output", directory, "--", *_any(self.paths)])
            # In the order of the dumps, and not mapped: the files are gone in a moment.
            return pyarrow.parquet.read_table(Path(directory, table), memory_map=False)

    def _ask(self, kind: type[T], schema: str, arguments: Sequence[str], operands: Sequence[str]) -> T:
        _any(self.paths)
        return convert(kind, self._command.json(f"memdump.{schema}/1", [*arguments, "--", *operands]))

    def _ends(self) -> tuple[str, ...]:
        return self.paths if len(self) < 2 else (self.paths[0], self.paths[-1])


def open(
    *dumps: PathLike,
    command: Optional[PathLike] = None,
    recover: bool = False,
    symbols: Iterable[PathLike] = (),
    threads: Optional[int] = None,
) -> Dumps:
    """Opens dumps for questions; see :func:`memdump.open`."""
    if not dumps:
        raise ValueError("name one dump or more")
    if any(isinstance(dump, (list, tuple)) for dump in dumps):
        raise TypeError("name the dumps one by one: memdump.open(*dumps)")
    # By their full names: the program may change its directory.
    paths = [os.path.abspath(dump) for dump in dumps]
    for path in paths:
        os.stat(path)
    common = [
        *_flag("recover", recover),
        *(part for path in symbols for part in _option("symbols", os.path.abspath(path))),
        *_option("threads", threads),
    ]
    return Dumps(paths, commands.find(command, common))


def _option(name: str, value: Union[str, int, None]) -> list[str]:
    # In one word: a value may begin with a hyphen.
    return [] if value is None else [f"--{name}={value}"]


def _flag(name: str, is_set: bool) -> list[str]:
    return [f"--{name}"] if is_set else []


def _limit(limit: Optional[int]) -> list[str]:
    # To the command, 0 is all.
    if limit is not None and limit < 1:
        raise ValueError("a limit is 1 or more, or None for all")
    return _option("limit", limit or 0)


def _any(paths: Sequence[str]) -> Sequence[str]:
    # Without any, the command would take those of the working directory.
    if not paths:
        raise ValueError("there are no dumps to ask: none is in this slice")
    return paths
