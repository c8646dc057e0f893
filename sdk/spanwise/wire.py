"""OTLP in protobuf, written by hand: several times quicker than through message objects, and nothing to import.

Only what the trace service needs: a request from finished spans, a request cut into its spans, and the count in an
answer.  Field numbers are those of opentelemetry-proto 1.x.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext

_ONE_BYTE: Final = tuple(bytes((number,)) for number in range(128))
_FIXED64: Final = struct.Struct("<Q").pack
_DOUBLE: Final = struct.Struct("<d").pack
_SMALLEST: Final = -(1 << 63)
_LARGEST: Final = (1 << 63) - 1
_IS_REMOTE_KNOWN: Final = b"\x85\x01\x00\x01\x00\x00"
_IS_REMOTE: Final = b"\x85\x01\x00\x03\x00\x00"
_RESOURCE_SPANS: Final = b"\x0a"
_SCOPE_SPANS: Final = b"\x12"
_SPAN: Final = b"\x12"
_ATTRIBUTE_OF: Final = {"resource": b"\x0a", "scope": b"\x1a", "span": b"\x4a", "event": b"\x1a", "link": b"\x22"}


# --- writing ---------------------------------------------------------------------------------------


def encode_spans(spans: Sequence[ReadableSpan]) -> bytes:
    """Return an ``ExportTraceServiceRequest`` of *spans*."""
    # By identity: the hash of a resource is the hash of its JSON, made anew each time.
    groups: dict[tuple[int, int], tuple[ReadableSpan, list[bytes]]] = {}
    for span in spans:
        key = (id(span.resource), id(span.instrumentation_scope))
        group = groups.get(key)
        if group is None:
            group = groups[key] = (span, [])
        group[1].append(_SPAN + _sized(_span(span)))
    by_resource: dict[int, tuple[Resource, list[bytes]]] = {}
    for first, encoded in groups.values():
        held = by_resource.setdefault(id(first.resource), (first.resource, []))
        held[1].append(_SCOPE_SPANS + _sized(_scope(first.instrumentation_scope) + b"".join(encoded)))
    return b"".join(
        _RESOURCE_SPANS + _sized(_resource(resource) + b"".join(scopes)) for resource, scopes in by_resource.values()
    )


def _resource(resource: Resource) -> bytes:
    said = _RESOURCE_SPANS + _sized(_attributes(resource.attributes, "resource"))
    return said + _text(b"\x1a", resource.schema_url)


def _scope(scope: InstrumentationScope | None) -> bytes:
    if scope is None:
        return b""
    said = _text(b"\x0a", scope.name) + _text(b"\x12", scope.version) + _attributes(scope.attributes, "scope")
    return b"\x0a" + _sized(said) + _text(b"\x1a", scope.schema_url)


def _span(span: ReadableSpan) -> bytes:
    context = span.get_span_context()
    parent = span.parent
    parts = [
        b"" if context is None else _ids(context) + _text(b"\x1a", context.trace_state.to_header()),
        b"" if parent is None else b"\x22\x08" + parent.span_id.to_bytes(8, "big"),
        _text(b"\x2a", span.name),
        b"\x30" + _ONE_BYTE[span.kind.value + 1],
        b"\x39" + _FIXED64(span.start_time or 0),
        b"\x41" + _FIXED64(span.end_time or 0),
        _attributes(span.attributes, "span"),
        _count(b"\x50", span.dropped_attributes),
    ]
    for event in span.events:
        said = (
            b"\x09"
            + _FIXED64(event.timestamp)
            + _text(b"\x12", event.name)
            + _attributes(event.attributes, "event")
            + _count(b"\x20", event.dropped_attributes)
        )
        parts.append(b"\x5a" + _sized(said))
    parts.append(_count(b"\x60", span.dropped_events))
    for link in span.links:
        said = (
            _ids(link.context)
            + _text(b"\x1a", link.context.trace_state.to_header())
            + _attributes(link.attributes, "link")
            + _count(b"\x28", link.dropped_attributes)
            + (b"\x35" + _flags(link.context)[2:])
        )
        parts.append(b"\x6a" + _sized(said))
    parts.append(_count(b"\x70", span.dropped_links))
    status = _text(b"\x12", span.status.description) + _count(b"\x18", span.status.status_code.value)
    parts.append(b"\x7a" + _sized(status) + _flags(parent))
    return b"".join(parts)


def _flags(context: SpanContext | None) -> bytes:
    return _IS_REMOTE if context is not None and context.is_remote else _IS_REMOTE_KNOWN


def _ids(context: SpanContext) -> bytes:
    return b"\x0a\x10" + context.trace_id.to_bytes(16, "big") + b"\x12\x08" + context.span_id.to_bytes(8, "big")


def _attributes(attributes: Mapping[str, Any] | None, of: str) -> bytes:
    if not attributes:
        return b""
    tag = _ATTRIBUTE_OF[of]
    # A copy is a plain dict, which is several times faster to walk than OpenTelemetry's own mapping.
    items = attributes.copy().items() if hasattr(attributes, "copy") else attributes.items()
    parts: list[bytes] = []
    for name, value in items:
        said = _value(value)
        key = _key(name)
        length = len(key) + 1 + len(said)
        length += 1 if len(said) < 128 else len(_varint(len(said)))
        parts += (tag, _varint(length), key, b"\x12", _varint(len(said)), said)
    return b"".join(parts)


@lru_cache(maxsize=4096)  # attribute names are few and come again with every span
def _key(name: str) -> bytes:
    return b"\x0a" + _sized(_utf8(name))


def _text_value(value: str) -> bytes:
    return b"\x0a" + _sized(_utf8(value))


def _int_value(value: int) -> bytes:
    if _SMALLEST <= value <= _LARGEST:
        return b"\x18" + _varint(value & 0xFFFF_FFFF_FFFF_FFFF)
    return _text_value(str(value))


def _value(value: Any) -> bytes:
    """Return an ``AnyValue``; what OTLP has no word for becomes what it says of itself."""
    encoder = _VALUES.get(type(value))
    if encoder is not None:
        return encoder(value)
    for kind, encode in _VALUES.items():
        if isinstance(value, kind):
            return encode(value)
    return b"" if value is None else _text_value(repr(value))


def _list_value(values: Sequence[Any]) -> bytes:
    return b"\x2a" + _sized(b"".join(b"\x0a" + _sized(_value(value)) for value in values))


def _mapping_value(values: Mapping[Any, Any]) -> bytes:
    said = b"".join(
        b"\x0a" + _sized(_key(str(name)) + b"\x12" + _sized(_value(value))) for name, value in values.items()
    )
    return b"\x32" + _sized(said)


_VALUES: Final[Mapping[type, Callable[[Any], bytes]]] = {
    str: _text_value,
    bool: lambda value: b"\x10\x01" if value else b"\x10\x00",
    int: _int_value,
    float: lambda value: b"\x21" + _DOUBLE(value),
    tuple: _list_value,
    list: _list_value,
    bytes: lambda value: b"\x3a" + _sized(value),
    dict: _mapping_value,
}


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which UTF-8 has no place for
        return text.encode("utf-8", "replace")


def _text(tag: bytes, text: str | None) -> bytes:
    return tag + _sized(_utf8(text)) if text else b""


def _count(tag: bytes, count: int) -> bytes:
    return b"" if count == 0 else tag + _varint(count)


def _sized(said: bytes) -> bytes:
    return _varint(len(said)) + said


def _varint(number: int) -> bytes:
    if number < 128:
        return _ONE_BYTE[number]
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    parts.append(number)
    return bytes(parts)


# --- reading ---------------------------------------------------------------------------------------


def each_span(request: bytes) -> list[bytes]:
    """Return every span of *request* as a request of its own; such requests joined are a request again."""
    found = []
    for _, spans in _children(request, 1):
        rest_of_resource = b"".join(raw for number, raw, _ in _fields(spans) if number != 2)
        for _, scope in _children(spans, 2):
            rest_of_scope = b"".join(raw for number, raw, _ in _fields(scope) if number != 2)
            for raw, _ in _children(scope, 2):
                inner = _SCOPE_SPANS + _sized(rest_of_scope + raw)
                found.append(_RESOURCE_SPANS + _sized(rest_of_resource + inner))
    return found


def refused_count(answer: bytes) -> int:
    """Return how many spans an ``ExportTraceServiceResponse`` says were refused; 0 where it is none."""
    try:
        for _, partial in _children(answer, 1):
            for number, _, value in _fields(partial):
                if number == 1 and isinstance(value, int):
                    return value
    except (ValueError, IndexError):  # some gateways answer 200 with a body of their own
        pass
    return 0


def _children(message: bytes, number: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield each embedded field *number* of *message*: with its tag and length, and without."""
    for found, raw, value in _fields(message):
        if found == number and isinstance(value, bytes):
            yield raw, value


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes | int]]:
    """Yield number, raw bytes and value of each field; raises ValueError or IndexError where it is no message."""
    at = 0
    while at < len(message):
        start = at
        tag, at = _read_varint(message, at)
        value: bytes | int
        if tag & 7 == 0:
            value, at = _read_varint(message, at)
        elif tag & 7 == 2:
            length, at = _read_varint(message, at)
            value, at = message[at : at + length], at + length
        elif tag & 7 in (1, 5):
            width = 8 if tag & 7 == 1 else 4
            value, at = message[at : at + width], at + width
        else:
            raise ValueError("not a protobuf message")
        if at > len(message):
            raise ValueError("a protobuf message that is cut")
        yield tag >> 3, message[start:at], value


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
