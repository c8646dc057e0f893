"""LangChain and LangGraph, by their callbacks: chains, graphs and their nodes, models, tools and retrievers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from types import ModuleType
from typing import Any, Final

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import config as runnables
from langchain_core.tracers import context as hooks
from opentelemetry import context as otel_context

from .. import vocabulary as v
from ..context import current_attributes
from ..encode import to_json
from ..instrument.undo import replaced
from ..safety import guard
from .framework import framework
from .langchain_messages import answered, asked
from .steps import Step, Steps

#: A run with this tag is LangChain's own plumbing.
_HIDDEN: Final = "langsmith:hidden"
_OWN: Final = ("ls_", "langgraph_", "lc_", "checkpoint_", "__", "LANGSMITH")
#: Tags that LangChain itself puts onto runs.
_OWN_TAGS: Final = ("seq:step:", "map:key:", "graph:step:", "langsmith:", "condition:", "branch:")
#: How a graph says that it waits or goes on elsewhere.
_NOT_FAILURES: Final = frozenset({"GraphInterrupt", "NodeInterrupt", "ParentCommand", "GraphBubbleUp", "GraphDrained"})
_SESSIONS: Final = ("session_id", "thread_id", "conversation_id")


class Handler(BaseCallbackHandler):
    """Makes a step of each run; only the methods that LangChain calls."""

    run_inline = True  # in the task that makes the call, or its context would be another's
    raise_error = True  # what is ours is swallowed here; in tests it is to be heard

    def __init__(self) -> None:
        self.steps = Steps()

    # --- chains and graphs ----------------------------------------------------------------------

    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: Any, **said: Any) -> None:
        """Begin a chain, a graph or a node of one."""
        with guard():
            if _HIDDEN in (said.get("tags") or ()):
                self.steps.hide(run_id, said.get("parent_run_id"))
                return
            step = self._begin(_kind(said), _name(serialized, said), run_id, said)
            step.set_input(inputs)

    def on_chain_end(self, outputs: Any, *, run_id: Any, **_said: Any) -> None:
        """End a chain."""
        with guard():
            self._end(run_id, outputs)

    def on_chain_error(self, error: BaseException, *, run_id: Any, **_said: Any) -> None:
        """End a chain that failed."""
        with guard():
            self.steps.end(run_id, None if type(error).__name__ in _NOT_FAILURES else error)

    # --- models ---------------------------------------------------------------------------------

    def on_chat_model_start(self, serialized: Any, messages: Any, *, run_id: Any, **said: Any) -> None:
        """Begin a call of a chat model."""
        with guard():
            self._call(serialized, [message for batch in messages for message in batch], run_id, said)

    def on_llm_start(self, serialized: Any, prompts: Any, *, run_id: Any, **said: Any) -> None:
        """Begin a call of a model that completes text."""
        with guard():
            self._call(serialized, prompts, run_id, said)

    def on_llm_new_token(self, *_token: Any, run_id: Any, **_said: Any) -> None:
        """Leave the call once its stream is there, so that who reads the stream is not inside of it."""
        with guard():
            if (step := self.steps.get(run_id)) is not None:
                step.leave()

    def on_llm_end(self, response: Any, *, run_id: Any, **_said: Any) -> None:
        """End a call of a model."""
        with guard():
            step = self.steps.get(run_id)
            if step is not None and step.generation is not None:
                answered(step.generation, response)
            self.steps.end(run_id)

    def on_llm_error(self, error: BaseException, *, run_id: Any, **_said: Any) -> None:
        """End a call that failed."""
        with guard():
            self.steps.end(run_id, error)

    # --- tools and retrievers -------------------------------------------------------------------

    def on_tool_start(self, serialized: Any, input_str: str, *, run_id: Any, **said: Any) -> None:
        """Begin a tool."""
        with guard():
            step = self._begin("tool", _name(serialized, said), run_id, said)
            if description := (serialized or {}).get("description"):
                step.set(v.TOOL_DESCRIPTION, description)
            if call_id := said.get("tool_call_id"):
                step.set(v.TOOL_CALL_ID, call_id)
            given = said.get("inputs")
            step.set_input(input_str if given is None else given)

    def on_tool_end(self, output: Any, *, run_id: Any, **_said: Any) -> None:
        """End a tool."""
        with guard():
            call_id, step = getattr(output, "tool_call_id", None), self.steps.get(run_id)
            if call_id and step is not None:
                step.set(v.TOOL_CALL_ID, call_id)
            self._end(run_id, getattr(output, "content", output))

    def on_tool_error(self, error: BaseException, *, run_id: Any, **_said: Any) -> None:
        """End a tool that failed."""
        self.on_chain_error(error, run_id=run_id)

    def on_retriever_start(self, serialized: Any, query: str, *, run_id: Any, **said: Any) -> None:
        """Begin a retrieval."""
        with guard():
            self._begin("retriever", _name(serialized, said), run_id, said).set_input(query)

    def on_retriever_end(self, documents: Any, *, run_id: Any, **_said: Any) -> None:
        """End a retrieval."""
        with guard():
            self._end(run_id, documents)

    def on_retriever_error(self, error: BaseException, *, run_id: Any, **_said: Any) -> None:
        """End a retrieval that failed."""
        self.on_chain_error(error, run_id=run_id)

    # --- what they share ------------------------------------------------------------------------

    def _begin(self, kind: str, name: str, run_id: Any, said: Mapping[str, Any]) -> Step:
        return self.steps.begin(run_id, said.get("parent_run_id"), name, kind, _about(said))

    def _call(self, serialized: Any, messages: Sequence[Any], run_id: Any, said: Mapping[str, Any]) -> None:
        step = self._begin("llm", _name(serialized, said), run_id, said)
        if step.generation is not None:
            asked(step.generation, messages, said)
        step.enter()

    def _end(self, run_id: Any, output: Any) -> None:
        step = self.steps.get(run_id)
        if step is not None:
            step.set_output(output)
        self.steps.end(run_id)


def _name(serialized: Any, said: Mapping[str, Any]) -> str:
    serialized = serialized or {}
    path = serialized.get("id") or ()
    return str(said.get("name") or serialized.get("name") or (path[-1] if path else "step"))


def _kind(said: Mapping[str, Any]) -> str:
    metadata = said.get("metadata") or {}
    # The name is that of a graph which nobody named, as agents were made before they were marked.
    agent = said.get("name") == "LangGraph" or metadata.get("lc_agent_name")
    return "agent" if agent and "langgraph_node" not in metadata else "chain"


def _about(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return session, tags and metadata as the run's configuration has them; ``spanwise.context`` wins."""
    metadata = said.get("metadata") or {}
    here = current_attributes() or {}
    found: dict[str, Any] = {}
    session = next((metadata[name] for name in _SESSIONS if metadata.get(name)), None)
    if session is not None and v.SESSION_ID not in here:
        found[v.SESSION_ID] = found[v.CONVERSATION_ID] = str(session)
    if (user := metadata.get("user_id")) and v.USER_ID not in here:
        found[v.USER_ID] = str(user)
    own = {name: value for name, value in metadata.items() if not str(name).startswith(_OWN)}
    if (node := metadata.get("langgraph_node")) is not None:
        own["langgraph_node"] = node
    if own and v.METADATA not in here:
        found[v.METADATA] = to_json(own)
    tags = tuple(str(tag) for tag in said.get("tags") or () if not str(tag).startswith(_OWN_TAGS))
    if tags and v.TAGS not in here:
        found[v.TAGS] = tags
    return found


def _switch_on(_module: ModuleType) -> Callable[[], None]:
    """Let every run report to a handler, and make a run's step current in the context its function runs in."""
    handler = Handler()
    hook = (ContextVar("spanwise_langchain", default=handler), True, None, None)
    hooks._configure_hooks.append(hook)
    undo = _follow(runnables, handler.steps)

    def switch_off() -> None:
        if hook in hooks._configure_hooks:
            hooks._configure_hooks.remove(hook)
        undo()
        handler.steps.end_all()

    return switch_off


def _follow(module: Any, steps: Steps) -> Callable[[], None]:
    """Make the step current wherever *module* prepares the context of a run: its own copy, so there is no way out."""

    def make(original: Any) -> Any:
        def _set_config_context(config: Any, *rest: Any) -> Any:
            found = original(config, *rest)
            with guard():
                step = steps.get(getattr(config.get("callbacks"), "parent_run_id", None))
                if step is not None and step.context is not None:
                    otel_context.attach(step.context)
            return found

        return _set_config_context

    return replaced(module, "_set_config_context", make)


def _switch_on_graphs(module: ModuleType) -> Callable[[], None]:
    """LangGraph prepares the contexts of its nodes itself."""
    handler = next(
        (found for var, *_ in hooks._configure_hooks if isinstance(found := var.get(), Handler)),
        None,
    )
    return (lambda: None) if handler is None else _follow(module, handler.steps)


FRAMEWORK: Final = framework("langchain", "langchain_core.callbacks.manager", _switch_on)
GRAPHS: Final = framework("langgraph", "langgraph._internal._runnable", _switch_on_graphs)
