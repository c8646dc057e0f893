from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone
from html import unescape

import pytest

from server.pages.made import MS, PROJECT, T0, conversation, in_other_trace
from spanwise_server.pages import board_charts, plots
from spanwise_server.pages.board import Board, others_of, read_board, steps_of, term_of
from spanwise_server.pages.format import Clock
from spanwise_server.pages.listing import DAY_NS, HOUR_NS, MINUTE_NS, Listing
from spanwise_server.pages.projection import Asked, projected
from spanwise_server.pricing.what_if import cache_saved, cost_of
from spanwise_server.query.filters import EVERYTHING, Query
from spanwise_server.query.measures import Part, Percentiles, Sums
from spanwise_server.record import Usage

ALL = f"project={PROJECT}&range=all"
AT_S = 1_764_000_000


@pytest.fixture
def shop(client):
    """A client of a server that holds one conversation thrice, the second of another user."""
    store = client.app.state.server.store
    store.write(conversation())
    store.write(in_other_trace(conversation(), "b" * 32, 60_000, user_id="maya"))
    store.write(in_other_trace(conversation(), "c" * 32, 120_000))
    return client


def page(client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text[:500]
    return answer.text


def part(value: str, usage: Usage, cost: int, calls: int = 1, provider: str = "openai") -> Part:
    sums = Sums(calls=calls, cost_nusd=cost, priced=calls, usage=usage)
    return Part(value, (sums,), sums, Percentiles(), provider)


# --- the page ---------------------------------------------------------------------------------------------------------


def test_calls_cost_latency_tokens_errors_first_tokens_and_pace_are_drawn(shop):
    html = page(shop, f"/dashboard?{ALL}")
    titles = re.findall(r'<h2 id="chart-\d">([^<]+)</h2>', html)
    assert titles == [
        "Calls",
        "Cost",
        "Latency of calls",
        "Tokens",
        "Error rate",
        "Time to first token",
        "Tokens per second",
        "Cost per priced call",
    ]


@pytest.mark.parametrize(("most", "compared"), [(2, False), (100, True)])
def test_the_time_before_is_measured_only_where_it_could_be_compared(shop, monkeypatch, most, compared):
    monkeypatch.setattr("spanwise_server.store.measures.MOST_CALLS", most)
    store, begins = shop.app.state.server.store, set()
    measure = store.measure
    monkeypatch.setattr(
        store,
        "measure",
        lambda query, by, steps, **more: begins.add(steps.first_ns) or measure(query, by, steps, **more),
    )
    begin, end = (datetime.fromtimestamp(T0 // 10**9 + hours * 3_600, timezone.utc) for hours in (-1, 1))
    page(shop, f"/dashboard?project={PROJECT}&by=user&from={begin:%Y-%m-%dT%H:%M:%SZ}&to={end:%Y-%m-%dT%H:%M:%SZ}")
    assert len(begins) == 1 + compared


def test_tokens_by_the_second_are_of_the_time_that_calls_took():
    told_once = Sums(calls=4, priced=4, usage=Usage(output_visible=300, reasoning=100), writing_ns=8_000_000_000)
    assert told_once.tokens_per_second == 50
    told_twice = replace(told_once, calls=8, writing_ns=16_000_000_000)
    assert told_twice.tokens_per_second == 50
    assert Sums(calls=4, unpriced=4, writing_ns=8).tokens_per_second is None
    assert (told_once + Sums(calls=1, errors=1)).tokens_per_second == 62.5


def test_every_fitted_line_leads_to_the_calls_of_its_model(shop):
    html = page(shop, f"/dashboard?{ALL}")
    _, _, fits = html.partition('aria-label="Fits by model"')
    found = re.findall(r'<a class="row-link cut" href="([^"]*)">([^<]*)</a>', fits.partition("</table>")[0])
    dots = re.findall(r'<a href="([^"]*)" tabindex="-1"><circle', html)
    calls = [shop.get(unescape(dot), follow_redirects=False).headers["location"] for dot in dots]
    points = {re.findall(r"/traces/\w{32}[^ ]*span=(\w{16})", call)[0] for call in calls}
    assert found
    assert shop.get(f"/dashboard/calls/{'0' * 16}?project={PROJECT}").status_code == 404
    for href, model in found:
        assert f"filter=kind:llm%20model:{model}" in unescape(href)
        assert set(re.findall(r'id="c-\w{32}-(\w{16})"', page(shop, unescape(href)))) == points


def test_the_sums_are_those_of_the_traces(shop):
    html = page(shop, f"/dashboard?{ALL}")
    (call_cost,) = re.findall(r'<span class="name">Cost</span><div><span class="value">([^<]*)', html)
    total = shop.app.state.server.store.totals(Query(PROJECT, EVERYTHING)).cost_nusd
    assert call_cost == f"${total / 1e9:.4f}"


def test_of_more_estimated_calls_than_are_looked_at_no_share_is_told(shop, monkeypatch):
    guessed = [
        replace(record, cost=replace(record.cost, source="estimated")) if record.cost else record
        for record in in_other_trace(conversation(), "d" * 32, 180_000)
    ]
    shop.app.state.server.store.write(guessed)
    monkeypatch.setattr("spanwise_server.store.measures.MOST_CALLS", 1)
    html = page(shop, f"/dashboard?{ALL}")
    assert re.search(r"Of the newest, 1 call with \$0\.\d+ of the cost have tokens that nobody reported", html)


def test_the_share_of_estimated_costs_is_told_and_leads_to_its_calls(shop):
    store = shop.app.state.server.store
    assert "estimated</a>" not in page(shop, f"/dashboard?{ALL}")
    guessed = [
        replace(record, cost=replace(record.cost, source="estimated")) if record.cost else record
        for record in in_other_trace(conversation(), "d" * 32, 180_000)
    ]
    store.write(guessed)
    html = page(shop, f"/dashboard?{ALL}")
    dollars = sum(record.cost.total_usd for record in guessed if record.cost)
    (said,) = re.findall(r"([^>]*) have tokens that nobody", html)
    assert said == f"2 calls of 12 (17 %) with ${dollars:.4f} of the cost"
    (href,) = re.findall(r'<a href="([^"]*)">estimated</a>', html)
    assert re.findall(r'id="c-(\w{32})-', page(shop, unescape(href))) == ["d" * 32] * 2


def test_a_split_and_a_filter_stand_in_every_link(shop):
    html = page(shop, f"/dashboard?{ALL}&by=user&filter=user:maya")
    assert 'aria-current="true">User</a>' in html
    assert ">maya</a>" in html
    bars = re.findall(r'<a href="(/dashboard/calls[^"]*)" tabindex="-1"><rect', html)
    assert bars
    assert all("filter=user:maya" in unescape(href) for href in bars)
    (without,) = re.findall(r'<a href="([^"]*)" aria-label="Remove user:maya"', html)
    assert unescape(without) == f"/dashboard?project={PROJECT}&range=all&by=user"


def test_a_filter_that_cannot_be_read_is_refused_in_words(shop):
    answer = shop.get(f"/dashboard?{ALL}&filter=latency>fast")
    assert answer.status_code == 400
    assert 'id="why-wrong"' in answer.text


@pytest.mark.parametrize("place", ["/traces", "/sessions", "/dashboard", "/dashboard/calls"])
def test_a_misspelt_field_is_mended_by_a_link(shop, place):
    html = shop.get(f"{place}?{ALL}&filter=kind:llm modle:gpt-4o").text
    (href,) = re.findall(r'<a class="link" href="([^"]*)">Use kind:llm model:gpt-4o</a>', html)
    assert unescape(href).startswith(place)
    assert shop.get(unescape(href)).status_code == 200
    assert "filter=kind:llm%20model:gpt-4o" in href or "filter=kind:llm+model:gpt-4o" in href


def test_a_project_without_calls_says_what_to_do(client):
    html = page(client, "/dashboard?range=all")
    assert "No call of a model yet" in html
    assert "Send a first call" in html


def test_what_was_typed_joins_the_filter(shop):
    answer = shop.get("/dashboard", params={"project": PROJECT, "filter": "kind:llm", "q": "user:maya", "by": "user"})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/dashboard?project={PROJECT}&filter=kind:llm%20user:maya&by=user"


def test_nonsense_in_the_url_falls_back(shop):
    page(shop, f"/dashboard?{ALL}&by=nonsense&a_day=²&of=x&onto=y/z")
    board = read_board(PROJECT, {"by": "nonsense", "a_day": "-3"}, Clock(T0))
    assert (board.by, board.a_day) == ("model", None)


# --- its state --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wide_ns", "step_ns"),
    [
        (15 * MINUTE_NS, 30_000 * MS),
        (HOUR_NS, 2 * MINUTE_NS),
        (24 * HOUR_NS, HOUR_NS),
        (7 * DAY_NS, 4 * HOUR_NS),
        (30 * DAY_NS, DAY_NS),
        (9_000 * DAY_NS, 365 * DAY_NS),
    ],
)
def test_steps_are_round_and_cover_the_range(wide_ns, step_ns):
    steps = steps_of(T0, T0 + wide_ns)
    assert steps.step_ns == step_ns
    assert steps.first_ns % step_ns == 0
    assert steps.first_ns <= T0
    assert steps.end_ns >= T0 + wide_ns
    assert steps.end_ns - step_ns < T0 + wide_ns


def test_a_term_finds_one_value_or_those_without_any():
    assert term_of("model", "gpt-4o") == "model:gpt-4o"
    assert term_of("prompt", "sup port@7") == 'prompt:"sup port@7"'
    assert term_of("user", None) == "-user:*"
    assert term_of("prompt", "sup port") == 'prompt:"sup port" -prompt:"sup port@"*'
    assert others_of("user", ["ann", None]) == "-(user:ann) user:*"


def test_a_link_changes_what_it_is_asked_to_and_keeps_the_rest():
    board = Board(Listing("acme", filter="env:prod"), by="user", a_day=5)
    assert board.link(filter="") == "/dashboard?project=acme&by=user&a_day=5"
    assert board.link(by="model", a_day=None) == "/dashboard?project=acme&filter=env:prod"


# --- what it will cost ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "listing",
    [
        {},
        {"filter": "model:a OR user:b"},
        {"filter": 'attr.x:"from=1970-01-01T01:00:00Z&to=1970-01-01T02:00:00Z"'},
        {"from_ns": 5 * HOUR_NS, "to_ns": DAY_NS},
    ],
)
def test_links_of_many_steps_are_those_of_each(listing):
    board, times = Board(Listing("shop", **listing)), [(HOUR_NS, 2 * HOUR_NS), (2 * HOUR_NS, 3 * HOUR_NS)]
    for only, *terms in [("all",), ("priced", "model:x"), ("failed", "kind:llm", "-user:*")]:
        each = tuple(board.calls(only, *terms, sort="-cost", start=start, end=end) for start, end in times)
        assert board.calls_of_each(times, only, *terms, sort="-cost") == each
        assert board.calls_of_each([], only, *terms) == ()


def test_a_month_is_computed_from_the_days_there_were():
    used = part("gpt-4o", Usage(input_uncached=1_000, output_visible=100), cost=1_000_000, calls=10)
    shown = projected(used.sums, [used], 2.0, Asked(), AT_S)
    assert shown is not None
    assert (shown.calls_a_day, shown.as_it_is_nusd, shown.asked_nusd) == (5, 15_000_000, 15_000_000)
    doubled = projected(used.sums, [used], 2.0, Asked(a_day=10), AT_S)
    assert doubled is not None
    assert doubled.asked_nusd == 30_000_000


def test_another_model_is_priced_for_the_real_tokens():
    usage = Usage(input_uncached=1_000_000, output_visible=100_000)
    dear, other = part("gpt-4o", usage, 3_500_000_000), part("gpt-4o-mini", usage, 210_000_000)
    asked = Asked(of="gpt-4o", onto="openai/gpt-4o-mini")
    shown = projected(dear.sums + other.sums, [dear, other], 30.0, asked, AT_S)
    assert shown is not None
    assert shown.moved_nusd == 420_000_000
    assert shown.change == pytest.approx(420 / 3_710 - 1)


def test_nothing_is_projected_where_nothing_has_a_price():
    assert projected(Sums(calls=3, unpriced=3), [], 1.0, Asked(), AT_S) is None


def test_what_is_not_on_offer_is_not_asked_for():
    used = part("gpt-4o", Usage(input_uncached=10), 100)
    shown = projected(used.sums, [used], 1.0, Asked(of="<b>", onto="no/such"), AT_S)
    assert shown is not None
    assert (shown.of, shown.onto, shown.moved_nusd) == ("gpt-4o", "", None)


def test_a_cache_saves_the_difference_of_the_two_prices():
    usage = Usage(input_uncached=0, cache_read=1_000_000)
    saved = cache_saved(usage, 10, "openai", "gpt-4o", AT_S)
    full = cost_of(Usage(input_uncached=1_000_000), 10, "openai", "gpt-4o", AT_S)
    paid = cost_of(usage, 10, "openai", "gpt-4o", AT_S)
    assert saved is not None
    assert saved == full - paid > 0
    assert cache_saved(Usage(input_uncached=5), 1, "openai", "gpt-4o", AT_S) == 0
    assert cost_of(usage, 1, "openai", "no-such-model", AT_S) is None


# --- charts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [0.3, 1, 7, 17, 44, 999, 12_345_678])
def test_a_ceiling_is_round_and_not_far_above(most):
    top = plots.ceiling(most)
    assert most <= top <= most * 2.1
    third = f"{top / 3:.6e}"
    assert third[:3] in {"1.0", "1.5", "2.0", "2.5", "3.0", "4.0", "5.0", "6.0", "8.0"}
    assert third[3:8] == "00000"


def test_a_fit_finds_the_line_that_the_points_were_made_of():
    found = plots.fit([(x, 200.0 + 14 * x) for x in range(10)])
    assert found is not None
    assert (found.intercept, found.slope, found.r2) == pytest.approx((200, 14, 1))
    assert plots.fit([(1, 1), (2, 2)]) is None
    assert plots.fit([(1, 1), (1, 2), (1, 3)]) is None


def test_layers_stand_on_each_other_and_nothing_has_no_height():
    at = [plots.Moment(str(n), str(n + 1), f"step {n}", "day", f"/traces?{n}") for n in range(2)]
    layers = (plots.Layer("b1", "ok", (30.0, 0.0)), plots.Layer("be", "failed", (15.0, None)))
    plot = plots.stacked(at, layers, lambda value: f"{value:g}", "")
    below, above = plot.columns[0].pieces
    assert below.y + below.height == plots.BOTTOM
    assert above.y + above.height == below.y
    assert above.title == "step 0: failed 15"
    assert plot.columns[1].pieces == ()


def test_a_line_breaks_where_nothing_was_measured():
    at = [plots.Moment("", "", "", "", "") for _ in range(4)]
    plot = plots.lines(at, [plots.Layer("l1", "p50", (1.0, None, 3.0, 4.0))], str, "")
    assert len(plot.lines[0].paths) == 2


def test_a_line_near_nothing_is_drawn_on_an_axis_of_its_own_length():
    at = [plots.Moment("", "", "", "", "") for _ in range(2)]
    flat, steep = (
        plots.lines(at, [plots.Layer("l1", "failed", values)], str, "", least=0.03)
        for values in ((0.0, 0.0001), (0.0, 0.5))
    )
    assert [line.words for line in flat.grid][-1] == "0.03"
    assert float(steep.grid[-1].words) >= 0.5


@pytest.mark.parametrize(
    ("words", "short"),
    [
        ("$0.0300", "$0.03"),
        ("$0.0105", "$0.0105"),
        ("$10", "$10"),
        ("7.50 s", "7.5 s"),
        ("15.0k", "15k"),
        ("$1,200.00", "$1,200"),
        ("0 ms", "0 ms"),
    ],
)
def test_an_axis_says_no_more_zeros_than_it_must(words, short):
    assert plots._short(words) == short


def test_an_axis_says_the_same_figure_once():
    at = [plots.Moment("0", "1", "step 0", "day", "/traces")]
    plot = plots.stacked(at, [plots.Layer("b1", "ok", (3.0,))], board_charts._money, "")
    assert [mark.words for mark in plot.grid] == ["$0", "", "", "<$0.0001"]


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1.0, ""),
        (1.004, ""),
        (1.25, "25 %"),
        (0.5, "50 %"),
        (9.9, "890 %"),
        (23.2, "23 times"),
        (5e6, "over 1,000 times"),
    ],
)
def test_a_change_is_told_in_percent_until_that_says_nothing(ratio, words):
    assert board_charts._change(ratio) == words
