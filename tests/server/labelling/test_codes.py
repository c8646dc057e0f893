"""What critiques come to: counts, saturation, weighted rates, suggested groups, and where traces first go wrong."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop_traces import shop_trace, span_id
from spanwise_server.labelling import codes_groups
from spanwise_server.labelling.answers import annotation_id
from spanwise_server.labelling.codes import Code, Critique, Mark, Scope, counted
from spanwise_server.labelling.codes_groups import pure_clusters, suggested
from spanwise_server.labelling.codes_rates import code_rates, refusal_of
from spanwise_server.labelling.codes_saturation import saturation
from spanwise_server.labelling.codes_steps import Cell, Walk, first_bad, gap, step_rates, transitions, walk
from spanwise_server.labelling.codes_text import likeness, stem, vectors, words_in
from spanwise_server.labelling.outcome import Vote
from spanwise_server.labelling.queue import Item, Target
from spanwise_server.labelling.rates import wilson
from spanwise_server.labelling.rubric import rubric_of
from spanwise_server.record import Annotator

RUDE, LATE = Code(1, "rude"), Code(2, "late")


def critique(n: int, *codes: int | None, text: str = "", label: str = "fail", target: int | None = None) -> Critique:
    marks = tuple(Mark(code, "ana", n) for code in codes)
    at = Target(f"{n if target is None else target:032x}", f"{n if target is None else target:016x}")
    return Critique(f"c{n}", at, "correct", label, text or f"critique {n}", "ana", n, n, marks=marks)


def test_codes_are_counted_by_critique_and_by_what_was_judged() -> None:
    found = counted(
        [RUDE, LATE, Code(3, "unused")], [critique(1, 1), critique(2, 1, target=1), critique(3, 1, 2), critique(4)]
    )
    assert [(one.code.id, one.critiques, one.targets) for one in found] == [(1, 3, 2), (2, 1, 1), (3, 0, 0)]
    assert [round(one.share, 3) for one in found] == [1.0, 0.333, 0.0]


# ---- saturation ------------------------------------------------------------------------------------------------------


def test_the_meter_counts_codes_first_seen_among_the_latest_critiques_in_the_order_they_were_written() -> None:
    critiques = [critique(n, 1 if n <= 30 else 2 if n == 31 else 1) for n in range(1, 41)]
    meter = saturation(list(reversed(critiques)))
    assert (meter.read, meter.codes, meter.lately, meter.new, meter.curve[29:32]) == (40, 2, 20, 1, (1, 2, 2))
    assert "brought 1 new code. Read on" in meter.words
    assert meter.at_most is None
    assert meter.unseen == 1 / 40, "one of forty carries a code that no other does"


@pytest.mark.parametrize(("lately", "bound"), [(20, 0.139), (50, 0.058), (100, 0.030)])
def test_nothing_new_bounds_what_is_unseen_by_the_rule_of_three(lately: int, bound: float) -> None:
    meter = saturation([critique(n, 1) for n in range(1, 202)], lately)
    assert meter.new == 0
    assert meter.at_most == pytest.approx(bound, abs=0.0005)
    assert "would find little" in meter.words


def test_the_meter_says_nothing_before_enough_was_read() -> None:
    assert saturation([]).words == "Nothing is coded yet."
    few = saturation([critique(1, 1), critique(2), critique(3, None)])
    assert (few.read, few.codes, few.unseen, few.at_most) == (2, 1, None, None)
    assert "18 more tell" in few.words
    assert "until 100" in saturation([critique(n, 1) for n in range(1, 60)]).words


# ---- rates -----------------------------------------------------------------------------------------------------------


def item(n: int, p_incl: float | None) -> Item:
    return Item(n, 1, n, Target(f"{n:032x}", f"{n:016x}"), "done", p_incl=p_incl)


def written(n: int, *codes: int | None, who: str = "ana", settled: bool = False, label: str = "fail") -> Critique:
    target = item(n, None).target
    number = annotation_id("p", target, "correct", Annotator("human", who), settled=settled)
    return Critique(number, target, "correct", label, "why", who, n, n, marks=tuple(Mark(c, who, n) for c in codes))


def vote(n: int, who: str = "ana", value: str = "fail", **more: Any) -> Vote:
    return Vote(n, who, {"correct": {"value": value}}, **more)


def test_each_item_counts_for_as_many_as_it_stands_for() -> None:
    items = [item(1, 1.0), item(2, 0.1), item(3, 0.1), item(4, None)]
    votes = [vote(1), vote(2), vote(3, value="pass"), vote(4)]
    found = code_rates("p", items, votes, [written(1, 1), written(2, 2), written(4, 1)], [1, 2, 3])
    assert found.refused == ""
    assert (found.used, found.left_out) == (3, 1)
    shares = {code: rate.share for code, rate in found.by_code.items()}
    assert shares == pytest.approx({1: 1 / 21, 2: 10 / 21, 3: 0.0})
    effective = 21**2 / (1 + 100 + 100)
    assert (found.by_code[2].low, found.by_code[2].high) == pytest.approx(wilson(10 / 21, effective))
    assert found.by_code[3].high > 0.3, "what was not seen in three items may still be there"
    assert found.none is not None
    assert found.none.share == pytest.approx(10 / 21)


def test_labels_of_several_people_share_their_item_and_a_settlement_stands_for_all() -> None:
    votes = [vote(1), vote(1, "bo"), vote(2), vote(2, "bo"), vote(2, "cy", settles=True)]
    critiques = [written(1, 1), written(1, 2, who="bo"), written(2, 1), written(2, 2, who="cy", settled=True)]
    found = code_rates("p", [item(1, 0.5), item(2, 0.5)], votes, critiques, [1, 2])
    assert {code: rate.share for code, rate in found.by_code.items()} == pytest.approx({1: 0.25, 2: 0.75})


def test_rates_are_refused_where_they_would_be_wrong() -> None:
    items = [item(1, 0.5), item(2, None)]
    uncoded = code_rates("p", items, [vote(1), vote(2)], [written(1), written(2)], [1])
    assert uncoded.by_code == {}
    assert "1 critique of an item chosen by chance has no code" in uncoded.refused
    aside = code_rates("p", items, [vote(1), vote(2)], [written(1, None), written(2)], [1])
    assert (aside.refused, aside.by_code[1].share) == ("", 0.0)
    praise = code_rates("p", items, [vote(1)], [written(1, label="pass")], [1])
    assert praise.refused == ""
    picked = code_rates("p", [item(2, None)], [vote(2)], [written(2, 1)], [1])
    assert "not by chance" in picked.refused
    assert code_rates("p", items, [], [], [1]).refused == "Nothing is labelled yet."


def test_a_scope_that_is_no_sample_has_no_rate() -> None:
    assert refusal_of(Scope("p"), [7]) == ""
    assert "range of time" in refusal_of(Scope("p", from_ns=1), [7])
    assert "2 queues" in refusal_of(Scope("p"), [7, 8])
    assert "no queue" in refusal_of(Scope("p"), [])


# ---- groups ----------------------------------------------------------------------------------------------------------

SAID = """refund|Refund promised although the policy says 30 days
refund|promises a refund after the 30 day window, policy says no
refund|Wrong refund policy: it is 30 days not 60
lookup|Did not look up the order, invented a status
lookup|invented order status without calling lookup_order
lookup|Order status is made up; the lookup tool was never called
language|Answered in English, customer wrote German
language|Customer asked in German but got an English answer
length|Too long, buries the answer
length|Far too long and repetitive
alone|Leaks an internal ticket id
alone|No empathy""".splitlines()
TEXTS = [line.partition("|")[2] for line in SAID]


def wanting(texts: list[str] = TEXTS) -> list[Critique]:
    return [critique(n, text=text) for n, text in enumerate(texts)]


@pytest.mark.parametrize("fast", [False, True])
def test_critiques_of_one_kind_are_suggested_together_by_either_engine(fast: bool) -> None:
    found = suggested(wanting(), {}, fast=fast)
    kinds = [{SAID[int(one.id[1:])].partition("|")[0] for one in group.critiques} for group in found.groups]
    assert kinds == [{"refund"}, {"lookup"}, {"language"}, {"length"}]
    assert [len(group.critiques) for group in found.groups] == [3, 3, 2, 2]
    assert (found.alone, found.left_out) == (2, 0)
    assert found.groups[0].name == "refund policy 30"
    assert found.groups[2].name.split() in (["english", "german"], ["german", "english"])


def test_groups_are_the_same_in_whatever_order_features_come_and_after_every_run() -> None:
    assert suggested(wanting(), {}) == suggested(wanting(), {})


def test_what_reads_like_a_code_is_suggested_for_that_code() -> None:
    coded = [critique(100, 1, text=TEXTS[0]), critique(101, 1, text=TEXTS[1])]
    found = suggested([*coded, *wanting(TEXTS[2:])], {1: "Refund policy", 2: "unused"})
    joins = [group for group in found.groups if group.code_id is not None]
    assert [(group.name, group.code_id, [one.text for one in group.critiques]) for group in joins] == [
        ("Refund policy", 1, [TEXTS[2]])
    ]


def test_praise_what_is_coded_and_what_has_no_words_is_not_grouped() -> None:
    same = [critique(n, text="the same words twice") for n in range(2)]
    others = [
        critique(3, 1, text="coded words here"), critique(4, text="the same words twice", label="pass"),
        Critique("c5", Target("5"), "correct", "fail", "", "ana", 5, 5),
    ]  # fmt: skip
    found = suggested([*same, *others], {})
    assert [[one.id for one in group.critiques] for group in found.groups] == [["c0", "c1"]]
    assert suggested([], {}).groups == ()


def test_more_than_can_be_grouped_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes_groups, "MOST_PURE", 5)
    found = suggested(wanting(), {}, fast=False)
    assert found.left_out == len(TEXTS) - 5
    assert {one.text for group in found.groups for one in group.critiques} <= set(TEXTS[-5:])


@pytest.mark.parametrize("seed", range(5))
def test_our_own_clusters_are_those_of_scikit_learn(seed: int) -> None:
    dice = random.Random(seed)
    pool = " ".join(TEXTS).split()
    texts = [" ".join([dice.choice(TEXTS), *dice.choices(pool, k=dice.randint(2, 14))]) for _ in range(120)]
    found = vectors(texts)
    assert pure_clusters(found) == codes_groups._fast_clusters(found)


@given(st.lists(st.text(), max_size=12))
def test_any_texts_fall_into_groups_in_which_each_is_once(texts: list[str]) -> None:
    found = vectors(texts)
    clusters = pure_clusters(found)
    assert sorted(at for cluster in clusters for at in cluster) == list(range(len(texts)))
    for one in found:
        assert not one or likeness(one, one) == pytest.approx(1.0)


def test_words_without_meaning_and_endings_are_left_away() -> None:
    said = words_in("It's the WRONG answer, and don't ask again: 30 days")
    assert said == ["wrong", "ask", "30", "days"]
    assert [stem(word) for word in ("cancellation", "cancelled", "orders", "is", "days")] == [
        "cancell", "cancell", "order", "is", "days",
    ]  # fmt: skip


# ---- steps -----------------------------------------------------------------------------------------------------------


def test_the_matrix_counts_what_followed_what_until_the_first_bad_step() -> None:
    walks = [
        Walk(("plan", "search", "answer"), bad=True),
        Walk(("plan", "search"), bad=True),
        Walk(("plan", "search", "answer"), bad=False),
        Walk(("search",), bad=True),
    ]
    found = transitions(walks)
    assert (found.walks, found.bad, found.left_out) == (4, 3, 0)
    assert (found.steps, found.before) == (("search", "answer"), ("", "plan", "search"))
    assert found.cell("plan", "search") == Cell(3, 1)
    assert found.cell("", "search") == Cell(1, 1)
    assert found.cell("search", "answer") == Cell(2, 1)
    assert found.cell("plan", "answer") == Cell()
    assert found.of_step("search") == Cell(4, 2)


def test_steps_that_the_matrix_has_no_room_for_are_counted() -> None:
    walks = [Walk((f"step {n % 5}",), bad=True) for n in range(9)]
    found = transitions(walks, most=2)
    assert found.steps == ("step 0", "step 1")
    assert found.left_out == 5


def test_a_walk_ends_at_the_bad_step_and_is_not_taken_where_that_is_gone() -> None:
    records = shop_trace(0)
    root = records[0]
    bad = walk(root, records, span_id(0, 2))
    assert bad is not None
    assert (bad.steps, bad.bad) == (("search_help", "lookup_order"), True)
    good = walk(root, records, None)
    assert good is not None
    assert (len(good.steps), good.bad) == (3, False)
    assert walk(root, records, "f" * 16) is None


RUBRIC = rubric_of(
    [
        {"name": "correct", "kind": "binary", "text": "Good?"},
        {"name": "step", "kind": "first_bad_step", "text": "Where?"},
    ]
)


def said(n: int, step: Any, verdict: str = "fail", who: str = "ana", **more: Any) -> Vote:
    value = step if step in (None, "none") else {"span_id": step, "name": f"name of {step}"}
    return Vote(n, who, {"correct": {"value": verdict}, "step": {"value": value}}, **more)


def test_the_first_bad_step_is_what_most_said_or_what_it_was_settled_as() -> None:
    votes = [
        said(1, "aa"), said(1, "bb", who="bo"), said(1, "bb", who="cy"), said(2, "aa"), said(2, "none", "pass", "bo"),
        said(2, "cc", who="cy", settles=True), said(3, None, "pass"),
    ]  # fmt: skip
    found = first_bad(RUBRIC, [item(n, 0.5) for n in (1, 2, 3)], votes)
    assert [(one.item.id, one.span_id, one.failed) for one in found] == [(1, "bb", True), (2, "cc", True)]
    assert first_bad(rubric_of(RUBRIC.as_json()[:1]), [item(1, 0.5)], votes) == []


def test_an_answer_can_fail_though_every_step_is_good() -> None:
    votes = [said(1, "none", "fail"), said(2, "none", "pass"), said(3, "aa", "fail")]
    items = [item(n, 0.5) for n in (1, 2, 3)]
    found = first_bad(RUBRIC, items, votes)
    assert gap(found).failed == 1
    assert gap(found).good_steps == 2
    shares = {rate.answer: rate.share for rate in step_rates(found, {"aa": "lookup"}).rates}
    assert shares == pytest.approx({"none": 2 / 3, "lookup": 1 / 3})
