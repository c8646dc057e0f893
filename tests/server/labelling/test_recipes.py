from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from spanwise_server.errors import SpanwiseError
from spanwise_server.labelling.diversity import distance, sketch, spread
from spanwise_server.labelling.drawing import paired
from spanwise_server.labelling.population import quarrel
from spanwise_server.labelling.queue import Target
from spanwise_server.labelling.rates import Weighed, rates, wilson
from spanwise_server.labelling.recipe import RECIPES, STRATA, Candidate, Recipe, draw, read_recipe
from spanwise_server.record import Annotation, Annotator

TOPICS = ("refund for a broken zip", "where is my parcel", "password reset mail", "delete my account")


def candidate(n: int) -> Candidate:
    return Candidate(
        target=Target(f"{n:032x}"),
        start_ns=n,
        latency_ms=(n * 37) % 1_000,
        cost_usd=None if n % 5 == 0 else (n * 53) % 100 / 1_000,
        failed=n % 4 == 0,
        text=f"{TOPICS[n % 4]} {n}",
        asked=TOPICS[n % 4],
        strata={"model": "big" if n % 10 == 0 else "small" if n % 3 else "tiny"},
        score=None if n % 2 else (n % 10) / 10,
        quarrel="ana said pass, judge said fail" if n % 6 == 0 else "",
    )


ALL = [candidate(n) for n in range(600)]


@pytest.mark.parametrize("name", RECIPES)
def test_a_larger_sample_holds_the_smaller_one_whatever_order_the_traces_come_in(name: str) -> None:
    shuffled = list(ALL)
    random.Random(1).shuffle(shuffled)
    few = draw(Recipe(name, "s", 60), ALL)  # type: ignore[arg-type]
    more = draw(Recipe(name, "s", 120), shuffled)  # type: ignore[arg-type]
    assert len(few.chosen) == 60
    assert [one.target for one in more.chosen[:60]] == [one.target for one in few.chosen]
    assert all(one.reason for one in more.chosen)
    assert draw(Recipe(name, "s", 60), shuffled) == few  # type: ignore[arg-type]


def test_the_sample_of_a_seed_is_known_to_every_machine() -> None:
    """Written down once: another engine, another Python or another day must not change it."""
    found = draw(Recipe("random", "known", 5), [candidate(n) for n in range(100)])
    assert [int(one.target.trace_id, 16) for one in found.chosen] == KNOWN


KNOWN = [36, 76, 32, 26, 95]


def test_another_seed_is_another_sample() -> None:
    assert draw(Recipe("random", "s", 60), ALL) != draw(Recipe("random", "t", 60), ALL)


def test_only_chance_gives_a_probability() -> None:
    for name in RECIPES:
        weights = {one.p_incl for one in draw(Recipe(name, "s", 60), ALL).chosen}
        if name == "random":
            assert weights == {0.1}
        elif name == "stratified":
            assert None not in weights
        else:
            assert weights == {None}


def test_a_stratified_sample_has_some_of_each_and_the_rest_in_proportion() -> None:
    drawn = draw(Recipe("stratified", "s", 60, by="model"), ALL)
    taken = {value: n for value, (_, n) in drawn.strata.items()}
    assert sum(taken.values()) == 60
    for value, (size, n) in drawn.strata.items():
        assert n == pytest.approx(60 * size / 600, abs=1), value
    few = draw(Recipe("stratified", "s", 3, by="model"), ALL)
    assert Counter(n for _, n in few.strata.values()) == {1: 3}
    for one in drawn.chosen:
        value = ALL[int(one.target.trace_id, 16)].strata["model"]
        size, n = drawn.strata[value]
        assert one.p_incl == n / size


def test_what_is_picked_is_what_was_asked_for() -> None:
    def of(name: str, limit: int = 20) -> list[Candidate]:
        chosen = draw(Recipe(name, "s", limit), ALL).chosen  # type: ignore[arg-type]
        return [ALL[int(one.target.trace_id, 16)] for one in chosen]

    assert all(one.failed for one in of("errors"))
    assert [one.latency_ms for one in of("slow")] == sorted((c.latency_ms for c in ALL), reverse=True)[:20]
    costs = sorted((c.cost_usd for c in ALL if c.cost_usd is not None), reverse=True)
    assert [one.cost_usd for one in of("costly")] == costs[:20]
    assert {one.score for one in of("low_score")} == {0.0}
    assert all(one.quarrel for one in of("disagreement"))
    assert [one.start_ns for one in of("newest", 3)] == [599, 598, 597]
    assert len({one.asked for one in of("diverse", 4)}) == 4


def test_no_more_is_taken_than_there_is() -> None:
    assert len(draw(Recipe("errors", "s", 500), ALL).chosen) == 150
    assert draw(Recipe("random", "s", 900), ALL).chosen[0].p_incl == 1.0
    assert draw(Recipe("diverse", "s", 5), []).chosen == ()


def test_texts_far_apart_come_first() -> None:
    texts = ["refund please", "refund pleas", "weather in Oslo", "refund, please"]
    assert spread(texts, 2) == [0, 2]
    assert distance(sketch("same text"), sketch("Same  text")) == 0.0


def test_pairs_were_asked_the_same_and_each_is_in_one() -> None:
    drawn = paired(Recipe("random", "s", 50), ALL)
    used = [t for one in drawn.chosen for t in (one.target, one.other)]
    assert len(set(used)) == len(used) == 100
    for one in drawn.chosen:
        assert one.other is not None
        first, second = (ALL[int(t.trace_id, 16)] for t in (one.target, one.other))
        assert first.asked == second.asked
    more = paired(Recipe("random", "s", 90), ALL)
    assert more.chosen[:50] == drawn.chosen


def test_an_unknown_recipe_or_split_is_refused_and_a_kept_one_read() -> None:
    with pytest.raises(SpanwiseError, match="is no recipe"):
        read_recipe({"name": "lucky"})
    with pytest.raises(SpanwiseError, match="cannot be split"):
        read_recipe({"by": "colour"})
    recipe = Recipe("stratified", "s", 7, STRATA[0])
    assert read_recipe(recipe.as_json()) == recipe


def test_labels_of_one_name_that_differ_are_a_quarrel() -> None:
    said = [
        Annotation("1", "p", "correct", "t", label="pass", annotator=Annotator("human", "ana")),
        Annotation("2", "p", "correct", "t", label="fail", annotator=Annotator("llm", "judge")),
        Annotation("3", "p", "tone", "t", label="cold", annotator=Annotator("llm", "judge")),
    ]
    assert quarrel(said) == "ana said pass, judge said fail"
    assert quarrel([said[0], said[2]]) == ""


def test_a_rate_of_a_random_sample_is_the_share_with_wilsons_interval() -> None:
    items = [Weighed({"pass" if n < 90 else "fail": 1.0}, 0.1) for n in range(100)]
    found = rates(items)
    assert [(r.answer, round(r.share, 3)) for r in found.rates] == [("pass", 0.9), ("fail", 0.1)]
    assert (found.rates[0].low, found.rates[0].high) == pytest.approx((0.8256, 0.9448), abs=1e-4)
    assert wilson(0.9, 100) == (found.rates[0].low, found.rates[0].high)


def test_each_item_counts_for_as_many_as_it_stands_for() -> None:
    """A rare stratum that always fails is sampled ten times as densely: unweighted, half would seem to fail."""
    items = [Weighed({"fail": 1.0}, 0.5)] * 50 + [Weighed({"pass": 1.0}, 0.05)] * 50
    found = {rate.answer: rate for rate in rates(items).rates}
    assert found["fail"].share == pytest.approx(100 / 1_100)
    assert found["fail"].low < found["fail"].share < found["fail"].high
    even = {r.answer: r for r in rates([replace(i, p_incl=0.1) for i in items]).rates}
    assert found["pass"].high - found["pass"].low > 0.05
    assert even["fail"].share == 0.5


def test_weighted_rates_are_right_on_average() -> None:
    """Drawn again and again from a known population, the estimate is unbiased and the interval holds it."""
    truth = {one.target: one.failed for one in ALL}
    known = sum(truth.values()) / len(truth)
    estimates, held = [], 0
    for seed in range(200):
        drawn = draw(Recipe("stratified", str(seed), 60, by="model"), ALL)
        found = rates([Weighed({"fail" if truth[c.target] else "pass": 1.0}, c.p_incl) for c in drawn.chosen])
        rate = next(r for r in found.rates if r.answer == "fail")
        estimates.append(rate.share)
        held += rate.low <= known <= rate.high
    assert sum(estimates) / len(estimates) == pytest.approx(known, abs=0.01)
    assert held >= 180


def test_what_was_picked_for_what_it_is_gives_no_rate() -> None:
    found = rates([Weighed({"fail": 1.0}, None)] * 20)
    assert found.rates == ()
    assert "not by chance" in found.refused
    mixed = rates([Weighed({"fail": 1.0}, None)] * 20 + [Weighed({"pass": 1.0}, 0.5)] * 10)
    assert (mixed.used, mixed.left_out, mixed.rates[0].share) == (10, 20, 1.0)
    assert rates([]).refused == "Nothing is labelled yet."
