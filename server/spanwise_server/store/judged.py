"""Terms about judgements as SQL: labels by name, scores, who judged, and what a judgement holds.

They are asked of the table of judgements, in which there are far fewer rows than there are traces.
"""

from __future__ import annotations

from typing import Final

from ..query.filters import HELD, NAMED_LABEL, Term
from .conditions import Sql, begins_with, text_is
from .connection import Connection

_HAS_JSON: Final = "a.correction IS NOT NULL AND CAST(a.correction AS TEXT) <> 'null'"
_HOLDS: Final = {held: f"a.{held} IS NOT NULL" for held in HELD} | {"correction": _HAS_JSON}
_CODED: Final = (
    "a.id IN (SELECT m.annotation_id FROM code_marks m JOIN codes c ON c.id = m.code_id "
    "WHERE m.removed_event IS NULL AND ({}))"
)
_CODES: Final = (
    "SELECT c.name, count(*) FROM codes c JOIN code_marks m ON m.code_id = c.id "
    "WHERE c.project_id = ? AND m.removed_event IS NULL AND c.name GLOB ? GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?"
)
_OF_SPAN: Final = " AND (a.span_id IS NULL OR a.span_id = lower(hex(s.span_id)))"


def asks_of_judgements(field: str) -> bool:
    """Return whether *field* speaks of judgements in a way that traces have no words for."""
    return field in ("annotator", "has", "code") or field.startswith(NAMED_LABEL)


def judged(term: Term, *, of_span: bool = False) -> Sql:
    """Return that some judgement of the trace ``t`` is what *term* asks for.

    Of a span, which is ``s``, only those count that were given to it or to its trace as a whole.
    """
    asked = asked_of_judgements(term)
    which = "a.project_id = t.project_id AND a.trace_id = lower(hex(t.trace_id))" + (_OF_SPAN if of_span else "")
    return Sql(f"EXISTS (SELECT 1 FROM annotations a WHERE {which} AND ({asked.text}))", asked.values)


def judged_driver(connection: Connection, project_id: int, term: Term, most: int) -> tuple[int, Sql] | None:
    """Return how many traces *term* leaves and the query for them; ``None`` where they are more than *most*."""
    asked = asked_of_judgements(term)
    found = connection.execute(
        f"SELECT DISTINCT a.trace_id FROM annotations a WHERE a.project_id = ? AND ({asked.text}) LIMIT {most + 1}",
        (project_id, *asked.values),
    ).fetchall()
    if len(found) > most:
        return None
    marks = ", ".join("?" * len(found)) or "NULL"
    ids = (bytes.fromhex(trace_id) for (trace_id,) in found)
    return len(found), Sql(
        f"SELECT id AS row FROM traces WHERE project_id = ? AND trace_id IN ({marks})", (project_id, *ids)
    )


def judged_values(
    connection: Connection, project_id: int, field: str, prefix: str, limit: int
) -> tuple[tuple[str, int], ...]:
    """Return values of *field* that begin with *prefix* and in how many judgements, the commonest first.

    ``label.`` alone asks for the names of labels.
    """
    if field == "has":
        counts = ", ".join(f"count(CASE WHEN {holds} THEN 1 END)" for holds in _HOLDS.values())
        row = connection.execute(f"SELECT {counts} FROM annotations a WHERE project_id = ?", (project_id,)).fetchone()
        held = [(name, n) for name, n in zip(_HOLDS, row, strict=True) if n and name.startswith(prefix)]
        return tuple(sorted(held, key=lambda one: -one[1])[:limit])
    if field == "code":
        return tuple(connection.execute(_CODES, (project_id, begins_with(prefix), limit)).fetchall())
    column = {"annotator": "annotator_id", NAMED_LABEL: "name"}.get(field, "label")
    named = column == "label"
    found = connection.execute(
        f"SELECT {column}, count(*) FROM annotations WHERE project_id = ? AND (0 = ? OR name = ?) "
        f"AND {column} <> '' AND {column} GLOB ? GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?",
        (project_id, int(named), field.removeprefix(NAMED_LABEL), begins_with(prefix), limit),
    )
    return tuple(found.fetchall())


def asked_of_judgements(term: Term) -> Sql:
    """Return what *term* asks of a judgement ``a``."""
    if term.field == "has":
        return Sql.all([Sql(_HOLDS[str(held)]) for held in term.values], "OR")
    if term.field == "annotator":
        return text_is("a.annotator_id", term)
    if term.field == "label":
        return text_is("a.label", term)
    if term.field == "code":
        named = text_is("c.name", term)
        return Sql(_CODED.format(named.text), named.values)
    of_name = Sql("a.name = ?", (term.field.removeprefix(NAMED_LABEL),))
    if term.operator in ("=", "like"):
        return Sql.all([of_name, text_is("a.label", term)])
    return Sql.all([of_name, Sql(f"a.score IS NOT NULL AND a.score {term.operator} ?", tuple(term.values))])
