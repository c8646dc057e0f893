"""Decode OTLP/JSON, forgiving about what exporters get wrong: base64 ids, numbers as text, enums by name."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

import orjson

from ..errors import SpanwiseError
from ..record import Attributes, Event, Link, Scope, Span
from .batch import STATUSES, BadSpan, Batch, parent_id, span_id, times
from .otlp_protobuf import BYTES_MARK

Object = Mapping[str, Any]
#: Deeper values are kept as their JSON text.
MAX_DEPTH: Final = 60
STATUS_NAMES: Final = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
KIND_NAMES: Final = {
    f"SPAN_KIND_{name}": number
    for number, name in enumerate(("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"))
}
NOTHING: Final[Object] = {}


def decode(body: bytes) -> Batch:
    """Return what *body*, an ``ExportTraceServiceRequest`` as JSON, carries."""
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise SpanwiseError(
            f"The body is not JSON: {error}.",
            "Send OTLP/JSON, or set Content-Type to application/x-protobuf if it is protobuf.",
        ) from error
    if not isinstance(request, dict):
        raise SpanwiseError("The body is JSON but not an object.", 'Send {"resourceSpans": [...]}.')
    batch = Batch()
    for resource_spans in _objects(request, "resourceSpans", "resource_spans"):
        resource = attributes(_object(resource_spans, "resource").get("attributes"))
        for scope_spans in _objects(resource_spans, "scopeSpans", "scope_spans"):
            scope = _scope(_object(scope_spans, "scope"))
            for message in _objects(scope_spans, "spans"):
                try:
                    batch.spans.append(_span(message, resource, scope))
                except BadSpan as reason:  # noqa: PERF203 - a bad span costs itself, not the batch
                    batch.refuse(_text(message.get("name")), str(reason))
    return batch


def attributes(pairs: Any, depth: int = 0) -> dict[str, Any]:
    """Return key-value pairs as a dictionary; of a repeated key the last value counts."""
    if not isinstance(pairs, list):
        return {}
    return {
        pair.get("key", ""): _value(pair.get("value"), depth)
        for pair in pairs
        if isinstance(pair, dict) and isinstance(pair.get("key", ""), str)
    }


def _value(value: Any, depth: int) -> Any:
    if not isinstance(value, dict):
        return _scalar(value)  # not OTLP, but some senders write plain values
    if depth >= MAX_DEPTH:
        return _json(value)
    for kind, said in value.items():
        if (read := READERS.get(kind)) is not None:
            return read(said, depth)
    return None


def _scalar(said: Any, _depth: int = 0) -> Any:
    return _json(said) if isinstance(said, list | dict) else said


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # deeper than it writes
        return "[nested too deeply]"


def _integer(said: Any, _depth: int) -> Any:
    if isinstance(said, str):
        try:
            said = int(said[:32])
        except ValueError:
            return said
    if isinstance(said, int) and not -(1 << 63) <= said < 1 << 63:
        return str(said)
    return _scalar(said)


def _double(said: Any, _depth: int) -> Any:
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return _scalar(said)
    try:
        return float(said)  # "NaN" and "Infinity" come as text
    except (ValueError, OverflowError):
        return said


def _array(said: Any, depth: int) -> Any:
    values = said.get("values") if isinstance(said, dict) else said
    return [_value(item, depth + 1) for item in values] if isinstance(values, list) else []


def _pairs(said: Any, depth: int) -> Any:
    return attributes(said.get("values") if isinstance(said, dict) else said, depth + 1)


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


def _span(message: Object, resource: Attributes, scope: Scope) -> Span:
    start_ns, end_ns = times(
        _number(message, "start time", "startTimeUnixNano", "start_time_unix_nano"),
        _number(message, "end time", "endTimeUnixNano", "end_time_unix_nano"),
    )
    status = _object(message, "status")
    code = _enum(status.get("code"), STATUS_NAMES)
    return Span(
        trace_id=span_id(_id(message, 32, "traceId", "trace_id"), 32, "trace id"),
        span_id=span_id(_id(message, 16, "spanId", "span_id"), 16, "span id"),
        parent_span_id=parent_id(_id(message, 16, "parentSpanId", "parent_span_id")),
        name=_text(message.get("name")),
        start_ns=start_ns,
        end_ns=end_ns,
        status=STATUSES[code] if 0 <= code <= 2 else "unset",
        status_message=_text(status.get("message")) or None,
        attributes=attributes(message.get("attributes")),
        resource=resource,
        scope=scope,
        events=tuple([_event(event) for event in _objects(message, "events")]),
        links=tuple([_link(link) for link in _objects(message, "links")]),
        otel_kind=_enum(message.get("kind"), KIND_NAMES),
        trace_state=_text(message.get("traceState", message.get("trace_state"))),
    )


def _event(message: Object) -> Event:
    time_ns = _number(message, "time of an event", "timeUnixNano", "time_unix_nano")
    return Event(time_ns, _text(message.get("name")), attributes(message.get("attributes")))


def _link(message: Object) -> Link:
    trace_id, linked_id = _id(message, 32, "traceId", "trace_id"), _id(message, 16, "spanId", "span_id")
    return Link(trace_id, linked_id, attributes(message.get("attributes")))


def _scope(message: Object) -> Scope:
    return Scope(_text(message.get("name")), _text(message.get("version")), attributes(message.get("attributes")))


def _objects(message: Object, *names: str) -> list[Object]:
    for name in names:
        if isinstance(found := message.get(name), list):
            return [item for item in found if isinstance(item, dict)]
    return []


def _object(message: Object, name: str) -> Object:
    found = message.get(name)
    return found if isinstance(found, dict) else NOTHING


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _enum(value: Any, names: Mapping[str, int]) -> int:
    if isinstance(value, str):
        value = names.get(value, int(value) if value.isdecimal() and len(value) < 10 else 0)
    return value if isinstance(value, int) and -(1 << 31) <= value < 1 << 31 else 0


def _number(message: Object, word: str, *names: str) -> int:
    """Return a time sent as a number or as digits; 0 where there is none."""
    value = next((message[name] for name in names if message.get(name) is not None), 0)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 32:
        return int(value)
    raise BadSpan(f"its {word} {str(value)[:40]!r} is not a whole number of nanoseconds.")


def _id(message: Object, digits: int, *names: str) -> str:
    """Return an id in lower-case hex; OTLP/JSON says hex, plain protobuf JSON says base64, and both are sent."""
    value = next((message[name] for name in names if message.get(name) is not None), "")
    if not isinstance(value, str):
        return str(value)
    if len(value) != digits and len(value) == -(-digits // 6) * 4:
        try:
            return base64.b64decode(value, validate=True).hex()
        except binascii.Error:
            return value
    return value.lower()
