"""One example: what went in, what should come out, what did, and where it all came from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from hashlib import blake2b
from typing import Any, Final

from ..labelling.answer import answer_text, plain
from ..record import Annotation, Json, Reading, Record

Object = Mapping[str, Any]
#: The name and version of the shape that :meth:`Example.as_json` writes.
FORMAT: Final = "spanwise.dataset/1"
#: What an example is, as against where it came from: the fields its hash is taken over.
CONTENT: Final = (
    "input", "expected_output", "actual_output", "rejected_output", "assertions", "context", "tools", "label", "split",
    "tags",
)  # fmt: skip
#: Spans that are a step of an answer, as against what only holds others.
STEP_KINDS: Final = frozenset({"llm", "tool", "retriever", "reranker", "guardrail", "mcp", "memory"})
#: What labelling notes beside a judgement, and its example keeps.
FACTS: Final = ("rubric_version", "assisted", "revealed", "sample", "settled")
MOST_STEPS: Final = 200
LONGEST_STEP: Final = 4_000
#: Fields of later formats: they count in the hash where they say something, so that older hashes stay true.
_LATER: Final = frozenset({"rejected_output", "assertions", "split"})


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a dataset: plain JSON values throughout.

    The input is ``{"messages": [...]}``, in OpenTelemetry's message shape, or ``{"content": value}``; outputs are
    ``{"content": value}``, with ``messages`` too where the model answered in messages.
    """

    id: str
    input: Object
    expected_output: Object | None
    actual_output: Object | None
    context: Sequence[str] = ()
    tools: Sequence[Object] = ()
    label: Object | None = None
    tags: Sequence[str] = ()
    source: Object | None = None
    provenance: Object | None = None
    rejected_output: Object | None = None
    """What should not be answered: the answer that was corrected."""
    assertions: Sequence[str] = ()
    """What has to be true of an answer, each in a sentence."""
    split: str | None = None
    """``train``, ``dev``, ``test`` or any other part; ``None`` where examples are not split."""
    steps: Sequence[Object] = ()
    """What led to the answer, in order: ``{"span_id", "name", "kind", "text"}`` of the spans below its span."""

    @property
    def content_hash(self) -> str:
        """The hash of what the example is, whoever labelled it and wherever it came from."""
        return _hash({name: value for name, value in self._content() if value or name not in _LATER})

    def _content(self) -> Iterator[tuple[str, Any]]:
        return ((name, getattr(self, name)) for name in CONTENT)

    def as_json(self) -> dict[str, Any]:
        """Return the example as one JSON object of the format ``spanwise.dataset/1``."""
        return {**asdict(self), "content_hash": self.content_hash}

    @classmethod
    def from_json(cls, body: Object) -> Example:
        """Return the example that :meth:`as_json` wrote."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in body.items() if name in names})


def example_id(project: str, trace_id: str, span_id: str) -> str:
    """Return the id of the example made from this span: the same in every version of every dataset."""
    return f"ex_{blake2b(f'{project}/{trace_id}/{span_id}'.encode(), digest_size=10).hexdigest()}"


def example_of(
    record: Record,
    judged: Annotation | None,
    *,
    around: Iterable[Record] = (),
    blind: bool | None = None,
    first_bad_step: str | None = None,
) -> Example:
    """Return the example that *record* and its judgement come to; *around* are the spans of its trace.

    What is expected is the correction, else the answer where it passed, else unknown.
    """
    reading, span, spans = record.reading, record.span, list(around)
    actual, assertions = _output(reading), assertions_of(judged)
    expected = _expected(judged, actual)
    return Example(
        id=example_id(record.project, span.trace_id, span.span_id),
        input=_input(reading),
        expected_output=expected,
        actual_output=actual,
        rejected_output=_rejected(judged, actual, expected),
        assertions=assertions,
        context=_context(record, spans),
        steps=[_step(other) for other in _below(record, spans) if other.kind in STEP_KINDS][:MOST_STEPS],
        tools=_plain(reading.tool_definitions or ()),
        label=None if judged is None else _label(judged, first_bad_step),
        tags=list(reading.tags or ()),
        source=_source(record),
        provenance=_provenance(judged, blind=blind),
    )


def _input(reading: Reading) -> Object:
    if reading.input_messages is not None:
        return {"messages": _plain(reading.input_messages)}
    return {"content": _plain(reading.input)}


def _output(reading: Reading) -> Object | None:
    if reading.output_messages:
        return {"content": answer_text(reading), "messages": _plain(reading.output_messages)}
    return None if reading.output is None else {"content": _plain(reading.output)}


def _label(judged: Annotation, first_bad_step: str | None) -> Object:
    said: dict[str, Any] = {"verdict": judged.label, "critique": judged.explanation}
    if judged.label is None and judged.score is not None:
        said["score"] = judged.score
    if judged.codes:
        said["codes"] = list(judged.codes)
    return said if first_bad_step is None else {**said, "first_bad_step": first_bad_step}


def assertions_of(judged: Annotation | None) -> list[str]:
    """Return what has to be true of an answer, where whoever judged wrote such sentences."""
    found = None if judged is None else (judged.metadata or {}).get("assertions")
    return [text for text in found if isinstance(text, str) and text] if isinstance(found, list | tuple) else []


def _expected(judged: Annotation | None, actual: Object | None) -> Object | None:
    if judged is None:
        return None
    if judged.correction is not None:
        return {"content": _plain(judged.correction)}
    return actual if judged.label == "pass" else None


def _rejected(judged: Annotation | None, actual: Object | None, expected: Object | None) -> Object | None:
    """Return the answer that a person failed and put another in place of."""
    if judged is None or judged.label != "fail" or expected is None or expected == actual:
        return None
    return actual


def _below(record: Record, spans: Sequence[Record]) -> list[Record]:
    """Return the spans below *record*, in the order they began."""
    children: dict[str | None, list[Record]] = {}
    for other in spans:
        children.setdefault(other.span.parent_span_id, []).append(other)
    found: dict[str, Record] = {}
    waiting = [record.span.span_id]
    while waiting:
        for other in children.get(waiting.pop(), ()):
            if other.span.span_id not in found and other.span.span_id != record.span.span_id:
                found[other.span.span_id] = other
                waiting.append(other.span.span_id)
    return sorted(found.values(), key=lambda other: other.span.start_ns)


def _step(record: Record) -> Object:
    reading, tool = record.reading, record.reading.tool
    if tool is not None:
        text = f"{tool.name}({plain(tool.arguments)})\n{plain(tool.result)}".rstrip()
    else:
        text = answer_text(reading) or "\n\n".join(_documents(reading))
    return {"span_id": record.span.span_id, "name": record.name, "kind": record.kind, "text": text[:LONGEST_STEP]}


def _context(record: Record, spans: Sequence[Record]) -> list[str]:
    """Return the texts of the documents that the span, or a span below it, was given; each once, in order."""
    below = {other.span.span_id for other in _below(record, spans) if other.kind == "retriever"}
    found = [*_documents(record.reading)]
    for other in spans:
        if other.span.span_id in below:
            found += _documents(other.reading)
    return list(dict.fromkeys(found))


def _documents(reading: Reading) -> list[str]:
    texts = [document.get("content") for document in reading.documents or ()]
    return [text for text in texts if isinstance(text, str) and text]


def _source(record: Record) -> Object:
    reading, span = record.reading, record.span
    prompt = reading.prompt
    return {
        "project": record.project,
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "session_id": reading.session_id,
        "prompt": None if prompt is None else {"name": prompt.name, "version": prompt.version, "hash": prompt.hash},
        "model": reading.model or reading.request_model,
        "captured_at_ns": span.start_ns,
    }


def _provenance(judged: Annotation | None, *, blind: bool | None) -> Object | None:
    if judged is None:
        return None
    kind, _, queue = judged.source.partition(":")
    facts = judged.metadata or {}
    return {
        "annotation": judged.name,
        "queue": queue if kind == "queue" else None,
        "annotators": [judged.annotator.id or judged.annotator.kind],
        "labelled_at_ns": judged.updated_ns,
        "blind": blind,
        **{name: _plain(facts[name]) for name in FACTS if name in facts},
    }


def _plain(value: Json) -> Any:
    """Return a value as JSON gives it back, so that its hash stays the same when it is kept; NaN becomes a word."""
    return json.loads(json.dumps(value, ensure_ascii=False, default=_mapping), parse_constant=str)


def _mapping(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _hash(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_mapping)
    return f"b2:{blake2b(text.encode(), digest_size=16).hexdigest()}"
