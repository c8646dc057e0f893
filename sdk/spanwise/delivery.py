"""Turn a batch into a request, and the answer into what was sent, what failed and what is left to send."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from opentelemetry.sdk.trace import ReadableSpan

from .config import Config
from .encode import to_json
from .redact import redacted
from .transport import Outcome, Transport

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

logger = logging.getLogger("spanwise")

_TRACES_PATH: Final = "/v1/traces"
_ANNOTATIONS_PATH: Final = "/api/v1/annotations"
_ANNOTATIONS_AT_ONCE: Final = 500
_TOO_LARGE: Final = 413


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a batch."""

    sent: int = 0
    failed: int = 0
    dropped: int = 0
    left: Sequence[Any] = ()
    """Worth another attempt."""
    retry_after_s: float | None = None


class Sender(Protocol):
    """Where batches go; used by one thread."""

    def spans(self, spans: Sequence[ReadableSpan]) -> Delivery:
        """Send spans."""

    def annotations(self, annotations: Sequence[Mapping[str, Any]]) -> Delivery:
        """Send annotations."""

    def close(self) -> None:
        """Let go of connections."""

    def forget(self) -> None:
        """Let go of connections that belong to the parent process."""


def choose_sender(config: Config) -> Sender:
    """Return the sender that *config* asks for: the server, or the application's own exporter in its place."""
    server = ServerSender(config)
    return server if config.span_exporter is None else ExporterSender(config, config.span_exporter, server)


class Veil:
    """Takes out of spans what may not leave."""

    def __init__(self, config: Config) -> None:
        self._capture_content = config.capture_content
        self._before_send = config.before_send
        self._idle = config.capture_content and config.before_send is None

    def over(self, spans: Sequence[ReadableSpan]) -> tuple[list[ReadableSpan], int]:
        """Return the spans that may leave, as they may, and how many may not."""
        if self._idle:
            return list(spans), 0
        kept = [span for span in map(self._one, spans) if span is not None]
        return kept, len(spans) - len(kept)

    def _one(self, span: ReadableSpan) -> ReadableSpan | None:
        try:
            return redacted(span, capture_content=self._capture_content, before_send=self._before_send)
        except Exception:
            # What could not be looked through must not leave: it may hold what should have been taken out.
            logger.warning("before_send failed, so the span %r is not sent", span.name, exc_info=True)
            return None


class ServerSender:
    """Sends OTLP over HTTP as protobuf, packed."""

    def __init__(self, config: Config) -> None:
        self._veil = Veil(config)
        self._transport = Transport(config)
        self._endpoint = config.endpoint
        self._complained = False

    def spans(self, spans: Sequence[ReadableSpan]) -> Delivery:
        """Send *spans*; a batch that is too large goes in halves."""
        # Imported by the thread and not by the application's start: protobuf is slow to load.
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans  # noqa: PLC0415  # see above

        kept, dropped = self._veil.over(spans)
        if not kept:
            return Delivery(dropped=dropped)
        outcome = self._transport.post(_TRACES_PATH, encode_spans(kept).SerializeToString(), "application/x-protobuf")
        if outcome.status == _TOO_LARGE and len(spans) > 1:
            middle = len(spans) // 2
            return _both(self.spans(spans[:middle]), self.spans(spans[middle:]))
        if outcome.taken:
            refused = min(_refused(outcome.body), len(kept))
            self._complain_once(outcome, refused)
            return Delivery(sent=len(kept) - refused, failed=refused, dropped=dropped)
        return self._untaken(outcome, spans, len(kept), dropped)

    def annotations(self, annotations: Sequence[Mapping[str, Any]]) -> Delivery:
        """Send *annotations*, which carry their own ids, so that a second attempt does not double them."""
        now, later = annotations[:_ANNOTATIONS_AT_ONCE], annotations[_ANNOTATIONS_AT_ONCE:]
        outcome = self._transport.post(_ANNOTATIONS_PATH, to_json(list(now)).encode(), "application/json")
        first = Delivery(sent=len(now)) if outcome.taken else self._untaken(outcome, now, len(now), 0)
        if first.left:
            return Delivery(left=annotations, retry_after_s=first.retry_after_s)
        return _both(first, self.annotations(later)) if later else first

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def forget(self) -> None:
        """Let go of the parent's connection."""
        self._transport.forget()

    def _untaken(self, outcome: Outcome, items: Sequence[Any], kept: int, dropped: int) -> Delivery:
        self._complain_once(outcome, kept)
        if outcome.retryable:
            return Delivery(left=items, retry_after_s=outcome.retry_after_s)
        return Delivery(failed=kept, dropped=dropped)

    def _complain_once(self, outcome: Outcome, refused: int) -> None:
        """Say once why nothing arrives; a second time only after something did."""
        if outcome.taken and not refused:
            self._complained = False
        elif not self._complained:
            self._complained = True
            said = outcome.problem or f"{outcome.status} {outcome.body[:300].decode('utf-8', 'replace')}"
            logger.warning("spanwise: %s does not take what is sent: %s", self._endpoint, said)


class ExporterSender:
    """Hands spans to an OpenTelemetry exporter of the application; annotations still go to the server."""

    def __init__(self, config: Config, exporter: SpanExporter, server: ServerSender) -> None:
        self._veil = Veil(config)
        self._exporter = exporter
        self._server = server

    def spans(self, spans: Sequence[ReadableSpan]) -> Delivery:
        """Hand *spans* over."""
        kept, dropped = self._veil.over(spans)
        succeeded = not kept or self._exporter.export(kept).value == 0
        return Delivery(sent=len(kept) if succeeded else 0, failed=0 if succeeded else len(kept), dropped=dropped)

    def annotations(self, annotations: Sequence[Mapping[str, Any]]) -> Delivery:
        """Send *annotations* to the server."""
        return self._server.annotations(annotations)

    def close(self) -> None:
        """Close the exporter and hang up."""
        self._exporter.shutdown()
        self._server.close()

    def forget(self) -> None:
        """Let go of the parent's connection; the exporter sees to its own."""
        self._server.forget()


def _both(one: Delivery, other: Delivery) -> Delivery:
    waits = [wait for wait in (one.retry_after_s, other.retry_after_s) if wait is not None]
    return Delivery(
        one.sent + other.sent,
        one.failed + other.failed,
        one.dropped + other.dropped,
        [*one.left, *other.left],
        max(waits) if waits else None,
    )


def _refused(body: bytes) -> int:
    """Return how many spans the server's ``partial_success`` says it refused."""
    if not body:
        return 0
    from google.protobuf.message import DecodeError  # noqa: PLC0415  # protobuf is slow to load
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415  # protobuf is slow to load
        ExportTraceServiceResponse,
    )

    try:
        answer = ExportTraceServiceResponse.FromString(body)
    except DecodeError:  # some gateways answer 200 with a body of their own
        return 0
    return int(answer.partial_success.rejected_spans)
