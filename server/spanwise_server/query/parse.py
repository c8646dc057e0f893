"""The filter language: text to tree and back, and the terms of a text for a bar that shows them as chips.

``model:gpt-4o,claude* latency>2s "refund policy" -env:dev (status:error OR cost>$1)``: terms stand side by side and
must all hold; OR binds less than standing side by side, ``-``, NOT, ``root:`` and ``any:`` bind most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..errors import FilterError
from .filters import EVERYTHING, And, Filter, Not, OneSpan, Or, Term, Text, Which, field_of
from .tokens import MOST_CHARS, PREFIXES, Kind, Token, tokens
from .values import quoted, written

#: How deep brackets and negations may be put into one another.
DEEPEST: Final = 40
_LONE: Final = {"and": "AND", "or": "OR", "not": "NOT"}
_ONE_SPAN: Final[dict[Kind, Which]] = {"root": "root", "any": "any"}


def parse(text: str) -> Filter:
    """Return the tree of *text*; an empty text is everything.

    Raises FilterError with the position of the first thing that is wrong and what would work.
    """
    if len(text) > MOST_CHARS:
        raise FilterError(
            f"This filter is longer than {MOST_CHARS:,} characters.", "Ask for less at once.", position=MOST_CHARS
        )
    found = list(tokens(text))
    for token in found:
        if token.error is not None:
            raise token.error
    if not found:
        return EVERYTHING
    return _Parser(found, len(text)).everything()


class _Parser:
    """Reads tokens by recursive descent."""

    def __init__(self, found: Sequence[Token], end: int) -> None:
        self._tokens = found
        self._end = end
        self._at = 0

    def everything(self) -> Filter:
        tree = self._any(0)
        token = self._peek()
        if token is not None:
            raise FilterError(
                "This bracket closes nothing.", "Take it out, or open one before it.", position=token.start
            )
        return tree

    def _any(self, depth: int) -> Filter:
        parts = [self._all(depth)]
        while self._take("or"):
            parts.append(self._all(depth))
        if len(parts) == 1:
            return parts[0]
        return Or(tuple(inner for part in parts for inner in (part.any if isinstance(part, Or) else (part,))))

    def _all(self, depth: int) -> Filter:
        parts = [self._one(depth)]
        while (token := self._peek()) is not None and token.kind not in (")", "or"):
            self._take("and")
            parts.append(self._one(depth))
        if len(parts) == 1:
            return parts[0]
        return And(tuple(inner for part in parts for inner in (part.all if isinstance(part, And) else (part,))))

    def _one(self, depth: int) -> Filter:
        token = self._peek()
        if token is None:
            raise FilterError("Something is missing at the end.", "Add a term, or take AND, OR, NOT or ( out.",
                              position=self._end)  # fmt: skip
        if depth >= DEEPEST:
            raise FilterError(f"This is more than {DEEPEST} deep.", "Take some brackets out.", position=token.start)
        self._at += 1
        if token.means is not None:
            return token.means
        if token.kind == "not":
            return Not(self._one(depth + 1))
        if token.kind in _ONE_SPAN:
            return OneSpan(_ONE_SPAN[token.kind], self._one(depth + 1))
        if token.kind == "(":
            tree = self._any(depth + 1)
            if not self._take(")"):
                raise FilterError("This bracket is never closed.", "Close it with ).", position=token.start)
            return tree
        if token.kind == ")":
            raise FilterError("Nothing stands before this bracket.", "Take it out, or fill it.", position=token.start)
        word = _LONE[token.kind]
        raise FilterError(
            f"Nothing stands before this {word}.", f'Write terms on both sides, or "{word}" to search for the word.',
            position=token.start,
        )  # fmt: skip

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, kind: Kind) -> bool:
        token = self._peek()
        if token is None or token.kind != kind:
            return False
        self._at += 1
        return True


@dataclass(frozen=True, slots=True)
class TermSpan:
    """One term of a text that stands by itself, and can be taken out of it."""

    start: int
    end: int
    text: str
    negated: bool
    error: str | None
    """What is wrong with it, in a sentence or two."""
    position: int | None = None
    """Where in the whole text that lies."""


def spans(text: str) -> tuple[TermSpan, ...]:
    """Return the terms of *text* that must all hold, in order, broken ones too.

    A bracket is one term; a text with OR outside brackets is one term altogether.
    """
    if not text.strip():
        return ()
    found = list(tokens(text))
    groups = _groups(found)
    if groups is None or any(token.kind == "or" for group in groups for token in group[:1]):
        first = next(at for at, letter in enumerate(text) if not letter.isspace())
        return (_span(text, first, len(text.rstrip()), negated=False),)
    return tuple(
        _span(text, group[0].start, group[-1].end, negated=group[0].kind == "not")
        for group in groups
        if group[0].kind != "and"
    )


def _groups(found: Sequence[Token]) -> list[list[Token]] | None:
    """Return the tokens of each outermost term; ``None`` where brackets do not match."""
    groups: list[list[Token]] = []
    depth = 0
    continues = False
    for token in found:
        if continues:
            groups[-1].append(token)
        else:
            groups.append([token])
        depth += {"(": 1, ")": -1}.get(token.kind, 0)
        if depth < 0:
            return None
        continues = depth > 0 or token.kind in PREFIXES
    return None if depth else groups


def _span(text: str, start: int, end: int, *, negated: bool) -> TermSpan:
    piece = text[start:end]
    try:
        parse(piece)
    except FilterError as error:
        position = None if error.position is None else start + error.position
        return TermSpan(start, end, piece, negated, f"{error.message} {error.hint}".strip(), position)
    return TermSpan(start, end, piece, negated, None)


def format(tree: Filter) -> str:  # noqa: A001  # the other half of parse
    """Return the text of *tree*: parsed again it is the same tree, but for brackets that say nothing."""
    if isinstance(tree, And):
        return " ".join(_inner(part, Or) for part in tree.all if part != EVERYTHING)
    if isinstance(tree, Or):
        return " OR ".join(_inner(part, ()) for part in tree.any)
    if isinstance(tree, Not):
        return f"-{_inner(tree.of, (And, Or, Not))}"
    if isinstance(tree, OneSpan):
        return f"{tree.which}:{_inner(tree.of, (And, Or))}"
    if isinstance(tree, Text):
        return _words(tree.phrase)
    return _term(tree)


def _inner(tree: Filter, bracketed: type | tuple[type, ...]) -> str:
    text = format(tree)
    return f"({text})" if isinstance(tree, bracketed) else text


def _term(term: Term) -> str:
    field = field_of(term.field)
    assert field is not None  # noqa: S101 - a term is made of a field
    operator = ":" if term.operator in ("=", "like") else term.operator
    values = [written(field, value, pattern=term.operator == "like") for value in term.values]
    if term.operator == "like" and not any("*" in str(value) for value in term.values):
        values[0] += "*"
    return f"{term.field}{operator}{','.join(values)}"


def _words(phrase: str) -> str:
    plain = next(tokens(phrase), None) if len(phrase.split()) == 1 else None
    if plain is not None and plain.means == Text(phrase):
        return phrase
    return quoted(phrase) if quoted(phrase).startswith('"') else f'"{phrase}"'
