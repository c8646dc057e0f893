"""Unpack request bodies without ever holding more than the limit."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Final

import zstandard

from ..errors import SpanwiseError, TooLarge, UnsupportedMedia
from .span_limits import MB

#: A window larger than this is only needed to attack a decoder.
ZSTD_WINDOW: Final = 8 << 20
#: Bytes unpacked at a time: the densest blocks make 128 KB of four bytes, so this much makes 16 MB at most.
ZSTD_STEP: Final = 512


def unpacked(body: bytes, encoding: str, most_bytes: int) -> bytes:
    """Return *body* as it was before *encoding*, a Content-Encoding header, was applied; at most *most_bytes* of it."""
    for name in reversed([word.strip().lower() for word in encoding.split(",")]):
        if name in ("", "identity"):
            continue
        unpack = ENCODINGS.get("gzip" if name == "x-gzip" else name)  # its older name, which HTTP still knows
        if unpack is None:
            raise UnsupportedMedia(f"Content-Encoding {name!r} is not known.", f"Send {', '.join(ENCODINGS)} or none.")
        try:
            body = unpack(body, most_bytes)
        except (zlib.error, zstandard.ZstdError, EOFError) as error:
            raise SpanwiseError(f"The body is not {name}, as Content-Encoding says: {error}.") from error
    if len(body) > most_bytes:
        raise too_large_unpacked(most_bytes)
    return body


def too_large(most_bytes: int) -> TooLarge:
    """Return the refusal of a body that is too large as sent."""
    return TooLarge(
        f"The body is larger than {most_bytes // MB} MB.",
        "Send fewer spans at a time, or raise SPANWISE_MAX_BODY_MB on the server.",
    )


def too_large_unpacked(most_bytes: int) -> TooLarge:
    """Return the refusal of a body that is too large unpacked."""
    return TooLarge(
        f"The body is larger than {most_bytes // MB} MB unpacked.",
        "Send fewer spans at a time, or raise SPANWISE_MAX_UNPACKED_MB on the server.",
    )


def _gzip(body: bytes, most_bytes: int) -> bytes:
    return _inflated(body, most_bytes, zlib.MAX_WBITS | 16)


def _deflate(body: bytes, most_bytes: int) -> bytes:
    try:
        return _inflated(body, most_bytes, zlib.MAX_WBITS)
    except zlib.error:
        return _inflated(body, most_bytes, -zlib.MAX_WBITS)  # some senders leave zlib's header out


def _inflated(body: bytes, most_bytes: int, window_bits: int) -> bytes:
    """Return every member of *body* inflated; one byte over the limit is enough to know."""
    found: list[bytes] = []
    room = most_bytes + 1
    while body:
        inflater = zlib.decompressobj(window_bits)
        piece = inflater.decompress(body, room)
        found.append(piece)
        room -= len(piece)
        if room <= 0:
            raise too_large_unpacked(most_bytes)
        if not inflater.eof:
            raise EOFError("it ends too early")
        body = inflater.unused_data
    return b"".join(found)


def _zstd(body: bytes, most_bytes: int) -> bytes:
    """Return every frame of *body* unpacked, in steps so small that none can blow up far over the limit."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    found: list[bytes] = []
    room, start, view = most_bytes, 0, memoryview(body)
    while start < len(body):
        frame = decompressor.decompressobj()
        while not frame.eof:
            if start >= len(body):
                raise EOFError("it ends too early")
            piece = frame.decompress(view[start : start + ZSTD_STEP])
            start = min(start + ZSTD_STEP, len(body))
            found.append(piece)
            room -= len(piece)
            if room < 0:
                raise too_large_unpacked(most_bytes)
        start -= len(frame.unused_data)
    return b"".join(found)


ENCODINGS: Final[Mapping[str, Callable[[bytes, int], bytes]]] = {"gzip": _gzip, "deflate": _deflate, "zstd": _zstd}
