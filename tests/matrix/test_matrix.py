"""What the SDK tells of each library, at both ends of the versions it supports, is what really happened."""

from __future__ import annotations

import pytest

from emissions.judge import OURS, judged
from emissions.scenarios import said
from emissions.table import model_calls
from spanwise.registry import PROVIDERS
from spanwise_server.record import MODEL_KINDS, Record

from .case import EDGES, Case, Edge
from .cases import CASES, FRAMEWORKS, STORES
from .programs import told_of
from .run import Told, paired

pytestmark = pytest.mark.matrix


def at_both_edges(cases):
    """Run with each case at its oldest and its newest version."""
    together = [pytest.param(case, edge, id=f"{case.name}-{edge}") for case in cases for edge in EDGES]
    return pytest.mark.parametrize(("case", "edge"), together)


both = at_both_edges(CASES)


def above(record: Record, told: Told) -> list[Record]:
    by_id = {each.span.span_id: each for each in told.records}
    found = []
    while (parent := by_id.get(record.span.parent_span_id or "")) is not None:
        found.append(parent)
        record = parent
    return found


@both
def test_each_call_counts_once_and_is_told_right(case: Case, edge: Edge) -> None:
    told = told_of(case.name, edge)
    records = model_calls(told.records)
    shown = [(record.kind, record.name) for record in records]
    assert len(records) == len(told.calls), f"{len(told.calls)} calls were made, {len(records)} told: {shown}"
    wrong = [
        f"{record.name}: {field} is {verdict}"
        for record, call in paired(told)
        for field, verdict in judged(record, call, case.mistakes).items()
        if verdict in OURS
    ]
    assert not wrong


@both
def test_the_tokens_are_what_the_provider_counted(case: Case, edge: Edge) -> None:
    told = told_of(case.name, edge)
    counted = sum(
        record.reading.usage.total_tokens or 0 for record in model_calls(told.records) if record.reading.usage
    )
    sides = ("input_tokens", "output_tokens")
    assert counted == sum(call.get("usage", {}).get(side, 0) for call in told.calls for side in sides)


@both
def test_the_steps_of_a_framework_are_told(case: Case, edge: Edge) -> None:
    told = told_of(case.name, edge)
    shown = {(record.kind, record.name) for record in told.records}
    shown |= {(record.kind, record.reading.tool.name) for record in told.records if record.reading.tool is not None}
    assert set(case.steps) <= shown, sorted(shown)
    paths = {" > ".join(each.name for each in (*reversed(above(record, told)), record)) for record in told.records}
    assert set(case.paths) <= paths, "\n".join(sorted(paths))


@at_both_edges(FRAMEWORKS)
def test_calls_are_made_inside_of_what_makes_them(case: Case, edge: Edge) -> None:
    told = told_of(case.name, edge)
    calls = model_calls(told.records)
    inside = [record for record in calls if any(each.kind not in MODEL_KINDS for each in above(record, told))]
    assert not case.around or inside == calls, [record.name for record in calls if record not in inside]
    tools = [record for record in told.records if record.kind == "tool"]
    assert not case.around or all(above(tool, told) for tool in tools)


@at_both_edges([case for case in CASES if case.name == "langgraph"])
def test_a_graphs_thread_is_a_session_and_its_waiting_no_failure(case: Case, edge: Edge) -> None:
    roots = [record for record in told_of(case.name, edge).records if record.name == "patient"]
    assert [root.reading.session_id for root in roots] == [said.SESSION] * 2
    assert roots[0].reading.tags == ("red",)
    assert roots[0].reading.metadata["plan"] == said.PLAN
    assert {record.span.status for record in told_of(case.name, edge).records} <= {"unset", "ok"}


@at_both_edges([case for case in CASES if case.name == "mcp"])
def test_what_a_tool_of_a_server_is_asked_and_answers_is_told_on_both_sides(case: Case, edge: Edge) -> None:
    tools = [record for record in told_of(case.name, edge).records if record.kind == "tool"]
    calls = [tool.reading for tool in tools if tool.reading.tool.name == "get_weather"]
    assert [(call.input, call.output) for call in calls] == [({"city": "Oslo"}, said.TOOL_RESULT)] * 2
    failed = [tool for tool in tools if tool.reading.tool.name == "fails"]
    assert [tool.span.status for tool in failed] == ["error"] * 2
    assert len({tool.span.trace_id for tool in failed}) == 1


@pytest.mark.parametrize("case", FRAMEWORKS, ids=lambda case: case.name)
def test_without_the_framework_its_calls_are_told_all_the_same(case: Case) -> None:
    told = told_of(case.name, "newest", excluded=True)
    assert len(model_calls(told.records)) == len(told.calls)


@at_both_edges(STORES)
def test_what_a_store_finds_is_told(case: Case, edge: Edge) -> None:
    found = [record.reading for record in told_of(case.name, edge).records if record.kind == "retriever"]
    assert found
    for reading in found:
        (document,) = reading.documents
        assert document["content"] == said.TOOL_RESULT
        assert document["metadata"] == {"page": 7}
        assert isinstance(document["score"], float)
        assert reading.provider == (case.name if case.name in PROVIDERS else None)


@pytest.mark.parametrize("case", [case for case in STORES if case.name == "chroma"], ids=["newest"])
def test_chromas_asynchronous_client_is_told_too(case: Case) -> None:
    records = told_of(case.name, "newest").records
    assert [record.kind for record in records].count("retriever") == 3
