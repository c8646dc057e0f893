"""Records of Argilla, as ``Dataset.records.from_json`` reads them: fields, and the label as a response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from ..datasets.example import Example
from .about import about
from .chat import output_text
from .export import json_rows
from .flat_csv import conversation

#: The questions of the Argilla dataset that takes these records.
QUESTIONS: Final = ("verdict", "critique", "expected")


def row(example: Example) -> dict[str, Any]:
    """Return one record; metadata is flat, as Argilla's properties are."""
    label: Mapping[str, Any] = example.label or {}
    expected = output_text(example.expected_output) if example.expected_output != example.actual_output else None
    answers = dict(zip(QUESTIONS, (label.get("verdict"), label.get("critique"), expected), strict=True))
    who = _user(example)
    return {
        "id": example.id,
        "fields": {"input": conversation(example.input), "output": output_text(example.actual_output) or ""},
        "metadata": {name: _flat(value) for name, value in about(example).items()},
        "vectors": {},
        "suggestions": {},
        "responses": {name: [{"value": value, "user_id": who}] for name, value in answers.items() if value},
    }


def _user(example: Example) -> str:
    """Return an id for who judged: Argilla wants a UUID, so it is one made of the name, always the same."""
    names = ", ".join((example.provenance or {}).get("annotators") or ("spanwise",))
    return str(uuid5(NAMESPACE_URL, f"urn:spanwise:annotator:{names}"))


def _flat(value: Any) -> Any:
    return value if isinstance(value, str | int | float) else ", ".join(map(str, value))


EXPORT = json_rows(
    name="argilla",
    title="Argilla",
    sentence="records with responses",
    row=row,
)
