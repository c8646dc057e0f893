"""A span packed for keeping: JSON under zstd, its messages and long texts apart so that each is kept once.

Agents send the whole conversation again with every call. A JSON list of objects, and a long text, is therefore cut
into pieces that are named by their hash; the pieces between them stay in the body as they were written, so the same
characters come back whatever style they were serialised in.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

import orjson
import zstandard

from ..record import NOTHING, Event, Link, Scope, Span
from .rows import STATUSES, SpanRow

#: A list shorter than this is not cut, and an element shorter than this stays in the body: naming it would cost more.
SHORTEST_LIST: Final = 400
SHORTEST_ELEMENT: Final = 120
#: A text that is no list is kept apart from this length on.
LONG_TEXT: Final = 2_048
HASH_BYTES: Final = 16
_RAW: Final = b"\x00"
_PACKED: Final = b"\x01"
_SHORTEST_PACKED: Final = 200
#: Before JSON that orjson would read otherwise: it makes a float of a large integer.
_WITH_CARE: Final = b" "
_WHITESPACE: Final = " \t\n\r"
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().raw_decode


class _Codec(threading.local):
    """One thread's compressor and decompressor; neither may be shared."""

    def __init__(self) -> None:
        self.pack = zstandard.ZstdCompressor(level=1, write_checksum=False, write_dict_id=False)
        self.unpack = zstandard.ZstdDecompressor()


_codec = _Codec()


@dataclass(frozen=True, slots=True)
class Packed:
    """A span's body, and the texts that it names: hash and packed text of each."""

    body: bytes
    texts: tuple[tuple[bytes, bytes], ...]


def pack(span: Span, project: str, known: dict[bytes, bytes] | None = None) -> Packed:
    """Return *span* packed; times, ids and status are the row's, resource and scope the origin's.

    *known* remembers the packed texts of spans that are packed together, which often are the same.
    """
    known = {} if known is None else known
    of_project = _project_key(project)
    attributes: dict[str, Any] = dict(span.attributes)
    pieces_of: dict[str, list[str | int]] = {}
    names: dict[bytes, int] = {}
    for key, value in attributes.items():
        if type(value) is str and len(value) >= SHORTEST_LIST:
            pieces = _pieces(value, of_project, known, names)
            if pieces is not None:
                attributes[key] = 0  # keeps the place
                pieces_of[key] = pieces
    said: dict[str, Any] = {"n": span.name}
    optional = {
        "a": attributes, "p": pieces_of, "m": span.status_message, "k": span.otel_kind, "s": span.trace_state,
        "e": [[event.time_ns, event.name, dict(event.attributes)] for event in span.events],
        "l": [[link.trace_id, link.span_id, dict(link.attributes)] for link in span.links],
    }  # fmt: skip
    said.update((key, value) for key, value in optional.items() if value not in ({}, [], None, 0, ""))
    if span.status_message == "":
        said["m"] = ""
    head = len(names).to_bytes(4, "little") + b"".join(names)
    return Packed(head + _codec.pack.compress(dumps(said)), tuple((name, known[name]) for name in names))


def _pieces(
    value: str, of_project: bytes, known: dict[bytes, bytes], names: dict[bytes, int]
) -> list[str | int] | None:
    """Return *value* as pieces of text and numbers of named texts, or ``None`` where it is better left whole."""
    cuts = list(_objects(value)) if value.startswith(("[{", "[ {", "[\n")) else []
    if not cuts and len(value) >= LONG_TEXT:
        cuts = [(0, len(value))]
    if not cuts:
        return None
    pieces: list[str | int] = []
    done = 0
    for start, end in cuts:
        if start > done:
            pieces.append(value[done:start])
        raw = value[start:end].encode("utf-8", "surrogatepass")
        # The project is in the name, so that no project shares a row with another.
        name = blake2b(raw, digest_size=HASH_BYTES, key=of_project).digest()
        if name not in known:
            known[name] = pack_text(raw)
        pieces.append(names.setdefault(name, len(names)))
        done = end
    if done < len(value):
        pieces.append(value[done:])
    return pieces


def _objects(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each long object of a JSON list of objects begins and ends; none at all where it is not one."""
    found: list[tuple[int, int]] = []
    at = _skip(text, 1)
    try:
        while text[at] == "{":
            _, end = _scan(text, at)
            if end - at >= SHORTEST_ELEMENT:
                found.append((at, end))
            at = _skip(text, end)
            if text[at] == "]":
                yield from found
                return
            if text[at] != ",":
                return
            at = _skip(text, at + 1)
    except (ValueError, StopIteration, RecursionError, IndexError):
        return


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _WHITESPACE:
        at += 1
    return at


def unpack(body: bytes, row: SpanRow, trace_id: str, origin: bytes, text_of: Callable[[bytes], bytes]) -> Span:
    """Return the span that was packed; *text_of* gives the packed text of a hash."""
    names = texts_named(body)
    said = loads(_codec.unpack.decompress(body[4 + len(names) * HASH_BYTES :]))
    attributes: dict[str, Any] = said.get("a", {})
    for key, pieces in said.get("p", {}).items():
        attributes[key] = "".join(
            piece if isinstance(piece, str) else unpack_text(text_of(names[piece])) for piece in pieces
        )
    resource, scope = unpack_origin(origin)
    return Span(
        trace_id=trace_id,
        span_id=row.span_id.hex(),
        parent_span_id=None if row.parent_id is None else row.parent_id.hex(),
        name=said["n"],
        start_ns=row.start_ns,
        end_ns=row.start_ns + row.duration_ns,
        status=STATUSES[row.status],
        status_message=said.get("m"),
        attributes=attributes,
        resource=resource,
        scope=scope,
        events=tuple(Event(time_ns, name, of) for time_ns, name, of in said.get("e", ())),
        links=tuple(Link(trace, span, of) for trace, span, of in said.get("l", ())),
        otel_kind=said.get("k", 0),
        trace_state=said.get("s", ""),
    )


def texts_named(body: bytes) -> list[bytes]:
    """Return the hashes of the texts that a packed span names."""
    count = int.from_bytes(body[:4], "little")
    return [body[4 + at * HASH_BYTES : 4 + (at + 1) * HASH_BYTES] for at in range(count)]


def pack_text(raw: bytes) -> bytes:
    """Return a text packed, or marked as raw where packing does not make it shorter."""
    if len(raw) < _SHORTEST_PACKED:
        return _RAW + raw
    packed = _codec.pack.compress(raw)
    return _PACKED + packed if len(packed) < len(raw) else _RAW + raw


def unpack_text(body: bytes) -> str:
    """Return the text that was packed."""
    raw = body[1:] if body[:1] == _RAW else _codec.unpack.decompress(body[1:])
    return raw.decode("utf-8", "surrogatepass")


def pack_origin(resource: Mapping[str, Any], scope: Scope) -> tuple[bytes, bytes]:
    """Return the hash and the packed body of where a span came from."""
    raw = dumps([dict(resource), scope.name, scope.version, dict(scope.attributes)])
    return blake2b(raw, digest_size=HASH_BYTES).digest(), pack_text(raw)


def unpack_origin(body: bytes) -> tuple[Mapping[str, Any], Scope]:
    """Return the resource and the scope that were packed."""
    raw = body[1:] if body[:1] == _RAW else _codec.unpack.decompress(body[1:])
    resource, name, version, attributes = loads(raw)
    return resource or NOTHING, Scope(name, version, attributes or NOTHING)


@lru_cache(maxsize=1_000)
def _project_key(project: str) -> bytes:
    return blake2b(project.encode("utf-8", "surrogatepass"), digest_size=32).digest()


def dumps(value: Any) -> bytes:
    """Return *value* as JSON that ``loads`` gives back the same, odd numbers and half characters included."""
    try:
        raw = orjson.dumps(value)
    except (TypeError, ValueError):
        return _WITH_CARE + json.dumps(value, separators=(",", ":")).encode()
    # orjson writes NaN and infinity as null; only where there is a null can there have been one.
    if b"null" in raw and _has_odd_float(value):
        return _WITH_CARE + json.dumps(value, separators=(",", ":")).encode()
    return raw


def loads(raw: bytes) -> Any:
    """Return what ``dumps`` was given."""
    return json.loads(raw) if raw[:1] == _WITH_CARE else orjson.loads(raw)


def _has_odd_float(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, Mapping):
        return any(map(_has_odd_float, value.values()))
    return isinstance(value, list | tuple) and any(map(_has_odd_float, value))
