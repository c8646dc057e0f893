"""What a run over a dataset will cost, before it runs: from token counts of recorded calls, and what that rests on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ..datasets.example import Example
from ..errors import SpanwiseError
from ..experiments.checks import expected_of
from ..labelling.answer import plain
from ..pricing.what_if import cost_of
from ..query.filters import And, Filter, Query, Term
from ..record import Record, Usage
from ..store.base import Page
from .call import Message
from .plan import Plan
from .rows import columns_of, messages_for, variables_for

#: Rows that are looked at; more are as these are.
MOST_ROWS: Final = 300
_MOST_CALLS: Final = 50
_CHARACTERS: Final = 4.0
"""A token has so many where no call was recorded."""
_OUTPUT_TOKENS: Final = 300
#: What a request weighs for each message beside its text.
_PER_MESSAGE: Final = 4


class Calls(Protocol):
    """Where recorded calls are found."""

    def find_spans(self, query: Query) -> Page[Record]:
        """Return one page of spans."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will come to."""

    rows: int
    calls: int
    input_tokens: int
    output_tokens: int
    cost_nusd: int | None
    """``None`` where the model has no price."""
    rests_on: tuple[str, ...]
    """What it was made of, in sentences."""
    problems: tuple[str, ...] = ()
    """What of the rows will fail before it is sent."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What recorded calls say of tokens."""

    characters: float
    """Of a token of input."""
    output_tokens: float
    sentences: tuple[str, ...]


def estimate(
    store: Calls, project: str, plan: Plan, spans_say: str, rows: Sequence[Example], of: int, at_s: int
) -> Estimate:
    """Return what running *plan* over *of* rows, the first of which are *rows*, will come to.

    *spans_say* is what spans call the provider.
    """
    weights, problems = _weigh(plan, rows)
    basis = basis_of(store, project, plan, rows)
    calls = of * plan.repeats
    each_in = sum(weights) / len(weights) / basis.characters if weights else 0.0
    each_out = min(basis.output_tokens, _most_output(plan) or basis.output_tokens)
    tokens_in, tokens_out = round(each_in * calls), round(each_out * calls)
    usage = Usage(input_uncached=tokens_in, output_visible=tokens_out)
    cost = cost_of(usage, calls, spans_say, plan.model, at_s) if calls else 0
    seen = "" if len(rows) == of else f"The first {len(rows):,} of {of:,} rows were looked at."
    price = (
        f"At the published price of {plan.model} today, without discounts for caches."
        if cost is not None
        else f"There is no published price of {plan.model}."
    )
    limit = _most_output(plan)
    capped = f"An answer is at most {limit:,} tokens long." if limit is not None and each_out == limit else ""
    return Estimate(
        of, calls, tokens_in, tokens_out, cost, tuple(filter(None, (seen, *basis.sentences, capped, price))), problems
    )


def _weigh(plan: Plan, rows: Sequence[Example]) -> tuple[list[float], tuple[str, ...]]:
    """Return how many characters each row's call sends, and why some would not be sent at all."""
    weights: list[float] = []
    failing: dict[str, int] = {}
    fixed = len(json.dumps(list(map(dict, plan.tools)))) if plan.tools else 0
    fixed += len(json.dumps(dict(plan.output_schema))) if plan.output_schema is not None else 0
    for example in rows:
        try:
            variables = variables_for(plan.variables, plan.mapping, example)
            messages = messages_for(plan.messages, plan.format, plan.input, example, variables)
        except SpanwiseError as refusal:
            failing[refusal.message] = failing.get(refusal.message, 0) + 1
            continue
        if not messages:
            failing["There is nothing to send."] = failing.get("There is nothing to send.", 0) + 1
            continue
        weights.append(fixed + sum(map(_weight, messages)))
    return weights, tuple(f"{number:,} of {len(rows):,} rows cannot be sent: {why}" for why, number in failing.items())


def _weight(message: Message) -> float:
    calls = sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
    return len(message.content) + calls + _PER_MESSAGE * _CHARACTERS


def basis_of(store: Calls, project: str, plan: Plan, rows: Sequence[Example]) -> Basis:
    """Return what the project's newest calls say, of this model where there are any."""
    model = Term("model", "=", (plan.model,))
    prompt = Term("prompt", "=", (plan.prompt,)) if plan.prompt else None
    of_model = _calls(store, project, [model])
    others = of_model or _calls(store, project, [])
    characters, sentence_in = _characters(of_model, others, plan.model)
    answers: list[tuple[str, list[Record]]] = []
    if prompt is not None:
        answers.append((f"{plan.prompt} with {plan.model}", _calls(store, project, [prompt, model])))
        answers.append((plan.prompt, _calls(store, project, [prompt])))
    answers.append((plan.model, of_model))
    for words, found in answers:
        counts = [_output(record) for record in found]
        known = [count for count in counts if count is not None]
        if known:
            mean = sum(known) / len(known)
            said = f"Answers of {mean:,.0f} tokens, the mean of the newest {len(known)} calls of {words}."
            return Basis(characters, mean, (sentence_in, said))
    wanted = [len(plain(expected_of(example))) for example in rows if expected_of(example) is not None]
    if wanted:
        mean = max(1.0, sum(wanted) / len(wanted) / characters)
        said = (
            f"Answers of {mean:,.0f} tokens, as long as those that are expected: no call of {plan.model} is recorded."
        )
        return Basis(characters, mean, (sentence_in, said))
    said = f"Answers of {_OUTPUT_TOKENS} tokens, a guess: no call of {plan.model} is recorded."
    return Basis(characters, _OUTPUT_TOKENS, (sentence_in, said))


def _characters(of_model: Sequence[Record], others: Sequence[Record], model: str) -> tuple[float, str]:
    pairs = [
        (_said(record), record.reading.usage.input_tokens) for record in others if record.reading.usage is not None
    ]
    known = [(characters, tokens) for characters, tokens in pairs if characters and tokens]
    if not known:
        return _CHARACTERS, f"Input at {_CHARACTERS:.0f} characters a token, a guess: no call is recorded."
    measured = sum(characters for characters, _ in known) / sum(tokens for _, tokens in known)
    whose = f"of {model}" if of_model else f"of other models, since none of {model} is recorded"
    return measured, f"Input at {measured:.1f} characters a token, as the newest {len(known)} calls {whose} had."


def _said(record: Record) -> int:
    """Return how many characters the input of a call had."""
    messages = record.reading.input_messages or ()
    texts = sum(len(plain(part)) for message in messages for part in _parts(message))
    tools = record.reading.tool_definitions
    beside = round(_PER_MESSAGE * _CHARACTERS) * len(messages)
    return texts + beside + (len(plain(list(tools))) if tools else 0) if texts else 0


def _parts(message: object) -> Iterable[object]:
    parts = message.get("parts") or () if isinstance(message, Mapping) else ()
    for part in parts:
        yield (
            part.get("content", part.get("response", part.get("arguments", ""))) if isinstance(part, Mapping) else part
        )


def _output(record: Record) -> int | None:
    return None if record.reading.usage is None else record.reading.usage.output_tokens


def _calls(store: Calls, project: str, terms: Sequence[Filter]) -> list[Record]:
    asked = And((Term("kind", "=", ("llm",)), Term("status", "=", ("ok",)), *terms))
    return list(store.find_spans(Query(project, asked, limit=_MOST_CALLS, sort="-time")).items)


def _most_output(plan: Plan) -> int | None:
    found = [plan.params.get(name) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens")]
    return next((number for number in found if isinstance(number, int) and not isinstance(number, bool)), None)


def missing_columns(plan: Plan, rows: Iterable[Example]) -> tuple[str, ...]:
    """Return the variables that no row has a value for."""
    wanted = dict.fromkeys(plan.variables)
    for example in rows:
        columns = columns_of(example)
        for name in [name for name in wanted if plan.mapping.get(name, name) in columns]:
            del wanted[name]
        if not wanted:
            break
    return tuple(wanted)
