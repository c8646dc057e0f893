"""The traces whose newest spans the text index does not have yet, kept by the journal's entries."""

from __future__ import annotations

import struct
from typing import Final

from pyroaring import BitMap64 as BitMap

from .address import trace_row_of
from .connection import Connection

_SEEN: Final = "SELECT entry FROM search.seen"
_AFTER: Final = "SELECT n, addresses FROM journal WHERE n > ? ORDER BY n"


class Unindexed:
    """The rows of traces by the entries that the index has not taken in; each entry is unpacked once."""

    def __init__(self) -> None:
        self._entries: dict[int, BitMap] = {}
        self._seen = 0
        self._last = 0

    def rows(self, connection: Connection) -> BitMap:
        """Return the rows of the traces with spans that the index lacks, as *connection* sees it."""
        (seen,) = connection.execute(_SEEN).fetchone()
        if seen < self._seen:  # the index was made anew
            self._entries.clear()
            self._last = 0
        self._seen = seen
        for entry in [entry for entry in self._entries if entry <= seen]:
            del self._entries[entry]
        for entry, packed in connection.execute(_AFTER, (max(seen, self._last),)):
            self._entries[entry] = BitMap(list(map(trace_row_of, struct.unpack(f"<{len(packed) // 8}q", packed))))
            self._last = entry
        return BitMap.union(BitMap(), *self._entries.values())
