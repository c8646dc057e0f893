"""What a labeller sees of one span: the conversation first, all that lay behind it folded. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from markupsafe import Markup

from ..labelling.answer import answer_text, plain, question_text, system_text, text_of
from ..labelling.picking import led_to
from ..record import Reading, Record
from .label_form import StepChoice
from .prose import as_json, json_tree, prose

#: Earlier turns shown open; the others are folded, so that the answer is on the first screen.
OPEN_TURNS: Final = 8
#: A text longer than this is cut in the labelling page; the trace page has all of it.
LONGEST: Final = 20_000
TITLE_KEYS: Final = ("title", "name", "source", "id")


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the conversation as the user saw it."""

    role: str
    """``user`` or ``assistant``."""
    text: str
    body: Markup
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """One document that was given to the model."""

    title: str
    text: str
    score: str
    percent: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done on the way, without the model's name."""

    name: str
    kind: str
    duration_ms: float
    detail: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """One item as the labelling page shows it."""

    earlier: tuple[Turn, ...]
    """Folded."""
    turns: tuple[Turn, ...]
    answer: Turn
    answer_text: str
    """What the expected answer starts from."""
    failure: str
    """What went wrong where the span failed."""
    passages: tuple[Passage, ...]
    steps: tuple[Step, ...]
    duration_ms: float
    system: str
    choices: tuple[StepChoice, ...] = ()
    """The span and those below it, as steps that can have gone wrong."""


def seen(record: Record, around: Sequence[Record]) -> Seen:
    """Return what to show of *record*; *around* are the spans of its trace."""
    below = led_to(record, around)
    talk = _conversation(record, below)
    turns = [turn for message in talk if (turn := _turn(message)) is not None]
    if not turns:
        turns = [_said("user", question_text(record.reading))] if question_text(record.reading) else []
    fold = max(0, len(turns) - OPEN_TURNS)
    answer = answer_text(record.reading)
    return Seen(
        earlier=tuple(turns[:fold]),
        turns=tuple(turns[fold:]),
        answer=_said("assistant", answer, _files_of(record.reading.output_messages or ())),
        answer_text=answer,
        failure=_failure(record),
        passages=_passages((record, *below)),
        steps=tuple(_step(r) for r in below),
        duration_ms=record.duration_ms,
        system=next((text for r in (record, *below) if (text := system_text(r.reading))), ""),
        choices=tuple(StepChoice(r.span.span_id, _step(r).name, r.kind) for r in below),
    )


def seen_session(last: Seen, earlier: Iterable[Record]) -> Seen:
    """Return a session as its user saw it: the turns of its earlier traces, then the last one."""
    turns = []
    for root in earlier:
        if question := question_text(root.reading):
            turns.append(_said("user", question))
        if answer := answer_text(root.reading):
            turns.append(_said("assistant", answer, _files_of(root.reading.output_messages or ())))
    own = last.turns[-1:]
    fold = max(0, len(turns) + len(own) - OPEN_TURNS)
    return replace(last, earlier=tuple(turns[:fold]), turns=(*turns[fold:], *own))


def _conversation(record: Record, below: Iterable[Record]) -> Sequence[Mapping[str, Any]]:
    """Return the messages before the answer: the span's own, else those of a call below that was asked the same."""
    if record.reading.input_messages:
        return record.reading.input_messages
    asked = question_text(record.reading).strip()
    for other in below:
        if other.reading.input_messages and question_text(other.reading).strip() == asked != "":
            return other.reading.input_messages
    return ()


def _turn(message: Mapping[str, Any]) -> Turn | None:
    role = message.get("role")
    files = _files_of([message])
    if role not in {"user", "assistant"} or not (text_of(message) or files):
        return None
    return _said(str(role), text_of(message), files)


def _said(role: str, text: str, files: tuple[str, ...] = ()) -> Turn:
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}\n\n… cut here: open the trace for all of it."
    value = as_json(shown)
    tree = None if value is None else Markup('<div class="json">{}</div>').format(json_tree(value))
    return Turn(role, text, prose(shown) if tree is None else tree, files)


def _files_of(messages: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the names of what was attached; it is named, never loaded."""
    parts = (part for message in messages for part in message.get("parts") or ())
    return tuple(
        str(part.get("uri") or part.get("file_id") or part.get("mime_type") or part.get("modality"))
        for part in parts
        if part.get("type") in {"blob", "uri", "file"}
    )


def _failure(record: Record) -> str:
    if record.span.status != "error":
        return ""
    reading = record.reading
    said = [text for text in (reading.error_type, record.span.status_message or reading.status_message) if text]
    return ": ".join(said) or "It failed and did not say why."


def _passages(records: Iterable[Record]) -> tuple[Passage, ...]:
    """Return the documents of these spans; one that a later step passes on is shown once, as it was last scored."""
    found = {}
    for record in records:
        for document in record.reading.documents or ():
            passage = _passage(document)
            found[passage.text] = passage
    return tuple(found.values())


def _passage(document: Mapping[str, Any]) -> Passage:
    score = document.get("score")
    metadata = document.get("metadata")
    facts = {**(metadata if isinstance(metadata, Mapping) else {}), **document}
    title = next((str(facts[key]) for key in TITLE_KEYS if facts.get(key)), "")
    number = float(score) if isinstance(score, int | float) else None
    return Passage(
        title=title,
        text=plain(document.get("content"))[:LONGEST],
        score="" if number is None else f"{number:.2f}",
        percent=100 * number if number is not None and 0 <= number <= 1 else None,
    )


def _step(record: Record) -> Step:
    return Step(
        # The name of a model's span often holds the model, which a blind label must not know.
        name="model call" if record.kind in {"llm", "embedding", "reranker"} else record.name,
        kind=record.kind,
        duration_ms=record.duration_ms,
        detail=_tool_detail(record.reading),
        failed=record.span.status == "error",
    )


def _tool_detail(reading: Reading) -> str:
    tool = reading.tool
    if tool is None:
        return ""
    asked, got = plain(tool.arguments), plain(tool.result)
    return " → ".join(text for text in (" ".join(asked.split()), " ".join(got.split())) if text)[:400]
