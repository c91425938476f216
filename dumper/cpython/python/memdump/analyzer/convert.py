"""Results from JSON. Which fields there are is said once, by the classes; fields that they do not know are left out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from .errors import CommandUnavailable

T = TypeVar("T")


class Address(int):
    """Where an object lay: an int that is printed as memdump prints addresses."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{int(self):#x}"

    __str__ = __repr__


def convert(kind: type[T], value: Any) -> T:
    """`value`, as JSON has it, as a `kind`."""
    converter: Callable[[Any], T] = _converter(cast(Any, kind))
    return converter(value)


@functools.cache
def _converter(kind: Any) -> Callable[[Any], Any]:
    if is_dataclass(kind):
        return _of_class(kind)
    if kind is Address:
        return lambda text: Address(text, 16)
    if get_origin(kind) is Union:
        (inner,) = (_converter(part) for part in get_args(kind) if part is not type(None))
        return lambda value: None if value is None else inner(value)
    if get_origin(kind) is tuple:
        item = _converter(get_args(kind)[0])
        return lambda values: tuple(map(item, values))
    return lambda value: value


def _of_class(kind: Any) -> Callable[[Any], Any]:
    hints = get_type_hints(kind)
    parts = [(field.name, _converter(hints[field.name])) for field in fields(kind) if field.init and not field.metadata]
    # What has nothing to say is left out.
    optional = {name for name, _ in parts if type(None) in get_args(hints[name])}

    def build(value: Any) -> Any:
        try:
            return kind(**{name: part(value[name]) if name in value or name not in optional else None for name, part in parts})
        except (KeyError, TypeError) as error:
            raise CommandUnavailable(
                f"the command's answer is no {kind.__name__} as this package knows it ({error!r}); use both of one version"
            ) from error

    return build
