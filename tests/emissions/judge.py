"""Compare what was read with what was really said, field by field, with an eye on what was emitted at all."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from spanwise_server.record import Record

Json = Any
Verdict = Literal["right", "partly", "missing", "theirs", "missed", "wrong"]
#: ``partly`` and ``missing`` are the emitter's: it did not say (all of) it. ``theirs`` it said wrong, as its entry in
#: ``emitters/`` tells. ``missed`` and ``wrong`` are ours.
OURS: Final = ("missed", "wrong")
#: Words for the same end of an answer.
REASONS: Final[Mapping[str, str]] = {
    "end_turn": "stop", "completed": "stop", "stop_sequence": "stop", "tool_use": "tool_call",
    "tool_calls": "tool_call", "function_call": "tool_call",
}  # fmt: skip
USAGE: Final = ("input_tokens", "output_tokens", "cache_read", "cache_write", "reasoning")
FIELDS: Final = (
    "kind", "provider", "request_model", "model", "response_id", "input_messages", "output_messages", "input",
    "tool_definitions", *USAGE, "finish_reasons", "temperature", "max_tokens", "status", "error", "ttft_ms",
)  # fmt: skip


def judged(record: Record, call: Mapping[str, Json], mistakes: Collection[str]) -> dict[str, Verdict]:
    """Return the verdict on every field that *call* has something to say on; in *mistakes* the emitter may err."""
    raw = text_of(record)
    found: dict[str, Verdict] = {}
    for name, wanted in wanted_of(call).items():
        got = got_of(record, name)
        found[name] = LISTS[name](got, wanted, raw) if name in LISTS else scalar(got, wanted, raw, name)
    if call["stream"]:
        found["ttft_ms"] = first_chunk(record)
    excused = {name for name in found if name in mistakes or f"{call['api']}.{name}" in mistakes}
    return {name: "theirs" if name in excused and verdict in OURS else verdict for name, verdict in found.items()}


def wanted_of(call: Mapping[str, Json]) -> dict[str, Json]:
    """Return what each field has to be; a count that was 0 may also be unsaid, but nothing else."""
    wanted = {name: call[name] for name in FIELDS if call.get(name)}
    wanted |= {name: value for name, value in call["params"].items() if name in FIELDS}
    if call["status"] == "ok":
        wanted |= {name: call["usage"].get(name, 0) for name in USAGE}
    return wanted


def got_of(record: Record, name: str) -> Json:
    """Return what was read."""
    reading = record.reading
    if name in USAGE:
        return getattr(reading.usage, name) if reading.usage else None
    if name in ("temperature", "max_tokens"):
        params = reading.params or {}
        return next(
            (params[key] for key in (name, "max_completion_tokens", "max_output_tokens") if key in params), None
        )
    if name == "status":
        return "error" if record.span.status == "error" else "ok"
    if name == "error":
        return reading.status_message
    return record.kind if name == "kind" else getattr(reading, name)


def scalar(got: Json, wanted: Json, raw: str, name: str) -> Verdict:
    """Judge one value."""
    if wanted == 0:
        return "right" if not got else "wrong"
    if got is None:
        return "missed" if said(wanted, raw) else "missing"
    if name == "error":
        return "right" if wanted in got else "missed" if said(wanted, raw) else "missing"
    return "right" if got == wanted else "wrong"


def first_chunk(record: Record) -> Verdict:
    """Judge the time to the first chunk: any that lies within the span."""
    got = record.reading.ttft_ms
    if got is None:
        return "missing"
    return "right" if 0 <= got <= record.duration_ms else "wrong"


def messages(got: Sequence[Mapping[str, Json]] | None, wanted: Sequence[Mapping[str, Json]], raw: str) -> Verdict:
    """Judge a conversation part by part: what is there must be right and in order, what is not must not be in *raw*."""
    wanted_parts = flat(wanted)
    got_parts = [each for each in flat(got or ()) if each[1]["type"] != "file"]  # which stands for what is elsewhere
    if got_parts == wanted_parts:
        return "right"
    left = iter(wanted_parts)
    if not all(part in left for part in got_parts):
        return "wrong"
    lost = [part for part in wanted_parts if part not in got_parts]
    if any(said(content(part), raw) for _, part in lost):
        return "missed"
    return "partly" if got_parts else "missing"


def flat(turns: Iterable[Mapping[str, Json]]) -> list[tuple[str, dict[str, Json]]]:
    """Return every part with its role, without what only some providers add to a part."""
    found = []
    for turn in turns:
        for part in sorted(turn["parts"], key=lambda part: part["type"] != "reasoning"):  # its place is not said
            kind = part["type"]
            kept = {key: part[key] for key in KEPT.get(kind, tuple(part)) if part.get(key) is not None}
            if kind == "tool_call_response":
                kept["response"] = plain(kept.get("response"))
            role = "tool" if kind == "tool_call_response" else turn["role"]
            found.append(("system" if role == "developer" else role, kept))
    return found


KEPT: Final = {
    "text": ("type", "content"),
    "reasoning": ("type", "content"),
    "tool_call": ("type", "id", "name", "arguments"),
    "tool_call_response": ("type", "id", "response"),
    "blob": ("type", "mime_type", "content"),
    "uri": ("type", "uri"),
}


def plain(value: Json) -> Json:
    """Return a tool's answer as text where it is a list of texts."""
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        return "".join(str(part.get("text", part.get("content", ""))) for part in value)
    return unfolded(value)  # some take its JSON apart


def content(part: Mapping[str, Json]) -> Json:
    """Return what tells a part from others."""
    if part["type"] == "tool_call":
        return part.get("id", part["name"])
    return part.get("response", part.get("content", part.get("uri")))


def tools(got: Sequence[Mapping[str, Json]] | None, wanted: Sequence[Mapping[str, Json]], raw: str) -> Verdict:
    """Judge the tools offered: their names, and their schemas as far as those were emitted."""
    if not got:
        return "missed" if said(wanted[0]["parameters"]["properties"], raw) else "missing"
    if [tool.get("name") for tool in got] != [tool["name"] for tool in wanted]:
        return "wrong"
    schemas = [tool.get("parameters") for tool in got]
    if schemas in ([tool["parameters"] for tool in wanted], [in_json_schema(tool["parameters"]) for tool in wanted]):
        return "right"
    return "wrong" if any(schemas) else "missed" if said(wanted[0]["parameters"]["properties"], raw) else "partly"


def in_json_schema(schema: Json) -> Json:
    """Return a schema in Google's words in those of JSON Schema: types in lower case, and no order of members."""
    if not isinstance(schema, dict):
        return schema
    return {
        key: value.lower() if key == "type" and isinstance(value, str) else in_json_schema(value)
        for key, value in schema.items()
        if key != "propertyOrdering"
    }


def reasons(got: Sequence[str] | None, wanted: Sequence[str], raw: str) -> Verdict:
    """Judge finish reasons, in whichever words."""
    if not got:
        return "missed" if re.search(r'(finish_?reasons?|stop_reason)": \[?"\w', raw) else "missing"
    return "right" if [REASONS.get(reason, reason) for reason in got] == list(wanted) else "wrong"


def asked(got: Json, wanted: Json, raw: str) -> Verdict:
    """Judge what was embedded."""
    if got == wanted or got == wanted[0]:
        return "right"
    return "wrong" if got is not None else "missed" if said(wanted[0], raw) else "missing"


LISTS: Final = {
    "input_messages": messages,
    "output_messages": messages,
    "tool_definitions": tools,
    "finish_reasons": reasons,
    "input": asked,
}


def text_of(record: Record) -> str:
    """Return all that the span and its events say, JSON in it unfolded."""
    told = [record.span.attributes, *(event.attributes for event in record.span.events)]
    return json.dumps([unfolded(each) for each in told], default=str, ensure_ascii=False)


def unfolded(value: Json) -> Json:
    """Return *value* with every JSON text in it parsed."""
    if isinstance(value, Mapping):
        return {key: unfolded(inside) for key, inside in value.items()}
    if isinstance(value, list | tuple):
        return [unfolded(inside) for inside in value]
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return unfolded(json.loads(value))
        except ValueError:
            return value
    return value


def said(wanted: Json, raw: str) -> bool:
    """Say whether *wanted* stands anywhere in what was emitted."""
    text = wanted if isinstance(wanted, str) else json.dumps(wanted, ensure_ascii=False)
    return re.search(rf"(?<![\w.]){re.escape(text)}(?![\w])", raw) is not None
