"""Rows as tables of Arrow and data frames of pandas. Neither is needed until it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from .convert import Address

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import pyarrow as pa  # type: ignore[import-not-found,import-untyped,unused-ignore]


def row_type(table: Any) -> Any:
    """The class of a table's rows."""
    return get_args(get_type_hints(table)[table._rows])[0]


def arrow(kind: Any, rows: Iterable[Any]) -> pa.Table:
    """Rows of one class as a table. Columns have their types even where there are no rows."""
    import pyarrow  # type: ignore[import-not-found,import-untyped,unused-ignore]

    schema = pyarrow.schema([(name, _arrow_type(hint)) for name, hint in _columns(kind)])
    # Arrow takes a map as a list of pairs.
    return pyarrow.Table.from_pylist([_plain(row, lambda pairs: list(pairs.items())) for row in rows], schema=schema)


def pandas(kind: Any, rows: Iterable[Any]) -> pd.DataFrame:
    """Rows of one class as a data frame."""
    from pandas import DataFrame  # type: ignore[import-not-found,import-untyped,unused-ignore]

    return DataFrame([_plain(row) for row in rows], columns=[name for name, _ in _columns(kind)])


def _columns(kind: Any) -> Sequence[tuple[str, Any]]:
    hints = get_type_hints(kind)
    return [(field.name, hints[field.name]) for field in fields(kind)]


def _arrow_type(hint: Any) -> Any:
    import pyarrow  # type: ignore[import-not-found,import-untyped,unused-ignore]

    if is_dataclass(hint):
        return pyarrow.struct([(name, _arrow_type(part)) for name, part in _columns(hint)])
    if get_origin(hint) is Union:
        return _arrow_type(next(part for part in get_args(hint) if part is not type(None)))
    if get_origin(hint) is tuple:
        return pyarrow.list_(_arrow_type(get_args(hint)[0]))
    if get_origin(hint) is dict:
        return pyarrow.map_(pyarrow.string(), pyarrow.string())
    # Signed, as in exported files.
    plain = {str: pyarrow.string(), bool: pyarrow.bool_(), int: pyarrow.int64(), Address: pyarrow.int64(), float: pyarrow.float64()}
    return plain[hint]


def _plain(value: Any, mapping: Callable[[dict[Any, Any]], Any] = dict) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name), mapping) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item, mapping) for item in value]
    if isinstance(value, dict):
        return mapping(value)
    return int(value) if isinstance(value, Address) else value
