"""One row of a dataset asked about, as often as planned and again where the provider was too busy, and judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..datasets.example import Example
from ..errors import SpanwiseError
from ..experiments.checks import Verdict, judged
from ..experiments.experiment import Result
from ..record import Record
from .call import Call, Connection, MakeHttp, commonest, flip_rate
from .plan import Plan
from .retrying import pause_s
from .rows import messages_for, variables_for
from .run import Asked, ask, said
from .stop import Stop
from .trace import Traced


@dataclass(frozen=True, slots=True)
class Line:
    """How the rows of one run are asked about."""

    plan: Plan
    connection: Connection
    http: MakeHttp
    traced: Traced
    stop: Stop


def ask_about(example: Example, line: Line) -> Result | None:
    """Return what came of one row, ``None`` where the run was stopped meanwhile."""
    plan = line.plan
    variables = variables_for(plan.variables, plan.mapping, example)
    try:
        messages = messages_for(plan.messages, plan.format, plan.input, example, variables)
    except SpanwiseError as refusal:
        return Result(example.id, passed=False, error=refusal.message, answers=0)
    if not messages:
        return Result(example.id, passed=False, error="There is nothing to send.", answers=0)
    prompt = line.traced.prompt
    traced = replace(
        line.traced,
        prompt=None if prompt is None else replace(prompt, variables=variables),
        metadata={**(line.traced.metadata or {}), "example": example.id},
    )
    made: list[Asked] = []
    for _ in range(plan.repeats):
        asked = _asked(plan.call(messages), line, traced)
        if asked is None:
            return None
        made.append(asked)
    return _result(example, made, line)


def _asked(call: Call, line: Line, traced: Traced) -> Asked | None:
    """Return what came of one call, made again where that may help; ``None`` where the run was stopped."""
    tries = 0
    while not line.stop.is_set():
        asked = ask(call, line.connection, line.http, traced, line.stop)
        tries += 1
        if line.stop.is_set():
            break
        wait_s = None if asked.error is None else pause_s(asked.error, tries)
        if wait_s is None:
            return asked
        line.stop.wait(wait_s)
    return None


def answer_of(asked: Asked) -> str:
    """Return an answer as it is judged: its text, else the tools that it calls."""
    answer = asked.answer
    return answer.text or "\n".join(f"{call.name}({call.arguments})" for call in answer.calls)


def _result(example: Example, made: Sequence[Asked], line: Line) -> Result:
    answered = [asked for asked in made if asked.error is None]
    if not answered:
        error = made[-1].error
        words = "" if error is None else said(error, line.connection)
        return _sums(Result(example.id, passed=False, error=words, answers=0), made)
    texts = [answer_of(asked) for asked in answered]
    verdicts = [judged(line.plan.checks, text, example) for text in texts]
    shown, _ = commonest(texts)
    passes = sum(verdict.passed is True for verdict in verdicts)
    result = Result(
        example.id,
        passed=_passed(verdicts, passes, len(made)),
        message=next((verdict.why for verdict in verdicts if verdict.why), ""),
        output=texts[shown],
        answers=len(answered),
        passes=None if verdicts[0].passed is None else passes,
        flip_rate=flip_rate(texts),
        trace_id=answered[shown].record.span.trace_id,
    )
    return _sums(result, made)


def _passed(verdicts: Sequence[Verdict], passes: int, calls: int) -> bool | None:
    """Return whether a row passed: more than half of its calls did; a call without an answer did not."""
    return None if verdicts[0].passed is None else passes * 2 > calls


def _sums(result: Result, made: Sequence[Asked]) -> Result:
    """Return a result with what its calls took and cost; what a failed one took is not a latency."""
    records = [asked.record for asked in made]
    took = [asked.record.duration_ms for asked in made if asked.error is None]
    costs = [record.cost.total_nusd for record in records if record.cost is not None]
    return replace(
        result,
        duration_ms=sum(took) / len(took) if took else None,
        input_tokens=_tokens(records, "input_tokens"),
        output_tokens=_tokens(records, "output_tokens"),
        cost_nusd=sum(costs) if costs else None,
        trace_id=result.trace_id or records[-1].span.trace_id,
    )


def _tokens(records: Sequence[Record], name: str) -> int | None:
    found = [getattr(record.reading.usage, name) for record in records if record.reading.usage is not None]
    known = [tokens for tokens in found if tokens is not None]
    return sum(known) if known else None
