"""How each version of a prompt does: its calls, cost and latency, what people and judges say, how answers changed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, Protocol

from ..labelling.answer import answer_text, question_text
from ..labelling.picking import each_trace_id
from ..query.filters import And, Not, Query, Term
from ..query.measures import Percentiles, Steps, Sums
from ..record import Annotation, Record
from ..store.base import SpanStore
from ..store.sessions import Sessions
from .diff import Piece, words_changed
from .schema import problems_of
from .statistics import Rate
from .version import Prompt, Version

#: Calls tried in the playground are not traffic.
PLAYGROUND: Final = "playground"
PASSED: Final = "pass"
FAILED: Final = "fail"
_MOST_JUDGED: Final = 2_000
_MOST_CHECKED: Final = 100
_MOST_PAIRED: Final = 500
_AT_ONCE: Final = 200


class FiguresStore(SpanStore, Sessions, Protocol):
    """A store with calls, judgements and datasets."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the calls with one version come to."""

    version: Version
    sums: Sums
    latency: Percentiles
    ttft: Percentiles
    share: float
    """Of the calls with any version."""
    labels: Rate
    """What people say."""
    judges: Rate
    """What models and programs say."""
    failures: int
    """Traces that anybody labelled a failure."""
    format_failures: Rate | None
    """Answers that did not parse against the schema, of those looked at; ``None`` where there is no schema."""

    @property
    def per_call_nusd(self) -> int | None:
        """What a call costs."""
        return round(self.sums.cost_nusd / self.sums.priced) if self.sums.priced else None

    @property
    def input_tokens(self) -> int | None:
        """Tokens into a call."""
        return _each(self.sums.usage.input_tokens, self.sums.counted)

    @property
    def output_tokens(self) -> int | None:
        """Tokens out of a call."""
        return _each(self.sums.usage.output_tokens, self.sums.counted)


@dataclass(frozen=True, slots=True)
class Pair:
    """The answers that two versions gave to the same input."""

    question: str
    before: Record
    after: Record
    pieces: tuple[Piece, ...]

    @property
    def same(self) -> bool:
        """Whether the answers are equal."""
        return all(piece.kind == "same" for piece in self.pieces)


def term_of(prompt: Prompt, version: Version) -> Term:
    """Return the term that finds what was called with a version."""
    return Term("prompt", "=", (f"{prompt.name}@{version.said_as}",))


def figures(
    store: FiguresStore, prompt: Prompt, versions: Iterable[Version], steps: Steps, *, judged: bool = True
) -> list[Figures]:
    """Return what each version comes to in the range of *steps*."""
    found = []
    for version in versions:
        query = query_of(prompt, version, steps)
        measured = store.measure(query, "env", steps)
        labels, judges, failures = _rates(store, query) if judged else (Rate(), Rate(), 0)
        found.append(
            Figures(
                version, measured.sums, measured.latency, measured.ttft, 0.0, labels, judges, failures,
                _format_failures(store, query, version),
            )
        )  # fmt: skip
    total = sum(one.sums.calls for one in found)
    return [replace(one, share=one.sums.calls / total if total else 0.0) for one in found]


def answers_to_the_same(store: SpanStore, prompt: Prompt, before: Version, after: Version, steps: Steps) -> list[Pair]:
    """Return what two versions answered to the same inputs, what changed first; the newest calls are looked at."""
    old, new = (_by_input(store, query_of(prompt, version, steps)) for version in (before, after))
    pairs = [
        Pair(
            question_text(record.reading), old[key], record,
            words_changed(answer_text(old[key].reading), answer_text(record.reading)),
        )
        for key, record in new.items()
        if key in old
    ]  # fmt: skip
    return sorted(pairs, key=lambda pair: pair.same)


def query_of(prompt: Prompt, version: Version, steps: Steps) -> Query:
    """Return the question for the traffic of a version: its calls but for those of the playground."""
    traffic = And((term_of(prompt, version), Not(Term("env", "=", (PLAYGROUND,)))))
    return Query(prompt.project, traffic, steps.first_ns, steps.end_ns)


def _rates(store: SpanStore, query: Query) -> tuple[Rate, Rate, int]:
    judged = replace(
        query, filter=And((query.filter, Term("label", "=", (PASSED, FAILED)))), limit=_AT_ONCE, sort="-time"
    )
    trace_ids = list(islice(each_trace_id(store, judged), _MOST_JUDGED))
    latest: dict[tuple[str, str, str | None, bool], Annotation] = {}
    for at in range(0, len(trace_ids), _AT_ONCE):
        for said in store.annotations(query.project, trace_ids[at : at + _AT_ONCE]).values():
            for one in sorted(said, key=lambda a: a.updated_ns):
                if one.label in (PASSED, FAILED):
                    latest[one.name, one.trace_id, one.span_id, one.annotator.kind == "human"] = one
    counts = Counter((key[3], one.label) for key, one in latest.items())
    people, judges = (
        Rate(counts[human, PASSED], counts[human, PASSED] + counts[human, FAILED]) for human in (True, False)
    )
    return people, judges, len({key[1] for key, one in latest.items() if one.label == FAILED})


def _format_failures(store: SpanStore, query: Query, version: Version) -> Rate | None:
    schema = version.content.output_schema
    if schema is None:
        return None
    calls = replace(query, filter=And((query.filter, Term("kind", "=", ("llm",)))), limit=_MOST_CHECKED)
    page = store.find_spans(calls)
    answered = [record for record in page.items if record.reading.output_messages]
    bad = sum(bool(problems_of(answer_text(record.reading), schema)) for record in answered)
    return Rate(bad, len(answered))


def _by_input(store: SpanStore, query: Query) -> Mapping[str, Record]:
    """Return the newest call with each input."""
    found: dict[str, Record] = {}
    calls = replace(query, filter=And((query.filter, Term("kind", "=", ("llm",)))), limit=_AT_ONCE, sort="-time")
    for record in islice(store.each_span(calls), _MOST_PAIRED):
        found.setdefault(_input_key(record), record)
    return found


def _input_key(record: Record) -> str:
    """Return what went into the template and came after it, whatever the template made of it."""
    prompt = record.reading.prompt
    said: Sequence[Any] = [
        message for message in record.reading.input_messages or () if message.get("role") not in ("system", "developer")
    ]
    variables = dict(prompt.variables) if prompt is not None and prompt.variables else None
    talk = None if _is_all_template(record) else said
    return json.dumps([variables, talk], sort_keys=True, default=str)


def _is_all_template(record: Record) -> bool:
    """Return whether every message came from the template, so that its variables are the whole input."""
    prompt = record.reading.prompt
    messages = record.reading.input_messages or ()
    return prompt is not None and isinstance(prompt.template, list) and len(prompt.template) >= len(messages)


def _each(total: int | None, calls: int) -> int | None:
    return round(total / calls) if total is not None and calls else None
