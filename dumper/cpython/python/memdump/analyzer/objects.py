"""What several answers consist of: objects, how they were known again, and the chains that keep them alive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Union

from .convert import Address


@dataclass(frozen=True)
class Identity:
    """How two dumps know an object to be the same."""

    kind: str
    """``exact``, ``by_address`` or ``unavailable``."""
    reason: Optional[str]
    """Why it is not available."""

    def __str__(self) -> str:
        if self.kind == "unavailable":
            return f"no identity: {self.reason}"
        return f"identity: {self.kind.replace('_', ' ')}"


@dataclass(frozen=True)
class Moment:
    """When a dump was taken."""

    time: Optional[str]
    """As of RFC 3339; None where the dump does not tell it."""
    sequence: Optional[int]
    """The number of the dump in its process."""
    minutes: Optional[float]
    """Minutes since the first dump; None where that is not known."""


@dataclass(frozen=True)
class ObjectRow:
    """An object."""

    address: Address
    """Where it lay."""
    type: str
    """What it is."""
    size: int
    """Shallow size in bytes."""
    refcount: Optional[int]
    """References that the runtime counts; None where it does not count."""
    value: Optional[str]
    """What it held, if the dump tells that."""


@dataclass(frozen=True)
class Holder:
    """What holds an object from outside of the heap."""

    kind: str
    """``module``, ``frame``, ``thread``, ``interpreter``, ``static``, ``native``, ``unreachable`` (only a collection frees it)."""
    name: Optional[str]
    """What it is called: a module's name, a function and its file."""
    thread: Optional[str]
    """The thread, for frames and for thread state."""
    line: Optional[int]
    """The line that is being executed, for frames."""
    label: str
    """How it holds the object: ``<local req>``; empty where that has no name."""

    def __str__(self) -> str:
        place = self.name
        if place and self.line:
            place = f"{place.removesuffix(')')}:{self.line}{')' if place.endswith(')') else ''}"
        words = _words(self.kind, place)
        return f"thread {self.thread}, {words}" if self.thread and self.kind == "frame" else words


@dataclass(frozen=True)
class ChainStep:
    """An object on a chain."""

    label: str
    """How the object before refers to it; empty for the first."""
    type: str
    """What it is."""
    address: Address
    """Where it lay."""
    size: int
    """Its shallow size in bytes."""


@dataclass(frozen=True)
class Chain:
    """The shortest chain of strong references from a root to an object."""

    holder: Holder
    """What holds the first object."""
    steps: tuple[ChainStep, ...]
    """The objects, from the one that is held to the one that was asked for."""
    expression: Optional[str]
    """The chain as one expression, ``app.views.cache['a'][17]``, where it can be written so."""

    def __str__(self) -> str:
        if self.expression:
            return self.expression if self.holder.kind == "module" else f"{self.holder}: {self.expression}"
        return _line(self.holder, str(self.holder), self.steps)


@dataclass(frozen=True)
class HolderShape:
    """What the holders of several chains have in common."""

    kind: str
    """As of :class:`Holder`."""
    name: Optional[str]
    """What they are called."""
    label: str
    """How they hold the object."""

    def __str__(self) -> str:
        return _words(self.kind, self.name)


@dataclass(frozen=True)
class ShapeStep:
    """What a step of several chains has in common."""

    label: str
    """How the object before refers to it, positions and numerous keys as ``[*]``; empty for the first."""
    type: str
    """What it is."""
    recurring: int
    """How many steps, up to this one, recur one or more times; 0 if none."""


@dataclass(frozen=True)
class ChainShape:
    """What several chains have in common."""

    holder: HolderShape
    """What holds the first object of each."""
    steps: tuple[ShapeStep, ...]
    """The steps, from the object that is held."""

    def __str__(self) -> str:
        return _line(self.holder, str(self.holder), self.steps)


Steps = Union[tuple[ChainStep, ...], tuple[ShapeStep, ...]]


def begins_with_module(holder: Union[Holder, HolderShape], steps: Steps) -> bool:
    """Whether the module that holds a chain is its first object as well, which need not be told twice."""
    return holder.kind == "module" and not holder.label and bool(steps) and steps[0].type == "module"


def _words(kind: str, name: Optional[str]) -> str:
    """As the command tells holders."""
    if kind == "native":
        return f"<held by native code: {name}>" if name else "<held by native code>"
    if kind == "unreachable":
        return "<unreachable: only a collection can free it>"
    return f"{kind} {name}" if name else kind


def _line(holder: Union[Holder, HolderShape], words: str, steps: Steps) -> str:
    """A chain on one line."""
    is_module = begins_with_module(holder, steps)
    start = holder.name if is_module and holder.name else f"{words} {holder.label}".rstrip()
    rest = ((step.label or f" → {step.type}") + ("…" if getattr(step, "recurring", 0) else "") for step in steps[is_module:])
    return start + "".join(rest)
