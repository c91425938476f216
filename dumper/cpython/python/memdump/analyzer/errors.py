"""Why a question has no answer. The classes are the command's exit codes."""

from __future__ import annotations


class AnalysisError(Exception):
    """A question has no answer. The message is the command's, with the cure."""


class CommandUnavailable(AnalysisError):
    """There is no command ``memdump``, or it is of another version than this package."""


class Unanswerable(AnalysisError, ValueError):
    """These dumps cannot answer that, or it is none of the questions."""


class UnreadableDump(AnalysisError, OSError):
    """A dump cannot be read, or is damaged."""


class NotFound(AnalysisError, LookupError):
    """No such type or object is in the dump."""


_BY_CODE: dict[int, type[AnalysisError]] = {2: Unanswerable, 3: UnreadableDump, 4: NotFound}


def error_of(code: int) -> type[AnalysisError]:
    """The class for an exit code of the command."""
    return _BY_CODE.get(code, AnalysisError)
