from __future__ import annotations

from datetime import timezone
from zoneinfo import ZoneInfo

import pytest

from spanwise_server.pages import format as fmt
from spanwise_server.record import Cost, Usage

NOON = 1_795_435_200_000_000_000  # 2026-11-23 12:00 UTC
SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (None, "—"), (0, "0 ms"), (0.04, "<0.1 ms"), (0.5, "0.5 ms"), (842, "842 ms"), (999.6, "1.00 s"),
        (3_410, "3.41 s"),        (16_100, "16.1 s"), (59_960, "1 m"), (130_000, "2 m 10 s"),
        (3_900_000, "1 h 5 m"), (183_600_000, "2 d 3 h"),
        (-842, "-842 ms"),
    ],
)  # fmt: skip
def test_durations_read_at_a_glance(ms, words):
    assert fmt.duration(ms) == words


@pytest.mark.parametrize(
    ("nusd", "words"),
    [
        (None, "—"), (0, "$0"), (1, "<$0.0001"), (99_999, "<$0.0001"), (100_000, "$0.0001"), (4_200_000, "$0.0042"),
        (999_960_000, "$1.00"), (48_200_000_000, "$48.20"), (1_204_400_000_000, "$1,204"), (-4_200_000, "-$0.0042"),
    ],
)  # fmt: skip
def test_money_is_never_rounded_to_nothing(nusd, words):
    assert fmt.money(nusd) == words


def test_an_unknown_price_is_unpriced_and_never_nothing():
    assert fmt.cost(None, unpriced=True) == "unpriced"
    assert fmt.cost(None, unpriced=False) == "—"
    assert fmt.cost(0, unpriced=True) == "$0"


def test_tokens_are_short_and_zero_is_said():
    assert [fmt.tokens(n) for n in (None, 0, 412, 999, 4_100, 13_840, 999_950, 1_240_000)] == [
        "—", "0", "412", "999", "4.1k", "13.8k", "1.0M", "1.2M",
    ]  # fmt: skip


def test_the_split_of_tokens_names_what_was_said_only():
    assert fmt.usage_split(Usage(input_uncached=10, cache_read=0, output_visible=5)) == (
        "10 input, not cached · 0 read from cache · 5 output"
    )
    assert fmt.usage_split(None) == ""


def test_sizes_shares_and_counts():
    assert [fmt.size(n) for n in (84, 64_000, 3_100_000, 2_000_000_000)] == ["84 B", "64 KB", "3.1 MB", "2.0 GB"]
    assert [fmt.percent(share) for share in (0, 0.004, 0.75)] == ["0 %", "<1 %", "75 %"]
    assert fmt.plural(1, "trace") == "1 trace"
    assert fmt.plural(12_481, "trace") == "12,481 traces"


def test_ages_are_relative_under_a_day_and_dates_after():
    clock = fmt.Clock(NOON)
    assert [clock.age(NOON - s * SECOND) for s in (4, 65, 3_700, 86_399)] == ["4 s", "1 m", "1 h", "23 h"]
    assert clock.age(NOON - 86_400 * SECOND) == "22 Nov 12:00"
    assert [clock.is_recent(NOON - s * SECOND) for s in (-61, -3, 86_399, 86_400)] == [False, True, True, False]
    assert clock.age(NOON - 400 * 86_400 * SECOND) == "19 Oct 2025 12:00"
    assert clock.ago(NOON - 4 * SECOND) == "4 s ago"
    assert clock.ago(NOON - 2 * 86_400 * SECOND) == "21 Nov 12:00"


def test_a_clock_a_little_ahead_is_now_and_not_the_future():
    assert fmt.Clock(NOON).age(NOON + 3 * SECOND) == "0 s"


def test_times_are_local_and_the_tooltip_is_exact_utc():
    clock = fmt.Clock(NOON, ZoneInfo("Europe/Berlin"))
    assert clock.local(NOON) == "23 Nov 13:00"
    tag = clock.tag(NOON - 2 * 86_400 * SECOND + 204_000_000)
    assert 'title="2026-11-21 12:00:00.204 UTC"' in tag
    assert 'datetime="2026-11-21T12:00:00.204Z"' in tag


@pytest.mark.parametrize(
    "name", [None, "", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "a" * 500, "\0", "Europe"]
)
def test_a_time_zone_nobody_knows_is_utc(name):
    assert fmt.zone(name) is timezone.utc


def test_long_ids_and_texts_are_cut_at_their_end():
    assert fmt.short_id("4f8a1c00000000000000000000009be2") == "4f8a1c…9be2"
    assert fmt.short_id("short") == "short"
    assert fmt.one_line("a\n  b\tc") == "a b c"
    assert fmt.one_line("x" * 50, 10) == "x" * 9 + "…"
    assert fmt.one_line(None) == ""


def test_the_arithmetic_of_a_cost_is_told():
    usage = Usage(input_uncached=1_000, cache_read=200, output_visible=100)
    cost = Cost(210_000, 150_000, 60_000, price_id="openai/gpt-4o-mini@2026-11-01")
    assert fmt.cost_sum(cost, usage) == (
        "1,200 input (200 cached) at $0.125 a million = $0.00015 + 100 output at $0.6 a million = $0.00006; "
        "$0.00021 in all, price openai/gpt-4o-mini@2026-11-01"
    )
    assert fmt.cost_sum(Cost(5_000_000, source="reported"), None) == "$0.005, as the call reported it"
    guessed = Cost(5_000_000, source="estimated", price_id="openai/gpt-4o@2026-09-21")
    assert fmt.cost_sum(guessed, None).endswith("price openai/gpt-4o@2026-09-21, of tokens that nobody reported")
