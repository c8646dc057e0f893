"""What changed between two versions: as lines for programs, word by word for readers."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final, Literal

from .content import Content

_WORDS: Final = re.compile(r"\s+|\w+|[^\w\s]")
_HAS_WORD: Final = re.compile(r"\w")
#: Texts of more words than this are compared line by line: matching words takes time that grows with their square.
MOST_WORDS: Final = 8_000


@dataclass(frozen=True, slots=True)
class Piece:
    """Words that stayed, came or went."""

    kind: Literal["same", "added", "removed"]
    text: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed from one version to another."""

    pieces: tuple[Piece, ...]
    added: int
    removed: int
    """Words."""
    settings: tuple[tuple[str, str, str], ...]
    """Of model, parameters, tools, schema and format: its name, as it was, as it is."""

    @property
    def any(self) -> bool:
        """Whether anything changed at all."""
        return bool(self.added or self.removed or self.settings)


def as_text(content: Content) -> str:
    """Return the template as one text, each message under its role."""
    if isinstance(content.template, str):
        return content.template
    return "\n\n".join(f"{message.get('role')}\n{message_text(message)}" for message in content.template)


def message_text(message: Any) -> str:
    """Return the content of a message as text; parts that are no text as JSON."""
    said = message.get("content")
    if isinstance(said, str):
        return said
    if isinstance(said, list):
        return "\n".join(_part_text(part) for part in said)
    return json.dumps(message.get("tool_calls"), ensure_ascii=False, indent=2)


def unified(before: Content, after: Content, old: str, new: str) -> list[str]:
    """Return the lines of a unified diff of all that two versions say."""
    return list(difflib.unified_diff(_lines(before), _lines(after), old, new, lineterm=""))


def changes(before: Content, after: Content) -> Changes:
    """Return what changed, word by word."""
    pieces = words_changed(as_text(before), as_text(after))
    return Changes(
        pieces,
        added=sum(_count(piece.text) for piece in pieces if piece.kind == "added"),
        removed=sum(_count(piece.text) for piece in pieces if piece.kind == "removed"),
        settings=tuple(_settings(before, after)),
    )


def words_changed(before: str, after: str) -> tuple[Piece, ...]:
    """Return *after* with what came and what went, in order; long texts are compared by lines."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) + len(new) > MOST_WORDS:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return tuple(_pieces(old, new))


def lines_changed(before: str, after: str) -> tuple[Piece, ...]:
    """Return *after* with the lines that came and went."""
    return tuple(_pieces(before.splitlines(keepends=True), after.splitlines(keepends=True), whole=True))


def _pieces(old: Sequence[str], new: Sequence[str], *, whole: bool = False) -> Iterator[Piece]:
    """Yield what stayed, went and came; changes with no word between them are one, as a reader would see them.

    With *whole* no piece is cut: they are lines.
    """
    removed = added = ""
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        before, after = "".join(old[a:b]), "".join(new[c:d])
        if tag == "equal" and ("\n" in before or _HAS_WORD.search(before) or not (removed or added)):
            yield from _changed(removed, added, whole=whole)
            removed = added = ""
            yield Piece("same", before)
        else:
            removed, added = removed + before, added + after
    yield from _changed(removed, added, whole=whole)


def _changed(removed: str, added: str, *, whole: bool) -> Iterator[Piece]:
    """Yield a change; the space and signs that both end in stayed."""
    both = () if whole else zip(reversed(removed), reversed(added), strict=False)
    end = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1] and not _HAS_WORD.match(pair[0]), both))
    same = removed[len(removed) - end :] if end else ""
    if removed[: len(removed) - end]:
        yield Piece("removed", removed[: len(removed) - end])
    if added[: len(added) - end]:
        yield Piece("added", added[: len(added) - end])
    if same:
        yield Piece("same", same)


def _settings(before: Content, after: Content) -> Iterator[tuple[str, str, str]]:
    names = dict.fromkeys((*before.params, *after.params))
    old = {"format": before.format, "model": before.model, **{name: before.params.get(name) for name in names}}
    new = {"format": after.format, "model": after.model, **{name: after.params.get(name) for name in names}}
    old |= {"tools": list(before.tools) or None, "output schema": before.output_schema}
    new |= {"tools": list(after.tools) or None, "output schema": after.output_schema}
    for name, was in old.items():
        if was != new[name]:
            yield name, _said(was), _said(new[name])


def _said(value: Any) -> str:
    if value is None:
        return "—"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _lines(content: Content) -> list[str]:
    said = content.as_json()
    settings = {name: said[name] for name in ("format", "model", "params", "tools", "output_schema") if said[name]}
    head = json.dumps(settings, ensure_ascii=False, indent=2, sort_keys=True)
    return [*head.splitlines(), *as_text(content).splitlines()]


def _part_text(part: Any) -> str:
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        return str(part["text"])
    return json.dumps(part, ensure_ascii=False)


def _count(text: str) -> int:
    return len(re.findall(r"\w+", text))
