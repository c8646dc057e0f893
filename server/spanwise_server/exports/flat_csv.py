"""CSV for spreadsheets: one row an example, and no cell that a spreadsheet would run.

The file opens with a byte order mark: without it Excel reads UTF-8 as something else; ``utf-8-sig`` reads it away.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ..datasets.example import Example
from ..labelling.answer import asked, plain, text_of, tool_calls_of
from .contract import rfc3339
from .export import Export

COLUMNS: Final = (
    "id", "input", "output", "expected", "rejected", "assertions", "verdict", "codes", "critique", "split", "context",
    "tags", "annotators", "queue",
    "model", "prompt", "session_id", "captured_at", "trace_id", "span_id", "content_hash",
)  # fmt: skip
BYTE_ORDER_MARK: Final = "\ufeff"
#: What a spreadsheet may start a formula with, the wide forms of Asian keyboards included.
_RUNS: Final = re.compile("^\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r]")
_NUMBER: Final = re.compile(r"^[+-]?\d+(\.\d+)?$")


def cell(value: str) -> str:
    """Return text that no spreadsheet takes for a formula: a leading apostrophe where it would; numbers stay."""
    return f"'{value}" if _RUNS.match(value) and not _NUMBER.match(value) else value


def row(example: Example) -> dict[str, str]:
    """Return one example as text, by column; what is unsaid is empty."""
    label, source, provenance = example.label or {}, example.source or {}, example.provenance or {}
    captured = source.get("captured_at_ns")
    return {
        "id": example.id,
        "input": conversation(example.input),
        "output": _output(example.actual_output),
        "expected": _output(example.expected_output),
        "rejected": _output(example.rejected_output),
        "assertions": "\n".join(example.assertions),
        "verdict": label.get("verdict") or "",
        "codes": ", ".join(label.get("codes") or ()),
        "critique": label.get("critique") or "",
        "split": example.split or "",
        "context": "\n\n".join(example.context),
        "tags": ", ".join(example.tags),
        "annotators": ", ".join(provenance.get("annotators") or ()),
        "queue": provenance.get("queue") or "",
        "model": source.get("model") or "",
        "prompt": _prompt(source.get("prompt")),
        "session_id": source.get("session_id") or "",
        "captured_at": "" if captured is None else rfc3339(captured),
        "trace_id": source.get("trace_id") or "",
        "span_id": source.get("span_id") or "",
        "content_hash": example.content_hash,
    }


def conversation(given: Mapping[str, Any]) -> str:
    """Return an input as text: a lone question as it is, a conversation with each speaker's name before the turn."""
    messages = given.get("messages")
    if messages is None:
        return asked(given.get("content"))
    turns = [(str(message.get("role") or "user"), _turn(message)) for message in messages]
    if len(turns) == 1:
        return turns[0][1]
    return "\n\n".join(f"{role}: {text}" for role, text in turns)


def write(examples: Iterable[Example]) -> Iterator[bytes]:
    """Yield the header, then one row an example; lines end as RFC 4180 says."""
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, COLUMNS)
    buffer.write(BYTE_ORDER_MARK)
    writer.writeheader()
    for example in examples:
        writer.writerow({name: cell(value) for name, value in row(example).items()})
        yield _taken(buffer)
    if rest := _taken(buffer):
        yield rest


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def _turn(message: Mapping[str, Any]) -> str:
    said = [text_of(message)] if text_of(message) else []
    said += [
        f"{call.get('name')}({json.dumps(call.get('arguments'), ensure_ascii=False)})"
        for call in tool_calls_of(message)
    ]
    for part in message.get("parts") or ():
        if part.get("type") == "tool_call_response":
            said.append(plain(part.get("response")))
    return "\n".join(said)


def _output(given: Mapping[str, Any] | None) -> str:
    return "" if given is None else plain(given.get("content"))


def _prompt(given: Mapping[str, Any] | None) -> str:
    if not given:
        return ""
    return f"{given['name']}@{given['version']}" if given.get("version") else str(given["name"])


EXPORT = Export(
    name="csv",
    title="CSV",
    sentence="one row an example",
    media_type="text/csv; charset=utf-8",
    extension="csv",
    write=write,
)
