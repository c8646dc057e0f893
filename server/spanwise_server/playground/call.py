"""One call of the playground and what comes of it, free of any provider's words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from ..errors import SpanwiseError
from .stop import OnLine

Object = Mapping[str, Any]
#: Parts of keys that are shorter stand in texts by chance.
_LEAST_SECRET: Final = 6


class BadCall(SpanwiseError):
    """A call that cannot be made as it is."""

    status = 422
    code = "bad_call"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants called; arguments are JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message: a text, and what the assistant called or a tool answered."""

    role: str
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of a model."""

    model: str
    messages: Sequence[Message]
    params: Object = field(default_factory=dict)
    tools: Sequence[Object] = ()
    """In OpenAI's shape: ``{"type": "function", "function": {"name", "description", "parameters"}}``."""
    output_schema: Object | None = None

    @property
    def system(self) -> str:
        """What is said by system and developer, together."""
        return "\n\n".join(m.content for m in self.messages if m.role in ("system", "developer"))

    @property
    def talk(self) -> list[Message]:
        """The messages after that."""
        return [m for m in self.messages if m.role not in ("system", "developer")]

    @property
    def functions(self) -> list[Object]:
        """The functions among the tools."""
        return [tool.get("function", tool) for tool in self.tools]


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a provider is and the key that opens it."""

    provider: str
    key: str
    base_url: str = ""
    """The provider's own where empty."""
    stored: bool = False
    """Whether the key was stored in this project, rather than found in the environment."""

    def without_key(self, text: str) -> str:
        """Return *text* with the key, and each part of one that has several, blotted out."""
        for secret in (self.key, *self.key.split(":")):
            if len(secret) >= _LEAST_SECRET:
                text = text.replace(secret, "[key]")
        return text


@dataclass(slots=True)
class Answer:
    """What has come so far."""

    text: str = ""
    tool_calls: dict[int, list[str]] = field(default_factory=dict)
    """Place -> id, name, arguments."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read: int | None = None
    finish_reason: str | None = None
    model: str | None = None
    response_id: str | None = None

    def tool(self, place: int, call_id: str | None = None, name: str | None = None, arguments: str = "") -> None:
        """Open or extend a tool call."""
        held = self.tool_calls.setdefault(place, ["", "", ""])
        held[0], held[1], held[2] = call_id or held[0], name or held[1], held[2] + arguments

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tools that the model wants called."""
        return tuple(ToolCall(*held) for _, held in sorted(self.tool_calls.items()))


#: Fills the answer and yields each piece of its text as it comes.
Stream = Iterator[str]
#: Makes the HTTP client that a provider's client is to use, which reaches no address that is not allowed, and tells of
#: each connection that it opens.
MakeHttp = Callable[[OnLine], Any]


class Provider(Protocol):
    """One provider behind its own client library."""

    def __call__(self, call: Call, connection: Connection, http: Any, answer: Answer) -> Stream:
        """Yield the text of the answer as it comes, and fill *answer*."""


def flip_rate(answers: Sequence[str]) -> float | None:
    """Return the share of answers that differ from the commonest one, ``None`` of fewer than two."""
    return 1 - commonest(answers)[1] / len(answers) if len(answers) > 1 else None


def commonest(answers: Sequence[str]) -> tuple[int, int]:
    """Return the place of the first answer that is said oftenest, blanks aside, and how often it is."""
    said = [" ".join(answer.split()) for answer in answers]
    words, times = Counter(said).most_common(1)[0]
    return said.index(words), times
