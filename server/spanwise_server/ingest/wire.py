"""The plain way through an export in protobuf: one pass over its bytes, without an object for each message.

Worth it compiled only (see ``compiled.py``): it then takes a quarter of what walking parsed messages does. It reads
what every exporter writes, and whatever else protobuf allows, or is wrong, it leaves to the parser, which knows what to
say of it.
"""

from __future__ import annotations

import base64
import struct
import sys
from typing import Any, Final

from ..record import Attributes, Event, Link, Scope, Span
from .batch import STATUSES, BadSpan, Batch, times
from .span_limits import SpanLimits

BYTES_MARK: Final = "base64:"
#: Names of attributes seen, by their bytes: the same object each time, whose hash is known.
_KEYS: dict[bytes, str] = {}
_MOST_KEYS: Final = 10_000
_LONGEST_KEY: Final = 100
#: An attribute of no more bytes is remembered as long as its body is read: spans of one trace say the same of
#: themselves, and to look it up takes half as long as to read it.
_LONGEST_REMEMBERED: Final = 100
_MOST_REMEMBERED: Final = 5_000
_UNCHANGING: Final = frozenset({str, int, float, bool})
_DOUBLE: Final = struct.Struct("<d")
_LONGEST_VARINT: Final = 64
_KINDS: Final = 6
_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8
_NO_TRACE: Final = bytes(_TRACE_ID_BYTES)
_NO_SPAN: Final = bytes(_SPAN_ID_BYTES)


class Unusual(Exception):
    """What is not in the plain way: left to the parser."""


class Scanner:
    """A place in a body."""

    def __init__(self, data: bytes, limits: SpanLimits) -> None:
        self.data = data
        self.at = 0
        self.limits = limits
        self.depth: int = limits.depth
        self.sizes = len(data) > limits.attribute_bytes
        self.batch = Batch()
        self._remembered: dict[bytes, tuple[str, Any]] = {}
        """Attributes whose values nobody can change, by their bytes."""

    def varint(self) -> int:
        """Return the number that begins here."""
        byte = self.data[self.at]
        self.at += 1
        if byte < 128:
            return byte
        found, shift = byte & 127, 7
        while True:
            byte = self.data[self.at]
            self.at += 1
            found |= (byte & 127) << shift
            if byte < 128:
                return found
            shift += 7
            if shift >= _LONGEST_VARINT:
                raise Unusual

    def stop(self) -> int:
        """Return where the message that begins here ends."""
        size = self.varint()
        return self.at + size

    def raw(self) -> bytes:
        """Return the bytes that begin here, without their length."""
        end = self.stop()
        found = self.data[self.at : end]
        self.at = end
        return found

    def text(self) -> str:
        """Return the text that begins here."""
        return self.raw().decode()

    def fixed(self) -> int:
        """Return the number of eight bytes that begins here."""
        found = int.from_bytes(self.data[self.at : self.at + 8], "little")
        self.at += 8
        return found

    def key(self) -> str:
        """Return the name of an attribute."""
        written = self.raw()
        known = _KEYS.get(written)
        if known is None:
            known = written.decode()
            if len(written) <= _LONGEST_KEY:
                if len(_KEYS) >= _MOST_KEYS:
                    _KEYS.clear()
                known = _KEYS[written] = sys.intern(known)
        return known

    def attribute(self, found: dict[str, Any], depth: int) -> None:
        """Put the attribute that begins here into *found*."""
        end = self.stop()
        begin = self.at
        if end - begin > _LONGEST_REMEMBERED:
            key = self.key_of_attribute()
            found[key] = self.value_of_attribute(end, depth)
            return
        written = self.data[begin:end]
        known = self._remembered.get(written)
        if known is not None:
            found[known[0]] = known[1]
            self.at = end
            return
        key = self.key_of_attribute()
        value = found[key] = self.value_of_attribute(end, depth)
        if type(value) in _UNCHANGING and len(self._remembered) < _MOST_REMEMBERED:
            self._remembered[written] = key, value

    def key_of_attribute(self) -> str:
        """Return the name with which the attribute begins here."""
        if self.data[self.at] != 0x0A:  # field 1, in bytes
            raise Unusual
        self.at += 1
        return self.key()

    def value_of_attribute(self, end: int, depth: int) -> Any:
        """Return the value that the attribute which ends at *end* goes on with."""
        if self.at == end:
            return None
        if self.data[self.at] != 0x12:  # field 2, in bytes
            raise Unusual
        self.at += 1
        value = self.value(depth)
        if self.at != end:
            raise Unusual
        return value

    def value(self, depth: int) -> Any:
        """Return the value that begins here."""
        end = self.stop()
        if self.at == end:
            return None
        tag = self.data[self.at]
        self.at += 1
        found: Any
        if tag == 0x0A:
            found = self.text()
        elif tag == 0x18:
            found = self.varint()
            if found >= 1 << 63:
                if found >= 1 << 64:
                    raise Unusual
                found -= 1 << 64
        else:
            found = self.rarer_value(tag, depth)
        if self.at != end:
            raise Unusual
        return found

    def rarer_value(self, tag: int, depth: int) -> Any:
        """Return a value that is neither text nor a whole number."""
        if tag == 0x21:
            found = _DOUBLE.unpack_from(self.data, self.at)[0]
            self.at += 8
            return found
        if tag == 0x10:
            return self.varint() != 0
        if tag == 0x3A:
            return BYTES_MARK + base64.b64encode(self.raw()).decode()
        if depth <= 0 or tag not in (0x2A, 0x32):
            raise Unusual
        return self.items(depth - 1) if tag == 0x2A else self.members(depth - 1)

    def items(self, depth: int) -> list[Any]:
        """Return the list that begins here."""
        end = self.stop()
        found: list[Any] = []
        while self.at < end:
            self.expect(0x0A)
            found.append(self.value(depth))
        self.end_at(end)
        return found

    def members(self, depth: int) -> dict[str, Any]:
        """Return the map that begins here."""
        end = self.stop()
        found: dict[str, Any] = {}
        while self.at < end:
            self.expect(0x0A)
            self.attribute(found, depth)
        self.end_at(end)
        return found

    def expect(self, tag: int) -> None:
        """Go past a tag that has to be here."""
        if self.data[self.at] != tag:
            raise Unusual
        self.at += 1

    def end_at(self, end: int) -> None:
        """Make sure that a message ended where it said."""
        if self.at != end:
            raise Unusual

    def resource_spans(self) -> None:
        """Read a resource and its spans."""
        end = self.stop()
        resource: dict[str, Any] = {}
        if self.at < end and self.data[self.at] == 0x0A:
            self.at += 1
            inner = self.stop()
            while self.at < inner:
                self.attribute_or_count(0x0A, 0x10, resource)
            self.end_at(inner)
        while self.at < end:
            tag = self.data[self.at]
            self.at += 1
            if tag == 0x12:
                self.scope_spans(resource)
            elif tag == 0x1A:
                self.text()  # the address of a schema
            else:
                raise Unusual
        self.end_at(end)

    def attribute_or_count(self, attribute: int, count: int, found: dict[str, Any]) -> None:
        """Read an attribute, or pass over the count of those that were dropped."""
        tag = self.data[self.at]
        self.at += 1
        if tag == attribute:
            self.attribute(found, self.depth)
        elif tag == count:
            self.varint()
        else:
            raise Unusual

    def scope_spans(self, resource: Attributes) -> None:
        """Read a scope and its spans."""
        end = self.stop()
        scope = Scope()
        if self.at < end and self.data[self.at] == 0x0A:
            self.at += 1
            scope = self.scope()
        while self.at < end:
            tag = self.data[self.at]
            self.at += 1
            if tag == 0x12:
                self.batch.spans.append(self.span(resource, scope))
            elif tag == 0x1A:
                self.text()
            else:
                raise Unusual
        self.end_at(end)

    def scope(self) -> Scope:
        """Return the scope that begins here."""
        end = self.stop()
        name = version = ""
        attributes: dict[str, Any] = {}
        while self.at < end:
            tag = self.data[self.at]
            if tag == 0x0A:
                self.at += 1
                name = self.text()
            elif tag == 0x12:
                self.at += 1
                version = self.text()
            else:
                self.attribute_or_count(0x1A, 0x20, attributes)
        self.end_at(end)
        return Scope(name, version, attributes)

    def span(self, resource: Attributes, scope: Scope) -> Span:
        """Return the span that begins here."""
        end = self.stop()
        parts = SpanParts()
        while self.at < end:
            tag = self.data[self.at]
            self.at += 1
            if tag == 0x4A:
                self.attribute(parts.attributes, self.depth)
            elif tag == 0x39:
                parts.start_ns = self.fixed()
            elif tag == 0x41:
                parts.end_ns = self.fixed()
            elif tag == 0x2A:
                parts.name = self.text()
            elif tag <= 0x22:
                self.identity(tag, parts)
            else:
                self.rarer_field(tag, parts)
        self.end_at(end)
        span = parts.span(resource, scope)
        self.limits.check(span, sizes=self.sizes)
        return span

    def identity(self, tag: int, parts: SpanParts) -> None:
        """Read what a span is known by."""
        if tag == 0x0A:
            parts.trace_id = self.raw()
        elif tag == 0x12:
            parts.span_id = self.raw()
        elif tag == 0x22:
            parts.parent_id = self.raw()
        elif tag == 0x1A:
            parts.trace_state = self.text()
        else:
            raise Unusual

    def rarer_field(self, tag: int, parts: SpanParts) -> None:
        """Read what few spans have."""
        if tag == 0x30:
            parts.kind = self.varint()
        elif tag == 0x7A and not parts.has_status:
            parts.has_status = True
            self.status(parts)
        elif tag == 0x5A:
            parts.events.append(self.event())
        elif tag == 0x6A:
            parts.links.append(self.link())
        elif tag in (0x50, 0x60, 0x70):
            self.varint()  # counts of what was dropped
        elif tag == 0x85 and self.data[self.at] == 0x01:
            self.at += 5  # flags, four bytes
        else:
            raise Unusual

    def status(self, parts: SpanParts) -> None:
        """Read how a span ended."""
        end = self.stop()
        while self.at < end:
            tag = self.data[self.at]
            self.at += 1
            if tag == 0x12:
                parts.status_message = self.text()
            elif tag == 0x18:
                parts.status = self.varint()
            else:
                raise Unusual
        self.end_at(end)

    def event(self) -> Event:
        """Return the event that begins here."""
        end = self.stop()
        time_ns, name = 0, ""
        attributes: dict[str, Any] = {}
        while self.at < end:
            tag = self.data[self.at]
            if tag == 0x09:
                self.at += 1
                time_ns = self.fixed()
            elif tag == 0x12:
                self.at += 1
                name = self.text()
            else:
                self.attribute_or_count(0x1A, 0x20, attributes)
        self.end_at(end)
        return Event(time_ns, name, attributes)

    def link(self) -> Link:
        """Return the link that begins here."""
        end = self.stop()
        trace_id = of_span = b""
        attributes: dict[str, Any] = {}
        while self.at < end:
            tag = self.data[self.at]
            if tag == 0x0A:
                self.at += 1
                trace_id = self.raw()
            elif tag == 0x12:
                self.at += 1
                of_span = self.raw()
            elif tag == 0x1A:
                self.at += 1
                self.text()
            elif tag == 0x35:
                self.at += 5  # flags, four bytes
            else:
                self.attribute_or_count(0x22, 0x28, attributes)
        self.end_at(end)
        return Link(trace_id.hex(), of_span.hex(), attributes)


class SpanParts:
    """What has been read of one span."""

    def __init__(self) -> None:
        self.trace_id = b""
        self.span_id = b""
        self.parent_id = b""
        self.trace_state = ""
        self.name = ""
        self.kind = 0
        self.start_ns = 0
        self.end_ns = 0
        self.attributes: dict[str, Any] = {}
        self.events: list[Event] = []
        self.links: list[Link] = []
        self.has_status = False
        self.status = 0
        self.status_message = ""

    def span(self, resource: Attributes, scope: Scope) -> Span:
        """Return the span."""
        if self.status > 2 or self.kind >= _KINDS:
            raise Unusual
        start_ns, end_ns = times(self.start_ns, self.end_ns)
        if len(self.trace_id) != _TRACE_ID_BYTES or len(self.span_id) != _SPAN_ID_BYTES:
            raise Unusual
        if self.trace_id == _NO_TRACE or self.span_id == _NO_SPAN or len(self.parent_id) not in (0, _SPAN_ID_BYTES):
            raise Unusual
        return Span(
            self.trace_id.hex(),
            self.span_id.hex(),
            None if not self.parent_id or self.parent_id == _NO_SPAN else self.parent_id.hex(),
            self.name,
            start_ns,
            end_ns,
            STATUSES[self.status],
            self.status_message or None,
            self.attributes,
            resource,
            scope,
            tuple(self.events) if self.events else (),
            tuple(self.links) if self.links else (),
            self.kind,
            self.trace_state,
        )


def scanned(body: bytes, limits: SpanLimits) -> Batch | None:
    """Return what *body* carries, ``None`` where anything in it is unusual, wrong, or over a limit."""
    scanner = Scanner(body, limits)
    try:
        while scanner.at < len(body):
            scanner.expect(0x0A)
            scanner.resource_spans()
        scanner.end_at(len(body))
    except (Unusual, BadSpan, IndexError, UnicodeDecodeError, struct.error):
        return None
    return scanner.batch if len(scanner.batch.spans) <= limits.spans else None


#: Whether this module was compiled; as it is written, the parser is the faster way.
COMPILED: Final = type(scanned).__name__ != "function"
