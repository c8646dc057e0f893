"""What a span may still lose before it leaves: its content, or whatever the application takes out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, Status

from . import vocabulary as v
from .config import Config
from .estimate import with_estimates
from .outgoing import BeforeSend, Outgoing, changed
from .rules import Redactor

logger = logging.getLogger("spanwise")

#: Attributes that hold what was said, ours and those of other instrumentations in the same program.
CONTENT: Final = frozenset({
    v.INPUT, v.OUTPUT, v.INPUT_MESSAGES, v.OUTPUT_MESSAGES, v.SYSTEM_INSTRUCTIONS,
    v.TOOL_CALL_ARGUMENTS, v.TOOL_CALL_RESULT, v.TOOL_DEFINITIONS, v.RETRIEVAL_DOCUMENTS, v.RETRIEVAL_QUERY,
    v.PROMPT_TEMPLATE, v.PROMPT_VARIABLES,
    "gen_ai.prompt", "gen_ai.completion", "input.value", "output.value",
    "traceloop.entity.input", "traceloop.entity.output",
})  # fmt: skip
_CONTENT_PREFIXES: Final = (
    "gen_ai.prompt.", "gen_ai.completion.", "llm.input_messages.", "llm.output_messages.", "retrieval.documents.",
)  # fmt: skip
#: Where a span says whose model it called, ours first.
_PROVIDERS: Final = (v.PROVIDER_NAME, "gen_ai.system", "llm.provider", "llm.system")
_IDS: Final = frozenset({"id", "target"})
_NOT_CONTENT: Final = frozenset({v.PROMPT_NAME, "gen_ai.prompt.version"})


def is_content(name: str) -> bool:
    """Whether the attribute *name* holds what was said."""
    return name in CONTENT or (name.startswith(_CONTENT_PREFIXES) and name not in _NOT_CONTENT)


def _without_content(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if not is_content(name)}


def _silent(span: ReadableSpan) -> tuple[Event, ...]:
    """Return the events without content: older instrumentations put messages into events."""
    return tuple(
        Event(event.name, attributes=_without_content(event.attributes or {}), timestamp=event.timestamp)
        for event in span.events
        if not event.name.startswith("gen_ai.")
    )


def _outgoing(span: ReadableSpan) -> Outgoing:
    context = span.get_span_context()
    return Outgoing(
        name=span.name,
        attributes=dict(span.attributes or {}),
        status_message=span.status.description,
        start_ns=span.start_time or 0,
        end_ns=span.end_time or 0,
        events=[(event.name, event.timestamp, dict(event.attributes or {})) for event in span.events],
        trace_id=format(context.trace_id, "032x") if context else "",
        span_id=format(context.span_id, "016x") if context else "",
    )


class Veil:
    """Takes out of spans what may not leave, before anything of them touches the network or the disk."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._redactor = Redactor(config.redact) if config.redact else None
        self._switches = not config.capture_content or bool(config.hide_content_of or config.hide_content_in)

    def over(self, spans: Sequence[ReadableSpan]) -> list[ReadableSpan]:
        """Return the spans that may leave, as they may."""
        return [span for span in map(self._one, spans) if span is not None]

    def over_annotation(self, annotation: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return an annotation as it may leave."""
        redactor = self._redactor
        if redactor is None:
            return annotation
        return {name: value if name in _IDS else redactor.value(value) for name, value in annotation.items()}

    def _one(self, span: ReadableSpan) -> ReadableSpan | None:
        if self._config.estimate_tokens:
            span = with_estimates(span)
        if self._hides_content(span):
            span = changed(span, attributes=_without_content(span.attributes or {}), events=_silent(span))
        if self._redactor is not None:
            span = _cleaned(span, self._redactor)
        before_send = self._config.before_send
        if before_send is None:
            return span
        try:
            return _as_wanted(span, before_send)
        except Exception:
            # What could not be looked through must not leave: it may hold what should have been taken out.
            logger.warning("before_send failed, so the span %r is not sent", span.name, exc_info=True)
            return None

    def _hides_content(self, span: ReadableSpan) -> bool:
        attributes = span.attributes or {}
        if attributes.get(v.CONTENT_HIDDEN) is True:
            return True
        if not self._switches:
            return False
        config = self._config
        if not config.capture_content:
            return True
        provider = next((attributes[name] for name in _PROVIDERS if name in attributes), None)
        resource = span.resource.attributes.get(v.ENVIRONMENT)
        environment = attributes.get(v.ENVIRONMENT, resource) or config.environment
        return provider in config.hide_content_of or environment in config.hide_content_in


def _as_wanted(span: ReadableSpan, before_send: BeforeSend) -> ReadableSpan | None:
    """Return *span* as the application changes it, or ``None`` where it drops it."""
    wanted = before_send(_outgoing(span))
    if wanted is None:
        return None
    events = tuple(Event(name, attributes=attributes, timestamp=at) for name, at, attributes in wanted.events)
    return changed(
        span,
        name=wanted.name,
        attributes=wanted.attributes,
        events=events,
        status=Status(span.status.status_code, wanted.status_message),
        start_time=wanted.start_ns,
        end_time=wanted.end_ns,
    )


def _cleaned(span: ReadableSpan, redactor: Redactor) -> ReadableSpan:
    """Return *span* after the rules have been over every text in it."""

    def clean(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
        return {name: redactor.value(value) for name, value in (attributes or {}).items()}

    events = tuple(
        Event(redactor.value(event.name), attributes=clean(event.attributes), timestamp=event.timestamp)
        for event in span.events
    )
    description = span.status.description
    return changed(
        span,
        name=redactor.value(span.name),
        attributes=clean(span.attributes),
        events=events,
        links=tuple(Link(link.context, clean(link.attributes)) for link in span.links),
        status=Status(span.status.status_code, None if description is None else redactor.value(description)),
    )
