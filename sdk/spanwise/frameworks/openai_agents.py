"""OpenAI's Agents SDK, by its trace processors: runs, agents, turns, tools, handoffs and guardrails."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final

from agents.tracing.processor_interface import TracingProcessor

from .. import vocabulary as v
from ..context import current_attributes
from ..encode import from_json, to_json
from ..instrument.generation import Generation
from ..instrument.undo import replaced
from ..providers import openai, openai_responses
from ..safety import guard
from .framework import framework
from .steps import Step, Steps

#: What each sort of span is; the rest are chains.
_KINDS: Final = {
    "agent": "agent", "function": "tool", "generation": "llm", "response": "llm", "guardrail": "guardrail",
    "mcp_tools": "mcp", "custom": "span", "transcription": "span", "speech": "span", "speech_group": "span",
}  # fmt: skip


class Failed(Exception):
    """What a span says of its failure, which comes as words and not as an exception."""


class Processor(TracingProcessor):
    """Makes a step of each span."""

    def __init__(self) -> None:
        self.steps = Steps()

    def on_trace_start(self, trace: Any) -> None:
        """Begin a run; not entered, since it may end in another task than it began in."""
        with guard():
            here = current_attributes() or {}
            about: dict[str, Any] = {}
            if (group := getattr(trace, "group_id", None)) and v.SESSION_ID not in here:
                about[v.SESSION_ID] = about[v.CONVERSATION_ID] = str(group)
            if (metadata := getattr(trace, "metadata", None)) and v.METADATA not in here:
                about[v.METADATA] = to_json(metadata)
            self.steps.begin(trace.trace_id, None, trace.name, "chain", about)

    def on_trace_end(self, trace: Any) -> None:
        """End a run."""
        with guard():
            self.steps.end(trace.trace_id)

    def on_span_start(self, span: Any) -> None:
        """Begin a step, and be inside of it."""
        with guard():
            data = span.span_data
            above = span.trace_id if span.parent_id is None else span.parent_id
            if data.type == "task":  # the run once more
                self.steps.hide(span.span_id, above)
                return
            kind = _KINDS.get(data.type, "chain")
            self.steps.begin(span.span_id, above, _name(data), kind).enter()

    def on_span_end(self, span: Any) -> None:
        """Say what the step was given and gave, and end it."""
        with guard():
            step = self.steps.own(span.span_id)
            if step is not None:
                self._tell(step, span)
                self.steps.end(span.span_id, _failure(span.error))

    def shutdown(self) -> None:
        """Leave the sending to ``spanwise.shutdown()``."""

    def force_flush(self) -> None:
        """Leave the sending to ``spanwise.flush()``."""

    def _tell(self, step: Step, span: Any) -> None:
        data = span.span_data
        if data.type == "function":
            step.set_input(from_json(data.input) if isinstance(data.input, str) else data.input)
            step.set_output(data.output)
        elif step.generation is not None:
            _call(step.generation, data)
            self._tell_around(span)
        elif data.type == "custom":
            step.set_input(data.data)
        elif data.type == "guardrail":
            step.set_output({"triggered": data.triggered})
        elif data.type == "mcp_tools":
            step.set("server.address", data.server or "").set_output(data.result)

    def _tell_around(self, span: Any) -> None:
        """Let the agent and the run around a call tell what was asked first and said last."""
        given, found = _conversation(span.span_data)
        for step in self.steps.around(span.parent_id, span.trace_id):
            if not step.marked:
                step.marked = True
                step.set_input(given)
            if found:
                step.set_output(found)


def _name(data: Any) -> str:
    if data.type == "handoff":
        return f"handoff {data.from_agent}"
    if data.type == "turn":
        return f"turn {data.turn}"
    return str(getattr(data, "name", None) or data.type)


def _failure(error: Any) -> Failed | None:
    if not error:
        return None
    more = error.get("data") or {}
    return Failed(str(more.get("error") or error.get("message")) if isinstance(more, Mapping) else str(error))


def _conversation(data: Any) -> tuple[Any, Any]:
    """Return what a call was asked, and the text it answered."""
    if data.type == "generation":
        said = [choice.get("content") for choice in data.output or () if isinstance(choice, Mapping)]
        return data.input, "".join(text for text in said if isinstance(text, str))
    return data.input, getattr(data.response, "output_text", None)


def _call(g: Generation, data: Any) -> None:
    """Read a call that no client of ours told of."""
    if data.type == "response":
        g.attributes[v.PROVIDER_NAME] = "openai"
        if data.response is not None:
            g.attributes[v.REQUEST_MODEL] = data.response.model
            openai_responses.request(g, {"model": data.response.model, "input": data.input or ""})
            openai_responses.response(g, data.response)
        return
    settings = data.model_config or {}
    request = {name: value for name, value in settings.items() if isinstance(value, (str, int, float))}
    openai.request(g, {**request, "model": data.model, "messages": data.input or ()})
    usage = data.usage or {}
    g.usage(input_tokens=usage.get("input_tokens"), output_tokens=usage.get("output_tokens"))
    for number, message in enumerate(data.output or ()):
        if isinstance(message, Mapping):
            g.text(message.get("content"), choice=number)
            for index, call in enumerate(message.get("tool_calls") or ()):
                asked = call.get("function") or {}
                g.tool_call(
                    choice=number,
                    index=index,
                    call_id=call.get("id"),
                    name=asked.get("name"),
                    arguments=asked.get("arguments"),
                )


def _switch_on(module: ModuleType) -> Callable[[], None]:
    """Hear what all processors are told: the program may set others, and does so to be rid of OpenAI's."""
    processor = Processor()
    several: Any = module.SynchronousMultiTracingProcessor
    restore = [replaced(several, name, _hear(getattr(processor, name))) for name in _HEARD]

    def switch_off() -> None:
        for each in restore:
            each()
        processor.steps.end_all()

    return switch_off


_HEARD: Final = ("on_trace_start", "on_trace_end", "on_span_start", "on_span_end")


def _hear(ours: Callable[[Any], None]) -> Callable[[Any], Any]:
    def make(original: Any) -> Any:
        @functools.wraps(original)
        def heard(self: Any, item: Any) -> Any:
            ours(item)
            return original(self, item)

        return heard

    return make


FRAMEWORK: Final = framework("openai-agents", "agents.tracing.provider", _switch_on)
