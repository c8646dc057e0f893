"""A filter tree as ClickHouse's SQL over traces ``t`` or over spans ``s``.

A trace's row has a word for each value of its text fields, its spans' among them. What is asked of spans, and what is
asked of a span's trace, is a set of trace ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ..query.filters import ATTRIBUTE, Filter, OneSpan, Query, Term, Text
from .attribute_words import asks_of_attributes
from .clickhouse_rows import IN_PAYLOAD, INDEXED_BYTES, NO_TEXT, OF_WORD, word
from .compile import NUMBERS, OF_SPANS_ALONE, conjuncts, in_units
from .conditions import EVERYTHING, NOTHING, Sql, combined, one_of
from .judged import asks_of_judgements
from .rows import STATUS_CODES
from .search_words import words_in
from .words import WORD_FIELDS

Judged = Callable[[Term], Mapping[bytes, frozenset[str]]]
"""Returns the traces with a judgement that a term asks for, and to which spans it was given, ``""`` for all."""

LAST_NS: Final = 2**63 - 1
#: Of so much time it would cost more to ask how long its traces last than the days after it cost.
_LONG_NS: Final = 10 * 86_400 * 10**9
#: What a span says of itself, else its trace.
_OF_EITHER: Final = {"user": "user_id", "session": "session_id", "env": "environment"}
#: What the index of said values is of: as the schema has it.
_SAID: Final = (
    "arrayConcat(s.said_keys, "
    "arrayMap((k, x) -> if(length(x) <= 64, concat(k, '\\x1F', x), ''), s.said_keys, s.said_texts))"
)
_VERSIONED: Final = "concat(assumeNotNull(s.prompt_name), '@', assumeNotNull(s.prompt_version))"
_PROMPT: Final = f"if(s.prompt_version IS NULL OR s.prompt_name IS NULL, s.prompt_name, {_VERSIONED})"
STATUS: Final = "multiIf(s.status = 1, 'ok', s.status = 2, 'error', 'unset')"
_OF_SPAN: Final = {
    "kind": ("s.kind",), "name": ("s.name",), "model": ("s.model",), "provider": ("s.provider",),
    "error": ("s.error_type",), "prompt": ("s.prompt_name", _PROMPT), "status": (STATUS,),
    "price": ("nullIf(s.cost_source, 'priced')",), "counted": ("if(s.counted = 1, 'yes', 'no')",),
}  # fmt: skip
#: What a span says of each key that calls are split by; ``o`` is its trace.
VALUE_OF_SPAN: Final = {
    "provider": "s.provider", "model": "s.model", "env": "s.environment", "prompt": _PROMPT,
    "user": "coalesce(s.user_id, o.user_id)", "tag": "o.tags",
}  # fmt: skip


class Compiler:
    """Turns the filter of one query into conditions."""

    def __init__(self, project_id: int, query: Query, judged: Judged) -> None:
        self._project_id = project_id
        self._judged = judged
        self._from_ns = 0 if query.from_ns is None else query.from_ns
        self._to_ns = LAST_NS if query.to_ns is None else query.to_ns
        self._filter = query.filter
        self._own_environment = query.own_environment

    def traces(self) -> Sql:
        """Return what is asked of traces, which are ``t``."""
        return Sql.all([self._within("t"), *map(self._of_trace, conjuncts(self._filter))])

    def spans(self) -> Sql:
        """Return what is asked of spans, which are ``s``."""
        return Sql.all([self._within("s"), *map(self._of_span, conjuncts(self._filter))])

    def _within(self, table: str) -> Sql:
        asked = f"{table}.project_id = ? AND {table}.start_ns >= ? AND {table}.start_ns < ?"
        return Sql(asked, (self._project_id, self._from_ns, self._to_ns))

    def _of_trace(self, part: Filter) -> Sql:
        if isinstance(part, Text) or (isinstance(part, Term) and asks_of_attributes(part.field)):
            return self._has_span(self._of_span(part))
        if isinstance(part, Term) and part.field in OF_SPANS_ALONE:
            part = OneSpan("any", part)
        if isinstance(part, Term):
            return self._trace_term(part)
        if isinstance(part, OneSpan):
            return self._has_span(self._one_span(part))
        return combined(part, self._of_trace)

    def _of_span(self, part: Filter) -> Sql:
        if isinstance(part, Text):
            return _holds(part.phrase)
        if isinstance(part, Term):
            return _says(part) if asks_of_attributes(part.field) else self._span_term(part)
        if isinstance(part, OneSpan):
            return self._has_span(self._one_span(part), "s")
        return combined(part, self._of_span)

    def _one_span(self, part: OneSpan) -> Sql:
        inner = self._of_span(part.of)
        return Sql.all([Sql("s.parent_id IS NULL"), inner]) if part.which == "root" else inner

    def _has_span(self, asked: Sql, table: str = "t") -> Sql:
        asked = Sql.all([Sql("s.project_id = ?", (self._project_id,)), *self._while_traces_last(table), asked])
        return Sql(f"{table}.trace_id IN (SELECT s.trace_id FROM spans AS s WHERE {asked.text})", asked.values)

    def _while_traces_last(self, table: str) -> list[Sql]:
        """Return when spans of the traces asked for can be, so that only those days are read."""
        if table != "t" or (self._from_ns == 0 and self._to_ns == LAST_NS):
            return []
        if self._to_ns - self._from_ns > _LONG_NS:
            return [Sql("s.start_ns >= ?", (self._from_ns,))]
        within = self._within("t")
        last = f"(SELECT max(t.start_ns + t.duration_ns) FROM traces AS t WHERE {within.text})"
        return [Sql(f"s.start_ns >= ? AND s.start_ns <= {last}", (self._from_ns, *within.values))]

    def _of_its_trace(self, asked: Sql) -> Sql:
        asked = Sql.all([Sql("t.project_id = ? AND t.start_ns < ?", (self._project_id, self._to_ns)), asked])
        return Sql(f"s.trace_id IN (SELECT t.trace_id FROM traces AS t WHERE {asked.text})", asked.values)

    def _trace_term(self, term: Term) -> Sql:
        if term.field in NUMBERS:
            return _number("t", term)
        if term.field == "trace":
            return _trace_id("t", term)
        if term.field == "label" or asks_of_judgements(term.field):
            return _one_of_ids("t", self._judged(term))
        if term.field == "status" and term.operator == "=":
            return one_of("t.status", [STATUS_CODES[v] for v in term.values if v in STATUS_CODES])
        if term.field not in WORD_FIELDS:
            return NOTHING
        return _has_word(term)

    def _span_term(self, term: Term) -> Sql:
        field = term.field
        if field in NUMBERS:
            return _number("s", term)
        own = ("s.environment",) if field == "env" and self._own_environment else _OF_SPAN.get(field)
        if own is not None:
            return self._says_itself(term, own)
        if field in _OF_EITHER:
            column = _OF_EITHER[field]
            unsaid = Sql.all([Sql(f"s.{column} IS NULL"), self._of_its_trace(text_is(f"t.{column}", term))])
            return Sql.all([text_is(f"s.{column}", term), unsaid], "OR")
        if field == "trace":
            return _trace_id("s", term)
        if field == "label" or asks_of_judgements(field):
            return self._judged_span(term)
        return self._of_its_trace(self._trace_term(term))

    def _says_itself(self, term: Term, columns: Sequence[str]) -> Sql:
        said = Sql.all([text_is(column, term) for column in columns], "OR")
        if term.field == "price" and term.operator == "=":  # few spans say it, and their traces' words have an index
            return Sql.all([self._of_its_trace(_has_word(term)), said])
        return said

    def _judged_span(self, term: Term) -> Sql:
        found = self._judged(term)
        whole = {trace_id: spans for trace_id, spans in found.items() if "" in spans}
        single = [(trace_id, span) for trace_id, spans in found.items() for span in spans - {""}]
        listed = ", ".join(f"(unhex('{trace_id.hex()}'), unhex('{_hex(span)}'))" for trace_id, span in single)
        parts = [_one_of_ids("s", whole)]
        if single:
            parts.append(Sql(f"(s.trace_id, s.span_id) IN ({listed})"))
        return Sql.all(parts, "OR")


def _hex(text: str) -> str:
    """Return an id that a judgement names, checked: it becomes a part of the statement."""
    return bytes.fromhex(text).hex()


def text_is(column: str, term: Term) -> Sql:
    """Return that *column* is what a term of text asks for; what is unsaid is nothing of it."""
    if term.operator == "=":
        return one_of(column, [str(value) for value in term.values])
    parts = [Sql(f"{column} IS NOT NULL AND ifNull({column}, '') LIKE ?", (like_of(str(v)),)) for v in term.values]
    return Sql.all(parts, "OR")


def like_of(pattern: str) -> str:
    """Return a pattern of the language, in which only ``*`` is special, as one of LIKE."""
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")


def _has_word(term: Term) -> Sql:
    if term.operator == "=":
        words = [word((term.field, str(value))) for value in term.values]
        return Sql(f"hasAnyTokens(t.words, [{', '.join('?' * len(words))}])", tuple(words)) if words else NOTHING
    patterns = [like_of(f"{term.field}{OF_WORD}") + like_of(str(value)) for value in term.values]
    asked = " OR ".join("w LIKE ?" for _ in patterns)
    return Sql(f"arrayExists(w -> {asked}, t.words)", tuple(patterns))


def _number(table: str, term: Term) -> Sql:
    column, _ = NUMBERS[term.field]
    parts = [
        Sql(f"ifNull({table}.{column} {term.operator} ?, 0)", (in_units(term.field, value),)) for value in term.values
    ]
    return Sql.all(parts, "OR")


def _trace_id(table: str, term: Term) -> Sql:
    lowered = replace(term, values=tuple(str(value).lower() for value in term.values))
    return text_is(f"lower(hex({table}.trace_id))", lowered)


def _one_of_ids(table: str, ids: Mapping[bytes, object]) -> Sql:
    if not ids:
        return NOTHING
    listed = ", ".join(f"unhex('{trace_id.hex()}')" for trace_id in ids)
    return Sql(f"{table}.trace_id IN ({listed})")


def _holds(phrase: str) -> Sql:
    """Return that the words of *phrase* stand one after another; a final ``*`` is any ending."""
    wanted = words_in(phrase)
    if not wanted:
        return EVERYTHING
    open_ended = phrase.rstrip().endswith("*")
    whole = wanted[:-1] if open_ended else wanted
    parts = [Sql(f"hasAllTokens(s.body, [{', '.join('?' * len(whole))}])", tuple(whole))] if whole else []
    if open_ended or len(wanted) > 1:
        looked_for = f" {' '.join(wanted)}{'' if open_ended else ' '}"
        parts.append(Sql("position(s.body, ?) > 0", (looked_for,)))
    return Sql.all(parts)


def _says(term: Term) -> Sql:
    """Return that an attribute or a key of metadata says what *term* asks for."""
    has_key = Sql(f"hasAllTokens({_SAID}, [?])", (term.field,))
    if term.operator == "like" and "*" in term.values:
        return has_key
    if term.operator == "=" and all(_indexed(value) for value in term.values):
        pairs = tuple(f"{term.field}{OF_WORD}{value}" for value in term.values)
        return Sql(f"hasAnyTokens({_SAID}, [{', '.join('?' * len(pairs))}])", pairs)
    if term.operator == "like" or isinstance(term.values[0], str):
        return Sql.all([has_key, _says_text(term)])
    parts = [Sql(f"ifNull(x {term.operator} ?, 0)", (float(value),)) for value in term.values]
    return Sql.all([has_key, _some_of("said_numbers", term.field, Sql.all(parts, "OR"))])


def _indexed(value: object) -> bool:
    """Whether the index of said values tells what is *value*."""
    return isinstance(value, str) and value != IN_PAYLOAD and len(value.encode("utf-8", "replace")) <= INDEXED_BYTES


def _says_text(term: Term) -> Sql:
    if term.operator == "like":
        parts = [Sql("x LIKE ?", (like_of(str(value)),)) for value in term.values]
    else:
        parts = [Sql("x = ?", (value,)) for value in term.values]
    asked = Sql.all(parts, "OR")
    here = Sql.all([Sql("x NOT IN (?, ?)", (NO_TEXT, IN_PAYLOAD)), asked])
    elsewhere = _some_of("said_texts", term.field, Sql("x = ?", (IN_PAYLOAD,)))
    key = term.field.removeprefix(ATTRIBUTE)
    long = Sql(
        f"arrayExists(x -> {asked.text}, [JSONExtractString(s.payload, 'a', ?)])",
        (*asked.values, key),
    )
    return Sql.all([_some_of("said_texts", term.field, here), Sql.all([elsewhere, long])], "OR")


def _some_of(array: str, field: str, asked: Sql) -> Sql:
    """Return that one of the values of *field* in *array*, ``x``, is what is *asked*."""
    return Sql(f"arrayExists((k, x) -> k = ? AND ({asked.text}), s.said_keys, s.{array})", (field, *asked.values))


def ids_in(column: str, ids: Sequence[bytes]) -> Sql:
    """Return that *column* is one of *ids*."""
    return Sql(f"{column} IN ({', '.join('?' * len(ids))})", tuple(ids)) if ids else NOTHING
