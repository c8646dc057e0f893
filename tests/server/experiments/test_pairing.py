"""Two runs over the same examples, row by row."""

from __future__ import annotations

import pytest

from spanwise_server.experiments.experiment import Result
from spanwise_server.experiments.pairing import compared


def results(verdicts: str, **more: float) -> list[Result]:
    """Return a result for each letter: p passed, f failed, - not judged."""
    words = {"p": True, "f": False, "-": None}
    return [Result(f"ex_{n}", words[letter], **more) for n, letter in enumerate(verdicts)]


def test_rows_are_paired_and_what_newly_fails_comes_first() -> None:
    found = compared(results("ppfpf-p"), results("pfpffp"))
    assert [pair.change for pair in found.pairs] == [
        "newly failing", "newly failing", "newly passing", "still failing", "still passing", "not judged",
    ]  # fmt: skip
    assert (found.newly_failing, found.newly_passing, found.only_before, found.only_after) == (2, 1, 1, 0)
    assert found.p_value == 1.0
    assert [(rate.passed, rate.of) for rate in found.rates] == [(3, 5), (2, 5)]


def test_the_test_is_mcnemars_exact_one() -> None:
    found = compared(results("pppppppp" + "f"), results("ffffffff" + "p"))
    assert found.p_value == pytest.approx(2 * (1 + 9) / 2**9)


def test_costs_are_compared_where_both_are_known_and_latencies_by_percentile() -> None:
    old = [*results("pp", cost_nusd=10, duration_ms=100.0), Result("ex_2", True, 300.0)]
    new = [*results("pp", cost_nusd=60, answers=2, duration_ms=50.0), Result("ex_2", True, 50.0, cost_nusd=5)]
    found = compared(old, new)
    assert (found.cost_nusd.before, found.cost_nusd.after, found.cost_nusd.share) == (10, 30, 2.0)
    assert (found.latency_ms(50).before, found.latency_ms(50).after) == (100.0, 50.0)
    assert found.latency_ms(95).by == pytest.approx(50 - 280)
    nothing = compared([], [])
    assert (nothing.cost_nusd.by, nothing.latency_ms(50).by, nothing.p_value) == (None, None, 1.0)
