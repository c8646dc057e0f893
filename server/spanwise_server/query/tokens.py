"""The pieces of a filter's text: terms, words, brackets and the three connecting words, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from ..errors import FilterError
from .filters import Filter, Text
from .values import Value, term_of

Kind = Literal["(", ")", "and", "or", "not", "root", "any", "term"]
#: Kinds that say nothing without the term or the bracket after them.
PREFIXES: Final = frozenset[Kind]({"not", "root", "any"})
#: The longest filter that is read.
MOST_CHARS: Final = 10_000
_SPACE: Final = re.compile(r"\s+")
_CONNECTING: Final = re.compile(r"(AND|OR|NOT)(?=[\s()]|$)")
_ONE_SPAN: Final = re.compile(r"(?:root|any):")
#: Names of labels and keys hold hyphens and slashes too; other words with these before a colon are words.
_FIELD: Final = re.compile(r"((?:label|attr|meta)\.[\w.\-/@]+|[^\W\d][\w.]*)(:|>=|<=|>|<|=)")
_PLAIN: Final = re.compile(r'[^\s,()"]+')
_PLAIN_WORD: Final = re.compile(r'[^\s()"]+')
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """One piece; a term carries what it means, or why it means nothing."""

    kind: Kind
    start: int
    end: int
    means: Filter | None = None
    error: FilterError | None = None


def tokens(text: str) -> Iterator[Token]:
    """Yield the pieces of *text* in order; what is wrong with one is in it, and does not stop the others."""
    at = 0
    while at < len(text):
        if (space := _SPACE.match(text, at)) is not None:
            at = space.end()
            continue
        token = _token(text, at)
        yield token
        at = token.end


def _token(text: str, at: int) -> Token:
    if text[at] in "()":
        return Token("(" if text[at] == "(" else ")", at, at + 1)
    if (word := _CONNECTING.match(text, at)) is not None:
        kinds: dict[str, Kind] = {"AND": "and", "OR": "or", "NOT": "not"}
        return Token(kinds[word[1]], at, word.end())
    if text[at] == "-" and at + 1 < len(text) and not text[at + 1].isspace() and text[at + 1] not in "-)":
        return Token("not", at, at + 1)
    if (scope := _ONE_SPAN.match(text, at)) is not None:
        return Token("root" if text[at] == "r" else "any", at, scope.end())
    if (field := _FIELD.match(text, at)) is not None:
        return _term(text, at, field[1], field[2], field.end())
    return _words(text, at)


def _term(text: str, at: int, field: str, operator: str, end: int) -> Token:
    values: list[Value] = []
    try:
        while True:
            value, end = _value(text, end)
            values.append(value)
            if end >= len(text) or text[end] != ",":
                break
            end += 1
        return Token("term", at, end, term_of(field, operator, values, at))
    except FilterError as error:
        return Token("term", at, _end_of_piece(text, end), error=error)


def _value(text: str, at: int) -> tuple[Value, int]:
    """Return the value that begins at *at*, pieces in and out of quotes joined, and where it ends."""
    begin = at
    parts: list[str] = []
    pattern = quoted = False
    while at < len(text):
        if text[at] == '"':
            found = _QUOTED.match(text, at)
            if found is None:
                raise _unclosed(at)
            parts.append(_ESCAPED.sub(r"\1", found[1]))
            quoted = True
        else:
            found = _PLAIN.match(text, at)
            if found is None:
                break
            parts.append(found[0])
            pattern = pattern or "*" in found[0]
        at = found.end()
    return Value("".join(parts), pattern, quoted, begin), at


def _words(text: str, at: int) -> Token:
    if text[at] != '"':
        found = _PLAIN_WORD.match(text, at)
        assert found is not None  # noqa: S101 - what stands here is no space, bracket or quote
        return Token("term", at, found.end(), Text(found[0]))
    quoted = _QUOTED.match(text, at)
    if quoted is None:
        return Token("term", at, len(text), error=_unclosed(at))
    phrase = _ESCAPED.sub(r"\1", quoted[1])
    if not phrase.strip():
        error = FilterError("These quotes are empty.", 'Put words between them, such as "refund policy".', position=at)
        return Token("term", at, quoted.end(), error=error)
    return Token("term", at, quoted.end(), Text(phrase))


def _unclosed(at: int) -> FilterError:
    return FilterError("This quote is never closed.", 'Write " at its end, and \\" for a quote inside.', position=at)


def _end_of_piece(text: str, at: int) -> int:
    """Return where the piece that went wrong ends: at the next space or bracket outside quotes."""
    while at < len(text) and not text[at].isspace() and text[at] not in "()":
        quoted = _QUOTED.match(text, at) if text[at] == '"' else None
        if text[at] == '"' and quoted is None:
            return len(text)
        at = at + 1 if quoted is None else quoted.end()
    return at
