"""What the names of texts begin with: the same for some thousands that come one after another.

Hashes lie all over an index, so that each of a transaction's texts would change a page of its own of every index that
they are in: with a million texts, and with two indices, that is most of what a commit writes. Named so, only the pages
of the newest are changed. A text that comes again much later is kept once more, which takes less than it saves.
"""

from __future__ import annotations

from typing import Final

from .connection import Connection
from .payload import PREFIX_BYTES

TEXTS_TOGETHER: Final = 32_768
_END: Final = 1 << 8 * PREFIX_BYTES


def prefix_of(connection: Connection) -> bytes:
    """Return what the names of the texts that come next begin with."""
    newest = connection.execute("SELECT max(id) FROM texts").fetchone()[0] or 0
    return int(newest // TEXTS_TOGETHER % _END).to_bytes(PREFIX_BYTES, "big")
