"""One model call while it happens: what was asked, and what has arrived so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

import orjson

from .. import vocabulary as v
from ..encode import from_json, plain_value, to_json
from ..prompts import PromptUse, find_prompt, prompt_in_use
from ..safety import guard

Message = dict[str, Any]
Part = dict[str, Any]
_LONG: Final = (v.INPUT_MESSAGES, v.OUTPUT_MESSAGES, v.TOOL_DEFINITIONS)
_OPTIONS: Final = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS


class Generation:
    """The accumulator that every reader fills, from a whole response or chunk by chunk.

    Content that nobody is to see is never looked at: with ``content`` false the readers' words are dropped.
    """

    __slots__ = ("_choices", "_parts", "_reasons", "attributes", "content", "failure", "kept", "prompt")

    def __init__(self, *, content: bool) -> None:
        self.content = content
        self.attributes: dict[str, Any] = {}
        """What the span will say; readers may put anything there by its name in the vocabulary."""
        self.prompt: PromptUse | None = None
        self.failure: tuple[str, str] | None = None
        """Type and sentence, where the provider reports a failure inside a successful answer."""
        self.kept: tuple[ReadRequest, bytes] | None = None
        """What is asked, in JSON, and what is to read it when there is time."""
        self._choices: dict[int, list[list[Any]]] = {}
        self._parts: dict[tuple[int, str, int], list[Any]] = {}
        self._reasons: dict[int, str] = {}

    # --- the request ---------------------------------------------------------------------------

    def params(self, request: Mapping[str, Any], known: Mapping[str, str], other: tuple[str, ...]) -> None:
        """Take the parameters: *known* ones under their attribute, *other* ones together as JSON."""
        attributes = self.attributes
        rest = {}
        for name, value in request.items():
            if name in known:
                if value is not None:
                    attributes[known[name]] = value
            elif name in other and value is not None:
                rest[name] = value
        if rest:
            attributes[v.PARAMS] = to_json(rest)

    def keep(self, read: ReadRequest, request: Mapping[str, Any]) -> bool:
        """Take the request as it is now, in JSON, to be read when there is time; return whether that can be."""
        try:
            body = orjson.dumps(request, _as_asked, _OPTIONS)
        except (TypeError, ValueError, RecursionError):  # what JSON has no word for is read at once
            return False
        self.kept = read, body
        return True

    def use_prompt(self, request: Mapping[str, Any], prompt_in: tuple[str, ...]) -> None:
        """Take the prompt that one of the fields *prompt_in* was rendered from, or the one in use around here."""
        for name in prompt_in:
            if (found := find_prompt(request.get(name))) is not None:
                self.prompt = found
                return
        self.prompt = prompt_in_use()

    def asked(self, messages: list[Message], system: list[Part] | None = None) -> None:
        """Take the conversation; encoded at once, since the application may go on changing it."""
        if self.content:
            if messages:
                self.attributes[v.INPUT_MESSAGES] = to_json(messages)
            if system:
                self.attributes[v.SYSTEM_INSTRUCTIONS] = to_json(system)

    def tools(self, definitions: list[dict[str, Any]]) -> None:
        """Take the definitions of the tools offered."""
        if definitions and self.content:
            self.attributes[v.TOOL_DEFINITIONS] = to_json(definitions)

    # --- the response --------------------------------------------------------------------------

    def head(self, response_id: str | None, model: str | None) -> None:
        """Take id and model of the answer."""
        if response_id:
            self.attributes[v.RESPONSE_ID] = response_id
        if model:
            self.attributes[v.RESPONSE_MODEL] = model

    def usage(
        self,
        *,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cache_read: int | None = None,
        cache_write: int | None = None,
        reasoning: int | None = None,
    ) -> None:
        """Take token counts, inclusive ones; ``None`` leaves what was said before."""
        attributes = self.attributes
        # What is no number of tokens is not told: some clients let anything pass that they were sent.
        if type(input_tokens) is int:
            attributes[v.USAGE_INPUT_TOKENS] = input_tokens
        if type(output_tokens) is int:
            attributes[v.USAGE_OUTPUT_TOKENS] = output_tokens
        if type(cache_read) is int:
            attributes[v.USAGE_CACHE_READ] = cache_read
        if type(cache_write) is int:
            attributes[v.USAGE_CACHE_WRITE] = cache_write
        if type(reasoning) is int:
            attributes[v.USAGE_REASONING] = reasoning

    def text(self, piece: Any, *, choice: int = 0, index: int = 0, kind: str = "text") -> None:
        """Append *piece* to one part of one choice; *kind* may be ``reasoning`` or ``refusal``."""
        if piece and self.content:
            self._part(choice, kind, index)[3].append(piece if isinstance(piece, str) else str(piece))

    def tool_call(
        self,
        *,
        choice: int = 0,
        index: int = 0,
        call_id: str | None = None,
        name: str | None = None,
        arguments: Any = None,
    ) -> None:
        """Open or extend a tool call; *arguments* is the next piece of its JSON."""
        if self.content:
            part = self._part(choice, "tool_call", index)
            part[1] = call_id or part[1]
            part[2] = name or part[2]
            if arguments:
                part[3].append(arguments if isinstance(arguments, str) else str(arguments))

    def server_tool_call(self, *, index: int, call_id: str | None, name: str | None) -> None:
        """Open the call of a tool that the provider itself runs."""
        if self.content:
            part = self._part(0, "server_tool_call", index)
            part[1], part[2] = call_id, name

    def more_arguments(self, piece: str, *, index: int) -> None:
        """Extend whichever tool call was opened at *index* by the next piece of its JSON."""
        if piece and self.content:
            for kind in ("tool_call", "server_tool_call"):
                if (part := self._parts.get((0, kind, index))) is not None:
                    part[3].append(piece)

    def part(self, part: Part, *, choice: int = 0) -> None:
        """Append a part that is complete."""
        if self.content:
            self._choices.setdefault(choice, []).append(["whole", None, None, part])

    def finish(self, reason: str | None, *, choice: int = 0) -> None:
        """Note why one choice ended."""
        if reason:
            self._reasons[choice] = reason

    def start_over(self) -> None:
        """Forget what has arrived, because the whole of it is coming."""
        self._choices, self._parts, self._reasons = {}, {}, {}

    def telling(self) -> Callable[[dict[str, Any]], None]:
        """Return what puts all of it among a span's attributes, now or later; nothing is to arrive any more."""
        if self.kept is None:
            return partial(_tell, self.attributes)
        return partial(_tell_later, self.attributes, *self.kept)

    def chars(self) -> int:
        """Return how many characters that will be, about."""
        count = 0 if self.kept is None else len(self.kept[1])
        for name in _LONG:
            count += len(self.attributes.get(name, ""))
        return count

    def finished(self) -> dict[str, Any]:
        """Return every attribute of the span."""
        self.finish_up()
        return self.attributes

    def finish_up(self) -> None:
        """Put what has arrived among the attributes."""
        attributes = self.attributes
        if self.prompt is not None:
            attributes.update(self.prompt.attributes(capture_content=self.content))
        if self._reasons:
            attributes[v.FINISH_REASONS] = tuple([str(self._reasons[choice]) for choice in sorted(self._reasons)])
        if self._choices:
            attributes[v.OUTPUT_MESSAGES] = to_json([self._message(choice) for choice in sorted(self._choices)])

    def _message(self, choice: int) -> Message:
        message: Message = {"role": "assistant", "parts": [_whole(part) for part in self._choices[choice]]}
        if choice in self._reasons:
            message["finish_reason"] = self._reasons[choice]
        return message

    def _part(self, choice: int, kind: str, index: int) -> list[Any]:
        """Return one part as kind, id, name and pieces, opening it where it is new."""
        key = (choice, kind, index)
        found = self._parts.get(key)
        if found is None:
            found = self._parts[key] = [kind, None, None, []]
            self._choices.setdefault(choice, []).append(found)
        return found


ReadRequest: TypeAlias = Callable[[Generation, Mapping[str, Any]], None]


def _tell(said: dict[str, Any], attributes: dict[str, Any]) -> None:
    attributes.update(said)


def _tell_later(said: dict[str, Any], read: ReadRequest, body: bytes, attributes: dict[str, Any]) -> None:
    """Put what was asked among *attributes*, and over it what was answered."""
    asked = Generation(content=True)
    try:
        with guard():
            read(asked, orjson.loads(body))
    finally:
        attributes.update(asked.attributes)
        attributes.update(said)


def _as_asked(value: Any) -> Any:
    """Return what a client sends for an object of its own."""
    dump = getattr(value, "model_dump", None)
    return (
        dump(exclude_unset=True, warnings=False)
        if callable(dump) and not isinstance(value, type)
        else plain_value(value)
    )


def tool_call_part(call_id: str | None, name: str | None, arguments: Any) -> Part:
    """Return a tool call as a part; arguments that are a JSON object become that object."""
    if isinstance(arguments, str):
        parsed = from_json(arguments) if arguments else {}
        arguments = parsed if isinstance(parsed, dict) else arguments
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def server_tool_call_part(call_id: str | None, name: str | None, arguments: Any) -> Part:
    """Return the call of a tool that the provider itself runs as a part."""
    return {
        "type": "server_tool_call",
        "id": call_id,
        "name": name,
        "server_tool_call": {"type": name, "arguments": arguments},
    }


def _whole(part: list[Any]) -> Part:
    kind, call_id, name, pieces = part
    if kind == "whole":
        return pieces  # type: ignore[no-any-return]  # the one place that holds a part in it
    if kind == "tool_call":
        return tool_call_part(call_id, name, "".join(pieces))
    if kind == "server_tool_call":
        return server_tool_call_part(call_id, name, from_json("".join(pieces)) if pieces else {})
    return {"type": kind, "content": pieces[0] if len(pieces) == 1 else "".join(pieces)}
