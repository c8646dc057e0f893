"""Find what can be read in a protobuf request that as a whole cannot: one bad span must not cost the others.

protobuf refuses a whole message for one text that is not UTF-8, or one value that is nested too deeply. Requests of
traces and of logs have the same layout: resource groups, in them scope groups, in them spans or log records.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message

from .batch import BadSpan, Refusals

#: Numbers of fields: a request's or a scope's groups, the spans in it, and the resource or scope that it is of.
_GROUPS: Final = 1
_RESOURCE_OR_SCOPE: Final = 1
_INNER: Final = 2
_LENGTH_DELIMITED: Final = 2
_SKIPPED_BYTES: Final = {1: 8, 5: 4}
#: Messages nested in each other that protobuf reads at most.
_DEEPEST_READ: Final = 100

Field = tuple[int, int, bytes]
"""Number, wire type and contents; of other than length-delimited fields all the bytes, tag included."""


class Damaged(ValueError):
    """Bytes that are no protobuf message at all."""


def salvage(body: bytes, kind: type[Message], name_field: int, lost: Refusals) -> bytes:
    """Return a request of what *kind* can read of *body*, and refuse the rest in *lost*; raises ``Damaged``."""
    groups = [
        group for number, wire_type, group in _fields(body) if (number, wire_type) == (_GROUPS, _LENGTH_DELIMITED)
    ]
    kept = [_resource_group(group, kind, name_field, lost) for group in groups]
    return b"".join([_packed(_GROUPS, group) for group in kept if group])


def _resource_group(group: bytes, kind: type[Message], name_field: int, lost: Refusals) -> bytes:
    """Return the group with what can be read of it, nothing where no span can be."""
    resource, scope_groups = _parted(group)
    head = b"".join([_packed(_RESOURCE_OR_SCOPE, said) for said in resource])
    kept = [_scope_group(head, scope_group, kind, name_field, lost) for scope_group in scope_groups]
    found = b"".join([_packed(_INNER, scope_group) for scope_group in kept if scope_group])
    return head + found if found else b""


def _scope_group(resource: bytes, group: bytes, kind: type[Message], name_field: int, lost: Refusals) -> bytes:
    """Return the group with only such spans as *kind* reads together with their resource and scope."""
    scope, spans = _parted(group)
    head = b"".join([_packed(_RESOURCE_OR_SCOPE, said) for said in scope])
    found = bytearray()
    for span in spans:
        why = _reads(resource, head + _packed(_INNER, span), kind)
        if why is None:
            found += _packed(_INNER, span)
        else:
            lost.refuse(_text(span, name_field), why, _text(scope[0], 1) if scope else "")
    return head + bytes(found) if found else b""


def _parted(group: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return fields 1 of a group, what it is of (of a request: its groups), and fields 2, what is in it."""
    fields = [(number, said) for number, wire_type, said in _fields(group) if wire_type == _LENGTH_DELIMITED]
    return (
        [said for number, said in fields if number == _RESOURCE_OR_SCOPE],
        [said for number, said in fields if number == _INNER],
    )


def _reads(resource: bytes, scope_group: bytes, kind: type[Message]) -> BadSpan | None:
    request = _packed(_GROUPS, resource + _packed(_INNER, scope_group))
    try:
        kind.FromString(request)
    except DecodeError:
        described: Any = kind.DESCRIPTOR  # in C it is another class than the stubs know
        if _is_deeper(request, described, _DEEPEST_READ):
            return BadSpan("too_deep", "an attribute is nested deeper than protobuf can be read.")
        return BadSpan("unreadable", "its text is not UTF-8, or its bytes are damaged.")
    return None


def _is_deeper(message: bytes, kind: Descriptor, levels: int) -> bool:
    """Say whether messages in *message* are nested in each other more than *levels* deep; not all versions say so."""
    if levels < 0:
        return True
    try:
        for number, wire_type, said in _fields(message):
            field = kind.fields_by_number.get(number) if wire_type == _LENGTH_DELIMITED else None
            inner = field.message_type if field is not None else None
            if inner is not None and _is_deeper(said, inner, levels - 1):
                return True
    except Damaged:
        pass
    return False


def _text(message: bytes, number: int) -> str:
    """Return one text of a message that cannot be read, as far as it can be."""
    try:
        found = [said for at, wire_type, said in _fields(message) if (at, wire_type) == (number, _LENGTH_DELIMITED)]
    except Damaged:
        return ""
    return found[-1].decode("utf-8", "replace") if found else ""


def _fields(message: bytes) -> Iterator[Field]:
    """Yield the fields of a message; raises ``Damaged`` where it is none."""
    at = 0
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        wire_type = tag & 7
        if wire_type == _LENGTH_DELIMITED:
            size, at = _varint(message, at)
            start = at
            at += size
        elif wire_type == 0:
            _, at = _varint(message, at)
        elif wire_type in _SKIPPED_BYTES:
            at += _SKIPPED_BYTES[wire_type]
        else:
            raise Damaged
        if at > len(message):
            raise Damaged
        yield tag >> 3, wire_type, message[start:at]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64:
        if at >= len(message):
            raise Damaged
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise Damaged


def _packed(number: int, contents: bytes) -> bytes:
    size, out = len(contents), bytearray([number << 3 | _LENGTH_DELIMITED])
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    out.append(size)
    return bytes(out) + contents
