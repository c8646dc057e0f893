"""LlamaIndex, by its spans and events: queries, retrievers, agents and their tools, models and embeddings."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from types import ModuleType
from typing import Any, Final

from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler

from .. import vocabulary as v
from ..encode import to_json
from ..safety import guard
from .framework import framework
from .llama_index_messages import answered, asked
from .steps import Step, Steps

_STEPS: Final = Steps()
#: Class among a thing's ancestors -> what its work is.
_KINDS: Final = {
    "BaseLLM": "llm",
    "BaseEmbedding": "embedding",
    "BaseRetriever": "retriever",
    "BaseTool": "tool",
    "BaseNodePostprocessor": "reranker",
}
#: Methods of a model or of embeddings that ask a provider; its others are steps around them.
_ASKS: Final = frozenset({
    "chat", "achat", "stream_chat", "astream_chat", "complete", "acomplete", "stream_complete", "astream_complete",
    "get_query_embedding", "aget_query_embedding", "get_text_embedding", "aget_text_embedding",
    "get_text_embedding_batch", "aget_text_embedding_batch",
})  # fmt: skip
_NOT_FAILURES: Final = (GeneratorExit,)


class Spans(BaseSpanHandler[Any]):
    """Makes a step of each span."""

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex knows it by."""
        return "SpanwiseSpans"

    def span_enter(self, id_: str, bound_args: Any, instance: Any = None, parent_id: Any = None, **_said: Any) -> None:
        """Begin a step, and be inside of it."""
        with guard():
            method = id_.partition("-")[0].rpartition(".")[2]
            kind, name = _told(instance, id_, method)
            above = _STEPS.get(parent_id)
            if above is not None and above.told_by is instance and instance is not None and kind != "chain":
                _STEPS.hide(id_, parent_id)  # one method of it calls another: the same piece of work
                return
            step = _STEPS.begin(id_, parent_id, name, kind)
            step.told_by = instance
            if kind not in ("llm", "embedding"):
                step.set_input(_given(bound_args, kind))
            if method != "run":  # whatever comes of a workflow comes in tasks of its own
                step.enter()

    def span_exit(self, id_: str, *_args: Any, result: Any = None, **_said: Any) -> None:
        """End a step; a stream goes on until its last event."""
        with guard():
            step = _STEPS.own(id_)
            if step is None or (step.generation is not None and isinstance(result, (Generator, AsyncGenerator))):
                return
            if step.generation is None and not isinstance(result, (Generator, AsyncGenerator)):
                step.set_output(_found(result))
            _STEPS.end(id_)

    def span_drop(self, id_: str, *_args: Any, err: Any = None, **_said: Any) -> None:
        """End a step that failed."""
        with guard():
            if _STEPS.own(id_) is not None:
                _STEPS.end(id_, err)

    def new_span(self, *_args: Any, **_kwargs: Any) -> None:
        """Make nothing: the steps are kept elsewhere."""

    def prepare_to_exit_span(self, *_args: Any, **_kwargs: Any) -> None:
        """Keep nothing."""

    def prepare_to_drop_span(self, *_args: Any, **_kwargs: Any) -> None:
        """Keep nothing."""


class Events(BaseEventHandler):
    """Reads what models are asked and answer, which only events tell."""

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex knows it by."""
        return "SpanwiseEvents"

    def handle(self, event: Any, **_said: Any) -> None:
        """Read one event."""
        with guard():
            step = _STEPS.get(event.span_id)
            reader = _READERS.get(type(event).__name__)
            if step is not None and reader is not None:
                reader(event.span_id, step, event)


def _told(instance: Any, id_: str, method: str) -> tuple[str, str]:
    """Return the kind and the name of a step."""
    if instance is None:
        return "chain", id_.rpartition("-")[0].rpartition("<locals>.")[2] or method
    above = {each.__name__ for each in type(instance).__mro__}
    title = str(getattr(getattr(instance, "metadata", None), "name", None) or getattr(instance, "name", None) or "")
    if method == "run" and "Workflow" in above:
        return "agent" if "BaseWorkflowAgent" in above or "AgentWorkflow" in above else "chain", (
            title if "BaseWorkflowAgent" in above and title else type(instance).__name__
        )
    kind = next((kind for name, kind in _KINDS.items() if name in above), "chain")
    if kind == "tool":
        return kind, title or type(instance).__name__
    if kind in ("llm", "embedding") and method not in _ASKS:
        kind = "chain"
    return kind, f"{type(instance).__name__}.{method}"


def _given(bound_args: Any, kind: str) -> Any:
    given = dict(bound_args.arguments)
    if kind == "retriever":
        query = next(iter(given.values()), None)
        return getattr(query, "query_str", query)
    if kind == "tool":
        return given.get("kwargs") or given.get("input") or given.get("args") or given
    return given


def _found(result: Any) -> Any:
    return getattr(result, "raw_output", result)


def _started(_key: str, step: Step, event: Any) -> None:
    if step.generation is not None:
        asked(step.generation, event)


def _arrived(_key: str, step: Step, _event: Any) -> None:
    """Be outside again: the stream is there, and who reads it is not inside of the call."""
    step.leave()


def _ended(key: str, step: Step, event: Any) -> None:
    if step.generation is not None:
        answered(step.generation, event)
    _close(key, step, None)


def _failed(key: str, step: Step, event: Any) -> None:
    _close(key, step, None if isinstance(event.exception, _NOT_FAILURES) else event.exception)


def _close(key: str, step: Step, error: BaseException | None) -> None:
    """End a step whose method has returned already, or end it with the error that it is about to raise."""
    if _STEPS.own(key) is step and step.generation is not None:
        _STEPS.end(key, error)


def _embedded(_key: str, step: Step, event: Any) -> None:
    if step.generation is not None and step.generation.content:
        step.generation.attributes.setdefault(v.INPUT, to_json(list(event.chunks)))


_READERS: Final[Mapping[str, Callable[[str, Step, Any], None]]] = {
    "LLMChatStartEvent": _started,
    "LLMCompletionStartEvent": _started,
    "LLMChatInProgressEvent": _arrived,
    "LLMCompletionInProgressEvent": _arrived,
    "LLMChatEndEvent": _ended,
    "LLMCompletionEndEvent": _ended,
    "EmbeddingStartEvent": _started,
    "EmbeddingEndEvent": _embedded,
    "ExceptionEvent": _failed,
}


def _switch_on(_module: ModuleType) -> Callable[[], None]:
    root = get_dispatcher()
    spans, events = Spans(), Events()
    root.add_span_handler(spans)
    root.add_event_handler(events)

    def switch_off() -> None:
        root.span_handlers = [each for each in root.span_handlers if each is not spans]
        root.event_handlers = [each for each in root.event_handlers if each is not events]
        _STEPS.end_all()

    return switch_off


FRAMEWORK: Final = framework("llama-index", "llama_index.core", _switch_on)
