"""Measures of agreement against the examples that those who made them published."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from spanwise_server.labelling.agreement import DRAWS, Unit, alpha, cohen, fleiss, fleiss_of_table, percent
from spanwise_server.labelling.outcome import COMPARED, Vote, agreement
from spanwise_server.labelling.overlap import SAME, UNSCALED, overlap
from spanwise_server.labelling.rubric import KINDS, Kind, rubric_of


def table(*raters: str) -> list[Unit]:
    """Return units from one line of ratings a rater, ``.`` for none."""
    rows = [line.split() for line in raters]
    return [
        {f"r{n}": float(row[at]) if row[at].isdecimal() else row[at] for n, row in enumerate(rows) if row[at] != "."}
        for at in range(len(rows[0]))
    ]


#: Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), examples A, B and C.
A = table("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0")
B = table("a a b b d c c c e d d a", "b a b b b c c c e d d d")
C = table(
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)


@pytest.mark.parametrize(
    ("units", "level", "expected"),
    [
        (A, "nominal", 0.095),
        (B, "nominal", 0.692),
        (C, "nominal", 0.743),
        (C, "ordinal", 0.815),
        (C, "interval", 0.849),
        (C, "ratio", 0.797),
    ],
)
def test_alpha_is_what_krippendorff_published(units: Sequence[Unit], level: str, expected: float) -> None:
    assert alpha(units, level).value == pytest.approx(expected, abs=5e-4)  # type: ignore[arg-type]


def test_fleiss_kappa_is_what_fleiss_published() -> None:
    """Fourteen raters put ten patients into five categories (Fleiss 1971, as worked through in Wikipedia)."""
    rows = (
        (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
    )  # fmt: skip
    found = fleiss_of_table([{at: n for at, n in enumerate(row) if n} for row in rows])
    assert found.value == pytest.approx(0.210, abs=5e-4)


def pairs(yes_yes: int, yes_no: int, no_yes: int, no_no: int) -> list[Unit]:
    counts = {("yes", "yes"): yes_yes, ("yes", "no"): yes_no, ("no", "yes"): no_yes, ("no", "no"): no_no}
    return [{"ana": a, "bo": b} for (a, b), n in counts.items() for _ in range(n)]


@pytest.mark.parametrize(
    ("counts", "expected"), [((20, 5, 10, 15), 0.4), ((45, 15, 25, 15), 0.1304), ((25, 35, 5, 35), 0.2593)]
)
def test_cohens_kappa_is_what_the_textbook_says(counts: tuple[int, int, int, int], expected: float) -> None:
    assert cohen(pairs(*counts), "ana", "bo").value == pytest.approx(expected, abs=5e-5)


def test_a_judge_that_always_passes_agrees_often_and_beyond_chance_never() -> None:
    units: list[Unit] = [{"ana": "pass" if n < 90 else "fail", "judge": "pass"} for n in range(100)]
    assert percent(units).value == 0.9
    assert cohen(units, "ana", "judge").value == 0.0


def test_one_label_alone_is_no_agreement_that_can_be_measured() -> None:
    units: list[Unit] = [{"ana": "pass", "bo": "pass"}] * 5
    for found in (cohen(units, "ana", "bo"), fleiss(units), alpha(units)):
        assert found.value is None
        assert found.why == "undefined: only one label used"
    assert percent(units).value == 1.0


def test_what_nobody_labelled_twice_says_so() -> None:
    units: list[Unit] = [{"ana": "pass"}, {"bo": "fail"}]
    for found in (percent(units), fleiss(units), alpha(units)):
        assert (found.value, found.why) == (None, "undefined: no item has two labels")
    assert cohen(units, "ana", "bo").why == "undefined: ana and bo labelled no item both"


def test_fleiss_wants_as_many_labels_for_each_and_alpha_does_not() -> None:
    units: list[Unit] = [{"a": "x", "b": "x"}, {"a": "x", "b": "y", "c": "y"}, {"a": "y", "b": "y"}]
    assert "different numbers" in fleiss(units).why
    assert alpha(units).value is not None


def test_the_interval_holds_the_value_is_the_same_each_time_and_narrows_with_more_items() -> None:
    chance = random.Random(4)
    units: list[Unit] = [
        {"a": (said := chance.choice("xy")), "b": said if chance.random() < 0.8 else chance.choice("xy")}
        for _ in range(400)
    ]
    few, many = alpha(units[:40], draws=DRAWS), alpha(units, draws=DRAWS)
    for found in (few, many):
        assert found.low is not None
        assert found.high is not None
        assert found.value is not None
        assert found.low < found.value < found.high
    assert alpha(units[:40], draws=DRAWS) == few
    assert many.high - many.low < few.high - few.low  # type: ignore[operator]


def mark(start: int, end: int) -> dict[str, object]:
    return {"quote": "x" * (end - start), "start": start, "end": end, "note": ""}


@pytest.mark.parametrize(
    ("kind", "one", "other", "expected"),
    [
        ("text", "Too  late.", "too late.", 1.0),
        ("text", "Too late.", "Too long.", 0.0),
        ("correction", {"day": 1}, {"day": 1}, 1.0),
        ("assertions", ["names the order", "gives a date"], ["Gives a date"], 2 / 3),
        ("highlights", [mark(0, 10)], [mark(5, 15)], 0.5),
        ("highlights", [mark(0, 4), mark(6, 8)], [mark(20, 24)], 0.0),
    ],
)
def test_answers_on_no_scale_agree_as_far_as_they_are_the_same(
    kind: Kind, one: object, other: object, expected: float
) -> None:
    found = overlap(kind, [{"ana": one, "bo": other}, {"ana": one}])
    assert (found.value, found.units) == (pytest.approx(expected), 1)


def test_of_answers_on_no_scale_nothing_beyond_chance_is_said_and_why() -> None:
    rubric = rubric_of([{"name": kind, "kind": kind, "text": f"{kind}?"} for kind in UNSCALED])
    given = {"text": "late", "correction": "No.", "assertions": ["a"], "highlights": [mark(0, 3)]}
    answers = {name: {"value": value} for name, value in given.items()}
    found = agreement(
        rubric, [Vote(1, "ana", answers), Vote(1, "bo", answers), Vote(2, "bo", {"text": {"value": "x"}})]
    )
    assert [one.question.kind for one in found] == list(UNSCALED) == list(SAME)
    for one in found:
        assert (one.percent.value, one.percent.units, one.alpha.value, one.fleiss.value) == (1.0, 1, None, None)
        assert one.alpha.why == UNSCALED[one.question.kind]
        (pair,) = one.pairs
        assert (pair.one, pair.other, pair.percent.value, pair.kappa.why) == ("ana", "bo", 1.0, one.alpha.why)
    assert overlap("text", [{"ana": "x"}]).why == "undefined: no item has two labels"
    assert set(UNSCALED) | set(COMPARED) == set(KINDS)
