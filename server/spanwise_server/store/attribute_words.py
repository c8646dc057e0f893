"""Attributes and metadata in the text index: one word for each key, one for each key with its value.

They are hashes, so that no text holds them by chance, and every key can be asked for at the price of a word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from operator import eq, ge, gt, le, lt
from typing import Any, Final

from ..odd_numbers import word_of
from ..query.filters import ATTRIBUTE, METADATA, Term
from ..record import Record

#: A longer value is found by its key, and read to see whether it is the one.
MOST_VALUE_CHARS: Final = 64
#: Of the attributes of a span, and of its metadata; more are kept and shown, but not searched.
MOST_PAIRS: Final = 500
#: Spans whose attributes complete what is typed.
MOST_LOOKED_AT: Final = 200
_DEEPEST: Final = 6
_MOST_KEPT: Final = 20_000
_PLAIN: Final = frozenset({str, int, bool, float})
_BETWEEN: Final = "\x1f"
_COMPARE: Final = {"=": eq, ">": gt, ">=": ge, "<": lt, "<=": le}


def attribute_words(record: Record) -> str:
    """Return the words of *record* for the index, with spaces between them."""
    words: list[str] = []
    for begin, said in _told(record):
        for key, value in islice(said.items(), MOST_PAIRS):
            kind = type(value)
            if kind is str:
                words.append(
                    _word(f"{begin}{key}") if len(value) > MOST_VALUE_CHARS else _TEXTS.words(begin, key, value)
                )
            elif kind in _PLAIN:
                words.append(_plain_words(begin, key, value))
            else:
                flat = _flat(f"{begin}{key}", value, _DEEPEST)
                words += (f"{_word(field)} {_word_of(field, inner)}" for field, inner in flat)
    return " ".join(words)


def asks_of_attributes(field: str) -> bool:
    """Return whether *field* is a key of attributes or of metadata."""
    return field.startswith((ATTRIBUTE, METADATA))


def match_of(term: Term) -> str:
    """Return the index's query for *term*: spans that say it, or where :func:`needs_proof`, that have the key."""
    if term.operator == "=" and not needs_proof(term):
        return " OR ".join(_hash(f"{term.field}{_BETWEEN}{value}") for value in term.values)
    return _word(term.field)


def needs_proof(term: Term) -> bool:
    """Whether the words do not prove *term*: it is a pattern other than ``*``, a comparison, or long."""
    if term.operator == "like" and "*" in term.values:
        return False
    exact = term.operator == "=" and all(isinstance(v, str) and len(v) <= MOST_VALUE_CHARS for v in term.values)
    return not exact


def commonest(records: Iterable[Record], field: str, prefix: str, limit: int) -> tuple[tuple[str, int], ...]:
    """Return the values of *field* in *records* that begin with *prefix* and in how many spans, the commonest first.

    ``attr.`` and ``meta.`` alone ask for keys.
    """
    counts: Counter[str] = Counter()
    for record in records:
        if field in (ATTRIBUTE, METADATA):
            found = {name.removeprefix(field) for name, _ in _pairs(record) if name.startswith(field)}
        else:
            found = {text for name, value in _pairs(record) if name == field and (text := text_of(value)) is not None}
        counts.update(one for one in found if one.startswith(prefix) and len(one) <= MOST_VALUE_CHARS)
    return tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:limit])


def says(record: Record, term: Term) -> bool:
    """Return whether *record* itself says what *term* asks for."""
    return any(field == term.field and _is(value, term) for field, value in _pairs(record))


def _is(value: Any, term: Term) -> bool:
    if term.operator == "like":
        text = text_of(value)
        patterns = (str(pattern).replace("[", "[[]").replace("?", "[?]") for pattern in term.values)
        return "*" in term.values or (text is not None and any(fnmatchcase(text, pattern) for pattern in patterns))
    if isinstance(term.values[0], str):
        return text_of(value) in term.values
    number = _number(value)
    return number is not None and any(_COMPARE[term.operator](number, wanted) for wanted in term.values)


def _number(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def text_of(value: Any) -> str | None:
    """Return one value as a filter writes it: ``true``, ``0.5``, ``NaN``; ``None`` where it is none or not one."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return word_of(value) or repr(value).removesuffix(".0")
    return None


def _told(record: Record) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what the span says, what its program says and its metadata, each with what begins their fields."""
    yield ATTRIBUTE, record.span.attributes
    yield ATTRIBUTE, record.span.resource
    if record.reading.metadata:
        yield METADATA, record.reading.metadata


def said_pairs(record: Record) -> Iterator[tuple[str, str | None, float | None]]:
    """Yield fields of the language with their value as text and as a number, for stores that keep them so."""
    for begin, said in _told(record):
        for key, value in said.items():
            kind = type(value)
            if kind in _PLAIN and (kind is not str or len(value) <= MOST_VALUE_CHARS):
                yield _plain_pair(begin, key, value)
            else:
                for field, inner in _flat(f"{begin}{key}", value, _DEEPEST):
                    yield field, text_of(inner), _number(inner)


@lru_cache(maxsize=20_000, typed=True)
def _plain_pair(begin: str, key: str, value: Any) -> tuple[str, str | None, float | None]:
    """Return what one plain value is kept as: most come again with the next span."""
    return f"{begin}{key}", text_of(value), _number(value)


def _pairs(record: Record) -> Iterator[tuple[str, Any]]:
    """Yield fields of the language and their values."""
    for begin, said in _told(record):
        for key, value in said.items():
            yield from _flat(f"{begin}{key}", value, _DEEPEST)


def _flat(field: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    yield field, value
    if depth and isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{field}.{key}", inner, depth - 1)
    elif depth and isinstance(value, (list, tuple)):
        yield from _each(field, value)


def _each(field: str, values: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the plain values of a list under the list's own key."""
    for value in values:
        if text_of(value) is not None:
            yield field, value


class _Texts:
    """The words of the texts that came last: most come again with the next span, and are found by them alone."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, dict[str, str]]] = {}
        """By what begins the field, by its key, and by the text."""
        self._kept = 0

    def words(self, begin: str, key: str, text: str) -> str:
        """Return the words of a *text* that is not long."""
        of_begin = self._known.get(begin)
        of_key = None if of_begin is None else of_begin.get(key)
        found = None if of_key is None else of_key.get(text)
        return self._made(begin, key, text) if found is None else found

    def _made(self, begin: str, key: str, text: str) -> str:
        if self._kept >= _MOST_KEPT:
            self._known.clear()
            self._kept = 0
        self._kept += 1
        found = self._known.setdefault(begin, {}).setdefault(key, {})[text] = _both_words(begin, key, text)
        return found


_TEXTS: Final = _Texts()


@lru_cache(maxsize=_MOST_KEPT, typed=True)
def _plain_words(begin: str, key: str, value: Any) -> str:
    """Return the words of a number or a truth value, kept likewise."""
    return _both_words(begin, key, value)


def _both_words(begin: str, key: str, value: Any) -> str:
    """Return the word of a key and the one of the key with its value."""
    field = f"{begin}{key}"
    return f"{_word(field)} {_word_of(field, value)}"


def _word_of(field: str, value: Any) -> str:
    text = text_of(value)
    return _word(field) if text is None or len(text) > MOST_VALUE_CHARS else _hash(f"{field}{_BETWEEN}{text}")


@lru_cache(maxsize=20_000)
def _word(field: str) -> str:
    return _hash(field)


def _hash(text: str) -> str:
    return "a" + blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
