"""A prompt's text as a page shows it: variables marked, what came and went marked, each message under its role."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from spanwise.template import Format

from ..prompts.content import Content
from ..prompts.diff import Piece, message_text

_PLACES: Final = {
    "plain": re.compile(r"\{\{[^{}]*\}\}"),
    "jinja": re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL),
    "fstring": re.compile(r"\{\{>[^{}]*\}\}|(?<!\{)\{\w+\}(?!\})"),
}


@dataclass(frozen=True, slots=True)
class Block:
    """One message of a prompt; a text has no role."""

    role: str
    text: Markup
    raw: str


def message_blocks(content: Content) -> list[Block]:
    """Return the messages of a template."""
    if isinstance(content.template, str):
        return [Block("", with_places(content.template, content.format), content.template)]
    return [
        Block(str(message.get("role")), with_places(text, content.format), text)
        for message in content.template
        for text in [message_text(message)]
    ]


def with_places(text: str, form: Format) -> Markup:
    """Return *text* with its variables marked."""
    pieces = []
    end = 0
    for found in _PLACES[form].finditer(text):
        pieces.append(escape(text[end : found.start()]))
        pieces.append(Markup('<span class="var">{}</span>').format(found[0]))
        end = found.end()
    return Markup("").join([*pieces, escape(text[end:])])


def marked(pieces: Iterable[Piece], form: Format) -> Markup:
    """Return a text with what came and what went."""
    tags = {"added": Markup("<ins>{}</ins>"), "removed": Markup("<del>{}</del>"), "same": Markup("{}")}
    return Markup("").join(tags[piece.kind].format(_outside(piece, form)) for piece in pieces)


def _outside(piece: Piece, form: Format) -> Markup:
    return with_places(piece.text, form) if piece.kind == "same" else escape(piece.text)
