"""The verdict over a series of dumps: what leaks, and what only looks like it. The rule stands in docs/commands.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from . import wording
from .convert import Address
from .objects import Chain, ChainShape, Identity
from .table import Column, Table, number, text


@dataclass(frozen=True)
class Taken:
    """One dump of the series."""

    file: str
    """The file."""
    minutes: Optional[float]
    """Minutes since the first dump."""
    objects: int
    """Objects."""
    bytes: int
    """Their shallow bytes."""
    rss_bytes: Optional[int]
    """Resident memory of the process in bytes."""
    same_process: bool
    """Whether it is of the process of the last dump."""
    quiet: bool
    """Whether the process hardly worked since the dump before."""


@dataclass(frozen=True)
class Memory:
    """The memory of the process."""

    rss_bytes: Optional[int]
    """Resident bytes in the last dump."""
    limit_bytes: Optional[int]
    """What the process may use at most."""
    bytes_per_minute: Optional[float]
    """How fast it fills."""
    minutes_left: Optional[float]
    """Minutes until the limit is reached at this rate."""


@dataclass(frozen=True)
class Place:
    """An object, and the way to it."""

    type: str
    """What it is."""
    address: Address
    """Where it lies in the last dump."""
    chain: Chain
    """The chain to it."""
    shape: Optional[ChainShape]
    """Where several are meant, of which this is one: the shape of their chains."""

    def __str__(self) -> str:
        return str(self.shape or self.chain)


@dataclass(frozen=True)
class Reason:
    """What speaks for or against a suspicion. Which of the other fields there are depends on `reason`."""

    reason: str
    """``grew``, ``all_stayed``, ``some_went``, ``steadiness_unknown``, ``stands_still``…"""
    grew: Optional[int]
    """In how many intervals it grew."""
    intervals: Optional[int]
    """How many intervals are meant."""
    of: Optional[int]
    """How many were there at first."""
    kept: Optional[int]
    """How many of them still are."""
    thread: Optional[str]
    """The thread."""
    place: Optional[str]
    """Function, file and line."""
    dumps: Optional[int]
    """In how many dumps."""
    type: Optional[str]
    """The type."""
    objects: Optional[int]
    """Objects."""
    bytes: Optional[int]
    """Bytes."""


@dataclass(frozen=True)
class NotePart:
    """A part of something."""

    what: str
    """Which part: types, a place, a container."""
    objects: int
    """Objects."""
    bytes: int
    """Bytes."""
    example: Optional[Address]
    """One of the objects."""


@dataclass(frozen=True)
class Suspect:
    """What leaks."""

    confidence: str
    """``certain``, ``likely`` or ``unclear``."""
    kind: str
    """``container``, ``linked``, ``cycles`` or ``stuck_threads``."""
    type: str
    """What accumulates."""
    holder: Place
    """Where: the container, the beginning of the list, one of the cycles, the frame."""
    holders: int
    """How many containers of the same kind there are; 1 for one."""
    also_held_by: tuple[Place, ...]
    """Other containers that hold the same objects."""
    counts: tuple[Optional[int], ...]
    """How many there are in each dump."""
    growth: int
    """How many more there are in the end."""
    retained: int
    """Bytes that would be freed if the new ones were."""
    per_minute: Optional[float]
    """New ones per minute."""
    bytes_per_minute: Optional[float]
    """Retained bytes per minute."""
    trend: str
    """How the number went."""
    reasons: tuple[Reason, ...]
    """What speaks for and against it."""
    parts: tuple[NotePart, ...]
    """Of cycles: their kinds."""
    commands: tuple[str, ...]
    """What shows more."""


@dataclass(frozen=True)
class Acquittal:
    """Why something is no suspect."""

    reason: str
    """``stopped``, ``one_step``, ``up_and_down`` or ``replaced``."""
    new: Optional[int]
    """Members that are new since the first dump."""


@dataclass(frozen=True)
class Cleared:
    """What grew or was busy, and is no suspect."""

    type: str
    """What it holds."""
    holder: Place
    """The container."""
    counts: tuple[Optional[int], ...]
    """How many there are in each dump."""
    because: Acquittal
    """Why not."""


@dataclass(frozen=True)
class Note:
    """Something unusual that keeps memory. Needs no growth."""

    kind: str
    """``unreachable``, ``only_frames``, ``only_tracebacks``, ``only_native``, ``half_empty`` or ``duplicates``."""
    objects: int
    """Objects."""
    bytes: int
    """Bytes."""
    parts: tuple[NotePart, ...]
    """The greatest parts of it."""
    commands: tuple[str, ...]
    """What shows more."""


@dataclass(frozen=True, repr=False)
class Suspects(Table[Suspect]):
    """The verdict: the surest suspects first, and among equally sure ones those that keep the most bytes."""

    identity: Identity
    """How the first dump's objects were found again in the last."""
    series: tuple[Taken, ...]
    """The dumps, in their order."""
    memory: Memory
    """The memory of the process, and how long it will do."""
    suspects: tuple[Suspect, ...]
    """What leaks, or may."""
    cleared: tuple[Cleared, ...]
    """What is no suspect, with the reason."""
    notes: tuple[Note, ...]
    """What the last dump alone tells: memory that something unusual keeps."""

    _rows = "suspects"

    def _columns(self) -> Sequence[Column]:
        return [
            text("confidence", "confidence"),
            Column("count", lambda row: " → ".join("?" if count is None else wording.count(count) for count in row.counts)),
            number("per min", "per_minute", wording.rate),
            number("keeps", "retained", wording.size),
            text("type", "type"),
            text("where", "holder"),
        ]

    def _notes(self) -> Sequence[str]:
        cleared = [f"no suspect: {row.type} in {row.holder} ({row.because.reason.replace('_', ' ')})" for row in self.cleared]
        notes = [f"{note.kind.replace('_', ' ')}: {wording.size(note.bytes)}" for note in self.notes]
        return [*cleared, *notes]
