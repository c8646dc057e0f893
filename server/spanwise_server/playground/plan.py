"""What a run over a dataset does with each row: the call, what the row fills, how often, and how answers are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..experiments.checks import Check, read_checks
from .call import BadCall, Call, Message, ToolCall
from .rows import INPUTS, Input, names_in
from .run import MOST_REPEATS

MOST_AT_ONCE: Final = 16
#: Calls of one run; more is a mistake more often than a wish.
MOST_CALLS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Plan:
    """One variant of the playground, to be run over the rows of a dataset."""

    provider: str
    model: str
    messages: Sequence[Message]
    format: str = "none"
    params: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Mapping[str, Any]] = ()
    output_schema: Mapping[str, Any] | None = None
    prompt: str = ""
    version: int | None = None
    """The version of the prompt that the messages may be of."""
    split: str = ""
    """Only rows of this split; all where empty."""
    input: Input = "variables"
    mapping: Mapping[str, str] = field(default_factory=dict)
    """Variable -> column of the row, where they are not called alike."""
    checks: Sequence[Check] = ()
    repeats: int = 1
    at_once: int = 4
    """How many rows are asked about at the same time."""
    most_nusd: int | None = None
    """The run stops once it has cost so much."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that the messages ask for."""
        return names_in(self.messages, self.format)

    def call(self, messages: Sequence[Message]) -> Call:
        """Return the call with these messages."""
        return Call(self.model, messages, self.params, self.tools, self.output_schema)

    def as_json(self) -> dict[str, Any]:
        """Return it as one JSON object."""
        return {
            "provider": self.provider,
            "model": self.model,
            "messages": [_message_json(message) for message in self.messages],
            "format": self.format,
            "params": dict(self.params),
            "tools": [dict(tool) for tool in self.tools],
            "output_schema": None if self.output_schema is None else dict(self.output_schema),
            "prompt": self.prompt,
            "version": self.version,
            "split": self.split,
            "input": self.input,
            "mapping": dict(self.mapping),
            "checks": [{"kind": check.kind, "value": check.value} for check in self.checks],
            "repeats": self.repeats,
            "at_once": self.at_once,
            "most_nusd": self.most_nusd,
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Plan:
        """Return what :meth:`as_json` wrote; a plan that could not be run is refused."""
        known = {name: said[name] for name in cls.__dataclass_fields__ if name in said}
        made = cls(
            **{
                **known,
                "messages": [message_of(one) for one in said["messages"]],
                "checks": read_checks(said.get("checks") or ()),
            }
        )
        if made.input not in INPUTS:
            raise BadCall(f"There is no use {made.input!r} of a row.", f"Choose one of {', '.join(INPUTS)}.")
        if not 1 <= made.repeats <= MOST_REPEATS or not 1 <= made.at_once <= MOST_AT_ONCE:
            raise BadCall(
                "A row is asked about too often, or too many are at once.",
                f"Choose 1 to {MOST_REPEATS} repeats, 1 to {MOST_AT_ONCE} rows at once.",
            )
        return made


def message_of(said: Mapping[str, Any]) -> Message:
    """Return a message that a browser or a program sent."""
    calls = tuple(
        ToolCall(str(one.get("id", "")), str(one.get("name", "")), str(one.get("arguments", "{}")))
        for one in said.get("tool_calls") or ()
    )
    return Message(str(said.get("role")), str(said.get("content") or ""), calls, str(said.get("tool_call_id") or ""))


def _message_json(message: Message) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        said["tool_calls"] = [{"id": c.id, "name": c.name, "arguments": c.arguments} for c in message.tool_calls]
    if message.tool_call_id:
        said["tool_call_id"] = message.tool_call_id
    return said
