"""Numbers as people read them, and as the command prints them."""

from __future__ import annotations

from typing import Optional


def count(number: Optional[int]) -> str:
    """``12,345``; nothing for None."""
    return "" if number is None else f"{number:,}"


def growth(number: Optional[int]) -> str:
    """``+12,345``, ``-3``, ``0``."""
    return "" if number is None else f"{number:+,}" if number else "0"


def size(number: Optional[int]) -> str:
    """``1.20 KiB``."""
    if number is None:
        return ""
    value, units = float(number), ["KiB", "MiB", "GiB", "TiB"]
    if abs(value) < 1024:
        return f"{number} B"
    unit = ""
    while abs(value) >= 1024 and units:
        value, unit = value / 1024, units.pop(0)
    return f"{value:,.2f} {unit}"


def size_growth(number: Optional[int]) -> str:
    """``+1.20 KiB``."""
    return f"+{size(number)}" if number and number > 0 else size(number) if number else count(number)


def rate(number: Optional[float]) -> str:
    """``+12.5``."""
    if number is None:
        return ""
    return f"{number:+,.0f}" if abs(number) >= 99.95 else f"{number:+.1f}" if number else "0"


def text(value: object) -> str:
    """As it is; nothing for None."""
    return "" if value is None else str(value)
