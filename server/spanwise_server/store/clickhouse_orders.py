"""What lists are sorted by, as ClickHouse says it: the same orders as those of ``orders.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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
SPAN_ORDERS: Final = orders.SPAN_ORDERS


def beside_in(order: Order, sort: str, cursor: Cursor | None) -> tuple[Sql, str]:
    """Return what lies beyond the cursor, and the order: what does not say what is sorted by comes last."""
    backwards = cursor is not None and cursor.backwards
    falls = sort.startswith("-") != backwards
    direction, beyond = ("DESC", "<") if falls else ("ASC", ">")
    unsaid_last = "DESC" if backwards else "ASC"
    tie = f"{order.table}.tie"
    ties = [f"{order.table}.start_ns", tie] if is_of_text(sort) else [tie]
    by = ", ".join(f"{each} {direction}" for each in [order.key, *ties])
    if order.nullable:
        by = f"{order.key} IS NULL {unsaid_last}, {by}"
    if cursor is None:
        return Sql("1"), by
    if is_of_text(sort):
        said, at = cursor.words, (cursor.value, cursor.row)
    else:
        said, at = cursor.said, (cursor.row,)  # type: ignore[assignment]  # a number
    if not order.nullable:
        marks = ", ".join("?" * (1 + len(at)))
        return Sql(f"({order.key}, {', '.join(ties)}) {beyond} ({marks})", (said, *at)), by
    further = Sql(f"({', '.join(ties)}) {beyond} ({', '.join('?' * len(at))})", at)
    unsaid = Sql(f"{order.key} IS NULL")
    if said is None:
        same = Sql.all([unsaid, further])
        return (Sql.all([same, Sql(f"{order.key} IS NOT NULL")], "OR") if backwards else same), by
    value = f"assumeNotNull({order.key})"
    same = Sql.all([Sql(f"{value} = ?", (said,)), further])
    some = Sql.all([Sql(f"{order.key} IS NOT NULL"), Sql.all([Sql(f"{value} {beyond} ?", (said,)), same], "OR")])
    return (some if backwards else Sql.all([some, unsaid], "OR")), by
