"""DSPy, by its callbacks: programs and their modules, models, tools and evaluations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final

from dspy.utils.callback import BaseCallback

from .. import vocabulary as v
from ..instrument.generation import Generation
from ..instrument.undo import replaced
from ..providers import openai
from ..safety import guard
from .framework import framework
from .steps import Steps


class Callback(BaseCallback):
    """Makes a step of each module, model, tool, evaluation and compilation; formatting and parsing are none."""

    def __init__(self) -> None:
        self.steps = Steps()

    def on_module_start(self, call_id: str, instance: Any, inputs: Any) -> None:
        """Begin a module."""
        with guard():
            kind = "agent" if type(instance).__name__ in ("ReAct", "CodeAct") else "chain"
            self._begin(call_id, type(instance).__name__, kind, _given(inputs))

    def on_module_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        """End a module."""
        with guard():
            self._end(call_id, outputs, exception)

    def on_lm_start(self, call_id: str, instance: Any, inputs: Any) -> None:
        """Begin a call of a model."""
        with guard():
            step = self.steps.begin(call_id, None, str(getattr(instance, "model", "model")), "llm")
            if step.generation is not None:
                _asked(step.generation, instance, inputs)
                step.told_by = instance
            step.enter()

    def on_lm_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        """End a call of a model."""
        with guard():
            step = self.steps.get(call_id)
            if step is not None and step.generation is not None and exception is None:
                _answered(step.generation, step.told_by, outputs)
            self.steps.end(call_id, exception)

    def on_tool_start(self, call_id: str, instance: Any, inputs: Any) -> None:
        """Begin a tool."""
        with guard():
            self._begin(call_id, str(getattr(instance, "name", "tool")), "tool", _given(inputs))

    def on_tool_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        """End a tool."""
        with guard():
            self._end(call_id, outputs, exception)

    def on_evaluate_start(self, call_id: str, instance: Any, inputs: Any) -> None:  # noqa: ARG002  # what DSPy calls
        """Begin an evaluation; its examples are no input to be shown."""
        with guard():
            self._begin(call_id, type(instance).__name__, "evaluator", None)

    def on_evaluate_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        """End an evaluation."""
        with guard():
            self._end(call_id, getattr(outputs, "score", outputs), exception)

    def _begin(self, call_id: str, name: str, kind: str, given: Any) -> None:
        step = self.steps.begin(call_id, None, name, kind)
        if given is not None:
            step.set_input(given)
        step.enter()

    def _end(self, call_id: str, outputs: Any, exception: BaseException | None) -> None:
        step = self.steps.get(call_id)
        if step is not None and exception is None:
            shown = getattr(outputs, "toDict", None)
            step.set_output(shown() if callable(shown) else outputs)
        self.steps.end(call_id, exception)


def _given(inputs: Mapping[str, Any]) -> Any:
    return inputs.get("kwargs") or inputs.get("args") or inputs


def _asked(g: Generation, instance: Any, inputs: Mapping[str, Any]) -> None:
    prefix, _, model = str(getattr(instance, "model", "")).rpartition("/")
    if prefix:
        g.attributes[v.PROVIDER_NAME] = prefix.partition("/")[0]
    messages = inputs.get("messages") or [{"role": "user", "content": inputs.get("prompt") or ""}]
    settings = {**(getattr(instance, "kwargs", None) or {}), **(inputs.get("kwargs") or {})}
    plain = {name: value for name, value in settings.items() if isinstance(value, (str, int, float))}
    openai.request(g, {**plain, "model": model, "messages": messages})


def _answered(g: Generation, instance: Any, outputs: Any) -> None:
    for number, found in enumerate(outputs if isinstance(outputs, list) else ()):
        g.text(found.get("text") if isinstance(found, Mapping) else str(found), choice=number)
    history = getattr(instance, "history", None)
    last = history[-1] if history else {}
    usage = last.get("usage") or {}
    g.head(None, last.get("response_model"))
    g.usage(input_tokens=usage.get("prompt_tokens"), output_tokens=usage.get("completion_tokens"))


def _switch_on(module: ModuleType) -> Callable[[], None]:
    """Have every call find our callback beside the program's; DSPy's settings belong to the thread that sets them."""
    callback = Callback()

    def make(original: Any) -> Any:
        def get(self: Any, key: str, *default: Any) -> Any:
            found = original(self, key, *default)
            return [*(found or ()), callback] if key == "callbacks" else found

        return get

    restore = replaced(type(module.settings), "get", make)

    def switch_off() -> None:
        restore()
        callback.steps.end_all()

    return switch_off


FRAMEWORK: Final = framework("dspy", "dspy", _switch_on)
