"""The filter tree that text is parsed to and that every store compiles: plain values, no text and no SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Operator = Literal["=", "like", ">", ">=", "<", "<="]
FieldType = Literal["text", "number", "duration_ms", "usd"]
Level = Literal["trace", "span"]
Which = Literal["root", "any"]


@dataclass(frozen=True, slots=True)
class Field:
    """One word of the language: what it means, and whether it speaks of the whole trace or of any of its spans."""

    name: str
    type: FieldType
    level: Level
    sentence: str
    example: str


#: The fields of the language: parser, compiler, completion, API and documentation loop over this table.
FIELDS: dict[str, Field] = {
    f.name: f
    for f in (
        Field("kind", "text", "span", "Kind of a span: llm, tool, retriever, agent and so on.", "kind:llm"),
        Field("name", "text", "span", "Name of a span.", "name:answer_*"),
        Field("model", "text", "span", "Model that answered.", "model:gpt-4o*"),
        Field("provider", "text", "span", "Who serves the model.", "provider:anthropic"),
        Field("status", "text", "trace", "How it ended: error, or ok (said or left unset).", "status:error"),
        Field("error", "text", "span", "Type of an error.", "error:RateLimitError"),
        Field("cost", "usd", "trace", "Cost in dollars.", "cost>0.01"),
        Field("price", "text", "span", "Cost that is not of the price list: reported, estimated.", "price:estimated"),
        Field("counted", "text", "span", "yes where tokens and cost count: no repetition of a call.", "counted:yes"),
        Field("latency", "duration_ms", "trace", "Time from start to end: ms, s, m or h.", "latency>2s"),
        Field("ttft", "duration_ms", "trace", "Time to the first token: ms, s, m or h.", "ttft>800ms"),
        Field("tokens", "number", "trace", "Input and output tokens together.", "tokens>10000"),
        Field("user", "text", "trace", "User the call was made for.", "user:alice"),
        Field("session", "text", "trace", "Session, or conversation, it belongs to.", "session:s_c41e"),
        Field("tag", "text", "trace", "One of its tags.", "tag:beta"),
        Field("env", "text", "trace", "Environment: prod, staging, dev.", "env:prod"),
        Field("prompt", "text", "span", "Prompt by name, or name@version.", "prompt:support@7"),
        Field("label", "text", "trace", "Any label given by a person, a model or a program.", "label:fail"),
        Field("annotator", "text", "trace", "Who labelled it: a person, a model or a program.", "annotator:ana"),
        Field("code", "text", "trace", "Failure mode that a critique of it was coded as.", 'code:"wrong refund"'),
        Field("has", "text", "trace", "What is there: label, correction, explanation, score, error.", "has:label"),
        Field("trace", "text", "trace", "Trace id.", "trace:4f8a*"),
    )
}
#: Begins a term about the label of one name: ``label.correct:fail``, ``label.quality>=4``.
NAMED_LABEL: Final = "label."
#: Begin terms about one key of attributes, of the span's or its program's, and about one of metadata.
ATTRIBUTE: Final = "attr."
METADATA: Final = "meta."
NAMED: Final = (NAMED_LABEL, ATTRIBUTE, METADATA)
#: What the fields are that a bar offers where a name is to be added.
OPEN_FIELDS: Final = (
    Field(NAMED_LABEL, "text", "trace", "The label of one name, or its score.", "label.correct:fail"),
    Field(ATTRIBUTE, "text", "span", "Any attribute of a span or of its program.", "attr.tenant:t7"),
    Field(METADATA, "text", "span", "Any key of metadata.", "meta.plan:pro"),
)
#: What may stand before a term or a bracket, to ask one span of a trace for all of it.
ONE_SPAN: Final = (
    Field("root", "text", "trace", "The root span matches what follows.", "root:(kind:agent latency>2s)"),
    Field("any", "text", "trace", "One and the same span matches what follows.", "any:(kind:tool status:error)"),
)
#: What a judgement can hold.
HELD: Final = ("label", "correction", "explanation", "score")


def field_of(name: str) -> Field | None:
    """Return the field that *name* stands for, labels of any one name and any key of attributes among them."""
    begin, dot, of = name.partition(".")
    if begin + dot not in NAMED or not of:
        return FIELDS.get(name)
    if begin + dot == NAMED_LABEL:
        return Field(name, "text", "trace", f"The label {of}.", f"{name}:pass")
    what = "attribute" if begin + dot == ATTRIBUTE else "metadata"
    return Field(name, "text", "span", f"The {what} {of} of a span.", f"{name}:value")


@dataclass(frozen=True, slots=True)
class Term:
    """One field compared with a value, or with any of several (``=`` and ``like`` only).

    A ``like`` value is a pattern in which ``*`` stands for any text. Durations are milliseconds, money dollars.
    """

    field: str
    operator: Operator
    values: tuple[str, ...] | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Words that stand in an input, an output, a name or an error; several words are a phrase."""

    phrase: str


@dataclass(frozen=True, slots=True)
class Not:
    """Everything that *of* does not match."""

    of: Filter


@dataclass(frozen=True, slots=True)
class And:
    """Everything that all of them match; none means everything."""

    all: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Or:
    """Everything that any of them matches."""

    any: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class OneSpan:
    """Traces with a span, or a root span (one without a parent), that *of* matches as a whole."""

    which: Which
    of: Filter


Filter = Term | Text | Not | And | Or | OneSpan
EVERYTHING = And()


@dataclass(frozen=True, slots=True)
class Query:
    """One question about one project; *from_ns* is included, *to_ns* is not, ``None`` leaves the side open."""

    project: str
    filter: Filter = EVERYTHING
    from_ns: int | None = None
    to_ns: int | None = None
    sort: str = "-time"
    limit: int = 50
    cursor: str | None = None
    own_environment: bool = False
    """Whether spans must say an environment themselves, as sums of calls know it; else their trace's will do."""
