"""One file of the spool: frames one after another, each with its checksum and a mark for when it is sent."""

from __future__ import annotations

import logging
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

logger = logging.getLogger("spanwise")

Kind = Literal["spans", "annotations"]

_KINDS: Final[tuple[Kind, ...]] = ("spans", "annotations")
_MAGIC: Final = b"SW"
#: Magic, kind, whether it is still to be sent, count of items, length and checksum of the body.
_HEAD: Final = struct.Struct("<2sBBIII")
_TO_SEND: Final = 1
_DONE: Final = 0
_DONE_AT: Final = 3
_LARGEST_BODY: Final = 1 << 30
_OPEN: Final = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True, slots=True)
class Frame:
    """One batch in a segment."""

    segment: Segment
    offset: int
    kind: Kind
    count: int
    """Spans or annotations in it."""
    body: bytes
    """Empty where only its place matters."""


class Segment:
    """One file; used under its spool's lock, by the process that holds its writer's lock."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._cursor = 0
        self.size = 0
        """Bytes of whole frames."""
        self.left = 0
        """Items that are still to be sent."""
        self.gone = False
        """Whether the file was removed."""

    @classmethod
    def create(cls, path: Path) -> Segment:
        """Make an empty one."""
        return cls(path, os.open(path, _OPEN | os.O_CREAT | os.O_EXCL, 0o600))

    @classmethod
    def read(cls, path: Path) -> Segment:
        """Open what another process has left, and count what in it is still to be sent."""
        segment = cls(path, os.open(path, _OPEN))
        end = os.fstat(segment._descriptor).st_size
        while (head := segment._head(segment.size, end)) is not None:
            _, state, count, length, _ = head
            segment.left += count if state == _TO_SEND else 0
            segment.size += _HEAD.size + length
        return segment

    def append(self, kind: Kind, count: int, body: bytes) -> Frame:
        """Write one frame and return its place; raises OSError where the disk does not take it."""
        offset = self.size
        head = _HEAD.pack(_MAGIC, _KINDS.index(kind), _TO_SEND, count, len(body), _checksum(kind, count, body))
        try:
            os.lseek(self._descriptor, offset, os.SEEK_SET)
            _write(self._descriptor, head + body)
        except OSError:
            os.ftruncate(self._descriptor, offset)  # half a frame would hide what is written after it
            raise
        self.size = offset + len(head) + len(body)
        self.left += count
        return Frame(self, offset, kind, count, b"")

    def next(self) -> Frame | None:
        """Return the next frame that is still to be sent, and go past it."""
        while (head := self._head(self._cursor, self.size)) is not None:
            number, state, count, length, checksum = head
            offset = self._cursor
            self._cursor += _HEAD.size + length
            if state != _TO_SEND:
                continue
            body = os.read(self._descriptor, length)
            if _checksum(_KINDS[number], count, body) == checksum:
                return Frame(self, offset, _KINDS[number], count, body)
            logger.warning("spanwise: %d items in %s are damaged and are given up", count, self.path)
            self.left -= count
        return None

    def back_to(self, frame: Frame) -> None:
        """Have ``next`` return *frame* again."""
        self._cursor = min(self._cursor, frame.offset)

    def done(self, frame: Frame) -> None:
        """Mark *frame* as sent, once."""
        head = self._head(frame.offset, self.size)
        if head is not None and head[1] == _TO_SEND:
            self.left -= frame.count
            os.lseek(self._descriptor, frame.offset + _DONE_AT, os.SEEK_SET)
            os.write(self._descriptor, bytes((_DONE,)))

    def empty(self) -> None:
        """Start the file over, of which everything is sent."""
        os.ftruncate(self._descriptor, 0)
        self.size = self._cursor = 0

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def remove(self) -> None:
        """Let go of the file and delete it."""
        self.gone = True
        self.close()
        self.path.unlink(missing_ok=True)

    def _head(self, offset: int, end: int) -> tuple[int, int, int, int, int] | None:
        """Return what the frame at *offset* says of itself; ``None`` behind the last whole one."""
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        raw = os.read(self._descriptor, _HEAD.size) if offset < end else b""
        if len(raw) < _HEAD.size:
            return None
        magic, kind, state, count, length, checksum = _HEAD.unpack(raw)
        whole = offset + _HEAD.size + length <= end and length <= _LARGEST_BODY
        return (kind, state, count, length, checksum) if magic == _MAGIC and kind < len(_KINDS) and whole else None


def _checksum(kind: Kind, count: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(f"{kind} {count}".encode()))


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
