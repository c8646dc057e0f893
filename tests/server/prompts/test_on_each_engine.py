"""Prompts on every engine: the registry, what each version comes to, what changed, what it fails on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from spanwise_server.errors import Forbidden, NotFound
from spanwise_server.jobs.prompts_seen import PromptsSeen
from spanwise_server.prompts.checks import checks
from spanwise_server.prompts.content import BadPrompt, Content
from spanwise_server.prompts.failures import failed_calls
from spanwise_server.prompts.figures import answers_to_the_same, figures
from spanwise_server.query.measures import Steps
from spanwise_server.record import Annotation, Annotator, Cost, Record
from spanwise_server.store.prompt_changes import changes_of_prompts
from spanwise_server.store.prompts import Prompts
from store_engines import KINDS, opened
from store_model.spans import SECOND, START_NS, llm

DAY_NS = 86_400 * SECOND
FIRST_NS = START_NS // DAY_NS * DAY_NS
STEPS = Steps(FIRST_NS, 3 * DAY_NS, 1)
NOW_NS = FIRST_NS + DAY_NS * 3 // 2
SCHEMA = {"type": "object", "required": ["ok"]}
TEXTS = {1: "Answer {{question}}.", 2: "Answer {{question}} with JSON."}


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest) -> Any:
    with opened(request.param) as made:
        yield made


def call(n: int, version: int, question: str, answer: str, **more: Any) -> Record:
    def messages(role: str, text: str) -> str:
        return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])

    said = {
        "gen_ai__prompt__name": "support", "spanwise__prompt__version": str(version),
        "spanwise__prompt__template": TEXTS[version],
        "spanwise__prompt__variables": json.dumps({"question": question}),
        "gen_ai__input__messages": messages("system", TEXTS[version].replace("{{question}}", question)),
        "gen_ai__output__messages": messages("assistant", answer), "gen_ai__usage__output_tokens": 20, "tokens": 100,
    }  # fmt: skip
    made = llm(f"{n:032x}", f"{n:016x}", at=n, **{**said, **more})
    return replace(made, cost=Cost(1_000 * version, 800 * version, 200 * version))


def judged(n: int, label: str, kind: Any = "human") -> Annotation:
    said = Annotator(kind, "ana")
    return Annotation(
        f"a{n}{kind}", "default", "verdict", f"{n:032x}", f"{n:016x}", label=label, explanation="Because.",
        annotator=said, created_ns=n, updated_ns=n,
    )  # fmt: skip


@pytest.fixture
def filled(store: Any) -> Any:
    prompts = Prompts(store)
    prompts.publish("default", "support", Content(TEXTS[1]), by="ana", labels=["production"])
    prompts.publish("default", "support", Content(TEXTS[2], output_schema=SCHEMA), by="ben", labels=["production"])
    store.write(
        [
            *(call(n, 1, f"q{n}", "no", took=1.0) for n in range(1, 7)),
            call(11, 2, "q1", '{"ok": 1}', took=3.0),
            call(12, 2, "q2", "no", took=3.0, status="error"),
            call(13, 2, "q3", '{"ok": 1}', took=3.0, deployment__environment__name="playground"),
        ]
    )
    store.annotate([judged(1, "pass"), judged(2, "fail"), judged(3, "pass", "llm"), judged(11, "pass")])
    return store


def test_each_version_is_measured_alike(filled: Any) -> None:
    prompts = Prompts(filled)
    prompt = prompts.find("default", "support")
    second, first = figures(filled, prompt, prompts.versions(prompt), STEPS)
    assert (first.sums.calls, second.sums.calls) == (6, 2), "a call of the playground is none"
    assert (first.share, second.share) == (0.75, 0.25)
    assert (first.sums.errors, second.sums.errors) == (0, 1)
    assert (first.per_call_nusd, second.per_call_nusd) == (1_000, 2_000)
    assert (first.input_tokens, first.output_tokens) == (100, 20)
    assert first.latency.p50_ms == pytest.approx(1_000, rel=0.1)
    assert second.latency.p95_ms == pytest.approx(3_000, rel=0.1)
    assert (first.labels.passed, first.labels.of) == (1, 2)
    assert (first.judges.passed, first.judges.of) == (1, 1)
    assert (second.labels.passed, second.labels.of) == (1, 1)
    assert first.format_failures is None
    assert second.format_failures is not None
    assert (second.format_failures.passed, second.format_failures.of) == (1, 2)


def test_answers_failures_and_checks_are_found_alike(filled: Any) -> None:
    prompts = Prompts(filled)
    prompt = prompts.find("default", "support")
    second, first = prompts.versions(prompt)
    pairs = answers_to_the_same(filled, prompt, first, second, STEPS)
    assert [(pair.before.span.span_id, pair.after.span.span_id, pair.same) for pair in pairs] == [
        (f"{1:016x}", f"{11:016x}", False),
        (f"{2:016x}", f"{12:016x}", True),
    ]
    (failed,) = failed_calls(filled, prompt, first, STEPS)
    assert (failed.record.span.span_id, failed.label.explanation) == (f"{2:016x}", "Because.")
    found = {one.name: one for one in checks(filled, prompt, second, STEPS, NOW_NS)}
    assert found["Output format"].words == "1 of 2 answers are not as the schema asks."
    assert found["Unfilled variables"].state == "ok"
    assert "At 1.3 calls a day, as of late, they cost less than $0.01 a month." in found["Static weight"].words


def test_labels_their_history_and_their_protection_are_kept_alike(store: Any) -> None:
    prompts = Prompts(store)
    one, new = prompts.publish("default", "support", Content(TEXTS[1]), by="ana", labels=["production"])
    again, newer = prompts.publish("default", "support", Content(TEXTS[1]), by="ana")
    assert (one.number, new, again.number, newer) == (1, True, 1, False)
    prompts.publish("default", "support", Content(TEXTS[2]), by="ben")
    prompts.protect("default", "production", on=True)
    with pytest.raises(Forbidden):
        prompts.move("default", "support", "production", 2, may_promote=False)
    moved = prompts.move("default", "support", "production", 2, by="root")
    assert (moved.labels, moved.newest) == ({"production": 2}, 2)
    history = [(move.label, move.before, move.after, move.by) for move in prompts.history(moved)]
    assert history == [("production", 1, 2, "root"), ("production", None, 1, "ana")]
    with pytest.raises(NotFound):
        prompts.version("default", "support", "staging")
    prompts.publish("default", "tone", Content("Be kind."), labels=["production"])
    around, _ = prompts.publish("default", "letter", Content("Dear. {{> tone@production}}"))
    assert around.content.template == "Dear. Be kind."
    with pytest.raises(BadPrompt, match="include itself"):
        prompts.publish("default", "tone", Content("{{> letter}}"))
    prompts.delete("default", "support")
    assert [prompt.name for prompt in prompts.all("default")] == ["letter", "tone"]


def test_versions_seen_on_calls_and_when_they_began_are_kept_alike(store: Any) -> None:
    seen = PromptsSeen(store)
    records = [call(1, 1, "q", "a"), call(2, 2, "q", "a"), call(3, 2, "q", "a")]
    store.write(records)
    seen.note(records)
    seen.close()
    prompts = Prompts(store)
    versions = prompts.versions(prompts.find("default", "support"))
    assert [(one.number, one.origin, one.created_ns) for one in versions] == [
        (2, "code", records[1].span.start_ns),
        (1, "code", records[0].span.start_ns),
    ]
    (change,) = changes_of_prompts(store, "default", STEPS.first_ns, STEPS.end_ns)
    assert (change.name, change.number, change.at_ns, change.move) == ("support", 2, records[1].span.start_ns, None)
    assert changes_of_prompts(store, "other", STEPS.first_ns, STEPS.end_ns) == []
