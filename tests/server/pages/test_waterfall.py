from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.pages.made import conversation, record, span_id
from spanwise_server.pages.axis import FILLED, ticks
from spanwise_server.pages.format import duration
from spanwise_server.pages.waterfall import lay_out, self_ns


def rows_of(records):
    return {row.id: row for row in lay_out(records).rows}


def test_rows_stand_in_tree_order_with_their_level():
    rows = lay_out(conversation()).rows
    assert [row.record.name for row in rows] == [
        "answer_question", "plan", "lookup_order", "plan", "create_refund", "POST /refunds", "compose", "kb_search",
    ]  # fmt: skip
    assert [row.level for row in rows] == [1, 2, 2, 2, 2, 3, 2, 2]
    assert rows[0].children == 6


def test_a_bar_stands_where_its_span_was():
    rows = rows_of((record(1, None, "root", 0, 1_000), record(2, 1, "half", 500, 250)))
    assert rows[span_id(1)].width == pytest.approx(FILLED * 100, abs=0.01)
    assert rows[span_id(2)].x == pytest.approx(FILLED * 50, abs=0.01)
    assert rows[span_id(2)].width == pytest.approx(FILLED * 25, abs=0.01)


def test_a_model_call_is_pale_until_its_first_token_and_a_waiting_parent_all_along():
    rows = rows_of(conversation())
    plan = rows[span_id(2)]
    assert plan.wait == pytest.approx(plan.width / 4, abs=0.05)
    assert rows[span_id(1)].wait == rows[span_id(1)].width
    assert rows[span_id(5)].wait == 0.0


def test_costs_of_children_add_up_in_their_parent_once():
    rows = rows_of(conversation())
    assert rows[span_id(1)].cost_nusd == 11_000_000
    assert rows[span_id(2)].cost_nusd == 5_000_000
    assert rows[span_id(3)].cost_nusd is None


def test_the_dearest_step_is_the_one_that_cost_most_itself():
    rows = rows_of(conversation())
    steps = {row.id: row.cost_nusd for row in rows.values() if row.cost_nusd is not None and not row.children}
    (dearest,) = [row for row in rows.values() if row.dear]
    assert dearest.cost_nusd == max(steps.values())
    assert dearest.dear == pytest.approx(dearest.cost_nusd / sum(steps.values()))


def test_no_step_is_dearest_where_only_one_cost_anything_or_all_cost_the_same():
    records = conversation()
    assert not any(row.dear for row in lay_out(records[:2]).rows)
    same = [replace(each, cost=records[1].cost) for each in (records[1], records[3])]
    assert not any(row.dear for row in lay_out(same).rows)


def test_the_critical_path_is_what_the_end_waited_for():
    rows = lay_out((
        record(1, None, "root", 0, 100),
        record(2, 1, "fast branch", 0, 40),
        record(3, 1, "slow branch", 0, 70),
        record(4, 3, "inside", 10, 50),
        record(5, 1, "last", 72, 28),
    )).rows  # fmt: skip
    assert {row.record.name for row in rows if row.on_path} == {"root", "slow branch", "inside", "last"}


def test_a_span_whose_parent_never_came_is_a_root():
    rows = lay_out((record(2, 9, "orphan", 0, 10), record(3, 2, "child", 1, 5))).rows
    assert [(row.record.name, row.level) for row in rows] == [("orphan", 1), ("child", 2)]


def test_spans_that_are_one_anothers_parents_are_all_shown():
    rows = lay_out((record(1, 2, "a", 0, 10), record(2, 1, "b", 1, 5), record(3, 3, "itself", 2, 3))).rows
    assert sorted(row.record.name for row in rows) == ["a", "b", "itself"]


def test_a_span_of_no_length_and_an_empty_trace_are_drawn():
    assert lay_out((record(1, None, "instant", 0, 0),)).rows[0].width > 0
    assert lay_out(()).rows == ()


def test_failures_are_listed_in_the_order_of_the_rows():
    assert lay_out(conversation()).errors == (span_id(5),)


def test_time_is_counted_once_per_span_without_its_children():
    spent = {each.kind: each.ms for each in lay_out(conversation()).spent}
    assert spent["llm"] == pytest.approx(7_400)
    assert spent["tool"] == pytest.approx(500)
    assert spent["span"] == pytest.approx(700)


def test_children_that_overlap_are_taken_off_once():
    assert self_ns(0, 100, [(10, 50), (40, 60), (90, 300)]) == 40
    assert self_ns(0, 100, []) == 100


@pytest.mark.parametrize("total_ms", [0.4, 1, 37, 999, 1_000, 16_100, 59_000, 61_000, 3_600_000, 10_000_000])
def test_the_axis_has_two_to_six_round_marks(total_ms):
    found = ticks(total_ms)
    assert 2 <= len(found) <= 6
    assert found[0].words == "0 s"
    assert all(tick.x <= 100 for tick in found)


def test_labels_never_leave_the_drawing():
    narrowest, words = 139, 51  # pixels, the gap included
    for row in lay_out(conversation()).rows:
        left = {"after": row.x + row.width, "before": row.x, "inside": row.x + row.width}[row.side] / 100 * narrowest
        assert left + words <= narrowest if row.side == "after" else left >= words


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 500), st.integers(0, 500)), max_size=25)
)
def test_any_set_of_spans_is_laid_out_whole(shapes):
    records = tuple(record(n, parent, "x", start, length) for n, parent, start, length in shapes)
    found = lay_out(records)
    assert {row.id for row in found.rows} == {r.span.span_id for r in records}
    assert all(0 <= row.x <= 100 and 0 < row.width <= 100.01 for row in found.rows)


def deep_and_wide(count):
    deep = tuple(record(n, n - 1 if n else None, "x", n, 60_000 - n) for n in range(count // 2))
    return deep + tuple(record(n, 0, "x", n, 10) for n in range(count // 2, count))


def test_thirty_thousand_spans_are_laid_out_whatever_their_shape():
    assert len(lay_out(deep_and_wide(30_000)).rows) == 30_000


def test_twice_the_spans_take_twice_the_steps():
    def steps(count):
        """Return how many lines of Python run to lay so many spans out."""
        records, ran = deep_and_wide(count), 0

        def traced(_frame, what, _value):
            nonlocal ran
            ran += what == "line"
            return traced

        before = sys.gettrace()
        sys.settrace(traced)
        try:
            lay_out(records)
        finally:
            sys.settrace(before)
        return ran

    assert steps(2_000) < 2.2 * steps(1_000)


def test_all_that_is_drawn_of_a_row_is_said():
    rows = rows_of(conversation())
    (dearest,) = [row for row in rows.values() if row.dear]
    assert "dearest step $0.00" in dearest.said
    lookup = rows[span_id(3)]
    assert lookup.price == ""
    assert lookup.said.startswith("tool lookup_order, ")
    assert lookup.said.endswith("ms, starts at " + duration(lookup.offset_ms))
    failed = next(row for row in rows.values() if row.failed)
    assert f"{failed.record.name}, {failed.aside}, failed, " in failed.said
    without_words = lay_out((record(1, None, "root", 0, 1_000, status="error"),)).rows[0]
    assert without_words.said == "span root, failed, 1.00 s, starts at 0 ms"
