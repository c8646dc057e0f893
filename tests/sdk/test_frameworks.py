"""Frameworks: a line each in the registry, and a call of a model that counts once whoever tells of it."""

from __future__ import annotations

import ast
import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import spanwise
from matrix.cases import CASES
from matrix.page import SORTS, markdown
from spanwise.frameworks import third_party
from spanwise.frameworks.steps import Steps
from spanwise.registry import CLIENTS, FRAMEWORKS, HOSTS, PROVIDERS

SDK = Path(spanwise.__file__).parent
DOCS = SDK.parents[1] / "web" / "docs"
USER = [{"role": "user", "content": "Go on"}]


@pytest.mark.parametrize(("name", "path"), [*FRAMEWORKS.items(), *PROVIDERS.items()])
def test_what_is_listed_is_there_and_called_so(name, path):
    module, _, attribute = path.partition(":")
    tree = ast.parse((SDK.parent / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    made = [node for node in tree.body if isinstance(node, ast.AnnAssign) and node.target.id == attribute]
    assert len(made) == 1
    assert (HOSTS | CLIENTS)[name]


def test_every_framework_waits_for_a_module_of_its_own():
    assert FRAMEWORKS.keys() == HOSTS.keys()
    assert not FRAMEWORKS.keys() & PROVIDERS.keys()
    assert len(set(HOSTS.values())) == len(HOSTS)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_every_framework_is_in_the_matrix_and_on_the_page(name):
    assert name in {case.name for case in CASES}
    assert re.search(rf"\| `{name}` \|", (DOCS / "frameworks.md").read_text(encoding="utf-8"))


#: Parts of a package that is there: whose client asks a server of Chroma's, and Mistral's for clouds, like its own.
PARTS = {"chroma-async", "mistralai-azure", "mistralai-gcp"}


@pytest.mark.parametrize("name", sorted(set(PROVIDERS) - PARTS))
def test_every_provider_is_in_the_matrix(name):
    assert name in {case.name for case in CASES}


@pytest.mark.parametrize("sort", SORTS)
def test_the_page_shows_the_versions_that_are_tested(sort):
    assert markdown(sort) in SORTS[sort][0].read_text(encoding="utf-8")


def test_a_frameworks_call_gives_way_to_the_clients(spans, openai_client):
    steps = Steps()
    steps.begin("run", None, "Agent", "agent")
    step = steps.begin("call", "run", "ChatModel", "llm")
    step.enter()
    openai_client.chat.completions.create(model="m", messages=USER)
    step.generation.usage(input_tokens=99)
    steps.end("call")
    steps.end("run")
    client, model, agent = spans.all()
    assert [span.attributes["spanwise.kind"] for span in (client, model, agent)] == ["llm", "chain", "agent"]
    assert client.parent.span_id == model.context.span_id
    assert model.parent.span_id == agent.context.span_id
    assert "gen_ai.usage.input_tokens" not in model.attributes


def test_a_frameworks_call_that_no_client_tells_of_is_told_by_the_framework(spans):
    steps = Steps()
    step = steps.begin("call", None, "ChatModel", "llm")
    step.generation.usage(input_tokens=99, output_tokens=1)
    step.generation.text("Hello")
    steps.end("call")
    assert spans.attributes()["spanwise.kind"] == "llm"
    assert spans.attributes()["gen_ai.operation.name"] == "chat"
    assert spans.attributes()["gen_ai.usage.input_tokens"] == 99
    assert spans.said() == [{"type": "text", "content": "Hello"}]


def test_a_call_within_a_call_of_a_framework_counts_once(spans, openai_client):
    steps = Steps()
    outer = steps.begin("outer", None, "complete", "llm")
    outer.enter()
    inner = steps.begin("inner", "outer", "chat", "llm")
    inner.enter()
    openai_client.chat.completions.create(model="m", messages=USER)
    steps.end("inner")
    steps.end("outer")
    assert [span.attributes["spanwise.kind"] for span in spans.all()] == ["llm", "chain", "chain"]


def test_hidden_steps_stand_for_what_is_around_them(spans):
    steps = Steps()
    steps.begin("run", None, "graph", "chain")
    steps.hide("plumbing", "run")
    steps.hide("more", "plumbing")
    steps.begin("tool", "more", "search", "tool")
    for key in ("tool", "more", "plumbing", "run"):
        steps.end(key)
    assert [span.name for span in spans.all()] == ["search", "graph"]
    assert spans.named("search").parent.span_id == spans.named("graph").context.span_id


def test_the_best_kept_instrumentation_is_switched_on_once(monkeypatch, caplog):
    made = []

    class Kept:
        is_instrumented_by_opentelemetry = False

        def instrument(self):
            self.is_instrumented_by_opentelemetry = True
            made.append("on")

        def uninstrument(self):
            made.append("off")

    points = [
        EntryPoint("crewai", "opentelemetry.instrumentation.crewai:Other", third_party.GROUP),
        EntryPoint("crewai", "openinference.instrumentation.crewai:Kept", third_party.GROUP),
        EntryPoint("else", "openinference.instrumentation.crewai:Kept", third_party.GROUP),
    ]
    monkeypatch.setattr(third_party, "entry_points", lambda group: points)
    monkeypatch.setattr(EntryPoint, "load", lambda point: {"Kept": Kept}[point.attr])
    undo = third_party.CREWAI.on_patch(ast)
    undo()
    assert made == ["on", "off"]
    points.clear()
    third_party.CREWAI.on_patch(ast)()
    assert "pip install openinference-instrumentation-crewai" in caplog.text
