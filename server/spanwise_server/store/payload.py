"""Spans packed for keeping: those of a trace that came together under one zstd frame, their messages apart.

Agents send the whole conversation again with every call. A JSON list of objects, and a long text, is therefore cut
into pieces that are named by their hash and kept once; what lies between them stays in the span as it was written, so
the same characters come back whatever style they were serialised in, and wherever the cuts fall.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

import orjson

from ..odd_numbers import is_odd
from ..record import NOTHING, Event, Link, Scope, Span
from .codec import NONE, packed, unpacked
from .rows import STATUSES, SpanRow

#: A list shorter than this is not cut, and an element shorter than this stays in the span: naming it would cost more.
SHORTEST_LIST: Final = 400
SHORTEST_ELEMENT: Final = 120
#: A text that is no list is kept apart from this length on.
LONG_TEXT: Final = 2_048
HASH_BYTES: Final = 16
#: Bytes that the names of texts of one time begin with, where they do, so that these lie side by side in an index; what
#: follows is the hash, cut to fit.
PREFIX_BYTES: Final = 3
_RAW: Final = b"\x00"
_PACKED: Final = b"\x01"
_SHORTEST_PACKED: Final = 200
#: Before JSON that orjson would read otherwise: it makes a float of a large integer.
_WITH_CARE: Final = b" "
#: What stands between the elements of a list, and behind the last one.
_BETWEEN: Final = ",] \n\r\t"
#: The longest first key of an object that lists are cut at.
_LONGEST_KEY: Final = 40
#: Spans packed together, and bytes of them before they are packed: to show one of them all are unpacked, and a body of
#: a few kilobytes leaves little of a page of the store empty. With 6,000 four bodies of prose, which then are just over
#: a fifth of a page, leave as much empty as a fifth one takes: 50 bytes a span.
MOST_TOGETHER: Final = 32
MOST_BYTES: Final = 5_500

#: A span as it is written: ``n`` name, ``a`` attributes, ``p`` attributes in pieces, and what else it said.
Said = dict[str, Any]


@dataclass(slots=True)  # a frozen one sets each field by a call
class Packed:
    """The body of one or more spans, and the hashes of the texts that it names."""

    body: bytes
    names: tuple[bytes, ...]
    spans: int = 1


@dataclass(slots=True)  # as above
class Packing:
    """How spans are packed: with which dictionary, how many bytes together, and what the names of texts begin with."""

    dictionary: int = NONE
    most_bytes: int = MOST_BYTES
    prefix: bytes = b""


PLAIN: Final = Packing()


def pack(spans: Sequence[Span], project: str, texts: dict[bytes, bytes], how: Packing = PLAIN) -> Packed:
    """Return *spans* packed; times, ids and status are the rows', resource and scope the origin's.

    The texts that it names are put into *texts* by their names, not packed yet: most are in the store already.
    """
    of_project = _project_key(project)
    names: dict[bytes, int] = {}
    written = [_written(span, of_project, how.prefix, texts, names) for span in spans]
    return Packed(_sealed(names, written, how.dictionary), tuple(names), len(spans))


def pack_all(spans: Sequence[Span], project: str, texts: dict[bytes, bytes], how: Packing = PLAIN) -> list[Packed]:
    """Return *spans* packed a few together, in order; as ``pack`` does."""
    of_project = _project_key(project)
    found: list[Packed] = []
    names: dict[bytes, int] = {}
    written: list[bytes] = []
    size = 0
    for span in spans:
        raw = _written(span, of_project, how.prefix, texts, names)
        written.append(raw)
        size += len(raw)
        if size >= how.most_bytes or len(written) == MOST_TOGETHER:
            found.append(Packed(_sealed(names, written, how.dictionary), tuple(names), len(written)))
            names, written, size = {}, [], 0
    if written:
        found.append(Packed(_sealed(names, written, how.dictionary), tuple(names), len(written)))
    return found


def _written(span: Span, of_project: bytes, prefix: bytes, texts: dict[bytes, bytes], names: dict[bytes, int]) -> bytes:
    """Return *span* as it is written, with the texts that are kept apart named."""
    attributes: dict[str, Any] = dict(span.attributes)
    said: Said = {"n": span.name}
    pieces_of: dict[str, list[str | int]] = {}
    odd = False
    for key, value in attributes.items():
        if type(value) is not str:
            odd = odd or is_odd(value)
        elif len(value) >= SHORTEST_LIST:
            pieces = _pieces(value, of_project, prefix, texts, names)
            if pieces is not None:
                attributes[key] = 0  # keeps the place
                pieces_of[key] = pieces
    if attributes:
        said["a"] = attributes
    if pieces_of:
        said["p"] = pieces_of
    _say_the_rest(span, said)
    if span.events or span.links:  # whose attributes nobody has looked at
        return dumps(said)
    return _with_care(said) if odd else _plain_dumps(said)


def whole(span: Span) -> bytes:
    """Return *span* as it is written with all its texts in it, not packed: for stores that pack columns themselves."""
    said: Said = {"n": span.name}
    if span.attributes:
        said["a"] = dict(span.attributes)
    _say_the_rest(span, said)
    return dumps(said)


def _say_the_rest(span: Span, said: Said) -> None:
    if span.status_message is not None:
        said["m"] = span.status_message
    if span.otel_kind:
        said["k"] = span.otel_kind
    if span.trace_state:
        said["s"] = span.trace_state
    if span.events:
        said["e"] = [[event.time_ns, event.name, dict(event.attributes)] for event in span.events]
    if span.links:
        said["l"] = [[link.trace_id, link.span_id, dict(link.attributes)] for link in span.links]


def _sealed(names: Mapping[bytes, int], written: Sequence[bytes], dictionary: int) -> bytes:
    care = _WITH_CARE if any(one[:1] == _WITH_CARE for one in written) else b""
    head = len(names).to_bytes(4, "little") + b"".join(names)
    return head + packed(care + b"[" + b",".join(written) + b"]", dictionary)


def _pieces(
    value: str, of_project: bytes, prefix: bytes, texts: dict[bytes, bytes], names: dict[bytes, int]
) -> list[str | int] | None:
    """Return *value* as pieces of text and numbers of named texts, or ``None`` where it is better left whole."""
    cuts = _elements(value) if value.startswith(("[{", "[ {", "[\n")) else []
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
        if prefix:
            name = prefix + name[: HASH_BYTES - PREFIX_BYTES]
        if name not in texts:
            texts[name] = raw
        pieces.append(names.setdefault(name, len(names)))
        done = end
    if done < len(value):
        pieces.append(value[done:])
    return pieces


def _elements(text: str) -> list[tuple[int, int]]:
    """Return where each long element of a JSON list of objects begins and ends, as far as their first key shows it.

    The objects of a list of messages all begin with the same key, and in JSON a quotation mark inside a text has a
    backslash before it, so what looks like the beginning of an object is one.
    """
    found: list[tuple[int, int]] = []
    first = text.find("{", 1)
    key_end = text.find('":', first, first + _LONGEST_KEY)
    if key_end < 0:
        return found
    mark = text[first:key_end]
    while first >= 0:
        after = text.find(mark, first + len(mark))
        end = after if after >= 0 else len(text)
        while end > first and text[end - 1] in _BETWEEN:
            end -= 1
        if end - first >= SHORTEST_ELEMENT:
            found.append((first, end))
        first = after
    return found


def opened(body: bytes) -> tuple[list[bytes], list[Said]]:
    """Return the hashes that a packed body names and the spans in it, in order."""
    names = texts_named(body)
    said = loads(unpacked(body[4 + len(names) * HASH_BYTES :]))
    return names, said if isinstance(said, list) else [said]


def unpack(
    names: Sequence[bytes], said: Said, row: SpanRow, trace_id: str, origin: bytes, text_of: Callable[[bytes], bytes]
) -> Span:
    """Return a span of an opened body; *text_of* gives the packed text of a hash."""
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


def replaced(body: bytes, place: int, by: bytes, dictionary: int = NONE) -> bytes | None:
    """Return *body* with the span at *place* replaced by the one that *by* holds, ``None`` where it is the same."""
    old_names, spans = opened(body)
    new_names, (new,) = opened(by)
    # A text that came at another time too has another name now, which differs in what it begins with.
    same = {name[PREFIX_BYTES:]: name for name in old_names} | {name[:-PREFIX_BYTES]: name for name in old_names}
    new_names = [same.get(name[PREFIX_BYTES:], name) for name in new_names]
    names = {name: number for number, name in enumerate(dict.fromkeys((*old_names, *new_names)))}
    if "p" in new:
        new["p"] = {
            key: [piece if isinstance(piece, str) else names[new_names[piece]] for piece in pieces]
            for key, pieces in new["p"].items()
        }
    if new == spans[place] and list(new.get("a", ())) == list(spans[place].get("a", ())):
        return None
    spans[place] = new
    return _sealed(names, [dumps(said) for said in spans], dictionary)


def named(names: Sequence[bytes], said: Said) -> list[bytes]:
    """Return the hashes of the texts that one span of an opened body names, of those that the body names."""
    pieces_of: Mapping[str, list[str | int]] = said.get("p", {})
    return [names[piece] for pieces in pieces_of.values() for piece in pieces if isinstance(piece, int)]


def texts_named(body: bytes) -> list[bytes]:
    """Return the hashes of the texts that a packed body names."""
    count = int.from_bytes(body[:4], "little")
    return [body[4 + at * HASH_BYTES : 4 + (at + 1) * HASH_BYTES] for at in range(count)]


def pack_text(raw: bytes, dictionary: int = NONE) -> bytes:
    """Return a text packed, or marked as raw where packing does not make it shorter."""
    if len(raw) < _SHORTEST_PACKED and dictionary == NONE:
        return _RAW + raw
    frame = packed(raw, dictionary)
    return _PACKED + frame if len(frame) < len(raw) else _RAW + raw


def unpack_text(body: bytes) -> str:
    """Return the text that was packed."""
    raw = body[1:] if body[:1] == _RAW else unpacked(body[1:])
    return raw.decode("utf-8", "surrogatepass")


def pack_origin(resource: Mapping[str, Any], scope: Scope) -> tuple[bytes, bytes]:
    """Return the hash and the packed body of where a span came from."""
    raw = _origin(resource, scope)
    return blake2b(raw, digest_size=HASH_BYTES).digest(), pack_text(raw)


def origin_raw(span: Span) -> bytes:
    """Return where a span came from, not packed."""
    return _origin(span.resource, span.scope)


def _origin(resource: Mapping[str, Any], scope: Scope) -> bytes:
    return dumps([dict(resource), scope.name, scope.version, dict(scope.attributes)])


def unpack_origin(body: bytes) -> tuple[Mapping[str, Any], Scope]:
    """Return the resource and the scope that were packed."""
    raw = body[1:] if body[:1] == _RAW else unpacked(body[1:])
    resource, name, version, attributes = loads(raw)
    return resource or NOTHING, Scope(name, version, attributes or NOTHING)


@lru_cache(maxsize=1_000)
def _project_key(project: str) -> bytes:
    return blake2b(project.encode("utf-8", "surrogatepass"), digest_size=32).digest()


def dumps(value: Any) -> bytes:
    """Return *value* as JSON that ``loads`` gives back the same, odd numbers and half characters included."""
    raw = _plain_dumps(value)
    # orjson writes NaN and infinity as null; only where there is a null can there have been one.
    return _with_care(value) if b"null" in raw and is_odd(value) else raw


def _plain_dumps(value: Any) -> bytes:
    """Return as ``dumps`` does what has no odd numbers."""
    try:
        return orjson.dumps(value)
    except (TypeError, ValueError):
        return _with_care(value)


def _with_care(value: Any) -> bytes:
    return _WITH_CARE + json.dumps(value, separators=(",", ":")).encode()


def loads(raw: bytes) -> Any:
    """Return what ``dumps`` was given."""
    return json.loads(raw) if raw[:1] == _WITH_CARE else orjson.loads(raw)
