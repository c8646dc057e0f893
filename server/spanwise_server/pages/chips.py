"""The filter's text as chips, and the text with one term put in, changed or taken out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ..query.filters import ONE_SPAN, field_of
from ..query.parse import spans
from ..query.values import quoted

_TERM: Final = re.compile(
    r"(?P<not>-?)(?P<field>(?:label|attr|meta)\.[\w.\-/@]+|[a-z]+)(?P<op>:|>=|<=|>|<)(?P<value>.*)", re.DOTALL
)
_ONE_SPAN: Final = frozenset(field.name for field in ONE_SPAN)


@dataclass(frozen=True, slots=True)
class Chip:
    """One term of the filter as the bar shows it."""

    key: str
    """Field and operator, empty for plain words."""
    value: str
    text: str
    negated: bool
    error: str | None
    without: str
    """The whole filter with this term taken out."""


def chips(text: str) -> tuple[Chip, ...]:
    """Return the terms of a filter in order."""
    found = []
    for span in spans(text):
        body = span.text.removeprefix("-") if span.negated else span.text
        match = _TERM.fullmatch(body)
        known = match is not None and (match["field"] in _ONE_SPAN or field_of(match["field"]) is not None)
        key = f"{match['field']}{match['op']}" if match and known else ""
        found.append(Chip(key, body[len(key) :], span.text, span.negated, span.error, _cut(text, span.start, span.end)))
    return tuple(found)


def toggled(text: str, field: str, value: str) -> str:
    """Return the filter with *value* of *field* chosen, or no longer chosen where it was."""
    for span in spans(text):
        match = _TERM.fullmatch(span.text)
        if match is None or match["not"] or match["field"] != field or match["op"] != ":":
            continue
        values = values_in(match["value"])
        kept = [v for v in values if v != value] if value in values else [*values, value]
        term = f"{field}:{','.join(map(quoted, kept))}" if kept else ""
        return " ".join(piece for piece in (text[: span.start].strip(), term, text[span.end :].strip()) if piece)
    return f"{text.strip()} {field}:{quoted(value)}".strip()


def chosen(text: str, field: str) -> frozenset[str]:
    """Return the values of *field* that the filter asks for."""
    found: set[str] = set()
    for span in spans(text):
        match = _TERM.fullmatch(span.text)
        if match is not None and not match["not"] and match["field"] == field and match["op"] == ":":
            found.update(values_in(match["value"]))
    return frozenset(found)


def values_in(text: str) -> list[str]:
    """Return the values of a list such as ``a,"b c"``."""
    found = []
    for quoted_value, plain_value in re.findall(r'"((?:[^"\\]|\\.)*)"|([^,"]+)', text):
        found.append(re.sub(r"\\(.)", r"\1", quoted_value) if quoted_value else plain_value)
    return found


def _cut(text: str, start: int, end: int) -> str:
    return " ".join(piece for piece in (text[:start].strip(), text[end:].strip()) if piece)
