from __future__ import annotations

from server.pages.made import MS, T0, record, span_id
from spanwise.vocabulary import PENDING
from spanwise_server.pages.running import (
    MISSING,
    SILENT_NS,
    is_missing,
    is_running,
    only_begun,
    summary_of_begun,
    with_begun,
    with_missing,
)
from spanwise_server.pages.waterfall import lay_out
from spanwise_server.store.base import Trace

ROOT = record(1, None, "run", 0, 0, {PENDING: True}, kind="agent")
CHILD = record(2, 1, "step", 10, 20, kind="tool")
NOW = T0 + 100 * MS


def test_a_trace_of_which_nothing_has_ended_is_a_trace_that_counts_nothing():
    found = with_begun(None, [ROOT], NOW)
    assert found is not None
    assert (found.summary.name, found.summary.span_count, found.summary.has_root) == ("run", 0, False)
    assert found.records[0].span.end_ns == NOW
    assert with_begun(None, [], NOW) is None


def test_what_has_begun_takes_its_place_in_the_tree_until_it_comes_itself():
    summary = summary_of_begun([CHILD])
    found = with_begun(Trace(summary, (CHILD,)), [ROOT], NOW)
    assert found is not None
    rows = lay_out(with_missing(found.records)).rows
    assert [(row.record.name, row.level, row.state) for row in rows] == [("run", 1, "running"), ("step", 2, "")]
    assert found.summary.name == "run"
    whole = record(1, None, "run", 0, 90, kind="agent")
    healed = Trace(summary, (whole, CHILD))
    assert with_begun(healed, [ROOT], NOW) is healed


def test_a_parent_that_is_not_there_is_shown_as_missing_and_heals():
    rows = lay_out(with_missing([CHILD])).rows
    assert [(row.record.name, row.level, row.state) for row in rows] == [(MISSING, 1, "missing"), ("step", 2, "")]
    assert rows[0].id == span_id(1)
    assert is_missing(rows[0].record)
    healed = lay_out(with_missing([CHILD, record(1, None, "run", 0, 90)])).rows
    assert [(row.record.name, row.state) for row in healed] == [("run", ""), ("step", "")]


def test_a_trace_long_silent_no_longer_runs():
    summary = summary_of_begun([CHILD])
    assert is_running(summary, NOW)
    assert not is_running(summary, summary.end_ns + SILENT_NS)


def test_only_traces_of_which_nothing_is_known_are_listed_apart():
    assert [trace.name for trace in only_begun([ROOT], [])] == ["run"]
    assert only_begun([ROOT], [ROOT.span.trace_id]) == ()
