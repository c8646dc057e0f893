"""What the playground begins with: a recorded call, a version of a prompt, a row of a dataset."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from spanwise.template import Format, TemplateError, render_text

from ..datasets.example import Example
from ..labelling.answer import texts_of
from ..prompts.content import Content
from ..prompts.diff import message_text
from ..record import Record
from .call import BadCall, Message, ToolCall
from .providers import provider_of

#: Not sent again: what another provider, or this one today, would not take.
_NOT_PARAMS: Final = frozenset(
    {
        "stream", "stream_options", "n", "user", "choice_count", "output_type", "encoding_formats", "dimensions",
        "previous_response_id", "store", "prompt_cache_key", "safety_identifier", "responseMimeType",
    }
)  # fmt: skip
#: Where recordings keep the schema that an answer was to follow.
_SCHEMAS: Final = (
    ("output_schema",), ("response_format", "json_schema", "schema"), ("responseJsonSchema",),
    ("output_config", "format", "schema"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Start:
    """One variant as the page opens with it."""

    messages: tuple[Message, ...] = (Message("system", ""), Message("user", ""))
    format: str = "none"
    """``none`` sends the messages as they are."""
    provider: str = "openai"
    model: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Any] = ()
    output_schema: Mapping[str, Any] | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    left_out: int = 0
    """Parts of the recorded messages that are no text, such as pictures."""


def of_record(record: Record) -> Start:
    """Return a recorded call as it was."""
    reading = record.reading
    found = [messages_of(message) for message in reading.input_messages or ()]
    said = reading.params or {}
    schema = next((asked for path in _SCHEMAS if (asked := _at(said, path)) is not None), None)
    spent = {path[0] for path in _SCHEMAS} if schema is not None else set()
    params = {name: value for name, value in said.items() if name not in _NOT_PARAMS | spent}
    model = reading.request_model or reading.model or ""
    return Start(
        messages=tuple(message for messages, _ in found for message in messages) or Start().messages,
        provider=provider_of(model, reading.provider),
        model=model,
        params=params,
        output_schema=schema,
        tools=[_tool(tool) for tool in reading.tool_definitions or ()],
        left_out=sum(left for _, left in found),
    )


def of_content(content: Content, variables: Mapping[str, Any]) -> Start:
    """Return a version of a prompt; a text is what the system says, with a first question after it."""
    messages = tuple(Message(str(m.get("role")), message_text(m)) for m in content.messages)
    if not content.is_chat:
        messages = (*messages, Message("user", ""))
    return Start(
        messages=messages,
        format=content.format,
        provider=provider_of(content.model or ""),
        model=content.model or "",
        params=content.params,
        tools=content.tools,
        output_schema=content.output_schema,
        variables={name: variables.get(name, "") for name in content.variables},
    )


def of_example(example: Example) -> dict[str, Any]:
    """Return what a row of a dataset gives for variables: its own names, else ``question`` and ``input``."""
    content = example.input.get("content")
    if isinstance(content, Mapping):
        return dict(content)
    said = texts_of(m for m in example.input.get("messages") or () if m.get("role") == "user")
    text = content if isinstance(content, str) else said
    return {"question": text, "input": text}


def rendered(messages: Iterable[Message], form: str, variables: Mapping[str, Any]) -> list[Message]:
    """Return *messages* with the values put in; ``none`` leaves them as they are."""
    if form == "none":
        return list(messages)
    if form not in ("plain", "jinja", "fstring"):
        raise BadCall(f"There is no format {form!r}.", "Choose none, plain, jinja or fstring.")
    asked: Format = form  # type: ignore[assignment] # looked at above
    try:
        return [
            Message(m.role, render_text(m.content, variables, asked, of="this call"), m.tool_calls, m.tool_call_id)
            for m in messages
        ]
    except TemplateError as error:
        raise BadCall(str(error), "Fill in the variables.") from error


def messages_of(message: Mapping[str, Any]) -> tuple[list[Message], int]:
    """Return one recorded message, answers of tools each on their own, and how many parts have no place here."""
    texts: list[str] = []
    calls: list[ToolCall] = []
    answers: list[Message] = []
    left = 0
    for part in message.get("parts") or ():
        kind = part.get("type")
        if kind == "text":
            texts.append(_text(part.get("content")))
        elif kind == "tool_call":
            calls.append(ToolCall(part.get("id") or "", part.get("name") or "", _text(part.get("arguments"))))
        elif kind == "tool_call_response":
            said = part.get("response", part.get("result"))
            answers.append(Message("tool", _text(said), tool_call_id=part.get("id") or ""))
        elif kind != "reasoning":
            left += 1
    if texts or calls or not answers:
        return [Message(str(message.get("role") or "user"), "\n".join(texts), tuple(calls)), *answers], left
    return answers, left


def _at(said: Any, path: Sequence[str]) -> Mapping[str, Any] | None:
    """Return the object at a path, whose steps may be JSON text."""
    for name in path:
        if not isinstance(said, Mapping):
            return None
        said = said.get(name)
        if isinstance(said, str) and said.startswith("{"):
            try:
                said = json.loads(said)
            except ValueError:
                return None
    return said if isinstance(said, Mapping) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=dict)


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recorded tool in OpenAI's shape."""
    if isinstance(tool.get("function"), Mapping):
        return {"type": "function", "function": dict(tool["function"])}
    names = ("name", "description", "parameters")
    said = {name: tool[name] for name in names if tool.get(name) is not None}
    if "parameters" not in said and tool.get("input_schema") is not None:
        said["parameters"] = tool["input_schema"]
    return {"type": "function", "function": said}
