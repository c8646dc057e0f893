"""What models write, as safe markup: Markdown, JSON as a folding tree, code with colours, plain text.

All of it is hostile. Raw HTML stays text, pictures stay links, and whatever the Markdown renderer makes is cleaned
once more by a sanitiser that knows nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markupsafe import Markup, escape
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, String
from pygments.util import ClassNotFound

from ..record import Json

#: What is shown of one text; the rest is a download away.
SHOWN_CHARACTERS: Final = 64_000
_COLOURED_CHARACTERS: Final = 20_000
_NODES: Final = 2_000
_LINE: Final = 100
_DEEP: Final = 40
_STRING: Final = 4_000

_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre",
    "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
_CLASSES = {"pre": {"code"}, "span": {"kw", "s", "d", "c", "k"}}
_INKS = ((Comment, "c"), (Keyword, "kw"), (String, "s"), (Number, "d"), (Name.Function, "k"), (Name.Class, "k"))


def prose(text: str) -> Markup:
    """Return Markdown as sanitised HTML; links open elsewhere and tell nothing of where they were."""
    html = nh3.clean(
        _markdown().render(text),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        allowed_classes=_CLASSES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return Markup(html)  # noqa: S704 - cleaned in the line above


@cache
def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True, "highlight": _fence})
    parser.enable(["table", "strikethrough"]).disable(["image", "html_inline", "html_block"])
    parser.core.ruler.push("lower_headings", _lower_headings)
    return parser


def _lower_headings(state: StateCore) -> None:
    """Begin at h3: the page's own headings come first."""
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1:]) + 2, 6)}"


def _fence(text: str, language: str, _attributes: str) -> str:
    return f'<pre class="code">{code(text.rstrip(), language)}</pre>'


def code(text: str, language: str = "") -> Markup:
    """Return program text with its keywords, strings, numbers and comments coloured, where the language is known."""
    if not language or len(text) > _COLOURED_CHARACTERS:
        return escape(text)
    try:
        lexer = get_lexer_by_name(language.strip().lower(), stripnl=False, ensurenl=False)
    except ClassNotFound:
        return escape(text)
    return Markup("").join(_ink(kind, piece) for kind, piece in lexer.get_tokens(text))


def _ink(kind: Any, piece: str) -> Markup:
    for family, name in _INKS:
        if kind in family:
            return Markup('<span class="{}">{}</span>').format(name, piece)
    return escape(piece)


def as_json(text: str) -> Json:
    """Return the object or list that *text* spells, else ``None``."""
    start = text.lstrip()[:1]
    if start not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


@dataclass(slots=True)
class _Budget:
    left: int = _NODES


def json_tree(value: Json) -> Markup:
    """Return JSON as a tree that folds; short values stand on one line, deep and long ones start folded."""
    short = one_line_json(value)
    if short is not None:
        return short
    return Markup('<ul class="root"><li>{}</li></ul>').format(_node(None, value, 0, _Budget()))


def one_line_json(value: Json, limit: int = _LINE) -> Markup | None:
    """Return JSON on one line, or ``None`` where it would not fit."""
    if isinstance(value, Mapping | list | tuple) and len(value) > 12:
        return None
    if is_longer(value, limit) or len(json.dumps(value, ensure_ascii=False, default=str)) > limit:
        return None
    if isinstance(value, Mapping):
        inside = Markup(", ").join(_pair(key, _flat(item)) for key, item in value.items())
        return (
            Markup('<span class="p">{{</span> {} <span class="p">}}</span>').format(inside)
            if value
            else _punctuation("{ }")
        )
    return _flat(value)


def is_longer(value: Json, limit: int) -> bool:
    """Return whether JSON is surely longer than *limit*: a large one is not written out to learn that."""
    left, inside = limit, [value]
    while inside and left >= 0:
        one = inside.pop()
        if isinstance(one, str):
            left -= len(one)
        elif isinstance(one, Mapping | list | tuple):
            left -= len(one)
            if left >= 0:
                inside.extend(one.values() if isinstance(one, Mapping) else one)
        else:
            left -= 1
    return left < 0


def _flat(value: Json) -> Markup:
    if isinstance(value, Mapping):
        return one_line_json(value, 10_000) or Markup("")
    if isinstance(value, list | tuple):
        inside = Markup(", ").join(_flat(item) for item in value)
        return Markup('<span class="p">[</span>{}<span class="p">]</span>').format(inside)
    return _scalar(value)


def _punctuation(text: str) -> Markup:
    return Markup('<span class="p">{}</span>').format(text)


def _pair(key: object, value: Markup) -> Markup:
    return Markup('<span class="k">{}</span>: {}').format(str(key), value)


def _scalar(value: Json) -> Markup:
    if value is None or isinstance(value, bool):
        return Markup('<span class="b">{}</span>').format(json.dumps(value))
    if isinstance(value, int | float):
        return Markup('<span class="d">{}</span>').format(json.dumps(value))
    text = value if isinstance(value, str) else str(value)
    cut = len(text) > _STRING
    shown = (
        json.dumps(text[:_STRING], ensure_ascii=False).replace("\\n", "\n")
        if "\n" in text
        else json.dumps(text[:_STRING], ensure_ascii=False)
    )
    more = Markup('<span class="p"> … {} more characters</span>').format(f"{len(text) - _STRING:,}") if cut else ""
    return Markup('<span class="s">{}</span>{}').format(shown, more)


def _node(key: object | None, value: Json, depth: int, budget: _Budget) -> Markup:
    budget.left -= 1
    name = Markup("") if key is None else Markup('<span class="k">{}</span>').format(str(key))
    if not isinstance(value, Mapping | list | tuple) or not value:
        flat = _flat(value)
        return flat if key is None else _pair(key, flat)
    brackets = "{}" if isinstance(value, Mapping) else "[]"
    many = Markup('<span class="p">{} {} {}</span>').format(brackets[0], len(value), brackets[1])
    if depth >= _DEEP:
        return Markup("{} {}").format(name, many)
    is_open = depth == 0 or (depth == 1 and len(value) <= 20)
    return Markup("<details{}><summary>{} {}</summary><ul>{}</ul></details>").format(
        Markup(" open") if is_open else "", name, many, Markup("").join(_children(value, depth, budget))
    )


def _children(value: Mapping[str, Json] | Sequence[Json], depth: int, budget: _Budget) -> Iterator[Markup]:
    pairs = list(value.items()) if isinstance(value, Mapping) else list(enumerate(value))
    for at, (key, item) in enumerate(pairs):
        if budget.left <= 0:
            yield Markup('<li class="p">… {} more</li>').format(f"{len(pairs) - at:,}")
            return
        yield Markup("<li>{}</li>").format(_node(key, item, depth + 1, budget))


def host_of(uri: str) -> str:
    """Return the host that a link would go to, to be shown beside it."""
    try:
        return urlsplit(uri).netloc or uri[:60]
    except ValueError:
        return "an address that cannot be read"


def safe_link(uri: str) -> str | None:
    """Return *uri* where a browser may follow it, ``None`` for scripts and files."""
    try:
        return uri if urlsplit(uri).scheme in {"http", "https"} else None
    except ValueError:
        return None
