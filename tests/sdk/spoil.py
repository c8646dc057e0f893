"""Ways in which an answer can be wrong: fields that lack, are too many or of another type, bytes that lack."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

from fake_provider.server import Reply

#: What may stand where something else is expected.
ODD: tuple[Any, ...] = (
    None, 0, -1, 1.5, 10**20, True, "", "odd", [], [None], [1], ["odd"], {}, {"odd": 1}, [{"odd": None}],
)  # fmt: skip


@dataclass(frozen=True)
class Spoiling:
    """One way to spoil a reply; numbers choose by remainder, so that any fits any reply."""

    how: str
    where: int
    which: int
    odd: Any

    def __call__(self, reply: Reply) -> Reply:
        return WAYS[self.how](self, reply)


def _json_field(self: Spoiling, reply: Reply) -> Reply:
    chunks = list(reply.chunks)
    at = self.where % len(chunks)
    chunks[at] = in_json(chunks[at], lambda body: change(body, self.which, self.odd))
    return replace(reply, chunks=chunks)


def change(body: Any, which: int, odd: Any) -> Any:
    """Change one place of *body*: put *odd* there, take it away, or add to it."""
    places = list(_places(body))
    if not places:
        return odd
    holder, key = places[which // 3 % len(places)]
    if which % 3 == 0:
        holder[key] = odd
    elif which % 3 == 1:
        del holder[key]
    elif isinstance(holder, dict):
        holder["unheard_of"] = odd
    else:
        holder.insert(key, odd)
    return body


def _places(value: Any):
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from _places(inner)


def in_json(chunk: bytes, do: Callable[[Any], Any]) -> bytes:
    """Do something to the JSON in a body, in an event of a stream, or in one of Amazon's."""
    if len(chunk) > 16 and struct.unpack("!I", chunk[:4])[0] == len(chunk):
        (size,) = struct.unpack("!I", chunk[4:8])
        headers, payload = chunk[12 : 12 + size], json.dumps(do(json.loads(chunk[12 + size : -4]))).encode()
        prelude = struct.pack("!II", 16 + size + len(payload), size)
        message = prelude + struct.pack("!I", crc32(prelude)) + headers + payload
        return message + struct.pack("!I", crc32(message))
    head, mark, data = chunk.partition(b"data: ")
    text, end = (data.strip(), b"\n\n") if mark else (chunk.strip(), b"\n" if chunk.endswith(b"\n") else b"")
    try:
        body = json.loads(text)
    except ValueError:
        return chunk
    return (head + mark if mark else b"") + json.dumps(do(body)).encode() + end


def _cut(self: Spoiling, reply: Reply) -> Reply:
    chunks = list(reply.chunks)[: self.where % (len(reply.chunks) + 1)]
    if chunks and self.which % 2:
        chunks[-1] = chunks[-1][: self.which % (len(chunks[-1]) + 1)]
    return replace(reply, chunks=chunks, cut=True)


def _torn(self: Spoiling, reply: Reply) -> Reply:
    chunks = list(reply.chunks)
    at = self.where % len(chunks)
    chunks[at] = chunks[at][: self.which % (len(chunks[at]) + 1)]
    return replace(reply, chunks=chunks)


def _other_bytes(self: Spoiling, reply: Reply) -> Reply:
    chunks = list(reply.chunks)
    others = (
        b"",
        b"null",
        b"[]",
        b"{}",
        b"<html>busy</html>",
        b"\xff\xfe{",
        b"data: {\n\n",
        b"data: null\n\n",
        b"\n\n",
    )
    chunks[self.where % len(chunks)] = others[self.which % len(others)]
    return replace(reply, chunks=chunks)


def _order(self: Spoiling, reply: Reply) -> Reply:
    chunks = list(reply.chunks)
    moved = chunks.pop(self.where % len(chunks))
    for _ in range(self.which % 3):  # never, once or twice
        chunks.insert(self.which % (len(chunks) + 1), moved)
    return replace(reply, chunks=chunks)


def _status(self: Spoiling, reply: Reply) -> Reply:
    changed = _json_field(self, reply)
    return replace(changed, status=(201, 302, 400, 404, 429, 500, 503, 529)[self.which % 8])


def _content_type(self: Spoiling, reply: Reply) -> Reply:
    return replace(reply, content_type=("text/plain", "text/html", "", "application/json")[self.which % 4])


WAYS = {
    "field": _json_field, "cut": _cut, "torn": _torn, "bytes": _other_bytes, "order": _order, "status": _status,
    "content type": _content_type,
}  # fmt: skip
#: A field is what goes wrong most.
HOWS = ["field", "field", "field", *WAYS]
