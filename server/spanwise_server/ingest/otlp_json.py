"""Decode OTLP/JSON, forgiving about what exporters get wrong: base64 ids, numbers as text, enums by name."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from ..errors import SpanwiseError
from ..odd_numbers import in_words, is_odd
from ..record import Attributes, Event, Link, Scope, Span
from .batch import STATUSES, BadSpan, Batch, Refusals, parent_id, span_id, times
from .span_limits import SpanLimits, too_deep
from .wire import BYTES_MARK

Object = Mapping[str, Any]
STATUS_NAMES: Final = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
KIND_NAMES: Final = {
    f"SPAN_KIND_{name}": number
    for number, name in enumerate(("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"))
}
NOTHING: Final[Object] = {}
#: Lists and objects of JSON within one another that are read: more than any span has that is not refused as too deep.
_DEEPEST_READ: Final = 400
#: With more of them a body is refused whole: to go through it all would take longer than to read it.
_MOST_BRACKETS: Final = 5_000_000
_BRACKETS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)


def decode(body: bytes, limits: SpanLimits) -> Batch:
    """Return what *body*, an ``ExportTraceServiceRequest`` as JSON, carries."""
    request = parsed(body, "resourceSpans", "resource_spans")
    batch = Batch()
    resources = items(request, batch, "resourceSpans", "resource_spans")
    limits.check_count(
        sum(len(objects(scope, "spans")) for r in resources for scope in objects(r, "scopeSpans", "scope_spans"))
    )
    depth, sizes = limits.depth, len(body) > limits.attribute_bytes
    for resource_spans in resources:
        resource, bad_resource = said(object_in(resource_spans, "resource"), depth)
        for scope_spans in items(resource_spans, batch, "scopeSpans", "scope_spans"):
            scope, bad = _scope(object_in(scope_spans, "scope"), depth)
            bad = bad_resource or bad
            for message in items(scope_spans, batch, "spans"):
                if bad is not None:
                    batch.refuse(text(message.get("name")), bad, scope.name)
                    continue
                try:
                    span = _span(message, resource, scope, depth)
                    limits.check(span, sizes=sizes)
                    batch.spans.append(span)
                except BadSpan as why:
                    batch.refuse(text(message.get("name")), why, scope.name)
    return batch


def parsed(body: bytes, *names: str) -> Object:
    """Return *body* as a JSON object that has a list by one of *names* or is empty.

    It is mended where half a character, NaN or what is nested too deeply in one span would cost all of them.
    """
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        try:
            request = _mended(_shallow(body))
        except (ValueError, RecursionError):
            raise SpanwiseError(
                f"The body is not JSON: {error}.",
                "Send OTLP/JSON, or set Content-Type to application/x-protobuf if it is protobuf.",
            ) from error
    wanted = f'Send {{"{names[0]}": [...]}}.'
    if not isinstance(request, dict):
        raise SpanwiseError("The body is JSON but not an object.", wanted)
    if request and not any(name in request for name in names):
        raise SpanwiseError(f"The body is JSON without {names[0]}.", wanted)
    for name in names:
        if not isinstance(request.get(name, []), list | None):
            raise SpanwiseError(f"{name} in the body is not a list.", wanted)
    return request


def _shallow(body: bytes) -> bytes:
    """Return JSON without what lies deeper than its reader goes: the span that it is in is too deep all the same."""
    if not _DEEPEST_READ < body.count(b"[") + body.count(b"{") <= _MOST_BRACKETS:
        return body
    kept: list[bytes] = []
    depth = begin = 0
    for found in _BRACKETS.finditer(body):
        at = found.start()
        if body[at] in b"[{":
            depth += 1
            if depth == _DEEPEST_READ + 1:
                kept += (body[begin:at], b"null")
        elif body[at] in b"]}":
            if depth == _DEEPEST_READ + 1:
                begin = found.end()
            depth -= 1
    return b"".join([*kept, body[begin:]]) if kept and depth == 0 else body


def _mended(body: bytes) -> Any:
    """Return JSON with what strict JSON has not: NaN, bytes that are not UTF-8, and halves of characters.

    Programs that cut text at a number of UTF-16 units, as JavaScript does, cut emoji in two; U+FFFD stands for a half.
    """
    found = json.loads(body.decode("utf-8", "replace"))
    whole = json.dumps(found, ensure_ascii=False).encode("utf-16", "surrogatepass")
    return json.loads(whole.decode("utf-16", "replace"))


def attributes(pairs: Any, depth: int) -> dict[str, Any]:
    """Return key-value pairs as a dictionary; of a repeated key the last value counts."""
    if not isinstance(pairs, list):
        return {}
    return {
        pair.get("key", ""): value_of(pair.get("value"), depth)
        for pair in pairs
        if isinstance(pair, dict) and isinstance(pair.get("key", ""), str)
    }


def said(owner: Object, depth: int) -> tuple[dict[str, Any], BadSpan | None]:
    """Return the attributes of what many spans share, and why those cannot be kept where they cannot."""
    try:
        return attributes(owner.get("attributes"), depth), None
    except BadSpan as why:
        return {}, why


def value_of(value: Any, depth: int) -> Any:
    """Return a value as plain Python, at most *depth* levels of it."""
    if not isinstance(value, dict):
        return _scalar(value)  # not OTLP, but some senders write plain values
    for kind, inner in value.items():
        if (read := READERS.get(kind)) is not None:
            return read(inner, depth)
    return None


def _scalar(said: Any, _depth: int = 0) -> Any:
    if isinstance(said, list | dict):
        return _json(said)
    if isinstance(said, int) and not -(1 << 63) <= said < 1 << 63:
        return str(said)
    return said


def _json(value: Any) -> str:
    try:
        return orjson.dumps(in_words(value) if is_odd(value) else value).decode()
    except TypeError:  # deeper than it writes
        return "[nested too deeply]"


def _integer(said: Any, _depth: int) -> Any:
    if isinstance(said, str):
        try:
            said = int(said[:32])
        except ValueError:
            return said
    return _scalar(said)


def _double(said: Any, _depth: int) -> Any:
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return _scalar(said)
    try:
        return float(said)  # "NaN" and "Infinity" come as text
    except (ValueError, OverflowError):
        return said


def _array(said: Any, depth: int) -> Any:
    if depth <= 0:
        raise too_deep()
    values = said.get("values") if isinstance(said, dict) else said
    return [value_of(item, depth - 1) for item in values] if isinstance(values, list) else []


def _pairs(said: Any, depth: int) -> Any:
    if depth <= 0:
        raise too_deep()
    return attributes(said.get("values") if isinstance(said, dict) else said, depth - 1)


def _bytes(said: Any, _depth: int) -> Any:
    return f"{BYTES_MARK}{said}" if isinstance(said, str) else _scalar(said)


READERS: Final = {
    **dict.fromkeys(("stringValue", "string_value", "boolValue", "bool_value"), _scalar),
    **dict.fromkeys(("intValue", "int_value"), _integer),
    **dict.fromkeys(("doubleValue", "double_value"), _double),
    **dict.fromkeys(("arrayValue", "array_value"), _array),
    **dict.fromkeys(("kvlistValue", "kvlist_value"), _pairs),
    **dict.fromkeys(("bytesValue", "bytes_value"), _bytes),
}


def _span(message: Object, resource: Attributes, scope: Scope, depth: int) -> Span:
    start_ns, end_ns = times(
        number(message, "start time", "startTimeUnixNano", "start_time_unix_nano"),
        number(message, "end time", "endTimeUnixNano", "end_time_unix_nano"),
    )
    status = object_in(message, "status")
    code = _enum(status.get("code"), STATUS_NAMES)
    return Span(
        trace_id=span_id(hex_id(message, 32, "traceId", "trace_id"), 32, "trace id"),
        span_id=span_id(hex_id(message, 16, "spanId", "span_id"), 16, "span id"),
        parent_span_id=parent_id(hex_id(message, 16, "parentSpanId", "parent_span_id")),
        name=text(message.get("name")),
        start_ns=start_ns,
        end_ns=end_ns,
        status=STATUSES[code] if 0 <= code <= 2 else "unset",
        status_message=text(status.get("message")) or None,
        attributes=attributes(message.get("attributes"), depth),
        resource=resource,
        scope=scope,
        events=tuple([_event(event, depth) for event in objects(message, "events")]),
        links=tuple([_link(link, depth) for link in objects(message, "links")]),
        otel_kind=_enum(message.get("kind"), KIND_NAMES),
        trace_state=text(message.get("traceState", message.get("trace_state"))),
    )


def _event(message: Object, depth: int) -> Event:
    time_ns = number(message, "time of an event", "timeUnixNano", "time_unix_nano")
    return Event(time_ns, text(message.get("name")), attributes(message.get("attributes"), depth))


def _link(message: Object, depth: int) -> Link:
    trace_id, linked_id = hex_id(message, 32, "traceId", "trace_id"), hex_id(message, 16, "spanId", "span_id")
    return Link(trace_id, linked_id, attributes(message.get("attributes"), depth))


def _scope(message: Object, depth: int) -> tuple[Scope, BadSpan | None]:
    found, bad = said(message, depth)
    return Scope(text(message.get("name")), text(message.get("version")), found), bad


def objects(message: Object, *names: str) -> list[Object]:
    """Return the objects in the first list among *names*."""
    for name in names:
        if isinstance(found := message.get(name), list):
            return [item for item in found if isinstance(item, dict)]
    return []


def items(message: Object, lost: Refusals, *names: str) -> list[Object]:
    """Return the objects in the first list among *names*; what is there but is none is refused in *lost*."""
    for name in names:
        found = message.get(name)
        if found is None:
            continue
        if not isinstance(found, list):
            lost.refuse("", BadSpan("unreadable", f"{name}, in which it lies, is not a list."))
            continue
        for item in found:
            if not isinstance(item, dict):
                lost.refuse("", BadSpan("unreadable", f"what stands in {name} is not an object."))
        return [item for item in found if isinstance(item, dict)]
    return []


def object_in(message: Object, name: str) -> Object:
    """Return the object that *name* holds, or an empty one."""
    found = message.get(name)
    return found if isinstance(found, dict) else NOTHING


def text(value: Any) -> str:
    """Return text, and nothing for anything else."""
    return value if isinstance(value, str) else ""


def _enum(value: Any, names: Mapping[str, int]) -> int:
    if isinstance(value, str):
        value = names.get(value, int(value) if value.isdecimal() and len(value) < 10 else 0)
    return value if isinstance(value, int) and -(1 << 31) <= value < 1 << 31 else 0


def number(message: Object, word: str, *names: str) -> int:
    """Return a time sent as a number or as digits; 0 where there is none."""
    value = next((message[name] for name in names if message.get(name) is not None), 0)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 32:
        return int(value)
    raise BadSpan("bad_time", f"its {word} {str(value)[:40]!r} is not a whole number of nanoseconds.")


def hex_id(message: Object, digits: int, *names: str) -> str:
    """Return an id in lower-case hex; OTLP/JSON says hex, plain protobuf JSON says base64, and both are sent."""
    value = next((message[name] for name in names if message.get(name) is not None), "")
    if not isinstance(value, str):
        return str(value)
    if len(value) != digits and len(value) == -(-digits // 6) * 4:
        try:
            return base64.b64decode(value, validate=True).hex()
        except ValueError:  # not base64, or not even ASCII
            return value
    return value.lower()
