"""What keeps objects alive, grouped by shape; with the picture of it."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Optional

from . import wording
from .objects import Chain, ChainShape, Identity, begins_with_module
from .table import SHOWN, Column, Table, number, text


@dataclass(frozen=True)
class ShapeGroup(ChainShape):
    """Objects whose chains have one shape."""

    count: int
    """How many they are."""
    example: Chain
    """The chain to the first of them."""


@dataclass(frozen=True, repr=False)
class Chains(Table[ShapeGroup]):
    """The shortest chains to the objects that were asked about, by shape, the most frequent first."""

    pattern: str
    """What the objects were chosen by."""
    identity: Optional[Identity]
    """How new objects were told from old ones; None if every object was asked for."""
    types: tuple[str, ...]
    """The types that were asked about."""
    objects: int
    """How many objects were asked about."""
    explained: int
    """How many of them a chain leads to."""
    shapes: int
    """How many shapes their chains have."""
    groups: tuple[ShapeGroup, ...]
    """Their chains by shape; fewer than `shapes` if a limit was given."""
    svg: Optional[str] = field(default=None, compare=False, metadata={"own": True})
    """The picture, as the command drew it; None if it was not asked for."""

    _rows = "groups"

    def _columns(self) -> Sequence[Column]:
        return [number("count", "count"), Column("chain", ChainShape.__str__), text("example", "example")]

    def _missing(self) -> int:
        return self.shapes - len(self.groups)

    def _headline(self) -> str:
        what = f"{'new ' if self.identity else ''}{self.types[0] if len(self.types) == 1 else self.pattern}"
        explained = "all" if self.explained == self.objects else wording.count(self.explained)
        shapes = "shape" if self.shapes == 1 else "shapes"
        how = f" ({self.identity})" if self.identity else ""
        return f"{wording.count(self.objects)} {what}, {explained} explained by {wording.count(self.shapes)} {shapes}{how}"

    def __repr__(self) -> str:
        digits = max((len(wording.count(group.count)) for group in self.groups), default=0)
        groups = (line for group in self.groups[:SHOWN] for line in ("", *_lines(group, digits)))
        return "\n".join([self._headline(), *groups, *self._last_lines()])

    def _repr_svg_(self) -> Optional[str]:
        return self.svg

    def _repr_html_(self) -> str:
        headline = f"<div>{html.escape(self._headline())}</div>"
        if self.svg is None:
            return headline + super()._repr_html_()
        # As an image: neither its style nor its ids touch the page, and nothing in it is run.
        data = base64.b64encode(self.svg.encode()).decode()
        picture = f'<img style="max-width:100%" alt="{html.escape(self._headline())}" src="data:image/svg+xml;base64,{data}">'
        return f"{headline}{picture}"


def _lines(group: ShapeGroup, digits: int) -> Iterator[str]:
    """A group as the command prints it."""
    indent = " " * (digits + 5)
    yield f" {wording.count(group.count):>{digits}} ×  {group.holder}"
    first = begins_with_module(group.holder, group.steps)
    labels = [group.holder.label, *(step.label for step in group.steps[1:])][first:]
    labels = [label or "→" for label in labels]
    width = max(map(len, labels), default=0)
    for label, step in zip(labels, group.steps[first:]):
        again = {0: "", 1: ", again and again"}.get(step.recurring, f", these {step.recurring} again and again")
        yield f"{indent}{label:<{width}}   {step.type}{again}"
    last = group.example.steps[-1:]
    yield f"{'e.g. ':>{len(indent)}}{group.example}" + "".join(f"  →  {step.address}" for step in last)
