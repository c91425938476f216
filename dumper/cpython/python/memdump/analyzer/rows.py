"""The rows of a query."""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Union

from . import wording
from .convert import Address
from .errors import CommandUnavailable
from .table import Column, Table

if TYPE_CHECKING:
    import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import pyarrow  # type: ignore[import-not-found,import-untyped,unused-ignore]

Parameters = Union[Sequence[Any], Mapping[str, Any]]


class Rows(Table[Any]):
    """The rows of a query, as named tuples: ``row.type_name``, ``row[0]``. Addresses are :class:`Address`."""

    def __init__(self, columns: tuple[str, ...], rows: tuple[Any, ...]) -> None:
        self.columns = columns
        """What the columns are called."""
        self._all = rows

    @property
    def rows(self) -> tuple[Any, ...]:
        return self._all

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rows) and (self.columns, self.rows) == (other.columns, other.rows)

    def __hash__(self) -> int:
        return hash((self.columns, self.rows))

    def _columns(self) -> Sequence[Column]:
        return [_column(index, name, self.rows) for index, name in enumerate(self.columns)]

    def _values(self) -> dict[str, list[Any]]:
        return {name: [_plain(row[index]) for row in self.rows] for index, name in enumerate(self.columns)}

    def to_arrow(self) -> pyarrow.Table:
        """As a table of Arrow; needs pyarrow. Addresses are integers."""
        import pyarrow  # type: ignore[import-not-found,import-untyped,unused-ignore]

        values = self._values()
        return pyarrow.Table.from_arrays([pyarrow.array(each) for each in values.values()], names=list(values))

    def to_pandas(self) -> pandas.DataFrame:
        """As a data frame; needs pandas. Addresses are integers."""
        from pandas import DataFrame  # type: ignore[import-not-found,import-untyped,unused-ignore]

        return DataFrame(self._values(), columns=list(self.columns))


def read(lines: Iterable[str]) -> Rows:
    """The rows of the last statement that has any columns, from ``--format arrays``."""
    columns: tuple[str, ...] = ()
    addresses: list[int] = []
    row_class: Any = tuple
    rows: list[Any] = []
    try:
        for line in lines:
            values = json.loads(line)
            if isinstance(values, dict):
                columns = tuple(column["name"] for column in values["columns"])
                addresses = [index for index, column in enumerate(values["columns"]) if column["is_address"]]
                # Names that are none of Python are numbered: _0, _1.
                row_class = _row_class(columns)
                rows = []
                continue
            for index in addresses:
                if values[index] is not None:
                    values[index] = Address(values[index], 16)
            rows.append(row_class._make(values))
    except (ValueError, KeyError, TypeError) as error:
        raise CommandUnavailable(f"the command's rows cannot be read: {error!r}; use both of one version") from error
    return Rows(columns, tuple(rows))


def parameters_as_json(parameters: Parameters) -> str:
    """As the command takes them."""

    def plain(value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, float, str)):
            return _plain(value)
        raise TypeError(f"a parameter of a query is a text, a number or None, and not a {type(value).__name__}")

    if isinstance(parameters, Mapping):
        return json.dumps({name: plain(value) for name, value in parameters.items()}, allow_nan=False)
    if isinstance(parameters, str):
        raise TypeError("parameters are a sequence or a mapping: (text,)")
    return json.dumps([plain(value) for value in parameters], allow_nan=False)


def _row_class(columns: Any) -> Any:
    return namedtuple("Row", columns, rename=True)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, Address) else value


def _column(index: int, name: str, rows: Sequence[Any]) -> Column:
    is_number = any(isinstance(row[index], (int, float)) for row in rows) and not any(isinstance(row[index], str) for row in rows)

    def shown(value: Any) -> str:
        if isinstance(value, int) and not isinstance(value, Address):
            return wording.count(value)
        return "NULL" if value is None else str(value)

    return Column(name, lambda row: row[index], shown, is_number)
