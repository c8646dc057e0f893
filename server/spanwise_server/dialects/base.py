"""What a dialect is, and the draft that dialects fill in together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from ..record import Reading, Span
from .decode import decoded, number, plain_text

EMPTY_BUILTINS: Final = (str, list, dict, tuple)
#: Ways to say where a field was read that are remembered: sources are few, but some name what came.
_MOST_SOURCES: Final = 2_000


class Shape:
    """The names of attributes, and what follows from them alone: the spans of one place in a program share them."""

    __slots__ = ("heads", "plans")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.heads: frozenset[str] = frozenset([name.partition(".")[0] for name in names])
        """The first words of the names, by which most dialects are recognised at once."""
        self.plans: dict[Any, Any] = {}
        """What a table has to do with the names, by the table: it is worked out once."""


class Draft:
    """A reading in the making: for every field the first dialect that says something wins."""

    __slots__ = ("attributes", "dialect", "heads", "mapped_by", "said", "shape", "span", "speakers")

    def __init__(self, span: Span) -> None:
        self.span = span
        attributes = span.attributes
        self.attributes: dict[str, Any] = attributes if isinstance(attributes, dict) else dict(attributes)
        self.shape: Shape = _shape(tuple(attributes))
        self.heads: frozenset[str] = self.shape.heads
        self.said: dict[str, Any] = {}
        self.mapped_by: dict[str, str] = {}
        self.dialect = ""
        """The dialect that is reading now."""
        self.speakers: list[str] = []

    def look_at(self, attributes: dict[str, Any]) -> None:
        """Have these attributes read from now on."""
        self.attributes, self.shape = attributes, _shape(tuple(attributes))

    def say(self, field: str, value: Any, source: str) -> bool:
        """Set *field* unless it is said already or *value* is empty; return whether it was set. 0 is not empty."""
        if field in self.said or value is None or (not value and isinstance(value, EMPTY_BUILTINS)):
            return False
        self.said[field] = value
        self.mapped_by[field] = _told(self.dialect, source)
        return True

    def keep(self, field: str, value: Any, source: str) -> None:
        """Set *field* unless it is said already, even to something empty: an empty list may be an answer."""
        if value is not None and field not in self.said:
            self.said[field] = value
            self.mapped_by[field] = _told(self.dialect, source)

    def withhold(self, field: str) -> None:
        """Leave *field* unsaid, whatever other dialects make of attributes that this one knows to mean otherwise."""
        self.said.setdefault(field, None)

    def prefer(self, field: str, value: Any, source: str, over: tuple[str, ...]) -> None:
        """Set *field* as `say` does, and also where one of the dialects named in *over* has said it."""
        if value is not None and self.mapped_by.get(field, "").partition(":")[0] in over:
            del self.said[field]
        self.say(field, value, source)

    def merge(self, field: str, more: Mapping[str, Any] | None, source: str) -> None:
        """Add to the object *field* the members that no earlier dialect has given."""
        if not more:
            return
        if field not in self.said:
            self.say(field, dict(more), source)
            return
        for key, value in more.items():
            self.said[field].setdefault(key, value)

    def text(self, field: str, *keys: str) -> None:
        """Say *field* by the first of *keys* that holds text (or a number, as text)."""
        if field in self.said:
            return
        for key in keys:
            raw = self.attributes.get(key)
            if raw is not None and (value := plain_text(raw)) is not None:
                self.say(field, value, key)
                return

    def value(self, field: str, *keys: str) -> None:
        """Say *field* by the first of *keys* that holds anything, decoded where it is JSON."""
        if field in self.said:
            return
        for key in keys:
            raw = self.attributes.get(key)
            if raw is not None and self.say(field, decoded(raw), key):
                return

    def number(self, field: str, *keys: str) -> None:
        """Say *field* by the first of *keys* that holds a number."""
        if field in self.said:
            return
        for key in keys:
            raw = self.attributes.get(key)
            if raw is not None and (value := number(raw)) is not None:
                self.say(field, value, key)
                return

    def texts(self, field: str, *keys: str) -> None:
        """Say *field* by the first of *keys* that holds one text or a list of them."""
        if field in self.said:
            return
        for key in keys:
            if (raw := self.attributes.get(key)) is None:
                continue
            value = decoded(raw)
            items = value if isinstance(value, (list, tuple)) else (value,)
            found = tuple(text for item in items if (text := plain_text(item)) is not None)
            if self.say(field, found, key):
                return

    def objects(self, field: str, *keys: str) -> None:
        """Say *field* by the first of *keys* that holds a list of objects, or of JSON texts of them."""
        if field in self.said:
            return
        for key in keys:
            if (raw := self.attributes.get(key)) is None:
                continue
            value = decoded(raw)
            items = value if isinstance(value, (list, tuple)) else (value,)
            found = tuple(item for each in items if isinstance(item := decoded(each), dict))
            if self.say(field, found, key):
                return

    def reading(self) -> Reading:
        """Return what has been said."""
        return Reading(**self.said, mapped_by=self.mapped_by)


@lru_cache(maxsize=1_000)  # the spans of one place in a program have the same names of attributes
def _shape(names: tuple[str, ...]) -> Shape:
    return Shape(names)


_sources: Final[dict[str, dict[str, str]]] = {}


def _told(dialect: str, source: str) -> str:
    """Return which dialect said a field by which attribute; it is put together once."""
    of_dialect = _sources.get(dialect)
    if of_dialect is None:
        of_dialect = _sources[dialect] = {}
    told = of_dialect.get(source)
    if told is None:
        if len(of_dialect) >= _MOST_SOURCES:
            of_dialect.clear()
        told = of_dialect[source] = f"{dialect}: {source}"
    return told


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way in which a library spells an LLM call: a name, a test for spans that speak it, and a reader."""

    name: str
    speaks: Callable[[Draft], bool]
    read: Callable[[Draft], None]
    names_the_span: bool = True
    """False for general conventions, which say nothing about who made the span."""
    heads: frozenset[str] = frozenset()
    """First words of attribute names, such as ``ai``, of which a span has one if it speaks this dialect."""
    scopes: tuple[str, ...] = ()
    """Or the starts of the names of scopes, of which a span's has one; where neither is given, any span may speak."""

    def may_be_spoken(self, heads: frozenset[str], scope: str) -> bool:
        """Say whether a span with these heads and this scope is worth a look."""
        if not self.heads and not self.scopes:
            return True
        return not self.heads.isdisjoint(heads) or scope.startswith(self.scopes or ("\0",))
