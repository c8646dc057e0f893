"""One piece of work that the application names itself: a chain, a tool, an agent, a retrieval, anything."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from . import vocabulary as v
from .documents import as_documents
from .encode import to_json
from .prompts import find_prompt, prompt_in_use
from .runtime import HELD
from .safety import guard, swallowed

if TYPE_CHECKING:
    from typing_extensions import Self

UNSAID: Final = object()
#: What the GenAI conventions call the work of each kind, and where they want its name.
_OPERATIONS: Final[Mapping[str, tuple[str, str | None]]] = {
    "llm": ("chat", None),
    "embedding": ("embeddings", None),
    "retriever": ("retrieval", None),
    "tool": ("execute_tool", v.TOOL_NAME),
    "agent": ("invoke_agent", v.AGENT_NAME),
}
#: Where input and output go; a kind that is not listed has the general place.
_INPUTS: Final = {"tool": v.TOOL_CALL_ARGUMENTS}
_OUTPUTS: Final = {"tool": v.TOOL_CALL_RESULT}
#: Kinds whose input says more than itself.
_READ: Final = frozenset({"retriever", "llm"})
_NOTHING: Final[Mapping[str, Any]] = {}
_NOT_FAILURES: Final = (GeneratorExit, SystemExit)


class Span:
    """One span of the application's own, for use as ``with`` or ``async with``."""

    __slots__ = ("_attributes", "_before", "_context", "_kind", "_name", "_span")

    def __init__(self, name: str, kind: str = "span", attributes: Mapping[str, Any] | None = None) -> None:
        self._name = name
        self._kind = kind
        self._attributes = attributes or _NOTHING
        self._span: trace.Span = trace.INVALID_SPAN
        self._context: otel_context.Context | None = None
        self._before: otel_context.Context | None = None

    # --- what it says --------------------------------------------------------------------------

    @property
    def trace_id(self) -> str:
        """The trace's id, 32 hex digits; all zeros where nothing is recorded."""
        return format(self._span.get_span_context().trace_id, "032x")

    @property
    def span_id(self) -> str:
        """The span's id, 16 hex digits; all zeros where nothing is recorded."""
        return format(self._span.get_span_context().span_id, "016x")

    def set_input(self, value: Any) -> Self:
        """Say what the work was given; of a retriever, a text or a ``query`` in it becomes its query.

        Of a model call, a rendered prompt in it is the span's prompt.
        """
        if self._kind == "retriever":
            query = value.get("query") if isinstance(value, Mapping) else value
            if isinstance(query, str):
                self._set_query(query)
        if self._kind == "llm":
            with guard():
                if (prompt := find_prompt(value)) is not None:
                    self._span.set_attributes(prompt.attributes(capture_content=HELD.runtime.config.capture_content))
        return self._set_content(_INPUTS.get(self._kind, v.INPUT), value)

    def set_output(self, value: Any) -> Self:
        """Say what came out; of a retriever, a list of documents becomes its documents."""
        if self._kind == "retriever":
            with guard():
                if (documents := as_documents(value)) is not None:
                    return self.set_documents(documents)
        return self._set_content(_OUTPUTS.get(self._kind, v.OUTPUT), value)

    def set_documents(self, documents: Any) -> Self:
        """Say what was retrieved: texts, mappings or objects with content, and maybe id, score and metadata."""
        with guard():
            found = as_documents(documents)
            return self._set_content(v.RETRIEVAL_DOCUMENTS, documents if found is None else found)
        return self

    def set_model(self, model: str, *, provider: str | None = None) -> Self:
        """Say which model did the work."""
        self.set(v.REQUEST_MODEL, model)
        return self if provider is None else self.set(v.PROVIDER_NAME, provider)

    def set_usage(
        self,
        *,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cache_read_tokens: int | None = None,
        cache_write_tokens: int | None = None,
        reasoning_tokens: int | None = None,
    ) -> Self:
        """Say what it took, in tokens; input includes cached tokens and output includes reasoning."""
        said = {
            v.USAGE_INPUT_TOKENS: input_tokens,
            v.USAGE_OUTPUT_TOKENS: output_tokens,
            v.USAGE_CACHE_READ: cache_read_tokens,
            v.USAGE_CACHE_WRITE: cache_write_tokens,
            v.USAGE_REASONING: reasoning_tokens,
        }
        for name, count in said.items():
            if count is not None:
                self.set(name, count)
        return self

    def set(self, name: str, value: Any) -> Self:
        """Set any attribute; a value that is neither text, number nor truth is kept as JSON."""
        with guard():
            self._span.set_attribute(name, value if isinstance(value, (str, bool, int, float)) else to_json(value))
        return self

    def fail(self, error: BaseException) -> Self:
        """Say that the work failed with *error*; an exception that leaves the block says so by itself."""
        with guard():
            self._span.set_attribute(v.ERROR_TYPE, type(error).__qualname__)
            self._span.set_status(Status(StatusCode.ERROR, str(error) or type(error).__qualname__))
            self._span.record_exception(error)
        return self

    def _set_query(self, query: str) -> None:
        with guard():
            if HELD.runtime.config.capture_content:
                self._span.set_attribute(v.RETRIEVAL_QUERY, query)

    def _set_content(self, name: str, value: Any) -> Self:
        try:
            config = HELD.runtime.config
            if config.capture_content and self._span.is_recording():
                self._span.set_attribute(name, _within(value, config.max_capture_kb))
        except Exception as error:
            if not swallowed(error):
                raise
        return self

    # --- its life ------------------------------------------------------------------------------

    def start(self, given: Any = UNSAID) -> Self:
        """Begin, without becoming the current span; *given* is what the work is given."""
        try:
            runtime = HELD.runtime
            around = otel_context.get_current()
            attributes = self._first_attributes()
            # What is there from the start costs a third of what is set afterwards.
            if given is not UNSAID and self._kind not in _READ and not HELD.off and _in_sampled(around):
                self._put_input(attributes, given)
                given = UNSAID
            self._span = runtime.tracer.start_span(self._name, around, attributes=attributes)
            self._context = trace.set_span_in_context(self._span, around)
        except Exception as error:
            if not swallowed(error):
                raise
        return self if given is UNSAID else self.set_input(given)

    def _put_input(self, attributes: dict[str, Any], given: Any) -> None:
        config = HELD.runtime.config
        if config.capture_content:
            try:
                attributes[_INPUTS.get(self._kind, v.INPUT)] = _within(given, config.max_capture_kb)
            except Exception as error:
                if not swallowed(error):
                    raise

    def _first_attributes(self) -> dict[str, Any]:
        attributes = {v.KIND: self._kind, **self._attributes}
        if self._kind in _OPERATIONS:
            operation, named = _OPERATIONS[self._kind]
            attributes[v.OPERATION_NAME] = operation
            if named is not None:
                attributes[named] = self._name
            if self._kind == "llm" and (prompt := prompt_in_use()) is not None:
                attributes |= prompt.attributes(capture_content=HELD.runtime.config.capture_content)
        return attributes

    def end(self, error: BaseException | None = None) -> None:
        """End, once; *error* is what the work failed with."""
        if self._span.is_recording():
            if error is not None and not isinstance(error, _NOT_FAILURES):
                self.fail(error)
            try:
                self._span.end()
            except Exception as raised:
                if not swallowed(raised):
                    raise

    def enter(self) -> None:
        """Become the current span: what is made from here on is made inside."""
        if self._context is not None:
            self._before = otel_context.get_current()
            otel_context.attach(self._context)

    def leave(self) -> None:
        """Make the span before the current one again.

        Attached anew rather than detached, and only where this is the current one: a generator or a coroutine may be
        closed in a context that is not its own, where there is nothing of ours to take away.
        """
        if self._before is not None and otel_context.get_current() is self._context:
            otel_context.attach(self._before)

    def __enter__(self) -> Self:
        self.start()
        self.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.leave()
        self.end(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


def _in_sampled(around: otel_context.Context) -> bool:
    """Whether a span that is made there is likely to be recorded: it is the first, or its trace is."""
    parent = trace.get_current_span(around)
    return parent is trace.INVALID_SPAN or parent.is_recording() or parent.get_span_context().trace_flags.sampled


def _within(value: Any, most_kb: int) -> str:
    """Return *value* as JSON, or where that is too long its beginning as a text, which says how much is missing."""
    text, most = to_json(value), most_kb * 1_000
    if len(text) <= most:
        return text
    return to_json(f"{text[:most]}... (cut: {most:,} of {len(text):,} characters)")


def span(
    name: str,
    *,
    kind: str = "span",
    input: Any = UNSAID,  # noqa: A002  # the word that the viewer and set_input() use
    attributes: Mapping[str, Any] | None = None,
) -> Span:
    """Return a span to put around a piece of work: ``with spanwise.span("search", kind="retriever") as s:``.

    *kind* is one of ``spanwise.vocabulary.KINDS``.  What is called inside becomes its children.
    """
    made = _Opened(name, kind, attributes)
    made.given = input
    return made


class _Opened(Span):
    """A span that knows its input from the start."""

    __slots__ = ("given",)
    given: Any

    def __enter__(self) -> Self:
        self.start(self.given)
        self.enter()
        return self


def current_span() -> Span:
    """Return the span that the program is in, whoever made it; where there is none, one that records nothing."""
    found = Span("")
    found._span = trace.get_current_span()  # noqa: SLF001  # its own class
    kind = getattr(found._span, "attributes", None)  # noqa: SLF001  # its own class
    if kind:
        found._kind = str(kind.get(v.KIND, "span"))  # noqa: SLF001  # its own class
    return found
