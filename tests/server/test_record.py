"""Token buckets that never overlap, and totals that are what OpenTelemetry means by them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spanwise_server.record import Cost, Usage

COUNT = st.none() | st.integers(0, 10**6)


def test_nothing_said_is_no_usage():
    assert Usage.from_totals() is None
    assert Usage().total_tokens is None


def test_zero_is_said():
    usage = Usage.from_totals(input_tokens=0, output_tokens=0)
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (0, 0, 0)


def test_cached_input_is_part_of_the_input():
    usage = Usage.from_totals(input_tokens=100, cache_read=60, cache_write=10, output_tokens=5)
    assert usage is not None
    assert (usage.input_uncached, usage.cache_read, usage.cache_write) == (30, 60, 10)
    assert usage.input_tokens == 100


def test_an_exclusive_count_is_added_to():
    usage = Usage.from_totals(input_tokens=10, cache_read=60, input_includes_cache=False)
    assert usage is not None
    assert usage.input_tokens == 70


def test_a_cache_larger_than_the_input_was_never_inside_it():
    usage = Usage.from_totals(input_tokens=10, cache_read=60)
    assert usage is not None
    assert (usage.input_uncached, usage.input_tokens) == (10, 70)


def test_reasoning_is_part_of_the_output():
    usage = Usage.from_totals(output_tokens=50, reasoning=30)
    assert usage is not None
    assert (usage.output_visible, usage.output_tokens) == (20, 50)


def test_a_total_counts_only_where_nothing_finer_was_said():
    only = Usage.from_totals(total_tokens=9)
    both = Usage.from_totals(input_tokens=4, output_tokens=5, total_tokens=9)
    assert only is not None
    assert both is not None
    assert only.total_tokens == both.total_tokens == 9
    assert only.input_tokens is None


@given(COUNT, COUNT, COUNT, COUNT, COUNT, COUNT)
def test_no_bucket_is_ever_negative_and_totals_are_their_sum(total_in, total_out, read, write, reasoning, audio):
    usage = Usage.from_totals(
        input_tokens=total_in, output_tokens=total_out, cache_read=read, cache_write=write, reasoning=reasoning,
        input_audio=audio,
    )  # fmt: skip
    if usage is None:
        return
    buckets = [getattr(usage, name) for name in Usage.__slots__]
    assert all(count is None or count >= 0 for count in buckets)
    assert usage.total_tokens == sum(count for count in buckets if count is not None)


@given(COUNT, COUNT)
def test_sums_keep_what_is_unsaid(a, b):
    total = Usage(cache_read=a) + Usage(cache_read=b)
    assert total.cache_read == (None if a is b is None else (a or 0) + (b or 0))
    assert total.output_visible is None


def test_money_is_whole_nano_dollars():
    assert Cost(total_nusd=4_200_000).total_usd == 0.0042
