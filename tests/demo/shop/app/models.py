"""What the shop works with."""

from __future__ import annotations


class SomeRef:
    """A reference to an article: what a request looks up, uses and forgets."""

    def __init__(self, article: int) -> None:
        self.article = article


class Cart:
    """What a customer looked at."""

    def __init__(self, refs: list[SomeRef]) -> None:
        self.refs = refs

    def total(self) -> int:
        return sum(ref.article for ref in self.refs)
