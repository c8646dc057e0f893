"""The parts of a message, ready to be shown: words, thoughts, tool calls with their results, pictures, files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import quote

from markupsafe import Markup

from ..media import Media, media_of
from ..record import Json, Record
from .format import size
from .prose import SHOWN_CHARACTERS, as_json, host_of, is_longer, json_tree, prose, safe_link

Message = Mapping[str, Any]
_TEXT_TYPES: Final = frozenset({"text", "refusal"})
#: Pictures that a browser may draw from the page itself: none of them can hold a script.
_PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_LARGEST_PICTURE: Final = 2_000_000
_SHOWN_IN_CARDS: Final = 4_000


@dataclass(frozen=True, slots=True)
class Text:
    """Words to be read; *cut* is how many characters are not shown."""

    html: Markup
    at: str
    form: Literal["prose", "json"] = "prose"
    cut: int = 0
    whole: int = 0


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What a model thought before it answered; folded."""

    html: Markup
    at: str
    preview: str


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call and what came back, from the messages or from the tool's own span."""

    name: str
    id: str
    arguments: Markup
    result: Markup | None
    error: str | None
    span_id: str | None
    duration_ms: float | None
    at: str
    whole: str | None = None
    """Where the result is had whole, where not all of it may be shown."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool gave, where the call it answers is not shown."""

    id: str
    result: Markup
    at: str
    whole: str | None = None
    """As in ``Call``."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that came with the message."""

    src: str
    mime_type: str
    href: str | None = None
    """Where it can be seen whole, if not in the page itself."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Sound that came with the message."""

    src: str
    mime_type: str
    size: str


@dataclass(frozen=True, slots=True)
class File:
    """Any other content that came with the message, to be saved."""

    href: str
    name: str
    size: str


@dataclass(frozen=True, slots=True)
class Link:
    """Something elsewhere that the message points at: named, never loaded."""

    href: str | None
    host: str
    modality: str


@dataclass(frozen=True, slots=True)
class Other:
    """Whatever else a part may be, as JSON."""

    name: str
    html: Markup


Part = Text | Reasoning | Call | Answer | Picture | Sound | File | Link | Other


def value_html(value: Json, at: str = "") -> Text:
    """Return any input or output for reading: JSON as a tree, words as Markdown."""
    if not isinstance(value, str):
        return Text(json_tree(value), at, "json")
    parsed = as_json(value) if len(value) <= SHOWN_CHARACTERS else None
    if parsed is not None:
        return Text(json_tree(parsed), at, "json")
    shown = value[:SHOWN_CHARACTERS]
    return Text(prose(shown), at, "prose", len(value) - len(shown), len(value))


class Links:
    """Which result answers which call, and which span ran the tool."""

    def __init__(
        self,
        asked: Sequence[Message],
        answered: Sequence[Message],
        records: Sequence[Record],
        project: str = "default",
    ) -> None:
        self.project = project
        self.called = {
            part.get("id") for m in (*asked, *answered) for part in parts_of(m) if part.get("type") == "tool_call"
        }
        self.results: dict[str, tuple[Json, str]] = {}
        for m, message in enumerate(asked):
            for n, part in enumerate(parts_of(message)):
                if part.get("type") == "tool_call_response" and part.get("id"):
                    self.results.setdefault(str(part["id"]), (part.get("response"), f"input.{m}.{n}"))
        self.spans = {r.reading.tool.call_id: r for r in records if r.reading.tool and r.reading.tool.call_id}
        self.nameless = [r for r in records if r.reading.tool and not r.reading.tool.call_id]

    def call(self, part: Message, at: str) -> Call:
        """Return the card of one tool call."""
        call_id = str(part.get("id") or "")
        span = self.spans.get(call_id) or self._by_arguments(part)
        result, whole = self.results.get(call_id, (None, None))
        if result is None and span is not None and span.reading.tool is not None:
            result = span.reading.tool.result
        failed = span is not None and span.span.status == "error"
        return Call(
            name=str(part.get("name") or "tool"),
            id=call_id,
            arguments=_value(part.get("arguments")),
            result=None if result is None else _value(result),
            error=_why(span) if failed and span is not None else None,
            span_id=span.span.span_id if span is not None else None,
            duration_ms=span.duration_ms if span is not None else None,
            at=at,
            whole=whole if is_large(result) else None,
        )

    def _by_arguments(self, part: Message) -> Record | None:
        """Return the span of a tool that does not say which call it ran: the one of that name, with those arguments."""
        same = [r for r in self.nameless if r.reading.tool and part.get("name") in (r.reading.tool.name, r.name)]
        exact = [r for r in same if r.reading.tool and r.reading.tool.arguments == part.get("arguments")]
        if exact:
            return exact[0]
        return same[0] if len(same) == 1 else None


def _why(record: Record) -> str:
    return record.reading.error_type or "failed"


def is_large(value: Json) -> bool:
    """Return whether not all of a value may be shown in the card of a call."""
    return is_longer(value, _SHOWN_IN_CARDS)


def _value(value: Json) -> Markup:
    if isinstance(value, str):
        parsed = as_json(value) if len(value) <= SHOWN_CHARACTERS else None
        return json_tree(parsed if parsed is not None else value)
    return json_tree(value)


def parts_of(message: Message) -> list[Message]:
    """Return the parts of a message, empty where it has none that can be read."""
    found = message.get("parts")
    return [part for part in found if isinstance(part, Mapping)] if isinstance(found, list | tuple) else []


def plain(part: Message) -> str:
    """Return a part as plain text, for copying and for previews."""
    for key in ("content", "response", "arguments"):
        value = part.get(key)
        if value is not None:
            return as_text(value)
    return as_text(dict(part))


def as_text(value: Json) -> str:
    """Return a value whole: words as they are, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2, default=str)


def show(part: Message, at: str, links: Links) -> Part:
    """Return one part as it is shown."""
    kind = part.get("type")
    if kind in _TEXT_TYPES:
        return value_html(str(part.get("content") or ""), at)
    if kind == "reasoning":
        words = str(part.get("content") or "")
        return Reasoning(prose(words[:SHOWN_CHARACTERS]), at, " ".join(words[:300].split()))
    if kind == "tool_call":
        return links.call(part, at)
    if kind == "tool_call_response":
        response = part.get("response")
        return Answer(str(part.get("id") or ""), _value(response), at, at if is_large(response) else None)
    return _file(part, links.project)


def _file(part: Message, project: str) -> Part:
    kind, modality = part.get("type"), str(part.get("modality") or "file")
    if kind == "blob":
        mime, content = str(part.get("mime_type") or ""), part.get("content")
        if mime in _PICTURES and isinstance(content, str) and len(content) <= _LARGEST_PICTURE and _is_base64(content):
            return Picture(f"data:{mime};base64,{content}", mime)
        if (media := media_of(content)) is not None:
            return _kept(media, mime, modality, project)
        characters = len(content) if isinstance(content, str) else 0
        return Other(f"{modality} {mime}".strip(), json_tree({"mime_type": mime, "base64_characters": characters}))
    uri = part.get("uri")
    if kind == "uri" and isinstance(uri, str):
        return Link(safe_link(uri), host_of(uri), modality)
    return Other(str(kind or "part"), json_tree(dict(part)))


def _kept(media: Media, mime: str, modality: str, project: str) -> Part:
    """Return a content that is kept beside the spans."""
    asked = f"?project={quote(project, safe='')}"
    address = f"/api/v1/media/{media.digest}{asked}"
    if mime in _PICTURES:
        return Picture(f"/api/v1/media/{media.digest}/thumbnail{asked}", mime, address)
    if modality == "audio":
        return Sound(address, mime, size(media.size))
    return File(address, f"{modality} {mime}".strip(), size(media.size))


def _is_base64(text: str) -> bool:
    return all(c.isascii() and (c.isalnum() or c in "+/=") for c in text[:200])
