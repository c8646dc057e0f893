"""Checks that judge answers without a person."""

from __future__ import annotations

import pytest

from spanwise_server.datasets.example import Example
from spanwise_server.experiments.checks import KINDS, BadCheck, Check, judged, read_checks


def example(expected: object = None, *assertions: str) -> Example:
    wanted = None if expected is None else {"content": expected}
    return Example("ex_1", {"content": "?"}, wanted, None, assertions=assertions)


@pytest.mark.parametrize(
    ("check", "answer", "row", "passed"),
    [
        (Check("exact"), " Lima ", example("Lima"), True),
        (Check("exact"), "lima", example("Lima"), False),
        (Check("exact"), "Lima", example(), None),
        (Check("exact"), '{"b": 2, "a": 1}', example({"a": 1, "b": 2}), True),
        (Check("contains"), "It is  LIMA, in Peru", example("is lima"), True),
        (Check("contains"), "It is Quito", example("Lima"), False),
        (Check("contains", "Peru"), "In Peru", example("Lima"), True),
        (Check("contains"), "anything", example(), None),
        (Check("lacks", "sorry"), "So SORRY!", example(), False),
        (Check("lacks", "sorry"), "Here it is.", example(), True),
        (Check("regex", r"^\d{3}$"), "123", example(), True),
        (Check("regex", r"^\d{3}$"), "12", example(), False),
        (Check("json"), '```json\n{"a": 1}\n```', example('{"a": 1}'), True),
        (Check("json"), "nothing", example({"a": 1}), False),
        (Check("json"), '{"a": 1}', example("Lima"), None),
        (Check("schema", '{"required": ["city"]}'), '{"city": "Lima"}', example(), True),
        (Check("schema", '{"required": ["city"]}'), "{}", example(), False),
        (Check("assertions"), "Refund in 5 days", example(None, "contains: refund", "not contains: sorry"), True),
        (Check("assertions"), "Sorry, a refund", example(None, "contains: refund", "not contains: sorry"), False),
        (Check("assertions"), "Refund", example(None, "It is polite and names the policy."), None),
        (Check("assertions"), "Order 77", example(None, r"regex: \d{2}", "It is polite."), True),
        (Check("assertions"), "Order", example(None, "regex: (", "made: up"), None),
    ],
)
def test_a_check_says_what_it_can_tell(check: Check, answer: str, row: Example, passed: bool | None) -> None:
    verdict = judged([check], answer, row)
    assert verdict.passed is passed
    assert bool(verdict.why) == (passed is False)


def test_an_answer_passes_where_no_check_that_can_tell_finds_a_fault() -> None:
    checks = [Check("exact"), Check("lacks", "sorry")]
    assert judged(checks, "Lima", example()).passed is True
    assert judged(checks, "Sorry", example("Lima")).why == "It is not “Lima”. It says “sorry”."
    assert judged([], "Lima", example("Lima")).passed is None


def test_a_pattern_that_never_ends_fails_the_answer_instead_of_the_server() -> None:
    verdict = judged([Check("regex", "(a|aa)+$")], "a" * 60 + "b", example())
    assert verdict.passed is False


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "nothing"},
        {"kind": "lacks"},
        {"kind": "regex", "value": "("},
        {"kind": "schema", "value": "[]"},
        {"kind": "schema", "value": "{"},
        {"kind": "schema", "value": '{"type": 7}'},
    ],
)
def test_a_check_that_could_decide_nothing_is_refused(said: dict[str, str]) -> None:
    with pytest.raises(Exception, match=r"\S") as refused:
        read_checks([said])
    assert refused.value.status == 422


def test_every_kind_of_check_is_in_the_help() -> None:
    from spanwise_server.resources import resource_dir

    help_page = (resource_dir("web") / "docs" / "experiments.md").read_text(encoding="utf-8")
    for kind in KINDS:
        assert f"`{kind}`" in help_page
    with pytest.raises(BadCheck):
        read_checks([{"kind": "exact"}] * 21)
