"""Ctrl-C between batches that are trained in Python, not within one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

__all__ = ["HeldInterrupt"]


class HeldInterrupt:
    """Holds Ctrl-C back within a ``with`` block, to whose end it comes; `pending` tells of it.

    Only Python's main thread hears of Ctrl-C; elsewhere this does nothing. Blocks may be nested.
    """

    def __init__(self) -> None:
        self._came: tuple[int, FrameType | None] | None = None
        self._before: Any = None

    @property
    def pending(self) -> bool:
        """Whether Ctrl-C has come."""
        return self._came is not None

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came = number, frame

    def __enter__(self) -> HeldInterrupt:
        before = signal.getsignal(signal.SIGINT)
        if callable(before) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._note)
            self._before = before
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is None:
            return
        signal.signal(signal.SIGINT, self._before)
        if self._came is not None:
            self._before(*self._came)
