"""What the tabs of a span show, as plain values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from markupsafe import Markup

from ..record import Attributes, Json, Record
from .alignment import WordDiff, word_diff
from .format import size
from .message_parts import Text, as_text, value_html
from .prose import SHOWN_CHARACTERS, json_tree

#: Every tab a span may have, as the URL spells it.
TABS: Final = frozenset({"messages", "io", "graph", "documents", "prompt", "attributes", "events", "labels"})
_CONTENT_KEYS: Final = ("content", "text", "page_content", "page_content_preview")
_VARIABLE: Final = re.compile(r"(\{\{\s*[\w.]+\s*\}\}|\{[\w.]+\}|\$\{?\w+\}?)")


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: its word in the URL, its name and what stands beside the name."""

    key: str
    name: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """One document that was found, with its score and how that compares."""

    id: str
    content: Text | None
    score: float | None
    share: float
    """Its score as percent of the best."""
    rest: Markup | None


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute as it was sent, and which field it was read as."""

    name: str
    value: Markup
    read_as: str
    size: str
    """How large it is where it is shown cut, else empty."""


@dataclass(frozen=True, slots=True)
class AttributeGroup:
    """The attributes of a span, its resource or its scope."""

    title: str
    rows: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a span; an exception has its stack apart."""

    name: str
    offset_ms: float
    time_ns: int
    message: str
    stack: str
    rest: Markup | None

    @property
    def is_exception(self) -> bool:
        """Whether it reports an exception."""
        return self.name == "exception" or bool(self.stack)


@dataclass(frozen=True, slots=True)
class PromptShown:
    """The prompt of a call: which one, its text with the places for variables marked, and what stood in them."""

    name: str
    version: str | None
    hash: str | None
    template: Markup | None
    variables: tuple[tuple[str, Text], ...]
    before: str = ""
    """The version before this one, as it was said by another call; empty where none is known."""
    changed: WordDiff | None = None
    """Its template and this one, word by word."""


def tabs_of(record: Record, *, graph: bool = False) -> tuple[Tab, ...]:
    """Return the tabs that have something to show, in order; labels are always there."""
    reading, span = record.reading, record.span
    found = []
    messages = len(reading.input_messages or ()) + len(reading.output_messages or ())
    if messages:
        found.append(Tab("messages", "Messages", str(messages)))
    found.append(Tab("io", "Input / output"))
    if graph:
        found.append(Tab("graph", "Graph"))
    if reading.documents is not None:
        found.append(Tab("documents", "Documents", str(len(reading.documents))))
    if reading.prompt is not None:
        found.append(Tab("prompt", "Prompt", versioned(reading.prompt.name, reading.prompt.version)))
    found.append(Tab("attributes", "Attributes", str(len(span.attributes))))
    if span.events or span.links:
        found.append(Tab("events", "Events", str(len(span.events) + len(span.links))))
    found.append(Tab("labels", "Labels"))
    return tuple(found)


def versioned(name: str, version: str | None) -> str:
    """Return ``support@7``; a version that is a hash is cut to its first eight characters."""
    if version is None:
        return name
    return f"{name}@{version[:8] if len(version) > 12 else version}"


def value_parts(record: Record) -> tuple[tuple[str, str, Text], ...]:
    """Return input, output and what else was given, by title and by the key that ``value_text`` knows."""
    return tuple((title, key, value_html(value, f"value.{key}")) for title, key, value in _values(record))


def value_text(record: Record, key: str) -> str | None:
    """Return one of the values whole, as it was sent or as JSON; ``None`` where there is none of that key."""
    found = next((value for _, name, value in _values(record) if name == key), None)
    return None if found is None else as_text(found)


def _values(record: Record) -> Iterator[tuple[str, str, Json]]:
    """Yield input and output; a tool's arguments and result where nothing else was said."""
    reading, tool = record.reading, record.reading.tool
    asked = reading.input if reading.input is not None else tool.arguments if tool else None
    answered = reading.output if reading.output is not None else tool.result if tool else None
    if asked is None and reading.input_messages:
        asked = [dict(message) for message in reading.input_messages]
    if answered is None and reading.output_messages:
        answered = [dict(message) for message in reading.output_messages]
    if asked is not None:
        yield "Input", "in", asked
    if answered is not None:
        yield "Output", "out", answered
    if reading.params:
        yield "Parameters", "params", dict(reading.params)
    if reading.tool_definitions:
        yield "Tools offered", "tools", [dict(tool) for tool in reading.tool_definitions]
    if reading.metadata:
        yield "Metadata", "metadata", dict(reading.metadata)


def documents(record: Record) -> tuple[Document, ...]:
    """Return the documents in the order they were found."""
    found = record.reading.documents or ()
    scores = [_score(document) for document in found]
    best = max((score for score in scores if score is not None), default=0.0)
    return tuple(_document(each, score, best, n) for n, (each, score) in enumerate(zip(found, scores, strict=True), 1))


def _score(document: Mapping[str, Any]) -> float | None:
    value = document.get("score")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _document(document: Mapping[str, Any], score: float | None, best: float, number: int) -> Document:
    key = next((k for k in _CONTENT_KEYS if document.get(k) is not None), None)
    rest = {k: v for k, v in document.items() if k not in (key, "score", "id") and v not in (None, {}, "")}
    share = 0.0 if score is None or best <= 0 else max(0.0, min(score / best, 1.0)) * 100
    content = None if key is None else value_html(document[key])
    shown = str(document.get("id") or f"document {number}")
    return Document(shown, content, score, round(share, 1), json_tree(rest) if rest else None)


def prompt_use(record: Record, before: Record | None = None) -> PromptShown | None:
    """Return the prompt of the call, ``None`` where none was named; *before* is a call of another version of it."""
    used = record.reading.prompt
    if used is None:
        return None
    variables = tuple((name, value_html(value)) for name, value in (used.variables or {}).items())
    shown = PromptShown(used.name, used.version, used.hash, _template(used.template), variables)
    other = None if before is None else before.reading.prompt
    if other is None or other.template is None or used.template is None:
        return shown
    changed = word_diff(_plain(other.template), _plain(used.template))
    return replace(shown, before=versioned(other.name, other.version), changed=changed)


def _plain(template: Json) -> str:
    return template if isinstance(template, str) else json.dumps(template, ensure_ascii=False, indent=2)


def _template(template: Json) -> Markup | None:
    if template is None:
        return None
    if not isinstance(template, str):
        return json_tree(template)
    pieces = _VARIABLE.split(template[:SHOWN_CHARACTERS])
    return Markup("").join(
        Markup('<span class="var">{}</span>').format(piece) if n % 2 else piece for n, piece in enumerate(pieces)
    )


def attributes(record: Record) -> tuple[AttributeGroup, ...]:
    """Return everything that was sent with the span, each with the field it was read as."""
    read_as = _read_as(record.reading.mapped_by)
    span = record.span
    scope: dict[str, Any] = {"name": span.scope.name, "version": span.scope.version, **span.scope.attributes}
    groups = (
        AttributeGroup("Span", _rows(span.attributes, read_as)),
        AttributeGroup("Resource", _rows(span.resource, read_as)),
        AttributeGroup("Scope", _rows({k: v for k, v in scope.items() if v != ""}, {})),
    )
    return tuple(group for group in groups if group.rows)


def _read_as(mapped_by: Mapping[str, str]) -> dict[str, str]:
    """Return ``attribute -> field (dialect)`` of a reading's ``field -> dialect: attribute``."""
    found: dict[str, list[str]] = {}
    for field, source in mapped_by.items():
        dialect, _, names = source.partition(": ")
        for name in re.split(r"[,+ ]+", names):
            found.setdefault(name, []).append(f"{field} ({dialect})")
    return {name: ", ".join(fields) for name, fields in found.items()}


def _rows(values: Attributes, read_as: Mapping[str, str]) -> tuple[Attribute, ...]:
    return tuple(_row(name, values[name], read_as) for name in sorted(values))


def _row(name: str, value: Json, read_as: Mapping[str, str]) -> Attribute:
    field = read_as.get(name, "")
    if not field:  # a flattened list is read as a whole: retrieval.documents.0.document.id by retrieval.documents.
        field = next((read for prefix, read in read_as.items() if prefix and _begins(name, prefix)), "")
    text = value if isinstance(value, str) else ""
    large = len(text) > SHOWN_CHARACTERS
    shown = _parsed(value) if not large else text[:2_000]
    return Attribute(name, json_tree(shown), field, size(len(text)) if large else "")


def _begins(name: str, prefix: str) -> bool:
    return name.startswith(prefix if prefix.endswith(".") else f"{prefix}.")


def _parsed(value: Json) -> Json:
    if isinstance(value, str) and value[:1] in "{[" and value:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def events(record: Record) -> tuple[Happening, ...]:
    """Return the events in the order they happened."""
    return tuple(_happening(record, event.time_ns, event.name, event.attributes) for event in record.span.events)


def _happening(record: Record, time_ns: int, name: str, values: Attributes) -> Happening:
    kind, message = str(values.get("exception.type") or ""), str(values.get("exception.message") or "")
    taken = {"exception.type", "exception.message", "exception.stacktrace"}
    rest = {key: _parsed(value) for key, value in values.items() if key not in taken}
    return Happening(
        name=name,
        offset_ms=(time_ns - record.span.start_ns) / 1e6,
        time_ns=time_ns,
        message=": ".join(word for word in (kind, message) if word),
        stack=str(values.get("exception.stacktrace") or "")[:SHOWN_CHARACTERS],
        rest=json_tree(rest) if rest else None,
    )
