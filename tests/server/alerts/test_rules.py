from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise_server.alerts.budget import budgets
from spanwise_server.alerts.channel import checked_target
from spanwise_server.alerts.firing import State, step, verdict
from spanwise_server.alerts.message import condition, written
from spanwise_server.alerts.rule import ALERT_KEYS, Last, NewRule, Rule, checked, rule_json
from spanwise_server.alerts.window import window_named
from spanwise_server.errors import SpanwiseError
from spanwise_server.query.figures import MEASURES
from spanwise_server.query.parse import parse

MINUTE = 60_000_000_000
NOW = 1_790_000_000_000_000_000
COST = NewRule("Dear users", "cost_usd", 5.0, "24h", by="user")


def at(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=timezone.utc).timestamp()) * 1_000_000_000


def rule(**said) -> Rule:
    return Rule(1, "acme", checked(replace(COST, **said)), "", 0)


def walk(one: Rule, values, every_minutes: int = 1) -> list[str]:
    """What phase a series is in after each look at it."""
    state, phases = None, []
    for n, value in enumerate(values):
        state = step(one, state, value, NOW + n * every_minutes * MINUTE)
        phases.append("-" if state is None else state.phase)
    return phases


def test_a_rule_fires_beyond_its_threshold_and_not_at_it():
    assert walk(rule(), [5.0, 5.01]) == ["-", "firing"]
    assert walk(rule(above=False), [5.0, 4.99]) == ["-", "firing"]


def test_a_value_around_the_threshold_does_not_flap():
    assert walk(rule(calm_minutes=0), [5.1, 4.9, 5.1, 4.9, 4.6, 4.4]) == ["firing"] * 5 + ["resolved"]
    assert walk(rule(calm_minutes=0, resolve_at=1), [5.1, 4.4, 1.01, 1.0]) == ["firing"] * 3 + ["resolved"]


def test_it_has_to_be_fine_for_a_while_before_it_resolves():
    assert walk(rule(calm_minutes=2), [6, 1, 1, 6, 1, 1, 1]) == ["firing"] * 6 + ["resolved"]


def test_it_has_to_be_beyond_for_a_while_before_it_fires():
    assert walk(rule(hold_minutes=2), [6, 6, 4.9, 6, 6, 6]) == [
        "pending",
        "pending",
        "-",
        "pending",
        "pending",
        "firing",
    ]


@pytest.mark.parametrize(("no_data", "phases"), [("ok", "resolved"), ("keep", "firing")])
def test_what_no_data_do_to_what_fires(no_data, phases):
    assert walk(rule(no_data=no_data, calm_minutes=0), [None, 6, None]) == ["-", "firing", phases]


def test_no_data_fire_where_they_are_to():
    assert walk(rule(no_data="fire", by="", calm_minutes=0), [None, None, 1]) == ["firing", "firing", "resolved"]


@given(st.lists(st.none() | st.floats(-10, 10), max_size=30), st.integers(0, 3), st.integers(0, 3), st.booleans())
def test_whatever_comes_a_series_fires_only_after_it_held_and_resolves_only_after_it_was_calm(
    values, hold, calm, above
):
    one, state = rule(hold_minutes=hold, calm_minutes=calm, above=above, threshold=1.0), None
    for n, value in enumerate(values):
        now = NOW + n * MINUTE
        before, state = state, step(one, state, value, now)
        if state is None:
            assert verdict(one, value) != "beyond"
        elif state.phase == "firing" and (before is None or before.phase != "firing"):
            assert verdict(one, value) == "beyond"
            assert now - state.since_ns >= hold * MINUTE
        elif state.phase == "resolved":
            assert verdict(one, value) == "fine"
            assert now - state.calm_ns >= calm * MINUTE
            state = None


def test_the_worst_value_is_kept():
    state = State("firing", NOW, 6.0, 6.0)
    for value in (9.0, 7.0, None):
        state = step(rule(no_data="keep"), state, value, NOW)
    assert (state.value, state.worst) == (None, 9.0)


WRONG = (
    {"name": " "},
    {"name": "x" * 121},
    {"measure": "profit"},
    {"measure": "label_fail_rate."},
    {"window": "1y"},
    {"window": "0m"},
    {"window": "91d"},
    {"filter": "model:("},
    {"by": "shoe"},
    {"by": "day"},
    {"threshold": math.nan},
    {"resolve_at": 6.0},
    {"resolve_at": 4.0, "above": False},
    {"hold_minutes": -1},
    {"no_data": "shout"},
    {"no_data": "fire"},
    {"min_spans": -1},
)


@pytest.mark.parametrize("said", WRONG, ids=repr)
def test_a_rule_that_cannot_work_is_refused_with_the_reason(said):
    with pytest.raises(SpanwiseError) as refused:
        checked(replace(COST, **said))
    assert refused.value.message


@pytest.mark.parametrize("measure", [*MEASURES, "label_fail_rate.correct"])
def test_every_measure_can_be_a_rule_and_is_said_in_words(measure):
    one = rule(measure=measure, filter="kind:llm")
    assert MEASURES.get(measure, one.measure).words in condition(rule_json(one))
    assert written(one.measure.unit, 0.5)


@pytest.mark.parametrize("key", ALERT_KEYS)
def test_what_finds_a_series_is_the_filter_and_its_key(key):
    one = rule(by=key, filter="env:prod OR env:staging")
    assert one.filter_of("a b") == f'(env:prod OR env:staging) {key}:"a b"'
    assert rule(by=key).filter_of(None) == f"-{key}:*"
    assert parse(one.filter_of("a b"))
    assert rule(by="", filter="env:prod").filter_of(None) == "env:prod"


def test_windows_go_back_from_now_or_to_where_the_calendar_begins():
    now = at(2026, 2, 14, 13, 30)
    assert window_named("15M").bounds(now) == (now - 15 * MINUTE, now)
    assert window_named("day").bounds(now) == (at(2026, 2, 14), now)
    assert window_named("month").period(now) == (at(2026, 2, 1), at(2026, 3, 1))
    assert window_named("month").period(at(2026, 12, 31, 23))[1] == at(2027, 1, 1)


def test_a_short_window_is_looked_at_each_minute_and_a_month_four_times_an_hour():
    assert [window_named(text).every_ns // MINUTE for text in ("5m", "1h", "6h", "24h", "month")] == [1, 1, 6, 15, 15]


def budget(used: float | None, now: int):
    return budgets(replace(rule(window="month", threshold=100, by=""), last=Last(now, ((None, used),), 1)))[0]


def test_a_budget_says_what_is_left_and_where_the_month_will_end():
    half = budget(60.0, at(2026, 6, 16))  # June has 30 days: half of it is over
    assert (half.used, half.left, half.projected, half.tone) == (60.0, 40.0, 120.0, "warn")
    assert half.out_ns == at(2026, 6, 26)
    assert budget(40.0, at(2026, 6, 16)).tone == "ok"
    assert budget(40.0, at(2026, 6, 16)).out_ns is None
    spent = budget(101.0, at(2026, 6, 16))
    assert (spent.tone, spent.out_ns, spent.left) == ("error", None, -1.0)
    assert budget(None, at(2026, 6, 1)).projected == 0


def test_only_what_bounds_the_month_is_a_budget():
    last = Last(NOW, ((None, 1.0),), 1)
    for said in ({"window": "30d"}, {"window": "month", "above": False}, {"window": "month", "measure": "error_rate"}):
        assert budgets(replace(rule(by="", **said), last=last)) == ()
    assert budgets(rule(window="month")) == ()


def test_addresses_are_kept_as_they_are_sent_to():
    assert (
        checked_target("email", "ana@example.com; ben@example.com,ana@example.com")
        == "ana@example.com, ben@example.com"
    )
    assert checked_target("webhook", " https://example.com/a?b=c ") == "https://example.com/a?b=c"


TARGETS = (
    ("email", ""),
    ("email", "ana"),
    ("email", "ana@example"),
    ("email", "ana@example.com\nBcc: all@example.com"),
    ("email", "Ana <ana@example.com>"),
    ("webhook", "ftp://example.com"),
    ("webhook", "https://"),
    ("webhook", "https://me:secret@example.com/"),
    ("webhook", "https://example.com/\r\nx: y"),
    ("webhook", "https://example.com:99999/"),
    ("webhook", "file:///etc/passwd"),
    ("pager", "x"),
)


@pytest.mark.parametrize(("kind", "target"), TARGETS)
def test_what_nothing_can_be_sent_to_is_refused(kind, target):
    with pytest.raises(SpanwiseError):
        checked_target(kind, target)
