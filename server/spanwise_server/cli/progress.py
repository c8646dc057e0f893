"""A line that says how far a long command is: rewritten in a terminal, now and then a new one elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, TextIO

_WIDTH: Final = 24
_TERMINAL_S: Final = 0.1
_ELSEWHERE_S: Final = 10.0


class ProgressLine:
    """One line on the standard error."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._on_terminal = self._stream.isatty()
        self._shown_s = 0.0 if self._on_terminal else time.monotonic()
        self._length = 0

    def __enter__(self) -> ProgressLine:  # noqa: PYI034  # Self is not in the standard library of Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the line."""
        if self._length:
            self._stream.write("\n")

    def show(self, done: int, of: int | None, what: str, more: str = "") -> None:
        """Show how many of how many are done, unless that was shown just now; *of* ``None`` is unknown."""
        every_s = _TERMINAL_S if self._on_terminal else _ELSEWHERE_S
        if time.monotonic() - self._shown_s < every_s:
            return
        self._shown_s = time.monotonic()
        line = "  ".join(filter(None, (progress(done, of, what), more)))
        if self._on_terminal:
            self._stream.write("\r" + line.ljust(self._length))
            self._length = len(line)
        else:
            self._stream.write(line + "\n")
        self._stream.flush()


def progress(done: int, of: int | None, what: str) -> str:
    """Return a bar with its figures, or the figure alone where the end is unknown."""
    if not of:
        return f"{done:,} {what}"
    share = min(1.0, done / of)
    filled = round(share * _WIDTH)
    return f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {share:4.0%}  {done:,} of {of:,} {what}"
