"""Tells the agent of a MemoryError when it is raised, or, where the interpreter cannot tell that, when nobody handles it."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import Any, Optional

from . import _native

# Numbers of tools that have no meaning of their own: 0 to 2 and 5 are those of debuggers, coverage, profilers and optimisers.
_FREE_TOOLS = (3, 4)

_tool: Optional[int] = None
_hooked = False


def watch(on: bool) -> None:
    """Begins, or ends."""
    if on and not _by_monitoring():
        _by_hooks()
    elif not on:
        _no_monitoring()


def _by_monitoring() -> bool:
    """From 3.12 on. Costs something for each exception that is raised, and nothing else."""
    global _tool
    monitoring: Any = getattr(sys, "monitoring", None)
    if monitoring is None:
        return False
    if _tool is None:
        free = [tool for tool in _FREE_TOOLS if monitoring.get_tool(tool) is None]
        if not free:
            return False
        _tool = free[0]
        monitoring.use_tool_id(_tool, "memdump")
        monitoring.register_callback(_tool, monitoring.events.RAISE, _native.on_raise)
    monitoring.set_events(_tool, monitoring.events.RAISE)
    return True


def _no_monitoring() -> None:
    if _tool is not None:
        monitoring: Any = getattr(sys, "monitoring")  # noqa: B009 - not known before 3.12
        monitoring.set_events(_tool, 0)


def _by_hooks() -> None:
    """Once: what others put on top of them later calls them, so they cannot be taken away again."""
    global _hooked
    if _hooked:
        return
    _hooked = True
    main, thread = sys.excepthook, threading.excepthook

    def in_main(kind: type[BaseException], error: BaseException, trace: Optional[TracebackType]) -> None:
        _tell(kind)
        main(kind, error, trace)

    def in_thread(arguments: threading.ExceptHookArgs) -> None:
        _tell(arguments.exc_type)
        thread(arguments)

    sys.excepthook, threading.excepthook = in_main, in_thread


def _tell(kind: type[BaseException]) -> None:
    if issubclass(kind, MemoryError):
        _native.memory_error()
