"""zstd with and without dictionaries: a frame names the dictionary that it was packed with, and is opened by it.

A dictionary's number comes from its content, so it means the same in every store and every process.
"""

from __future__ import annotations

import threading
from typing import Final

import zstandard

#: The number of no dictionary.
NONE: Final = 0
#: With a dictionary the better level takes no longer than the fast one does without.
_LEVEL: Final = 1
_LEVEL_WITH: Final = 3
_known: Final[dict[int, zstandard.ZstdCompressionDict]] = {}


class UnknownDictionary(LookupError):
    """A frame was packed with a dictionary that nobody has shown."""


class _Codecs(threading.local):
    """One thread's compressors and decompressors by dictionary; none may be shared."""

    def __init__(self) -> None:
        self.packers: dict[int, zstandard.ZstdCompressor] = {}
        self.unpackers: dict[int, zstandard.ZstdDecompressor] = {}


_codecs = _Codecs()


def know(content: bytes) -> int:
    """Have frames opened that were packed with the dictionary *content*; return its number."""
    dictionary = zstandard.ZstdCompressionDict(content)
    number = dictionary.dict_id()
    if number not in _known:
        dictionary.precompute_compress(level=_LEVEL_WITH)
        _known[number] = dictionary
    return number


def is_known(number: int) -> bool:
    """Say whether frames of a dictionary can be opened."""
    return number in _known


def packed(raw: bytes, dictionary: int = NONE) -> bytes:
    """Return *raw* as a frame, packed with a dictionary that is known."""
    packer = _codecs.packers.get(dictionary)
    if packer is None:
        packer = _codecs.packers[dictionary] = _packer(dictionary)
    return packer.compress(raw)


def unpacked(frame: bytes) -> bytes:
    """Return what a frame holds."""
    number = zstandard.get_frame_parameters(frame).dict_id
    unpacker = _codecs.unpackers.get(number)
    if unpacker is None:
        if number == NONE:
            unpacker = zstandard.ZstdDecompressor()
        elif number in _known:
            unpacker = zstandard.ZstdDecompressor(dict_data=_known[number])
        else:
            raise UnknownDictionary(f"the dictionary {number} is missing")
        _codecs.unpackers[number] = unpacker
    return unpacker.decompress(frame)


def _packer(dictionary: int) -> zstandard.ZstdCompressor:
    if dictionary == NONE:
        return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=False, write_dict_id=False)
    return zstandard.ZstdCompressor(
        level=_LEVEL_WITH, dict_data=_known[dictionary], write_checksum=False, write_dict_id=True
    )
