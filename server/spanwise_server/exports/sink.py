"""Between a library that writes a file and whoever streams it."""

from __future__ import annotations

from typing import Any


class Sink:
    """A file that is read away while it is written."""

    closed = False

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, part: Any) -> int:
        """Take a part."""
        self._written.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """Do nothing: what is written can be taken at once."""

    def close(self) -> None:
        """Do nothing: what was written is still to be taken."""

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        parts, self._written = self._written, []
        return b"".join(parts)
