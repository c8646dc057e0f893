"""Turn a batch into a parcel, send it, and say what became of it."""

from __future__ import annotations

import gzip
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from opentelemetry.sdk.trace import ReadableSpan

from .config import Config
from .encode import to_json
from .redact import Veil
from .segment import Frame, Kind
from .transport import NOTHING, Outcome, Transport
from .vocabulary import DROPPED_HEADER
from .wire import each_span, encode_spans, refused_count

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

logger = logging.getLogger("spanwise")

_TRACES_PATH: Final = "/v1/traces"
_ANNOTATIONS_PATH: Final = "/api/v1/annotations"
_TOO_LARGE: Final = 413
_QUICK: Final = 1
"""Level of compression: a fifth of the time of the usual one, for a tenth more bytes."""


@dataclass(slots=True, eq=False)
class Parcel:
    """A batch ready to go."""

    kind: Kind
    count: int
    payload: Any
    """A packed request; for an exporter of the application, the spans themselves."""
    size_bytes: int
    born: float
    """When the oldest in it was queued, by the monotonic clock."""
    frames: list[Frame] = field(default_factory=list)
    """Where it lies on the disk."""
    settled: bool = False
    """Whether it was sent, or refused for good."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a parcel."""

    sent: int = 0
    failed: int = 0
    again: bool = False
    """Whether it is worth another attempt."""
    retry_after_s: float | None = None


class Sender(Protocol):
    """Where parcels go; packing and posting are each done by one thread at a time."""

    def spans(self, spans: Sequence[ReadableSpan], born: float) -> Parcel | None:
        """Pack the spans that may leave; ``None`` where none may."""

    def annotations(self, annotations: Sequence[Mapping[str, Any]], born: float) -> Parcel:
        """Pack annotations, which carry their own ids, so that a second attempt does not double them."""

    def post(self, parcel: Parcel) -> Delivery:
        """Send one parcel."""

    def close(self) -> None:
        """Let go of connections."""

    def forget(self) -> None:
        """Let go of connections that belong to the parent process."""


def choose_sender(config: Config, dropped: Callable[[], int] = lambda: 0) -> Sender:
    """Return the sender that *config* asks for: the server, or the application's own exporter in its place.

    The server is told what *dropped* counts.
    """
    server = ServerSender(config, dropped)
    return server if config.span_exporter is None else ExporterSender(config, config.span_exporter, server)


class ServerSender:
    """Sends OTLP over HTTP as protobuf, packed."""

    def __init__(self, config: Config, dropped: Callable[[], int] = lambda: 0) -> None:
        self._veil = Veil(config)
        self._transport = Transport(config)
        self._dropped = dropped
        self._id = uuid.uuid4().hex
        self._endpoint = config.endpoint
        self._complained = False

    def spans(self, spans: Sequence[ReadableSpan], born: float) -> Parcel | None:
        """Pack *spans* as an OTLP request."""
        kept = self._veil.over(spans)
        if not kept:
            return None
        body = gzip.compress(encode_spans(kept), _QUICK)
        return Parcel("spans", len(kept), body, len(body), born)

    def annotations(self, annotations: Sequence[Mapping[str, Any]], born: float) -> Parcel:
        """Pack *annotations* as JSON."""
        body = to_json([self._veil.over_annotation(one) for one in annotations]).encode()
        return Parcel("annotations", len(annotations), body, len(body), born)

    def post(self, parcel: Parcel) -> Delivery:
        """Send *parcel*; spans that are too large together go in halves."""
        if parcel.kind == "annotations":
            outcome = self._transport.post(_ANNOTATIONS_PATH, parcel.payload, "application/json")
            return self._judged(outcome, parcel.count, 0)
        return self._post_spans(parcel.payload, parcel.count)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def forget(self) -> None:
        """Let go of the parent's connection; what this process drops is its own."""
        self._transport.forget()
        self._id = uuid.uuid4().hex

    def _post_spans(self, body: bytes, count: int) -> Delivery:
        dropped = self._dropped()
        told = {DROPPED_HEADER: f"{self._id}={dropped}"} if dropped else NOTHING
        outcome = self._transport.post(_TRACES_PATH, body, "application/x-protobuf", "gzip", told)
        if outcome.status == _TOO_LARGE and count > 1:
            pieces = each_span(gzip.decompress(body))
            halves = (pieces[: count // 2], pieces[count // 2 :])
            found = [self._post_spans(gzip.compress(b"".join(half), _QUICK), len(half)) for half in halves]
            again = next((delivery for delivery in found if delivery.again), None)
            # A half that went is sent once more then, which the server takes for the same spans.
            return again or Delivery(sum(d.sent for d in found), sum(d.failed for d in found))
        return self._judged(outcome, count, refused_count(outcome.body) if outcome.taken else 0)

    def _judged(self, outcome: Outcome, count: int, refused: int) -> Delivery:
        refused = min(refused, count)
        if outcome.taken and not refused:
            self._complained = False
        elif not self._complained:  # once; a second time only after something has arrived
            self._complained = True
            said = outcome.problem or f"{outcome.status} {outcome.body[:300].decode('utf-8', 'replace')}"
            logger.warning("spanwise: %s does not take what is sent: %s", self._endpoint, said)
        if outcome.taken:
            return Delivery(sent=count - refused, failed=refused)
        if outcome.retryable:
            return Delivery(again=True, retry_after_s=outcome.retry_after_s)
        return Delivery(failed=count)


class ExporterSender:
    """Hands spans to an OpenTelemetry exporter of the application; annotations still go to the server."""

    def __init__(self, config: Config, exporter: SpanExporter, server: ServerSender) -> None:
        self._veil = Veil(config)
        self._exporter = exporter
        self._server = server

    def spans(self, spans: Sequence[ReadableSpan], born: float) -> Parcel | None:
        """Keep *spans* as they are."""
        kept = self._veil.over(spans)
        return Parcel("spans", len(kept), kept, 0, born) if kept else None

    def annotations(self, annotations: Sequence[Mapping[str, Any]], born: float) -> Parcel:
        """Pack *annotations* for the server."""
        return self._server.annotations(annotations, born)

    def post(self, parcel: Parcel) -> Delivery:
        """Hand *parcel* over."""
        if parcel.kind == "annotations":
            return self._server.post(parcel)
        succeeded = self._exporter.export(parcel.payload).value == 0
        return Delivery(sent=parcel.count) if succeeded else Delivery(failed=parcel.count)

    def close(self) -> None:
        """Close the exporter and hang up."""
        self._exporter.shutdown()
        self._server.close()

    def forget(self) -> None:
        """Let go of the parent's connection; the exporter sees to its own."""
        self._server.forget()
