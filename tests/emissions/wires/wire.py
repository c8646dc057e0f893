"""What a wire is: how one provider's requests and answers look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fake_provider import Answer

Json = Any


@dataclass(frozen=True, slots=True)
class Wire:
    """One provider's format; answers are made from what a chat completion of OpenAI's says."""

    name: str
    """The provider, as records spell it."""
    path: str
    """A pattern of its paths, with a group ``model`` where the path names it."""
    asked: Callable[[Json], dict[str, Json]]
    """Make a request of OpenAI's chat from a body."""
    answered: Callable[[Json, Answer], Json]
    """Make a body from a chat completion."""
    streamed: Callable[[Json, Answer], Iterator[bytes]]
    """Make the events of a stream from a chat completion."""
    streams: Callable[[str, Json], bool]
    """Say whether a path and a body ask for a stream."""
    content_type: str
    """Of a stream."""
    refusal: Callable[[str], Json]
    """Make the body of an error."""
    without: frozenset[str] = frozenset()
    """Counts that the provider does not know, as `Answer` names them."""
    changes: Callable[[dict[str, Json]], None] = lambda _: None
    """Take out of an expected record what the format has no word for."""


def text_parts(texts: list[str]) -> Json:
    """Return texts as content: one as it is, several as parts."""
    return texts[0] if len(texts) == 1 else [{"type": "text", "text": text} for text in texts]


def call(name: str, arguments: Json, made: str) -> dict[str, Json]:
    """Return a call of a tool in OpenAI's words."""
    return {"id": made, "type": "function", "function": {"name": name, "arguments": arguments}}


def offered(name: str, description: str | None, parameters: Json) -> dict[str, Json]:
    """Return a tool in OpenAI's words."""
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def spoken(completion: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the message of a chat completion."""
    said: Mapping[str, Json] = completion["choices"][0]["message"]
    return said


def no_ids(record: dict[str, Json]) -> None:
    """Take the ids of calls out of *record*."""
    for turn in [*record.get("input_messages", ()), *record.get("output_messages", ())]:
        for part in turn["parts"]:
            if part["type"].startswith("tool_call"):
                part.pop("id", None)


IMAGE: Final = "data:{};base64,{}"
