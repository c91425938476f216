"""The answers of the commands. Fields are those of ``--json``; what they mean stands in docs/commands.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from . import wording
from .convert import Address
from .objects import Chain, Holder, Identity, Moment, ObjectRow
from .table import Column, Table, number, text


@dataclass(frozen=True)
class Change:
    """Objects and bytes, before and after."""

    count_before: int
    """Objects in the earlier dump."""
    count_after: int
    """Objects in the later dump."""
    count_growth: int
    """After minus before."""
    bytes_before: int
    """Shallow bytes in the earlier dump."""
    bytes_after: int
    """Shallow bytes in the later dump."""
    bytes_growth: int
    """After minus before."""
    new: Optional[int]
    """Objects in the later dump only; None without identity."""
    gone: Optional[int]
    """Objects in the earlier dump only; None without identity."""
    retained_by_new: Optional[int]
    """Bytes that are kept alive only through the new objects; None unless asked for."""


@dataclass(frozen=True)
class TypeGrowth(Change):
    """How one type changed."""

    type: str
    """The type."""


@dataclass(frozen=True, repr=False)
class Growth(Table[TypeGrowth]):
    """What grew between two dumps, type by type: those that grew most come first."""

    identity: Identity
    """How objects were known to be the same."""
    types: tuple[TypeGrowth, ...]
    """Every type that either dump has an object of."""
    total: Change
    """All types together."""

    _rows = "types"

    def _columns(self) -> Sequence[Column]:
        retained = [number("retained by new", "retained_by_new", wording.size)]
        return [
            number("before", "count_before"),
            number("after", "count_after"),
            number("growth", "count_growth", wording.growth),
            number("bytes", "bytes_growth", wording.size_growth),
            number("new", "new"),
            number("gone", "gone"),
            *(retained if self.total.retained_by_new is not None else []),
            text("type", "type"),
        ]

    def _told(self) -> Sequence[TypeGrowth]:
        return [row for row in self.types if row.count_growth or row.bytes_growth or row.new or row.gone]

    def _notes(self) -> Sequence[str]:
        change = self.total
        objects, size = wording.growth(change.count_growth), wording.size_growth(change.bytes_growth)
        return [f"all types: {objects} objects, {size} ({self.identity})"]


@dataclass(frozen=True)
class Course:
    """How a number moved over a series of dumps."""

    values: tuple[int, ...]
    """The number in each dump."""
    growth: int
    """The last minus the first."""
    per_minute: Optional[float]
    """What it typically gains per minute; None where times are not known."""
    trend: str
    """How it moved, in a word: ``steady``, ``slowing``, ``stopped``…"""
    since: int
    """The dump, 0 for the first, from which on the other fields describe it."""
    steadiness: Optional[float]
    """How near its growth kept to a straight line, from 0 to 1."""
    certainty: Optional[float]
    """Mann and Kendall's Z: above 1.64, chance would rise so in less than one case of twenty."""


@dataclass(frozen=True)
class Totals:
    """Objects and bytes in each dump."""

    count: Course
    """Objects."""
    bytes: Course
    """Shallow bytes."""


@dataclass(frozen=True)
class TypeSeries(Totals):
    """How one type went."""

    type: str
    """The type."""


@dataclass(frozen=True, repr=False)
class Series(Table[TypeSeries]):
    """How each type went over all dumps: those that grew most come first."""

    identity: Identity
    """Whether all dumps are of one process; there are no rates otherwise."""
    moments: tuple[Moment, ...]
    """When the dumps were taken, in their order."""
    types: tuple[TypeSeries, ...]
    """Every type that one of the dumps has an object of."""
    total: Totals
    """All types together."""

    _rows = "types"

    def _columns(self) -> Sequence[Column]:
        def of_dump(index: int) -> Column:
            moment = self.moments[index]
            heading = f"{index + 1}" if moment.minutes is None else f"+{moment.minutes * 60:,.0f} s"
            return Column(heading, lambda row: row.count.values[index], wording.count, is_number=True)

        return [
            *(of_dump(index) for index in range(len(self.moments))),
            number("growth", "count.growth", wording.growth),
            number("per min", "count.per_minute", wording.rate),
            Column("trend", lambda row: row.count.trend.replace("_", " ")),
            text("type", "type"),
        ]

    def _told(self) -> Sequence[TypeSeries]:
        return [row for row in self.types if {row.count.trend, row.bytes.trend} != {"unchanged"}]


@dataclass(frozen=True, repr=False)
class NewObjects(Table[ObjectRow]):
    """The new objects."""

    identity: Identity
    """How objects were known to be the same."""
    born: Optional[int]
    """Of more than two dumps: how many objects were new in the second."""
    total: int
    """How many there are in the last dump."""
    objects: tuple[ObjectRow, ...]
    """They themselves; fewer than `total` if a limit was given."""

    _rows = "objects"

    def _columns(self) -> Sequence[Column]:
        return _object_columns(self.objects)

    def _missing(self) -> int:
        return self.total - len(self.objects)

    def _notes(self) -> Sequence[str]:
        return [f"{wording.count(self.total)} new objects ({self.identity})"]


@dataclass(frozen=True)
class Cohort:
    """Objects that were first seen in the same dump."""

    count: int
    """How many they are."""
    bytes: int
    """Their shallow bytes, in the last dump."""


@dataclass(frozen=True)
class Ages:
    """How old objects are."""

    all: Cohort
    """All of them."""
    accumulated: Cohort
    """Those first seen neither in the first dump nor in the last: not start-up, not traffic."""
    generations: int
    """How many of the cohorts have an object."""
    cohorts: tuple[Cohort, ...]
    """Those first seen in each dump, and in all since."""


@dataclass(frozen=True)
class TypeSurvivors(Ages):
    """The objects of one type."""

    type: str
    """The type."""


@dataclass(frozen=True, repr=False)
class Survivors(Table[TypeSurvivors]):
    """The objects of the last dump by the dump that they were first seen in: types that accumulated most come first."""

    identity: Identity
    """How objects were known to be the same."""
    moments: tuple[Moment, ...]
    """When the dumps were taken."""
    types: tuple[TypeSurvivors, ...]
    """Every type that the last dump has an object of."""
    total: Ages
    """All types together."""

    _rows = "types"

    def _columns(self) -> Sequence[Column]:
        def of_dump(index: int) -> Column:
            return Column(f"since {index + 1}", lambda row: row.cohorts[index].count, wording.count, is_number=True)

        return [
            *(of_dump(index) for index in range(len(self.moments))),
            number("accumulated", "accumulated.count"),
            number("generations", "generations"),
            text("type", "type"),
        ]

    def _told(self) -> Sequence[TypeSurvivors]:
        return [row for row in self.types if row.accumulated.count] if len(self.moments) > 2 else self.types

    def _notes(self) -> Sequence[str]:
        return [f"({self.identity})"]


@dataclass(frozen=True)
class TypeTotal:
    """What there is of one type."""

    type: str
    """The type."""
    count: int
    """Objects."""
    bytes: int
    """Their shallow bytes."""
    average: int
    """Shallow bytes of one object on average."""
    retained: Optional[int]
    """Bytes that would be freed if all objects of the type were; None unless asked for."""


@dataclass(frozen=True, repr=False)
class Top(Table[TypeTotal]):
    """What a dump consists of."""

    objects: int
    """All objects."""
    bytes: int
    """Their shallow bytes."""
    types: tuple[TypeTotal, ...]
    """Every type that has an object; the greatest first."""

    _rows = "types"

    def _columns(self) -> Sequence[Column]:
        has_retained = any(row.retained is not None for row in self.types)
        return [
            number("count", "count"),
            number("bytes", "bytes", wording.size),
            number("average", "average", wording.size),
            *([number("retained", "retained", wording.size)] if has_retained else []),
            text("type", "type"),
        ]

    def _notes(self) -> Sequence[str]:
        return [f"{wording.count(self.objects)} objects of {wording.size(self.bytes)}"]


@dataclass(frozen=True)
class Dominator:
    """The nearest object that alone keeps another alive."""

    address: Address
    """Where it lay."""
    type: str
    """What it is."""


@dataclass(frozen=True)
class Dominating(ObjectRow):
    """An object, and what depends on it."""

    retained: int
    """Bytes that would be freed if it were."""
    dominator: Optional[Dominator]
    """Its dominator; None if no single object keeps it alive."""


@dataclass(frozen=True, repr=False)
class Biggest(Table[Dominating]):
    """The objects that retain most; those that retain most come first."""

    bytes: int
    """Shallow bytes of all objects of the dump."""
    total: int
    """How many objects were asked for."""
    objects: tuple[Dominating, ...]
    """They themselves; fewer than `total` if a limit was given."""

    _rows = "objects"

    def _columns(self) -> Sequence[Column]:
        return [*_object_columns(self.objects), number("retained", "retained", wording.size)]

    def _missing(self) -> int:
        return self.total - len(self.objects)


@dataclass(frozen=True)
class LeakedKind:
    """Leaks of one kind: what nothing refers to, or what only refers to one another, of the same types."""

    types: tuple[str, ...]
    """What leaked: one type, or those of the objects of each cycle."""
    in_cycles: bool
    """Whether the objects hold one another."""
    count: int
    """How many leaks: objects, or cycles."""
    new: Optional[int]
    """Of these, those that the earlier dump does not have; None if there was none."""
    bytes: int
    """Shallow bytes of the objects themselves."""
    held_objects: int
    """Objects that are kept from being freed: they themselves, and what hangs on them."""
    held_bytes: int
    """Shallow bytes of these."""
    example: ObjectRow
    """The first of the objects."""


@dataclass(frozen=True, repr=False)
class Leaks(Table[LeakedKind]):
    """What no root leads to. In Python: cycles that wait for the collector."""

    identity: Optional[Identity]
    """How objects were known to be the same; None for one dump."""
    conservative: bool
    """Whether every word that looks like a reference counts as one, so that more may be leaked than is told."""
    total_bytes: int
    """Shallow bytes of all objects of the dump."""
    objects: int
    """Objects that no root leads to."""
    bytes: int
    """Their shallow bytes."""
    kinds: tuple[LeakedKind, ...]
    """They by kind, those that hold most first."""

    _rows = "kinds"

    def _columns(self) -> Sequence[Column]:
        return [
            number("count", "count"),
            *([] if self.identity is None else [number("new", "new")]),
            number("held", "held_bytes", wording.size),
            text("example", "example.address"),
            Column("types", lambda row: ("a cycle of " if row.in_cycles else "") + ", ".join(row.types)),
        ]

    def _notes(self) -> Sequence[str]:
        return [f"{wording.count(self.objects)} objects of {wording.size(self.bytes)} that nothing holds"]


@dataclass(frozen=True)
class Fault:
    """Something that could not be read when a dump was made."""

    address: Address
    """The object that was being read; 0 where there is none."""
    message: str
    """What happened."""


@dataclass(frozen=True)
class Info:
    """What a dump is."""

    file: str
    """The file."""
    file_bytes: int
    """Its length in bytes."""
    format: str
    """The version of its format."""
    metadata: dict[str, str]
    """What it says of itself: ``time``, ``pid``, ``host``, ``rss_bytes``…"""
    objects: int
    """Objects."""
    references: int
    """References."""
    types: int
    """Type records."""
    strings: int
    """Strings."""
    roots: int
    """Roots."""
    object_bytes: int
    """Shallow bytes of all objects."""
    static_bytes: int
    """Of these, bytes in static memory."""
    faults: tuple[Fault, ...]
    """What could not be read when the dump was made."""


@dataclass(frozen=True, repr=False)
class Infos(Table[Info]):
    """What dumps are."""

    infos: tuple[Info, ...]
    """One for each dump."""

    _rows = "infos"

    def _columns(self) -> Sequence[Column]:
        return [
            text("file", "file"),
            Column("time", lambda row: row.metadata.get("time")),
            Column("pid", lambda row: row.metadata.get("pid"), is_number=True),
            number("objects", "objects"),
            number("bytes", "object_bytes", wording.size),
            number("references", "references"),
            Column("faults", lambda row: len(row.faults), wording.count, is_number=True),
            number("file's bytes", "file_bytes", wording.size),
        ]


@dataclass(frozen=True)
class Neighbour:
    """A reference and the object at its other end."""

    label: str
    """What the reference is called."""
    strong: bool
    """Whether it keeps its target alive."""
    address: Address
    """Where the object lies."""
    type: Optional[str]
    """What it is; None where the dump has no object at the address."""
    size: Optional[int]
    """Its shallow size in bytes."""
    value: Optional[str]
    """What it held, if the dump tells that."""


@dataclass(frozen=True, repr=False)
class Neighbours(Table[Neighbour]):
    """Objects at the other end of references."""

    total: int
    """How many references there are."""
    listed: tuple[Neighbour, ...]
    """They themselves; fewer than `total` if a limit was given."""

    _rows = "listed"

    def _columns(self) -> Sequence[Column]:
        return [
            text("label", "label"),
            text("address", "address"),
            number("size", "size", wording.size),
            text("type", "type"),
            *_value_column(self.listed),
        ]

    def _missing(self) -> int:
        return self.total - len(self.listed)


@dataclass(frozen=True, repr=False)
class Shown(ObjectRow):
    """One object and its neighbours."""

    tracked: bool
    """Whether the runtime's collector tracks it."""
    is_static: bool
    """Whether it lies in static memory."""
    retained: int
    """Bytes that would be freed if it were."""
    dominator: Optional[ObjectRow]
    """The nearest object that alone keeps it alive."""
    roots: tuple[Holder, ...]
    """The roots that hold it."""
    chain: Chain
    """The shortest chain to it."""
    references: Neighbours
    """What it refers to."""
    referrers: Neighbours
    """What refers to it."""

    def _heading(self) -> Sequence[str]:
        value = "" if self.value is None else f" = {self.value}"
        dominator = "none" if self.dominator is None else f"{self.dominator.address} {self.dominator.type}"
        return [
            f"{self.address} {self.type}{value}",
            f"size {wording.size(self.size)}, retains {wording.size(self.retained)}, dominator: {dominator}",
            f"chain: {self.chain}",
        ]

    def __repr__(self) -> str:
        parts = [*self._heading(), "", "references", repr(self.references), "", "referrers", repr(self.referrers)]
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        from html import escape

        heading = "".join(f"<div>{escape(line)}</div>" for line in self._heading())
        tables = zip(("references", "referrers"), (self.references, self.referrers))
        return heading + "".join(f"<div><b>{name}</b></div>{table._repr_html_()}" for name, table in tables)


def _object_columns(rows: Sequence[ObjectRow]) -> list[Column]:
    return [
        text("address", "address"),
        number("size", "size", wording.size),
        number("refcount", "refcount"),
        text("type", "type"),
        *_value_column(rows),
    ]


def _value_column(rows: Sequence[object]) -> list[Column]:
    """Where the dump tells values."""
    told = any(getattr(row, "value", None) is not None for row in rows)
    return [text("value", "value")] if told else []
