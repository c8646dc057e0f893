"""Codes in every small store: what critiques carry, every act on it, and acts that are taken back."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from shop_traces import shop_trace, span_id, trace_id
from spanwise_server.errors import Conflict, NotFound, SpanwiseError
from spanwise_server.labelling.codes import Code, Critique, Scope
from spanwise_server.labelling.codes_desk import CodeDesk
from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.record import Annotation, Annotator
from spanwise_server.store.code_change import CodeEvent
from spanwise_server.store.codes import Codes
from spanwise_server.store.label_events import Act
from store_engines import KINDS, opened

KEYS = (f"code-key-{n:06d}" for n in itertools.count())


def act(who: str = "ana", project: str = "default", key: str = "") -> Act:
    return Act(project, key or next(KEYS), Annotator("human", who))


def critique(n: int, text: str | None = "Wrong refund", project: str = "default", **more: Any) -> Annotation:
    said = {"label": "fail", "annotator": Annotator("human", "ana"), "explanation": text, "created_ns": n, **more}
    return Annotation(f"{project}-{n}", project, "correct", trace_id(n), updated_ns=n, **said)


@pytest.fixture(scope="module", params=KINDS)
def engine(request: pytest.FixtureRequest) -> Iterator[Any]:
    with opened(request.param) as store:
        yield store


@pytest.fixture
def project(engine: Any) -> Callable[..., str]:
    """A project of the test's own, with six critiques."""
    name = f"p{next(KEYS)}"
    engine.annotate([critique(n, f"Critique {n}", name) for n in range(1, 7)])
    return name


class Coding:
    """One project's codes as a test speaks of them."""

    def __init__(self, store: Any, project: str) -> None:
        self.codes, self.desk, self.project = Codes(store), CodeDesk(store), project

    def act(self, who: str = "ana", key: str = "") -> Act:
        return act(who, self.project, key)

    def ids(self, *numbers: int) -> list[str]:
        return [f"{self.project}-{n}" for n in numbers]

    def put(self, code: str | int, *numbers: int, who: str = "ana") -> CodeEvent | None:
        return self.codes.put(self.act(who), self.ids(*numbers), code)

    def code(self, name: str) -> Code:
        return next(code for code in self.codes.all(self.project) if code.name == name)

    def critiques(self) -> list[Critique]:
        return self.desk.critiques(Scope(self.project))

    def stands(self) -> dict[str, list[int]]:
        """Code -> the numbers of the critiques that carry it, ``aside`` for those that name no failure."""
        names = {code.id: code.name for code in self.codes.all(self.project)}
        found: dict[str, list[int]] = {name: [] for name in names.values()}
        for one in self.critiques():
            number = int(one.id.rpartition("-")[2])
            for mark in one.marks:
                found.setdefault("aside" if mark.code_id is None else names[mark.code_id], []).append(number)
        return found

    def undo(self, event: CodeEvent | None = None, who: str = "ana") -> CodeEvent | None:
        return self.codes.undo(self.act(who), None if event is None else event.id)


@pytest.fixture
def coding(engine: Any, project: str) -> Coding:
    return Coding(engine, project)


def test_a_name_makes_a_code_once_whatever_its_case(coding: Coding) -> None:
    coding.put("  Wrong   refund ", 1, 2)
    coding.put("wrong REFUND", 3)
    assert coding.stands() == {"Wrong refund": [1, 2, 3]}
    assert coding.put("Wrong refund", 1, 2, 3) is None, "what changes nothing is no act"


def test_a_critique_carries_several_codes_with_who_gave_them_and_when(coding: Coding) -> None:
    coding.put("Rude", 1)
    coding.put("Too long", 1, 2, who="bo")
    first = coding.critiques()[0]
    assert [(coding.codes.find(coding.project, m.code_id or 0).name, m.by) for m in first.marks] == [
        ("Rude", "ana"), ("Too long", "bo"),
    ]  # fmt: skip
    assert first.marks[0].at_ns < first.marks[1].at_ns
    coding.codes.take(coding.act(), coding.ids(1), coding.code("Rude").id)
    assert coding.stands() == {"Rude": [], "Too long": [1, 2]}


def test_a_code_and_set_aside_exclude_each_other(coding: Coding) -> None:
    coding.put("Rude", 1, 2)
    coding.codes.set_aside(coding.act(), coding.ids(2, 3))
    assert coding.stands() == {"Rude": [1], "aside": [2, 3]}
    coding.put("Rude", 3)
    assert coding.stands() == {"Rude": [1, 3], "aside": [2]}


def test_merged_codes_are_one_and_nothing_is_counted_twice(coding: Coding) -> None:
    coding.put("Rude", 1, 2)
    coding.put("Unfriendly", 2, 3)
    rude, unfriendly = coding.code("Rude"), coding.code("Unfriendly")
    event = coding.codes.merge(coding.act(), unfriendly.id, rude.id)
    assert coding.stands() == {"Rude": [1, 2, 3]}
    assert event is not None
    assert (event.names, event.critiques) == (("Unfriendly", "Rude"), 2)
    with pytest.raises(NotFound, match="merged") as refused:
        coding.put(unfriendly.id, 4)
    assert "Rude" in refused.value.hint
    with pytest.raises(Conflict):
        coding.codes.merge(coding.act(), rude.id, rude.id)
    coding.undo(event)
    assert coding.stands() == {"Rude": [1, 2], "Unfriendly": [2, 3]}


def test_a_split_moves_the_chosen_critiques_to_a_code_of_their_own(coding: Coding) -> None:
    coding.put("Wrong", 1, 2, 3)
    wrong = coding.code("Wrong")
    event = coding.codes.split(coding.act(), wrong.id, coding.ids(2, 3, 4), "Wrong price")
    assert coding.stands() == {"Wrong": [1], "Wrong price": [2, 3]}, "one that does not carry it stays out"
    for names, numbers in (("wrong", (1,)), ("Other", (5,))):
        with pytest.raises(Conflict):
            coding.codes.split(coding.act(), wrong.id, coding.ids(*numbers), names)
    assert "Other" not in coding.stands(), "a refused act leaves nothing"
    coding.undo(event)
    assert coding.stands() == {"Wrong": [1, 2, 3]}


def test_a_code_is_renamed_and_described_but_not_to_the_name_of_another(coding: Coding) -> None:
    coding.put("Wrong", 1)
    coding.put("Rude", 2)
    wrong = coding.code("Wrong")
    event = coding.codes.rename(coding.act(), wrong.id, "Wrong price", "Any price that the tool did not give.")
    assert coding.code("Wrong price").description == "Any price that the tool did not give."
    assert event is not None
    assert event.names == ("Wrong", "Wrong price")
    with pytest.raises(Conflict, match="already"):
        coding.codes.rename(coding.act(), wrong.id, "RUDE", "")
    coding.codes.rename(coding.act(), wrong.id, "WRONG PRICE", "")
    for name in ("", "  ", "x" * 121):
        with pytest.raises(SpanwiseError):
            coding.codes.rename(coding.act(), wrong.id, name, "")


def test_a_deleted_code_leaves_its_critiques_uncoded_and_comes_back_with_them(coding: Coding) -> None:
    coding.put("Rude", 1, 2)
    rude = coding.code("Rude")
    event = coding.codes.delete(coding.act(), rude.id)
    assert coding.stands() == {}
    with pytest.raises(NotFound, match="deleted"):
        coding.codes.find(coding.project, rude.id)
    coding.undo(event)
    assert coding.stands() == {"Rude": [1, 2]}
    assert coding.critiques()[0].marks[0].by == "ana"


def test_undo_takes_back_ones_own_latest_acts_one_after_another(coding: Coding) -> None:
    coding.put("Rude", 1)
    coding.put("Rude", 2)
    coding.put("Rude", 3, who="bo")
    coding.undo()
    assert coding.stands() == {"Rude": [1, 3]}
    undone = coding.undo(who="bo")
    assert undone is not None
    assert (undone.action, undone.names) == ("undo", ("Rude",))
    coding.undo()
    assert coding.stands() == {}, "the act that made the code took it back"
    assert coding.undo() is None


def test_an_act_that_later_ones_build_on_is_not_undone(coding: Coding) -> None:
    first = coding.put("Rude", 1)
    coding.put("Rude", 2, who="bo")
    with pytest.raises(Conflict, match="since"):
        coding.undo(first)
    assert coding.stands() == {"Rude": [1, 2]}
    coding.undo(who="bo")
    coding.undo(first)
    assert coding.stands() == {}
    with pytest.raises(NotFound):
        coding.undo(first)
    coding.put("Rude", 1)
    rude = coding.code("Rude").id
    taken = coding.codes.take(coding.act(), coding.ids(1), rude)
    coding.put("Rude", 1)
    with pytest.raises(Conflict):
        coding.undo(taken)


def test_acts_are_undone_one_after_another_across_what_the_later_ones_moved(coding: Coding) -> None:
    coding.put("Wrong", 1, 2, 3)
    wrong = coding.code("Wrong").id
    coding.codes.split(coding.act(), wrong, coding.ids(2, 3), "Wrong price")
    coding.put("Rude", 3)
    coding.codes.merge(coding.act(), coding.code("Wrong price").id, coding.code("Rude").id)
    coding.codes.set_aside(coding.act(), coding.ids(1, 3))
    coding.codes.delete(coding.act(), coding.code("Rude").id)
    for expected in (
        {"Wrong": [], "Rude": [2], "aside": [1, 3]},
        {"Wrong": [1], "Rude": [2, 3]},
        {"Wrong": [1], "Wrong price": [2, 3], "Rude": [3]},
        {"Wrong": [1], "Wrong price": [2, 3]},
        {"Wrong": [1, 2, 3]},
        {},
    ):
        coding.undo()
        assert coding.stands() == expected


def test_a_name_that_was_given_away_is_not_taken_back(coding: Coding) -> None:
    coding.put("Rude", 1)
    renamed = coding.codes.rename(coding.act(), coding.code("Rude").id, "Unfriendly", "")
    coding.put("Rude", 2)
    with pytest.raises(Conflict, match="another code"):
        coding.undo(renamed)


def test_an_act_sent_twice_with_one_key_is_one(coding: Coding) -> None:
    once = coding.codes.put(coding.act(key="the-same-key-" + coding.project), coding.ids(1), "Rude")
    coding.undo(once)
    again = coding.codes.put(coding.act(key="the-same-key-" + coding.project), coding.ids(1), "Rude")
    assert again == once
    assert coding.stands() == {}


def test_every_act_is_kept_and_found_by_person_code_and_critique(coding: Coding) -> None:
    coding.put("Rude", 1, 2)
    coding.put("Too long", 3, who="bo")
    coding.codes.merge(coding.act("bo"), coding.code("Too long").id, coding.code("Rude").id)
    coding.codes.take(coding.act(), coding.ids(2), coding.code("Rude").id)
    coding.undo()
    history = coding.codes.events(coding.project)
    assert [(e.action, e.annotator_id, e.names, e.critiques) for e in reversed(history)] == [
        ("code", "ana", ("Rude",), 2), ("code", "bo", ("Too long",), 1), ("merge", "bo", ("Too long", "Rude"), 1),
        ("uncode", "ana", ("Rude",), 1), ("undo", "ana", ("Rude",), 1),
    ]  # fmt: skip
    of = coding.codes.events
    assert [e.action for e in of(coding.project, annotator="bo")] == ["merge", "code"]
    assert [e.action for e in of(coding.project, annotation_id=f"{coding.project}-2")] == ["undo", "uncode", "code"]
    rude = coding.code("Rude").id
    assert [e.action for e in of(coding.project, code_id=rude)] == ["undo", "uncode", "merge", "code"]
    assert [e.action for e in of(coding.project, before_id=history[0].id, limit=1)] == ["uncode"]


def test_nobody_touches_another_project(engine: Any, coding: Coding) -> None:
    other = Coding(engine, coding.project + "x")
    engine.annotate([critique(1, "Elsewhere", other.project)])
    coding.put("Rude", 1)
    rude = coding.code("Rude")
    for forbidden in (
        lambda: other.codes.find(other.project, rude.id),
        lambda: other.put(rude.id, 1),
        lambda: coding.codes.put(coding.act(), other.ids(1), "Rude"),
        lambda: coding.put("Rude", 99),
        lambda: other.codes.undo(other.act(), coding.codes.events(coding.project)[0].id),
    ):
        with pytest.raises(NotFound):
            forbidden()
    with pytest.raises(SpanwiseError, match="No critique"):
        coding.put("Rude")
    assert other.stands() == {}
    assert coding.stands() == {"Rude": [1]}


def test_critiques_are_what_people_wrote_and_fails_without_words(engine: Any, coding: Coding) -> None:
    name = coding.project
    engine.annotate(
        [
            critique(11, None, name),
            critique(12, None, name, label="pass"),
            critique(13, "Well said", name, label="pass"),
            critique(14, "By a judge", name, annotator=Annotator("llm", "gpt")),
            critique(15, None, name, label=None, metadata={"highlights": [{"quote": "60 days", "note": "it is 30"}]}),
            critique(16, None, name, label=None, metadata={"assertions": ["says 30 days"]}),
        ]
    )
    found = {int(one.id.rpartition("-")[2]): one for one in coding.critiques()}
    assert sorted(found) == [1, 2, 3, 4, 5, 6, 11, 13, 15]
    assert found[15].text == "“60 days”: it is 30"
    assert [n for n, one in sorted(found.items()) if one.open] == [1, 2, 3, 4, 5, 6, 11, 15], "praise wants no code"
    some = coding.desk.critiques(Scope(name, from_ns=2, to_ns=5))
    assert [one.created_ns for one in some] == [2, 3, 4]


def test_a_critique_that_is_written_anew_says_so_and_one_that_is_removed_is_gone(engine: Any, coding: Coding) -> None:
    coding.put("Rude", 1, 2)
    assert not coding.critiques()[0].reworded
    engine.annotate([replace(critique(1, "Other words", coding.project), updated_ns=1 << 62)])
    first, second = coding.critiques()[:2]
    assert (first.text, first.reworded, second.reworded) == ("Other words", True, False)
    engine.unannotate(coding.project, coding.ids(2)[0])
    assert coding.stands() == {"Rude": [1]}


def test_traces_and_spans_are_found_by_the_codes_of_their_critiques(engine: Any, coding: Coding) -> None:
    engine.write([one for n in range(1, 5) for one in shop_trace(n, project=coding.project)])
    engine.annotate([critique(n, f"Critique {n}", coding.project, span_id=span_id(n)) for n in range(1, 4)])
    coding.put("Wrong refund", 1, 2)
    coding.put("Rude", 2)
    found = {
        'code:"Wrong refund"': {1, 2},
        "code:Rude": {2},
        "code:*ude": {2},
        "code:Rude,nothing": {2},
        "code:rude": set(),
        'code:"Wrong refund" -code:Rude': {1},
        "-code:*": {3, 4},
    }
    for text, numbers in found.items():
        query = Query(coding.project, parse(text), limit=50)
        assert {t.trace_id for t in engine.find_traces(query).items} == {trace_id(n) for n in numbers}, text
    spans = engine.find_spans(Query(coding.project, parse("code:Rude"))).items
    assert {r.span.span_id for r in spans} == {span_id(2)}
    values = [(v.value, v.count) for v in engine.values(coding.project, "code", "", 9)]
    assert values == [("Wrong refund", 2), ("Rude", 1)]
    assert [v.value for v in engine.values(coding.project, "code", "R", 9)] == ["Rude"]
    coding.codes.delete(coding.act(), coding.code("Rude").id)
    assert engine.find_traces(Query(coding.project, parse("code:Rude"))).items == ()
    assert [v.value for v in engine.values(coding.project, "code", "", 9)] == ["Wrong refund"]


def test_a_judgement_says_its_codes_as_they_are_called_now_and_keeps_none(engine: Any, coding: Coding) -> None:
    coding.put("Rude", 1)
    coding.put("Too long", 1)
    coding.codes.set_aside(coding.act(), coding.ids(2))

    def said(n: int) -> tuple[str, ...]:
        (judged,) = engine.annotations(coding.project, [trace_id(n)])[trace_id(n)]
        return judged.codes

    assert (said(1), said(2), said(3)) == (("Rude", "Too long"), (), ())
    coding.codes.rename(coding.act(), coding.code("Rude").id, "Unfriendly", "")
    (judged,) = engine.annotations(coding.project, [trace_id(1)])[trace_id(1)]
    assert judged.codes == ("Unfriendly", "Too long")
    coding.codes.take(coding.act(), coding.ids(1), coding.code("Unfriendly").id)
    engine.annotate([judged])
    assert said(1) == ("Too long",)
