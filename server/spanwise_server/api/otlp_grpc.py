"""Where spans come in over gRPC: OTLP's other transport, served when grpcio is installed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # ships no types

from spanwise.vocabulary import PROJECT_HEADER

from ..auth.current import Server, project_sent
from ..auth.guard import KeyRing
from ..errors import ConfigError, Overloaded, SpanwiseError, TooLarge, without_frames
from ..ingest.otlp import Signal, encode_answer, rpc_code
from ..ingest.pipeline import Request
from ..ingest.span_limits import MB

if TYPE_CHECKING:
    import grpc

logger = logging.getLogger("spanwise.server")

USUAL_PORT: Final = 4317
SERVICES: Final[Mapping[str, Signal]] = {
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export": "traces",
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export": "logs",
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": "metrics",
}
#: Requests worked on at a time: most of them wait for the disk, and go into one transaction together.
_WORKERS: Final = 16
#: Requests taken before more are refused; what is refused is sent again.
_MOST_CALLS: Final = 200
#: Seconds that calls under way have to end.
_DRAIN_S: Final = 5
_INTERNAL: Final = 13
#: Where exporters look for the time to wait before they send again.
_RETRY_KEY: Final = "google.rpc.retryinfo-bin"


class GrpcServer:
    """An OTLP/gRPC server that listens at *address*."""

    def __init__(self, server: Server, port: int) -> None:
        import grpc  # noqa: PLC0415  # optional, and slow to load

        host = server.settings.host
        self._grpc = grpc.server(
            ThreadPoolExecutor(_WORKERS, thread_name_prefix="spanwise-grpc"),
            options=(
                ("grpc.so_reuseport", 0),  # two servers must not share the port without knowing
                ("grpc.max_receive_message_length", server.settings.max_body_mb * MB),
            ),
            maximum_concurrent_rpcs=_MOST_CALLS,
        )
        self._grpc.add_generic_rpc_handlers((_handler(_Exporters(server)),))
        at = f"[{host}]" if ":" in host else host
        bound = self._grpc.add_insecure_port(f"{at}:{port}")
        self.address: str = f"{at}:{bound}"
        self._grpc.start()

    def close(self) -> None:
        """Take no more, and let the calls under way end."""
        self._grpc.stop(_DRAIN_S).wait()


def open_grpc(server: Server) -> GrpcServer | None:
    """Listen as the settings say; ``None`` where it is off, or was not asked for and cannot be."""
    asked = server.settings.grpc_port
    if asked == "off":
        return None
    installed = find_spec("grpc") is not None
    if asked == "auto" and not installed:
        return None
    if not installed:
        raise ConfigError("OTLP over gRPC needs grpcio.", 'Install it with: pip install "spanwise[grpc]"')
    port = USUAL_PORT if asked == "auto" else asked
    try:
        return GrpcServer(server, port)
    except RuntimeError as error:
        if asked == "auto":
            logger.warning("port %d is taken: OTLP over gRPC is off; choose another with --grpc-port", port)
            return None
        raise ConfigError(
            f"Cannot listen on port {port} for gRPC.", "Choose another with --grpc-port, or turn it off."
        ) from error


def _handler(exporters: _Exporters) -> grpc.GenericRpcHandler:
    import grpc  # noqa: PLC0415  # optional, and slow to load

    class Handler(grpc.GenericRpcHandler):
        """Knows the three services by their names; bodies go on as they came."""

        def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
            """Return what answers a method, ``None`` for one that is not there."""
            signal = SERVICES.get(handler_call_details.method)
            return None if signal is None else grpc.unary_unary_rpc_method_handler(partial(exporters.export, signal))

    return Handler()


class _Exporters:
    """Takes the calls of exporters, with the keys that they have shown lately."""

    def __init__(self, server: Server) -> None:
        import grpc  # noqa: PLC0415  # optional, and slow to load

        self._server = server
        self._keys = KeyRing()
        self._codes = {code.value[0]: code for code in grpc.StatusCode}

    def export(self, signal: Signal, body: bytes, call: grpc.ServicerContext) -> bytes:
        """Take one request and return its answer once what it brought is on the disk."""
        metadata: dict[str, str] = {str(key): str(value) for key, value in call.invocation_metadata() or ()}
        project = None
        try:
            actor = self._keys.exporter(self._server, metadata)
            project = project_sent(actor, metadata.get(PROJECT_HEADER))
            return self._taken(signal, body, project)
        except SpanwiseError as error:
            without_frames(error)
            self._server.intake.health.turned_away(signal, error, project)
            self._refuse(call, error)
        except Exception:
            logger.exception("an export over gRPC failed")
            call.abort(self._codes[_INTERNAL], "The server failed on this request. Its log says why.")
        raise AssertionError("abort raises")

    def _taken(self, signal: Signal, body: bytes, project: str | None) -> bytes:
        intake = self._server.intake
        with intake.room.hold() as held:
            held.take(len(body))
            request = Request(body, "protobuf", project=project)
            with intake.coming(request):
                taken = intake.take(signal, request, held)
            if taken.written is not None:
                try:
                    taken.written.result()
                except SpanwiseError:
                    raise
                except Exception as error:
                    raise Overloaded(
                        "The store could not write the spans.", "Look in the server's log; send again."
                    ) from error
        return encode_answer(signal, "protobuf", taken.refusals.refused, taken.refusals.message)

    def _refuse(self, call: Any, error: SpanwiseError) -> None:
        """End the call with the code of *error*; OTLP sends again after some codes only."""
        code = rpc_code(SpanwiseError.status) if isinstance(error, TooLarge) else rpc_code(error.status)
        if isinstance(error, Overloaded):
            wait = RetryInfo(retry_delay=Duration(seconds=error.retry_after_s)).SerializeToString()
            call.set_trailing_metadata(((_RETRY_KEY, wait),))
        call.abort(self._codes[code], f"{error.message} {error.hint}".strip())
