"""A filter tree as SQL over traces or over spans.

A trace has a word for each value of its text fields (``words.py``), so a term is a look-up of word ids. Terms are
asked one by one: ``kind:tool model:gpt-4o`` is any tool span and any span of that model. The rarest term that must
hold is the *driver*: the few traces that have it are looked at, instead of every trace in order of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeGuard

from ..query.filters import And, Filter, Not, OneSpan, Or, Query, Term, Text
from . import attribute_words as attributes
from .address import MOST_PLACES, PLACE_BITS
from .conditions import MOST_DRIVEN, NOTHING, Sql, combined, has_span, one_of, text_is
from .connection import WALKED, Asked, Connection
from .judged import asks_of_judgements, judged, judged_driver
from .rows import STATUS_CODES
from .words import SOME_SPAN_FAILED, WORD_FIELDS

#: The same for spans, of which a trace may have many.
MOST_SPANS_DRIVEN: Final = 500
_LAST_NS: Final = 2**63 - 1

#: Field of numbers -> column, and how many of the column's units one of the field's is.
NUMBERS: Final = {
    "cost": ("cost_nusd", 1e9),
    "latency": ("duration_ns", 1e6),
    "ttft": ("ttft_ms", 1.0),
    "tokens": ("total_tokens", 1.0),
}
#: Those whose columns hold, or are asked for, parts of their unit.
_PARTS: Final = frozenset({"tokens", "ttft"})
#: What no trace says of itself: it is asked of each of its spans.
OF_SPANS_ALONE: Final = frozenset({"counted"})
#: Field of text -> what a span says of it itself, else its trace.
_OF_SPAN: Final = {
    "kind": "s.kind", "name": "s.name", "model": "s.model", "provider": "s.provider", "error": "s.error_type",
    "price": "nullif(s.cost_source, 'priced')", "counted": "CASE WHEN s.counted = 1 THEN 'yes' ELSE 'no' END",
    "user": "coalesce(s.user_id, t.user_id)", "session": "coalesce(s.session_id, t.session_id)",
    "env": "coalesce(s.environment, t.environment)",
}  # fmt: skip
_PROMPT_OF_SPAN: Final = ("s.prompt_name", "s.prompt_name || '@' || s.prompt_version")


@dataclass(frozen=True, slots=True)
class Plan:
    """How to find what matches: a condition, and the traces to look at where they are few."""

    where: Sql
    driver: Sql | None = None
    """A query for trace rows, named ``row``."""
    driven: int | None = None
    """How many traces the driver leaves."""
    first: int | None = None
    """An address before which no span matches, where it helps to know one."""

    def from_traces(self, project_id: int, index: str = "ix_traces_time") -> Sql:
        """Return where to look for traces: the driver's, else all in the order of *index*; ends in a condition."""
        if self.driver is None:
            return Sql(f"FROM traces t INDEXED BY {index} WHERE t.project_id = ?", (project_id,))
        return Sql(
            f"FROM ({self.driver.text}) d CROSS JOIN traces t ON t.id = d.row WHERE t.project_id = ?",
            (*self.driver.values, project_id),
        )

    def from_spans(self, project_id: int, index: str = "ix_spans_time", *, walked: bool = False) -> Sql:
        """Return where to look for spans and their traces; ends in a condition.

        *walked* says that the newest are wanted, and few have to be looked at for them.
        """
        if self.driver is None:
            joined = f"{WALKED if walked else ''}CROSS JOIN traces t ON t.id = s.id >> {PLACE_BITS}"
            walked_all = f"FROM spans s INDEXED BY {index} {joined} WHERE s.project_id = ?"
            if self.first is None:
                return Sql(walked_all, (project_id,))
            return Sql(f"{walked_all} AND s.id >= ?", (project_id, self.first))
        # Left to itself SQLite walks the index of time once for each trace.
        inside = f"s.id BETWEEN d.row << {PLACE_BITS} AND (d.row << {PLACE_BITS}) + {MOST_PLACES - 1}"
        return Sql(
            f"FROM ({self.driver.text}) d CROSS JOIN traces t ON t.id = d.row "
            f"CROSS JOIN spans s NOT INDEXED ON {inside} WHERE s.project_id = ?",
            (*self.driver.values, project_id),
        )


class Compiler:
    """Turns the filter of one query into SQL, looking words up as it goes."""

    def __init__(
        self,
        connection: Connection,
        project_id: int,
        query: Query,
        *,
        of_all: bool = False,
        limited: bool = False,
        runs: Sequence[tuple[int, int]] = (),
    ) -> None:
        self._connection = connection
        self._project_id = project_id
        self._from_ns = 0 if query.from_ns is None else query.from_ns
        self._to_ns = _LAST_NS if query.to_ns is None else query.to_ns
        self._filter = query.filter
        self._own_environment = query.own_environment
        self._index = connection.index
        self._asked = Asked(project_id, self._from_ns, self._to_ns, of_all=of_all, limited=limited, runs=runs)

    def traces(self) -> Plan:
        """Return the plan for traces, which are ``t`` in it."""
        range_ = Sql("t.start_ns >= ? AND t.start_ns < ?", (self._from_ns, self._to_ns))
        parts = conjuncts(self._filter)
        driver = self._rarest([self._trace_driver(part) for part in parts])
        # The driver's own term need not be asked again, but of one span it is a part of what is asked.
        asked = [part for at, part in enumerate(parts) if not driver or at != driver[0] or isinstance(part, OneSpan)]
        return Plan(Sql.all([range_, *map(self._of_trace, asked)]), *(driver[1:] if driver else (None, None)))

    def spans(self) -> Plan:
        """Return the plan for spans, which are ``s``, their traces ``t``."""
        self._asked = replace(self._asked, of_spans=True)
        range_ = Sql("s.start_ns >= ? AND s.start_ns < ?", (self._from_ns, self._to_ns))
        parts = conjuncts(self._filter)
        driver = self._rarest([self._span_driver(part) for part in parts])
        # Some span of the driver's traces matches its term: which one, is asked again.
        where = Sql.all([range_, *map(self._of_span, parts)])
        if driver is not None:
            return Plan(where, *driver[1:])
        first = self._connection.first_span(self._project_id, self._from_ns) if self._from_ns else None
        return Plan(where, first=first)

    @staticmethod
    def _rarest(found: Sequence[tuple[int, Sql] | None]) -> tuple[int, Sql, int] | None:
        """Return which term leaves the fewest traces, the query for them, and how many; ``None`` where all are many."""
        counts = [(driver[0], at, driver[1]) for at, driver in enumerate(found) if driver is not None]
        if not counts:
            return None
        few, at, sql = min(counts, key=lambda driver: driver[:2])
        return at, sql, few

    def _trace_driver(self, part: Filter) -> tuple[int, Sql] | None:
        """Return how many traces *part* leaves, and the query for them, where they are few."""
        if isinstance(part, OneSpan):
            return self._one_span_driver(part)
        if is_of_index(part):
            return self._index.few_traces(self._connection, self._asked, part)
        if isinstance(part, Term) and part.field in WORD_FIELDS:
            if self._connection.words.are_combined:
                return None
            return self._word_driver(word_ids(self._connection, self._project_id, part), self._from_ns, self._to_ns)
        return self._judged_driver(part, MOST_DRIVEN)

    def _span_driver(self, part: Filter) -> tuple[int, Sql] | None:
        """Return how many traces can have a span that *part* matches, and the query for them, where they are few."""
        if isinstance(part, OneSpan):
            return self._one_span_driver(part)
        if isinstance(part, Term) and part.field == "status":
            if part.values != ("error",):
                return None
            part = Term(SOME_SPAN_FAILED[0], "=", SOME_SPAN_FAILED[1:])
        if isinstance(part, Term) and part.field in (*WORD_FIELDS, SOME_SPAN_FAILED[0]):
            return self._word_driver(word_ids(self._connection, self._project_id, part), 0, _LAST_NS, MOST_SPANS_DRIVEN)
        if is_of_index(part):
            return self._index.few_traces(self._connection, self._asked, part)
        return self._judged_driver(part, MOST_SPANS_DRIVEN)

    def _one_span_driver(self, part: OneSpan) -> tuple[int, Sql] | None:
        found = [driver for inner in conjuncts(part.of) if (driver := self._span_driver(inner)) is not None]
        return min(found, key=lambda driver: driver[0], default=None)

    def _judged_driver(self, part: Filter, most: int) -> tuple[int, Sql] | None:
        if not isinstance(part, Term) or not asks_of_judgements(part.field):
            return None
        return judged_driver(self._connection, self._project_id, part, most)

    def _word_driver(
        self, ids: Sequence[int], from_ns: int, to_ns: int, most: int = MOST_DRIVEN
    ) -> tuple[int, Sql] | None:
        return self._connection.words.few_traces(self._connection, ids, from_ns, to_ns, most)

    def _of_trace(self, part: Filter) -> Sql:
        if isinstance(part, Text) or is_of_index(part):
            return self._index.of_trace(self._connection, self._asked, part)
        if isinstance(part, Term) and part.field in OF_SPANS_ALONE:
            part = OneSpan("any", part)
        if isinstance(part, Term):
            return self._trace_term(part)
        if isinstance(part, OneSpan):
            return has_span(part, self._of_span)
        return combined(part, self._of_trace)

    def _trace_term(self, term: Term) -> Sql:
        if term.field in NUMBERS:
            return _number("t", term)
        if term.field == "trace":
            return trace_id_is(term)
        if asks_of_judgements(term.field):
            return judged(term)
        if term.field == "status" and term.operator == "=":
            return one_of("t.status", [STATUS_CODES[v] for v in term.values if v in STATUS_CODES])
        ids = word_ids(self._connection, self._project_id, term)
        return self._connection.words.of_trace(ids) if ids else NOTHING

    def _of_span(self, part: Filter) -> Sql:
        if isinstance(part, Text) or is_of_index(part):
            return self._index.of_span(self._connection, self._asked, part)
        if isinstance(part, Term):
            return self._span_term(part)
        if isinstance(part, OneSpan):
            return has_span(part, self._of_span)
        return combined(part, self._of_span)

    def _span_term(self, term: Term) -> Sql:
        field = term.field
        if field in NUMBERS:
            return _number("s", term)
        column = "s.environment" if field == "env" and self._own_environment else _OF_SPAN.get(field)
        if column is not None:
            return text_is(column, term)
        if field == "prompt":
            return Sql.all([text_is(said, term) for said in _PROMPT_OF_SPAN], "OR")
        if field == "status":
            return _status_is(term)
        if field == "label" or asks_of_judgements(field):
            return judged(term, of_span=True)
        return self._trace_term(term)


def _status_is(term: Term) -> Sql:
    """Compare the number that a status is, which PostgreSQL has an index of; its word where a part of it is asked."""
    if term.operator == "=" and STATUS_CODES.keys() >= set(term.values):
        return one_of("s.status", [code for word, code in STATUS_CODES.items() if word in term.values])
    return text_is("CASE s.status WHEN 1 THEN 'ok' WHEN 2 THEN 'error' ELSE 'unset' END", term)


def is_of_index(part: Filter) -> TypeGuard[Text | Term]:
    """Return whether *part* is asked of the text index."""
    return isinstance(part, Text) or (isinstance(part, Term) and attributes.asks_of_attributes(part.field))


def asks_index(filter_: Filter) -> bool:
    """Return whether any part of *filter_* is asked of the text index."""
    return bool(parts_of_index(filter_))


def parts_of_index(filter_: Filter) -> list[Text | Term]:
    """Return the parts of *filter_* that are asked of the text index."""
    if isinstance(filter_, Not | OneSpan):
        return parts_of_index(filter_.of)
    if isinstance(filter_, And | Or):
        inner = filter_.all if isinstance(filter_, And) else filter_.any
        return [part for each in inner for part in parts_of_index(each)]
    return [filter_] if is_of_index(filter_) else []


def conjuncts(filter_: Filter) -> Sequence[Filter]:
    """Return the parts of *filter_* that must all hold."""
    if isinstance(filter_, And):
        return [part for inner in filter_.all for part in conjuncts(inner)]
    return [filter_]


def word_ids(connection: Connection, project_id: int, term: Term) -> list[int]:
    """Return the numbers of the words that *term* asks for."""
    condition = text_is("value", term)
    found = connection.execute(
        f"SELECT id FROM words WHERE project_id = ? AND field = ? AND ({condition.text})",
        (project_id, term.field, *condition.values),
    )
    return [word for (word,) in found]


def trace_id_is(term: Term) -> Sql:
    """Return that the id of the trace ``t`` is what *term* asks for."""
    lowered = replace(term, values=tuple(str(value).lower() for value in term.values))
    if term.operator == "=":
        return one_of("t.trace_id", [bytes.fromhex(v) for v in map(str, lowered.values) if _is_hex(v)])
    return text_is("lower(hex(t.trace_id))", lowered)


def _number(table: str, term: Term) -> Sql:
    column, _ = NUMBERS[term.field]
    # Never NULL, so that NOT makes of it everything that does not match, the unsaid included.
    parts = [
        Sql(f"{table}.{column} IS NOT NULL AND {table}.{column} {term.operator} ?", (in_units(term.field, value),))
        for value in term.values
    ]
    return Sql.all(parts, "OR")


def in_units(field: str, value: str | float) -> float:
    """Return a value of a field of numbers in the units of its column: whole ones, but for a part of a unit."""
    exact = float(value) * NUMBERS[field][1]
    return exact if field in _PARTS and not exact.is_integer() else round(exact)


def _is_hex(text: str) -> bool:
    try:
        bytes.fromhex(text)
    except ValueError:
        return False
    return True
