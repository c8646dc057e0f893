"""Rows of files as examples: our own formats, which come back to what they left as, and those of other tools."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

from ..dialects.messages.exchange import asked as messages_asked
from ..dialects.messages.exchange import offered
from ..errors import SpanwiseError
from .example import CONTENT, Example
from .files import Row

#: What a column may be called, the first that is there and says something.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "input": ("input", "question", "prompt", "query", "user_input", "inputs"),
    "expected": (
        "expected", "expected_output", "expected_answer", "ideal", "target", "reference", "reference_answer", "answer",
        "ground_truth", "correct_label",
        "expectedOutput", "reference_outputs", "outputs", "completion",
    ),
    "output": ("output", "actual_output", "response", "actual"),
    "rejected": ("rejected", "rejected_output", "non_preferred_output"),
    "verdict": ("verdict", "label"),
    "critique": ("critique", "explanation", "comment", "comments"),
    "split": ("split",),
}  # fmt: skip
_OUTPUTS: Final = {"expected": "expected_output", "output": "actual_output", "rejected": "rejected_output"}
_LISTS: Final = {"assertions": "\n", "context": "\n\n", "tags": ",", "codes": ","}


#: An apostrophe before what a spreadsheet would run.
_HELD: Final = re.compile("^'\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20\\t\\r]")
#: Column -> the texts its cell may have had.
Forms = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file comes to."""

    examples: tuple[Example, ...]
    """New ones, and those that the file changes."""
    unchanged: int
    """Rows that say what is there already."""
    problems: tuple[str, ...] = ()
    """Why rows were left out, a sentence each."""


def imported(rows: Iterable[Row], held: Mapping[str, Example], forms: Callable[[Example], Forms]) -> Imported:
    """Return the examples of *rows*; one with the id of an example that is *held* edits it.

    *forms* gives the texts that each cell of an example may have had in a file of ours: of a row that came from there,
    only the cells that say something else are taken, so that a conversation that was shown as text stays one.
    """
    found: dict[str, Example] = {}
    problems: list[str] = []
    unchanged = 0
    for number, row in enumerate(rows, 1):
        try:
            example, known = _read(row, held, forms)
        except SpanwiseError as problem:
            problems.append(f"Row {number}: {problem.message} {problem.hint}")
            continue
        if known is not None and known.content_hash == example.content_hash:
            unchanged += 1
        else:
            found[example.id] = example
    if problems and not found and not unchanged:
        raise SpanwiseError(problems[0], f"No row can be taken, of {len(problems):,}.")
    return Imported(tuple(found.values()), unchanged, tuple(problems))


def _read(row: Row, held: Mapping[str, Example], forms: Callable[[Example], Forms]) -> tuple[Example, Example | None]:
    """Return the example that a row is, and the one that it takes the place of."""
    known = held.get(str(row.get("id") or ""))
    if "content_hash" in row and isinstance(row.get("input"), Mapping):
        example = _own(row)
    elif known is not None:
        return _edited(known, row, forms(known)), known
    else:
        example = _made(_unwrapped(row))
    return example, held.get(example.id)


def _own(row: Row) -> Example:
    """Return the example that a line of ``spanwise.dataset/1`` is."""
    body = dict(row)
    for part, field in (("source", "captured_at"), ("provenance", "labelled_at")):
        if isinstance(body.get(part), Mapping):
            said = dict(body[part])
            at = said.pop(field, None)
            body[part] = {**said, f"{field}_ns": None if at is None else _ns(at)}
    try:
        return Example.from_json(body)
    except TypeError as error:
        raise SpanwiseError(f"It is no example: {error}.", "Send it as it was exported.") from None


def _ns(at: str) -> int:
    whole, _, rest = at.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(f"{whole}+00:00").timestamp()) * 10**9 + int((rest or "0").ljust(9, "0")[:9])


def _edited(known: Example, row: Row, before: Forms) -> Example:
    """Return *known* with the cells that changed; one that was emptied takes its value away."""
    cells = {name: _plain(value) for name, value in row.items() if name in before}
    cells = {name: uncelled(text) for name, text in cells.items() if text not in map(_plain, before[name])}
    changed: dict[str, Any] = {
        field: {"content": cells[column]} if cells[column] else None
        for column, field in _OUTPUTS.items()
        if column in cells
    }
    changed |= {name: _listed(cells[name], _LISTS[name]) for name in ("assertions", "context", "tags") if name in cells}
    if "input" in cells:
        changed["input"] = {"content": cells["input"]}
    if "split" in cells:
        changed["split"] = cells["split"].strip() or None
    label = _relabelled(known.label or {}, cells)
    return replace(known, **changed) if label is None else replace(known, **changed, label=label)


def _relabelled(label: Mapping[str, Any], cells: Mapping[str, str]) -> dict[str, Any] | None:
    """Return *label* with the cells that are of it, ``None`` where none is."""
    given: dict[str, Any] = {name: cells[name].strip() or None for name in ("verdict", "critique") if name in cells}
    if "codes" in cells:
        given["codes"] = _listed(cells["codes"], _LISTS["codes"])
    return {**label, **given} if given else None


def _plain(value: object) -> str:
    return ("" if value is None else str(value)).replace("\r\n", "\n").replace("\r", "\n")


def uncelled(text: str) -> str:
    """Return the text of a cell without the apostrophe that keeps a spreadsheet from running it."""
    return text[1:] if _HELD.match(text) else text


def _unwrapped(row: Row) -> Row:
    """Return what hosted evaluations, Label Studio and promptfoo wrap, and what Phoenix calls by another name."""
    if isinstance(row.get("datasource_item"), Mapping):
        return _hosted(row)
    if isinstance(row.get("item"), Mapping):
        return dict(row["item"])
    if isinstance(row.get("data"), Mapping):
        return {**row["data"], **_answers(row.get("annotations"))}
    if isinstance(row.get("vars"), Mapping):
        wanted = [check.get("value") for check in _objects(row.get("assert"))]
        texts = [value for value in wanted if isinstance(value, str)]
        asked = row["vars"] if any(name in row["vars"] for name in NAMES["input"]) else {"input": dict(row["vars"])}
        return {**asked, "assertions": texts}
    if isinstance(row.get("splits"), list) and isinstance(row.get("output"), Mapping):
        splits = {"split": str(row["splits"][0])} if row["splits"] else {}
        return {"id": row.get("id"), "input": row.get("input"), "expected": row["output"], **splits}
    return row


def _hosted(row: Row) -> Row:
    """Return an output item of OpenAI's hosted evaluations: its data, what was answered, and how graders found it."""
    given = row.get("sample")
    sample: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    results = _objects(row.get("results"))
    answered = [message["content"] for message in _objects(sample.get("output")) if message.get("content")]
    failed = [str(one.get("name") or "a grader") for one in results if one.get("passed") is False]
    said: dict[str, Any] = {}
    if results:
        said = {"verdict": "fail" if failed else "pass", "critique": ", ".join(f"{name} failed" for name in failed)}
    item = row["datasource_item"].get("item")
    data = dict(item if isinstance(item, Mapping) and item else row["datasource_item"])
    if not any(name in data for name in (*NAMES["input"], "messages")) and sample.get("input"):
        data["messages"] = sample["input"]
    return {**data, **({"output": answered[-1]} if answered else {}), **said}


def _answers(annotations: Any) -> dict[str, Any]:
    """Return what the last annotation of a task of Label Studio says, under the names that the interface gives."""
    done = [one for one in _objects(annotations) if not one.get("was_cancelled")]
    said: dict[str, Any] = {}
    for result in _objects(done[-1].get("result")) if done else ():
        value = result.get("value")
        chosen = (value.get("choices") or value.get("text")) if isinstance(value, Mapping) else None
        texts = chosen if isinstance(chosen, list) else [chosen] if isinstance(chosen, str) else []
        if texts and isinstance(result.get("from_name"), str):
            said[result["from_name"]] = "\n".join(map(str, texts))
    return said


def _objects(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list; whatever else a file has in its place holds none."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _made(row: Row) -> Example:
    given = _input(row)
    if given is None:
        raise SpanwiseError(
            "It has no input.", f"Call the column one of {', '.join(NAMES['input'])}, or send messages."
        )
    asked, ended = given
    expected = _output(row, "expected") or ended
    verdict, critique = _said(row, "verdict"), _said(row, "critique")
    codes = _list(row, "codes")
    label = {"verdict": verdict, "critique": critique, **({"codes": codes} if codes else {})}
    return Example(
        id=_id(row, asked),
        input=asked,
        expected_output=expected,
        actual_output=_output(row, "output"),
        rejected_output=_output(row, "rejected"),
        context=_list(row, "context"),
        tools=[dict(tool) for tool in offered({"tools": row.get("tools") or []})],
        assertions=_list(row, "assertions"),
        label=label if verdict or critique or codes else None,
        tags=_list(row, "tags"),
        split=_said(row, "split"),
    )


def _input(row: Row) -> tuple[dict[str, Any], dict[str, Any] | None] | None:
    """Return the input, and the answer that its conversation ends with, if it does."""
    for given in (row.get("messages"), _first(row, "input")):
        messages = _conversation(given)
        if messages is None:
            continue
        ended = None
        if len(messages) > 1 and messages[-1].get("role") == "assistant":
            *messages, last = messages
            ended = {"content": _text(last), "messages": [last]}
        return {"messages": messages}, ended
    value = _first(row, "input")
    return None if value is None else ({"content": value}, None)


def _conversation(given: Any) -> list[dict[str, Any]] | None:
    """Return messages in OpenTelemetry's shape, ``None`` where *given* is no conversation."""
    if isinstance(given, str) and given.lstrip().startswith(("[", "{")):
        try:
            given = json.loads(given)
        except ValueError:
            return None
    if isinstance(given, Mapping):
        given = given.get("messages")
    if not isinstance(given, list) or not all(isinstance(m, Mapping) and "role" in m for m in given) or not given:
        return None
    found: list[dict[str, Any]] = json.loads(json.dumps([dict(each) for each in messages_asked(given)], default=dict))
    return found or None


def _text(message: Mapping[str, Any]) -> str:
    parts = (part for part in message.get("parts") or () if part.get("type") in {"text", "refusal"})
    return "\n\n".join(str(part.get("content") or "") for part in parts)


def _output(row: Row, name: str) -> dict[str, Any] | None:
    value = _first(row, name)
    if value is None:
        return None
    if isinstance(value, Mapping) and set(value) <= {"content", "messages"} and "content" in value:
        return dict(value)
    messages = _conversation(value)
    return {"content": _text(messages[-1]), "messages": messages} if messages else {"content": value}


def _first(row: Row, name: str) -> Any:
    found = next((row[key] for key in NAMES[name] if row.get(key) not in (None, "", [])), None)
    return uncelled(found) if isinstance(found, str) else found


def _said(row: Row, name: str) -> str | None:
    value = _first(row, name)
    return str(value).strip() or None if isinstance(value, str | int | float) else None


def _list(row: Row, name: str) -> list[str]:
    value = row.get(name)
    if isinstance(value, list):
        return [str(item) for item in value]
    return _listed(value, _LISTS[name]) if isinstance(value, str) else []


def _listed(text: str, between: str) -> list[str]:
    return [part.strip() for part in text.split(between) if part.strip()]


def _id(row: Row, asked: Mapping[str, Any]) -> str:
    """Return the id that the row gives, else one of its input, so that the same row is the same example again."""
    given = row.get("id")
    if isinstance(given, str) and 0 < len(given) <= 64:
        return given
    text = json.dumps(asked, ensure_ascii=False, sort_keys=True)
    return f"ex_{blake2b(f'imported/{text}'.encode(), digest_size=10).hexdigest()}"


def edited(known: Example, fields: Mapping[str, Any]) -> Example:
    """Return *known* with *fields*, by the names of an example; a name that is no content is refused."""
    unknown = fields.keys() - set(CONTENT)
    if unknown:
        raise SpanwiseError(f"{min(unknown)!r} cannot be edited.", f"There are: {', '.join(CONTENT)}.")
    return replace(known, **fields)
