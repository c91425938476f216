"""Rows that can be looked at: in a terminal, in a notebook, as an Arrow table, as a data frame."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, Union, cast, overload

from . import wording

if TYPE_CHECKING:
    import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import pyarrow  # type: ignore[import-not-found,import-untyped,unused-ignore]

Row = TypeVar("Row", covariant=True)

SHOWN = 20
"""So many rows are printed, as the command does."""


@dataclass(frozen=True)
class Column:
    """How a column is shown."""

    heading: str
    value: Callable[[Any], Any]
    form: Callable[[Any], str] = wording.text
    is_number: bool = False


def text(heading: str, path: str) -> Column:
    """A column of texts."""
    return Column(heading, attrgetter(path))


def number(heading: str, path: str, form: Callable[[Any], str] = wording.count) -> Column:
    """A column of numbers."""
    return Column(heading, attrgetter(path), form, is_number=True)


class Table(Sequence[Row]):
    """A sequence of rows. Prints as a table; all of the rows are in it, however few are printed."""

    _rows: ClassVar[str]
    """The field that the rows are in."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """All of them."""
        return cast("tuple[Row, ...]", getattr(self, self._rows))

    def _columns(self) -> Sequence[Column]:
        raise NotImplementedError

    def _notes(self) -> Sequence[str]:
        """Lines below the table."""
        return ()

    def _told(self) -> Sequence[Any]:
        """The rows that are worth printing."""
        return self.rows

    def _missing(self) -> int:
        """How many rows there are beside those in it, because of a limit."""
        return 0

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Row, ...]: ...
    def __getitem__(self, index: Union[int, slice]) -> Union[Row, tuple[Row, ...]]:
        return self.rows[index]

    def __repr__(self) -> str:
        columns = self._columns()
        lines = [[column.heading for column in columns], *self._cells(columns)]
        widths = [max(map(len, cells)) for cells in zip(*lines)]
        padded = (
            "  ".join(
                cell.rjust(width) if column.is_number else cell.ljust(width) for cell, width, column in zip(line, widths, columns)
            ).rstrip()
            for line in lines
        )
        return "\n".join([*padded, *self._last_lines()])

    def _repr_html_(self) -> str:
        """For notebooks. Colours are those of the page, so that it can be read on light and dark."""
        columns = self._columns()
        style = [f"padding:0 .6em;text-align:{'right' if column.is_number else 'left'}" for column in columns]
        heading = "".join(_cell("th", each, column.heading) for each, column in zip(style, columns))
        body = "".join(
            f"<tr>{''.join(_cell('td', each, cell) for each, cell in zip(style, line))}</tr>" for line in self._cells(columns)
        )
        last = "".join(f"<div>{html.escape(line)}</div>" for line in self._last_lines())
        return f'<table style="color:inherit"><thead><tr>{heading}</tr></thead><tbody>{body}</tbody></table>{last}'

    def _cells(self, columns: Sequence[Column]) -> list[list[str]]:
        return [[column.form(column.value(row)) for column in columns] for row in self._told()[:SHOWN]]

    def _last_lines(self) -> list[str]:
        more = max(len(self._told()) - SHOWN, 0) + self._missing()
        return [*([f"… and {wording.count(more)} more"] if more else []), *self._notes()]

    def to_arrow(self) -> pyarrow.Table:
        """As a table of Arrow; needs pyarrow. Addresses are integers."""
        from . import frames

        return frames.arrow(frames.row_type(type(self)), self.rows)

    def to_pandas(self) -> pandas.DataFrame:
        """As a data frame; needs pandas. Addresses are integers."""
        from . import frames

        return frames.pandas(frames.row_type(type(self)), self.rows)


def _cell(tag: str, style: str, content: str) -> str:
    return f'<{tag} style="{style}">{html.escape(content)}</{tag}>'
