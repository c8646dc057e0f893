"""Asks the model the examples that a prompt shows it, each with itself taken out, and remembers what it answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from spanwise import vocabulary as v
from spanwise.template import TemplateError

from ..labelling.answer import answer_text
from ..prompts.checks import Finding
from ..prompts.content import Content, template_hash
from ..prompts.figures import term_of
from ..prompts.own_examples import OwnExample, Verdict, asking, own_examples, verdict
from ..prompts.version import Prompt, Version
from ..query.filters import And, Not, Query, Term
from ..record import Record, Span
from ..store.base import SpanStore
from .call import BadCall, Call, Connection, MakeHttp, Message
from .run import Event, run
from .trace import ENVIRONMENT, Prompted, Traced

#: The tag of these calls, by which they are found again.
TAG: Final = "own example"
_KEY: Final = "own_example"
_MOST_LOOKED_AT: Final = 100


@dataclass(frozen=True, slots=True)
class Answered:
    """An example with what the model last answered to it."""

    example: OwnExample
    record: Record | None = None

    @property
    def error(self) -> str | None:
        """Why it was not answered, where it was asked and was not."""
        span = None if self.record is None else self.record.span
        return (span.status_message or "It failed.") if span is not None and span.status == "error" else None

    @property
    def answer(self) -> str:
        """What it answered, empty where it was not asked or failed."""
        return "" if self.record is None else answer_text(self.record.reading)

    @property
    def verdict(self) -> Verdict | None:
        """Whether it agrees, ``None`` where it did not answer."""
        return verdict(self.example.answer, self.answer) if self.answer else None


def run_examples(
    prompt: Prompt,
    version: Version,
    call: Call,
    connection: Connection,
    http: MakeHttp,
    keep: Callable[[Span], Record],
    values: Mapping[str, Any],
) -> Iterator[Event]:
    """Yield ``{"example": id, "done" | "error"}`` for each example of a version, at last ``{"summary"}``.

    *call* says model and parameters; *values* fill variables that are not the question's.
    """
    content = version.content
    examples = own_examples(content)
    if not examples:
        raise BadCall("This version shows the model no example.", "See Help, Prompts, for how one is written.")
    counts: dict[str, int] = {"agrees": 0, "differs": 0, "to read": 0, "failed": 0}
    for example in examples:
        try:
            asked = asking(content, example, values)
        except TemplateError as error:
            raise BadCall(f"An example cannot be asked: {error}", "Publish a version without it.") from error
        messages = [Message(str(m["role"]), _text(m.get("content"))) for m in asked.messages]
        template = content.template
        prompted = Prompted(prompt.name, version.said_as, template_hash(template), template, asked.variables)
        one = replace(call, messages=messages)
        for event in run(one, connection, http, 1, Traced(_tagged(keep, example), prompted)):
            if "done" in event:
                said = verdict(example.answer, event["done"]["text"])
                counts[said] += 1
                yield {"example": example.id, "done": event["done"], "verdict": said, "assumed": asked.assumed}
            elif "error" in event:
                counts["failed"] += 1
                yield {"example": example.id, "error": event["error"]}
    yield {"summary": {"examples": len(examples), **counts}}


def answered_examples(store: SpanStore, prompt: Prompt, version: Version) -> list[Answered]:
    """Return the examples of a version, each with the newest answer that the model gave to it."""
    examples = own_examples(version.content)
    if not examples:
        return []
    asked = And(
        (
            term_of(prompt, version),
            Term("env", "=", (ENVIRONMENT,)),
            Term("tag", "=", (TAG,)),
        )
    )
    newest: dict[str, Record] = {}
    for record in store.find_spans(Query(prompt.project, asked, limit=_MOST_LOOKED_AT, sort="-time")).items:
        key = (record.reading.metadata or {}).get(_KEY)
        if isinstance(key, str):
            newest.setdefault(key, record)
    return [Answered(example, newest.get(example.id)) for example in examples]


def finding_of(answered: Sequence[Answered]) -> Finding:
    """Return what is known of whether the model agrees with the examples of a version."""
    name, total = "Own examples", len(answered)
    if not total:
        return Finding("note", name, "The prompt shows the model no example of how to answer.")
    asked = [one for one in answered if one.verdict is not None]
    agreed, differed = (sum(one.verdict == what for one in asked) for what in ("agrees", "differs"))
    if not asked:
        return Finding("note", name, f"It shows {total}; the model was not asked them yet.")
    to_read = len(asked) - agreed - differed
    rest = f", {to_read} to be read" if to_read else ""
    state: Literal["ok", "wrong"] = "wrong" if differed else "ok"
    words = f"Of {total} that it shows, the model answered {agreed} the same and {differed} otherwise{rest}."
    return Finding(state, name, words)


def newest_call(store: SpanStore, prompt: Prompt, version: Version) -> Record | None:
    """Return the newest call of a version that was no try: its variables and its model are those of today."""
    traffic = And((term_of(prompt, version), Not(Term("env", "=", (ENVIRONMENT,)))))
    return next(iter(store.find_spans(Query(prompt.project, traffic, limit=1, sort="-time")).items), None)


def values_of(record: Record | None) -> Mapping[str, Any]:
    """Return what a call had for its variables."""
    used = None if record is None else record.reading.prompt
    return dict(used.variables) if used is not None and used.variables else {}


def call_of(content: Content, model: str) -> Call:
    """Return the call that the examples of a version are asked with, but for its messages."""
    return Call(model, (), content.params, content.tools, content.output_schema)


def _tagged(keep: Callable[[Span], Record], example: OwnExample) -> Callable[[Span], Record]:
    said = {v.TAGS: [TAG], v.METADATA: json.dumps({_KEY: example.id})}
    return lambda span: keep(replace(span, attributes={**span.attributes, **said}))


def _text(content: str | Sequence[Any] | None) -> str:
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
