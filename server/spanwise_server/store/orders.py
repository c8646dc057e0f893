"""What lists of traces and of spans are sorted by: numbers, and texts by what they begin with.

Of equal numbers the row with the smaller id comes first, of equal texts the earlier row: traces that say the same are
many. What does not say a text or a number comes last, whichever way the list goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ..errors import SpanwiseError
from .conditions import Sql
from .cursor import Cursor, is_of_text
from .rows import ERROR

#: So much of an input or an output decides. A list shows little more, and with more the indices would be a large part
#: of the store.
BEGINNING_CHARS: Final = 24
#: So much of several texts does.
LISTED_CHARS: Final = 48


@dataclass(frozen=True, slots=True)
class Order:
    """One order of a list, as SQL says it."""

    key: str
    """What is compared."""
    index: str | None = None
    """Which index has all rows in this order; ``None`` where there is none."""
    nullable: bool = True
    table: str = "t"
    """What statements call the rows."""


def beginning(column: str) -> str:
    """Return what is compared of a long text."""
    return f"substr({column}, 1, {BEGINNING_CHARS})"


def listed(column: str) -> str:
    """Return what is compared of a list of texts, which is JSON: the first of them, then the next."""
    return f"substr(trim(replace({column}, '\"', ''), '[]'), 1, {LISTED_CHARS})"


TRACE_ORDERS: Final[Mapping[str, Order]] = {
    "time": Order("t.start_ns", "ix_traces_time", nullable=False),
    "latency": Order("t.duration_ns", "ix_traces_latency", nullable=False),
    "cost": Order("t.cost_nusd", "ix_traces_cost"),
    "tokens": Order("t.total_tokens", "ix_traces_tokens"),
    "ttft": Order("t.ttft_ms", "ix_traces_ttft"),
    "spans": Order("t.span_count", "ix_traces_spans", nullable=False),
    "errors": Order("t.error_count", "ix_traces_errors", nullable=False),
    "name": Order("t.name", "ix_traces_name", nullable=False),
    "input": Order(beginning("t.input_preview"), "ix_traces_input"),
    "output": Order(beginning("t.output_preview"), "ix_traces_output"),
    "model": Order(listed("t.models"), "ix_traces_models"),
    "env": Order("t.environment", "ix_traces_environment"),
    "prompt": Order(listed("t.prompts"), "ix_traces_prompts"),
    "tags": Order(listed("t.tags"), "ix_traces_tags"),
    "user": Order("t.user_id", "ix_traces_user"),
    "session": Order("t.session_id", "ix_traces_session"),
}
#: What the order of spans by status tells apart.
FAILED, OTHERS = "error", "ok"
#: The order of traces that ``label_order.py`` tells of.
BY_LABEL: Final = "labels"
TRACE_SORTS: Final = (*TRACE_ORDERS, BY_LABEL)
SPAN_ORDERS: Final[Mapping[str, Order]] = {
    "time": Order("s.start_ns", "ix_spans_time", nullable=False, table="s"),
    "latency": Order("s.duration_ns", nullable=False, table="s"),
    "cost": Order("s.cost_nusd", "ix_spans_cost", table="s"),
    "tokens": Order("s.total_tokens", table="s"),
    "ttft": Order("s.ttft_ms", table="s"),
    "name": Order("s.name", nullable=False, table="s"),
    "model": Order("s.model", table="s"),
    "status": Order(f"CASE WHEN s.status = {ERROR} THEN '{FAILED}' ELSE '{OTHERS}' END", nullable=False, table="s"),
}
#: Those of texts.
SPAN_TEXTS: Final = ("name", "model", "status")


def order_of(sort: str, orders: Mapping[str, Order]) -> Order:
    """Return the order that *sort* names, with or without ``-``; refuse one that there is not."""
    order = orders.get(sort.removeprefix("-"))
    if order is None:
        raise no_order(sort, TRACE_SORTS if orders.keys() == TRACE_ORDERS.keys() else orders)
    return order


def no_order(sort: str, orders: Iterable[str]) -> SpanwiseError:
    """Return the refusal of an order that there is not."""
    return SpanwiseError(
        f"There is no order {sort!r}.", f"Sort by {', '.join(orders)}; with - before it, largest first."
    )


def in_turn(order: Order, sort: str, cursor: Cursor | None) -> list[tuple[Sql, str]]:
    """Return what is asked for a page, one question after the other, each with the order of its rows."""
    falls = sort.startswith("-") != (cursor is not None and cursor.backwards)
    return (_by_text if is_of_text(sort) else _by_number)(order, cursor, "DESC" if falls else "ASC")


def _by_number(order: Order, cursor: Cursor | None, direction: str) -> list[tuple[Sql, str]]:
    """Return the same of an order of numbers: the rows that say one, and those that do not."""
    id_ = f"{order.table}.id"
    beyond = "<" if direction == "DESC" else ">"
    backwards = cursor is not None and cursor.backwards
    said = Sql(f"{order.key} IS NOT NULL" if order.nullable else "TRUE")
    unsaid = Sql(f"{order.key} IS NULL")
    parts = [(said, f"{order.key} {direction}, {id_} {direction}"), (unsaid, f"{id_} {direction}")]
    if not order.nullable:
        del parts[1]
    if backwards:
        parts.reverse()
    if cursor is None:
        return parts
    if order.nullable and cursor.value is None:
        parts = [part for part in parts if part[0] is unsaid or backwards]
        after = Sql(f"{id_} {beyond} ?", (cursor.row,))
    else:
        parts = [part for part in parts if part[0] is said or not backwards]
        after = Sql(f"({order.key}, {id_}) {beyond} (?, ?)", (cursor.said, cursor.row))
    (first, by), *others = parts
    return [(Sql.all([first, after]), by), *others]


def _by_text(order: Order, cursor: Cursor | None, direction: str) -> list[tuple[Sql, str]]:
    """Return the same of an order of texts, and first what says the same as the row at the cursor: that may be many."""
    within = f"{order.table}.start_ns {direction}, {order.table}.id {direction}"
    beyond = "<" if direction == "DESC" else ">"
    # As every text does that is said; of what is not NULL SQLite would walk past all that is.
    said = [(Sql(f"{order.key} >= ''"), f"{order.key} {direction}, {within}")]
    unsaid = [(Sql(f"{order.key} IS NULL"), within)] if order.nullable else []
    if cursor is None:
        return said + unsaid
    after = Sql(f"({order.table}.start_ns, {order.table}.id) {beyond} (?, ?)", (cursor.value, cursor.row))
    if cursor.words is None:
        return [(Sql.all([Sql(f"{order.key} IS NULL"), after]), within), *(said if cursor.backwards else [])]
    same = Sql.all([Sql(f"{order.key} = ?", (cursor.words,)), after])
    further = Sql(f"{order.key} {beyond} ?", (cursor.words,))
    return [(same, within), (further, said[0][1]), *([] if cursor.backwards else unsaid)]
