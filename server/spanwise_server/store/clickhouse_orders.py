"""What lists are sorted by, as ClickHouse says it: the same orders as those of ``orders.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from . import orders
from .conditions import Sql
from .cursor import Cursor, is_of_text
from .orders import BEGINNING_CHARS, LISTED_CHARS, Order


def _beginning(column: str) -> str:
    return f"substringUTF8({column}, 1, {BEGINNING_CHARS})"


def _listed(column: str) -> str:
    return f"substringUTF8(trim(BOTH '[]' FROM replaceAll({column}, '\"', '')), 1, {LISTED_CHARS})"


#: The orders whose keys are said in another way here.
_OWN: Final = {
    "input": _beginning("t.input_preview"),
    "output": _beginning("t.output_preview"),
    "model": _listed("t.models"),
    "env": "CAST(t.environment, 'Nullable(String)')",
    "prompt": _listed("t.prompts"),
    "tags": _listed("t.tags"),
}
TRACE_ORDERS: Final[Mapping[str, Order]] = {
    name: Order(_OWN.get(name, order.key), nullable=order.nullable) for name, order in orders.TRACE_ORDERS.items()
}
SPAN_ORDERS: Final[Mapping[str, Order]] = {
    **orders.SPAN_ORDERS, "model": Order("CAST(s.model, 'Nullable(String)')", table="s"),
}  # fmt: skip


def beside_in(order: Order, sort: str, cursor: Cursor | None) -> tuple[Sql, str]:
    """Return what lies beyond the cursor of a list of traces or spans, and the order."""
    ties, at = [f"{order.table}.tie"], None
    if is_of_text(sort):
        ties.insert(0, f"{order.table}.start_ns")
    if cursor is not None:
        at = (cursor.words, cursor.value, cursor.row) if is_of_text(sort) else (cursor.said, cursor.row)
    return beside(order.key, ties, sort, cursor, at, nullable=order.nullable)


def beside(
    key: str, ties: Sequence[str], sort: str, cursor: Cursor | None, at: Sequence[Any] | None, *, nullable: bool = True
) -> tuple[Sql, str]:
    """Return what lies beyond the cursor, and the order: what does not say what is sorted by comes last.

    *at* is what the row at the cursor says: the *key*, and what decides between rows that say the same.
    """
    backwards = cursor is not None and cursor.backwards
    direction, beyond = ("DESC", "<") if sort.startswith("-") != backwards else ("ASC", ">")
    by = ", ".join(f"{each} {direction}" for each in [key, *ties])
    if nullable:
        by = f"{key} IS NULL {'DESC' if backwards else 'ASC'}, {by}"
    if at is None:
        return Sql("1"), by
    if not nullable:
        return Sql(f"({key}, {', '.join(ties)}) {beyond} ({', '.join('?' * len(at))})", tuple(at)), by
    said, *others = at
    further = Sql(f"({', '.join(ties)}) {beyond} ({', '.join('?' * len(others))})", tuple(others))
    unsaid = Sql(f"{key} IS NULL")
    if said is None:
        same = Sql.all([unsaid, further])
        return (Sql.all([same, Sql(f"{key} IS NOT NULL")], "OR") if backwards else same), by
    value = f"assumeNotNull({key})"
    same = Sql.all([Sql(f"{value} = ?", (said,)), further])
    some = Sql.all([Sql(f"{key} IS NOT NULL"), Sql.all([Sql(f"{value} {beyond} ?", (said,)), same], "OR")])
    return (some if backwards else Sql.all([some, unsaid], "OR")), by
