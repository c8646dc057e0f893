"""Whole requests to model APIs and their whole answers, as tracers log them that do not look inside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from ..decode import decoded
from .langchain import chat_message
from .message import Message, message, system
from .openai import ITEM_ROLES
from .tools import Tool, tool_definitions

#: Where the conversation stands in a request.
TURNS: Final = ("messages", "contents", "input", "prompt", "prompts")
#: Where it is told to the model how to behave, apart from the conversation.
TOLD: Final = ("system", "instructions", "system_instruction", "systemInstruction")
#: Members of a request that are not parameters.
CONTENT: Final = frozenset((*TURNS, *TOLD, "tools", "model", "config", "extra_headers", "extra_body", "timeout"))
#: The same parameter elsewhere.
PARAMS: Final[Mapping[str, str]] = {
    "max_output_tokens": "max_tokens", "maxOutputTokens": "max_tokens", "topP": "top_p", "topK": "top_k",
    "stop": "stop_sequences", "stopSequences": "stop_sequences", "n": "choice_count",
    "candidate_count": "choice_count", "frequencyPenalty": "frequency_penalty", "presencePenalty": "presence_penalty",
}  # fmt: skip


def asked(value: Any) -> tuple[Message, ...]:
    """Return what a request, or the conversation alone, asks; nothing where *value* is neither."""
    value = decoded(value)
    first: Message | None = None
    if isinstance(value, dict) and "role" not in value and "type" not in value and "parts" not in value:
        first = _told(value)
        value = next((given for key in TURNS if (given := decoded(value.get(key))) is not None), None)
    found = _turns(value, "user")
    return (first, *found) if first else found


def offered(value: Any) -> tuple[Tool, ...]:
    """Return the tools that a request offers."""
    request = decoded(value)
    if not isinstance(request, dict):
        return ()
    config = request.get("config")
    tools = request.get("tools") or (config.get("tools") if isinstance(config, dict) else None)
    return tool_definitions(tools) if isinstance(tools, list) else ()


def settings(value: Any) -> dict[str, Any]:
    """Return the parameters of a request."""
    request = decoded(value)
    if not isinstance(request, dict):
        return {}
    config = request.get("config")
    both = {**(config if isinstance(config, dict) else {}), **request}
    return {PARAMS.get(key, key): said for key, said in both.items() if key not in CONTENT and said is not None}


def answered(value: Any) -> tuple[Message, ...]:
    """Return the messages of an answer: one for each choice."""
    value = decoded(value)
    if isinstance(value, dict):
        for key, read in FORMS.items():
            if value.get(key) is not None and (found := read(value[key], value)):
                return found
        return _turns(value, "assistant") if value.get("type") in ITEM_ROLES else ()
    return _turns(value, "assistant")


def _told(request: Mapping[str, Any]) -> Message | None:
    config = request.get("config")
    for place in (request, config if isinstance(config, dict) else {}):
        for key in TOLD:
            if told := place.get(key):
                return system(told["parts"] if isinstance(told, dict) and "parts" in told else told)
    return None


def _turns(value: Any, role: str) -> tuple[Message, ...]:
    if value is None or value in ("", {}, []):
        return ()
    if isinstance(value, str | dict):
        return (message(_ended(chat_message(value)), role),)
    if not isinstance(value, list | tuple):
        return ()
    if len(value) == 1 and isinstance(value[0], list):  # LangChain asks in batches, mostly of one
        value = value[0]
    turns = [_ended(chat_message(decoded(item))) for item in value if item is not None]
    return (
        tuple(merged(message(turn, role) for turn in turns))
        if _has_items(turns)
        else tuple(message(turn, role) for turn in turns)
    )


def _has_items(turns: Iterable[Any]) -> bool:
    return any(isinstance(turn, dict) and turn.get("type") in ITEM_ROLES for turn in turns)


def merged(turns: Iterable[Message]) -> list[Message]:
    """Return messages where those that follow one another in one role, items of one answer, are one."""
    found: list[Message] = []
    for turn in turns:
        if found and turn["role"] == "assistant" == found[-1]["role"]:
            found[-1] = {**found[-1], **turn, "parts": [*found[-1]["parts"], *turn["parts"]]}
        else:
            found.append(turn)
    return found


def _ended(value: Any) -> Any:
    """Return an answer of Anthropic's with its reason to stop where others have it."""
    if isinstance(value, dict) and value.get("stop_reason") and "finish_reason" not in value:
        return {**value, "finish_reason": value["stop_reason"]}
    return value


def _choices(choices: Any, _answer: Mapping[str, Any]) -> tuple[Message, ...]:
    if not isinstance(choices, list):
        return ()
    return tuple(message(_with_text(choice), "assistant") for choice in choices if isinstance(choice, dict))


def _with_text(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a choice of the old completions as one of a chat."""
    if isinstance(text := choice.get("text"), str) and "message" not in choice:
        return {"role": "assistant", "content": text, "finish_reason": choice.get("finish_reason")}
    return choice


def _candidates(candidates: Any, _answer: Mapping[str, Any]) -> tuple[Message, ...]:
    if not isinstance(candidates, list):
        return ()
    return tuple(made for each in candidates if isinstance(each, dict) for made in _content(each.get("content"), each))


def _generations(batches: Any, _answer: Mapping[str, Any]) -> tuple[Message, ...]:
    """Return LangChain's: a list of choices for each of the inputs, of which there is one."""
    first = batches[0] if isinstance(batches, list) and batches else None
    choices = first if isinstance(first, list) else batches if isinstance(batches, list) else []
    found = []
    for choice in (each for each in choices if isinstance(each, dict)):
        said = chat_message(choice["message"]) if "message" in choice else {"content": choice.get("text")}
        info = choice.get("generation_info")
        reason = info.get("finish_reason") if isinstance(info, dict) else None
        if isinstance(said, dict):
            found.append(message({"finish_reason": reason, **said}, "assistant"))
    return tuple(found)


def _content(content: Any, answer: Mapping[str, Any]) -> tuple[Message, ...]:
    """Return the answer of an API that gives its content at once: Anthropic's, Gemini's, a chat message."""
    reason = answer.get("finish_reason") or answer.get("finishReason") or answer.get("stop_reason")
    if isinstance(content, dict):
        return (message({**content, "finish_reason": reason}, "assistant"),)
    said = chat_message(answer)
    return (message(said if said is not answer else {**answer, "finish_reason": reason}, "assistant"),)


def _output(output: Any, _answer: Mapping[str, Any]) -> tuple[Message, ...]:
    return answered(output) if isinstance(output, dict) else _turns(output, "assistant")


def _calls(_calls: Any, answer: Mapping[str, Any]) -> tuple[Message, ...]:
    return (message(answer, "assistant"),)


#: How to read an answer, by the member that gives its form away.
FORMS: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], tuple[Message, ...]]]] = {
    "choices": _choices,
    "candidates": _candidates,
    "generations": _generations,
    "output": _output,
    "content": _content,
    "kwargs": _content,
    "tool_calls": _calls,
    "parts": _calls,
}
