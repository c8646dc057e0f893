from __future__ import annotations

from datetime import timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise_server.errors import SpanwiseError
from spanwise_server.pages.chart import histogram
from spanwise_server.pages.chips import chips, chosen, toggled
from spanwise_server.pages.format import Clock
from spanwise_server.pages.listing import (
    DAY_NS,
    HOUR_NS,
    MINUTE_NS,
    MOST_BARS,
    Listing,
    histogram_query,
    moment,
    read,
    stamp,
    words_of,
)
from spanwise_server.pages.urls import url
from spanwise_server.query.filters import EVERYTHING
from spanwise_server.store.base import Bar

NOON = 1_795_435_200_000_000_000  # 2026-11-23 12:00 UTC
CLOCK = Clock(NOON)


def test_the_url_holds_what_is_not_the_default_and_nothing_else():
    assert Listing("default").link() == "/traces"
    assert Listing("acme", filter="user:a", sort="-cost", live=True).link() == (
        "/traces?project=acme&filter=user:a&sort=-cost&live=1"
    )


def test_a_list_reads_back_from_its_own_url():
    asked = Listing("acme", 'user:"ann b"', "24h", NOON - HOUR_NS, NOON, "cost", "abc", live=True)
    said = {name: str(value) for name, value in asked.params().items() if value}
    assert read("acme", said, CLOCK) == Listing(
        "acme", asked.filter, "7d", asked.from_ns, NOON, "cost", "abc", live=True
    )


def test_a_link_that_moves_the_list_goes_back_to_its_first_page():
    assert "cursor" not in Listing("p", cursor="abc").link(sort="-cost")


def test_nonsense_in_the_url_falls_back():
    assert read("p", {"range": "1000y", "sort": "drop table", "live": "yes"}, CLOCK) == Listing("p")


def test_what_was_typed_joins_the_filter():
    assert read("p", {"filter": "kind:llm ", "q": " user:a"}, CLOCK).filter == "kind:llm user:a"


def test_a_time_without_a_zone_is_the_readers():
    assert moment("2026-11-23T13:00", ZoneInfo("Europe/Berlin")) == NOON
    assert moment("2026-11-23T12:00:00Z", ZoneInfo("Europe/Berlin")) == NOON
    assert moment("", timezone.utc) is None
    with pytest.raises(SpanwiseError, match="not a time"):
        moment("yesterday", timezone.utc)


@given(st.integers(0, 4_000_000_000_000).map(lambda ms: ms * 1_000_000))
def test_a_time_in_a_url_reads_back_to_the_millisecond(ns):
    assert moment(stamp(ns), timezone.utc) == ns


@pytest.mark.parametrize(("back", "step"), [(HOUR_NS, MINUTE_NS), (DAY_NS, 15 * MINUTE_NS), (7 * DAY_NS, 2 * HOUR_NS)])
def test_bars_begin_at_round_times(back, step):
    query, bars = histogram_query(Listing("p", from_ns=NOON - back + 7, to_ns=NOON).query(EVERYTHING, NOON), NOON)
    assert query.from_ns % step == 0
    assert query.to_ns == query.from_ns + bars * step
    assert query.to_ns >= NOON


@given(st.integers(1, 10**18), st.integers(0, 10**18))
def test_there_are_never_more_bars_than_fit(back, until):
    query, bars = histogram_query(Listing("p", from_ns=until, to_ns=until + back).query(EVERYTHING, NOON), NOON)
    assert 1 <= bars <= MOST_BARS + 1
    assert query.from_ns <= until


def test_the_range_is_named():
    assert words_of(Listing("p"), CLOCK) == "Last 7 days"
    assert words_of(Listing("p", from_ns=NOON - HOUR_NS, to_ns=NOON), CLOCK) == "23 Nov 11:00 to 12:00"
    assert words_of(Listing("p", from_ns=NOON), CLOCK) == "Since 23 Nov 12:00"
    assert words_of(Listing("p", to_ns=NOON), CLOCK) == "Until 23 Nov 12:00"


def test_a_column_sorts_down_first_and_then_up():
    assert "sort=-cost" in Listing("p").sorted_by("cost")
    assert "sort=cost" in Listing("p", sort="-cost").sorted_by("cost")


def test_a_title_of_texts_sorts_upwards_first_then_downwards():
    assert "sort=user" in Listing("p").sorted_by("user")
    assert "sort=-user" in Listing("p", sort="user").sorted_by("user")
    assert "sort=user" in Listing("p", sort="-user").sorted_by("user")


def test_urls_leave_out_what_is_not_said_and_keep_what_is_hard():
    assert url("/traces", "default", {"filter": "", "cursor": None}) == "/traces"
    assert url("/traces", "a b", {"filter": 'x&y="#"'}) == "/traces?project=a%20b&filter=x%26y%3D%22%23%22"


def test_every_term_is_a_chip_with_the_filter_that_is_left_without_it():
    found = chips('kind:llm -tag:load-test latency>2s "refund policy"')
    assert [(chip.key, chip.value, chip.negated) for chip in found] == [
        ("kind:", "llm", False), ("tag:", "load-test", True), ("latency>", "2s", False), ("", '"refund policy"', False),
    ]  # fmt: skip
    assert found[1].without == 'kind:llm latency>2s "refund policy"'


def test_a_term_that_is_wrong_is_marked_and_the_others_are_not():
    found = chips("env:prod latency>fast")
    assert found[0].error is None
    assert found[1].error


def test_a_facet_is_put_in_widened_and_taken_out_again():
    assert toggled("", "model", "gpt-4o") == "model:gpt-4o"
    assert toggled("model:gpt-4o env:prod", "model", "o3") == "model:gpt-4o,o3 env:prod"
    assert toggled("model:gpt-4o,o3 env:prod", "model", "gpt-4o") == "model:o3 env:prod"
    assert toggled("env:prod model:o3", "model", "o3") == "env:prod"


@given(
    st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1).filter(
        lambda t: t.strip() == t and "*" not in t
    )
)
def test_any_value_can_be_chosen_and_unchosen(value):
    text = toggled("env:prod", "user", value)
    assert chosen(text, "user") == {value}
    assert toggled(text, "user", value) == "env:prod"


def test_an_excluded_value_is_not_chosen():
    assert chosen("-env:prod", "env") == frozenset()


def bars_of(*counts: tuple[int, int]) -> tuple[Bar, ...]:
    return tuple(
        Bar(NOON - DAY_NS + n * HOUR_NS, NOON - DAY_NS + (n + 1) * HOUR_NS, ok, errors)
        for n, (ok, errors) in enumerate(counts)
    )


def test_the_highest_bar_fills_the_drawing_and_errors_stand_below():
    drawn = histogram(bars_of((0, 0), (6, 2), (4, 0)), CLOCK)
    assert drawn is not None
    empty, highest, other = drawn.columns
    assert (empty.ok_height, empty.error_height) == (0, 0)
    assert highest.ok_height + highest.error_height == pytest.approx(50)
    assert highest.error_y + highest.error_height == pytest.approx(56)
    assert other.ok_height == pytest.approx(25)


def test_the_bars_are_drawn_in_two_strokes():
    drawn = histogram(bars_of((0, 0), (6, 2), (4, 0)), CLOCK)
    assert drawn is not None
    _, highest, other = drawn.columns
    assert drawn.error_path == f"M{highest.x:g} {highest.error_y:g}h{highest.width:g}v12.5h-{highest.width:g}z"
    assert drawn.ok_path.startswith(f"M{highest.x:g} {highest.ok_y:g}h{highest.width:g}v37.5h")
    assert drawn.ok_path.endswith(f"M{other.x:g} {other.ok_y:g}h{other.width:g}v25h-{other.width:g}z")
    assert drawn.ok_path.count("M") == 2  # nothing is drawn of what is empty


def test_a_single_trace_among_thousands_can_still_be_seen():
    drawn = histogram(bars_of((10_000, 0), (0, 1)), CLOCK)
    assert drawn is not None
    assert drawn.columns[1].error_height >= 1.5


def test_the_drawing_is_told_in_words_too():
    drawn = histogram(bars_of((6, 2), (4, 0)), CLOCK)
    assert drawn is not None
    assert drawn.summary.startswith("12 traces, 2 with errors")
    assert drawn.columns[0].title == "22 Nov 12:00 to 13:00: 8 traces, 2 errors"
    assert histogram((), CLOCK) is None


def test_no_day_stands_twice_below_the_drawing():
    start = NOON - 6 * DAY_NS
    drawn = histogram([Bar(start + n * DAY_NS // 2, start + (n + 1) * DAY_NS // 2, 1, 0) for n in range(12)], CLOCK)
    assert drawn is not None
    said = [tick for tick in drawn.ticks if tick]
    assert len(said) == len(set(said)) > 4
