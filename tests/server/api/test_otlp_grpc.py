"""OTLP over gRPC, by the exporter of OpenTelemetry itself: the same pipeline, keys and limits as over HTTP."""

from __future__ import annotations

import socket
from contextlib import contextmanager

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from starlette.testclient import TestClient

from server.ingest.test_otlp_routes import kept, request
from spanwise_server.api.otlp_grpc import SERVICES
from spanwise_server.app import create_app
from spanwise_server.errors import ConfigError
from spanwise_server.settings import Settings, load


@contextmanager
def served(folder, **settings):
    """Serve on a free port; yield the client of the application and a channel to its gRPC port."""
    app = create_app(Settings(data=folder / "data", grpc_port=0, **settings))
    with (
        TestClient(app, base_url="http://127.0.0.1:4318") as client,
        grpc.insecure_channel(app.state.grpc) as channel,
    ):
        yield client, channel


def refused(call, message, **more):
    with pytest.raises(grpc.RpcError) as refusal:
        call(message, **more)
    return refusal.value


def test_the_exporter_of_opentelemetry_is_understood(tmp_path):
    with served(tmp_path) as (client, _):
        exporter = OTLPSpanExporter(endpoint=client.app.state.grpc, insecure=True, compression=grpc.Compression.Gzip,
                                    headers=(("x-spanwise-project", "shop"),))  # fmt: skip
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        with provider.get_tracer("app").start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}):
            pass
        provider.shutdown()
        (span,) = client.get("/api/v1/spans?project=shop").json()["items"]
        assert (span["name"], span["kind"], span["scope"]["name"]) == ("chat", "llm", "app")


def test_what_is_refused_is_counted_and_explained(tmp_path):
    with served(tmp_path) as (client, channel):
        partial = TraceServiceStub(channel).Export(request({}, {"span_id": b""}, {})).partial_success
        assert partial.rejected_spans == 1
        assert "'s1'" in partial.error_message
        assert kept(client) == 2
        metrics = [{"name": "m", "gauge": {"data_points": [{}, {}]}}]
        sent = ExportMetricsServiceRequest(resource_metrics=[{"scope_metrics": [{"metrics": metrics}]}])
        assert MetricsServiceStub(channel).Export(sent).partial_success.rejected_data_points == 2


def test_log_records_meet_their_span_across_transports(tmp_path):
    record = {"trace_id": b"t" * 16, "span_id": b"\x01" * 8, "event_name": "note", "time_unix_nano": 5}
    with served(tmp_path) as (client, channel):
        sent = ExportLogsServiceRequest(resource_logs=[{"scope_logs": [{"log_records": [record]}]}])
        LogsServiceStub(channel).Export(sent)
        client.post("/v1/traces", content=request({}).SerializeToString(),
                    headers={"content-type": "application/x-protobuf"})  # fmt: skip
        (span,) = client.get("/api/v1/spans").json()["items"]
        assert [event["name"] for event in span["events"]] == ["note"]


def test_a_closed_server_takes_only_keys_that_may_write_to_the_project(tmp_path):
    with served(tmp_path, password="secret") as (client, channel):
        store = client.app.state.server.store
        _, writer = store.create_key("shop", "", frozenset({"write"}))
        _, reader = store.create_key("shop", "", frozenset({"read"}))
        export = TraceServiceStub(channel).Export
        for metadata, code in (
            ((), grpc.StatusCode.UNAUTHENTICATED),
            ((("authorization", "Bearer nonsense"),), grpc.StatusCode.UNAUTHENTICATED),
            ((("x-api-key", reader),), grpc.StatusCode.PERMISSION_DENIED),
            ((("x-api-key", writer), ("x-spanwise-project", "other")), grpc.StatusCode.PERMISSION_DENIED),
        ):
            assert refused(export, request({}), metadata=metadata).code() == code
        export(request({}), metadata=(("authorization", f"Bearer {writer}"),))
        assert store.projects() == ("shop",)
        assert len(store.trace("shop", (b"t" * 16).hex()).records) == 1


def test_the_limits_of_http_hold(tmp_path):
    with served(tmp_path, max_request_spans=2, max_body_mb=1) as (client, channel):
        export = TraceServiceStub(channel).Export
        too_many = refused(export, request({}, {}, {}))
        assert too_many.code() == grpc.StatusCode.INVALID_ARGUMENT  # the exporter sends again after the others
        assert "SPANWISE_MAX_REQUEST_SPANS" in too_many.details()
        bomb = request({"name": "n" * 5_000_000})
        for packed in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
            assert refused(export, bomb, compression=packed).code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert kept(client) == 0


def test_garbage_is_refused_with_a_sentence(tmp_path):
    with served(tmp_path) as (client, channel):
        for path in SERVICES:
            call = channel.unary_unary(path)
            assert refused(call, b"\xff\xff").code() == grpc.StatusCode.INVALID_ARGUMENT
        assert refused(channel.unary_unary("/nobody/Export"), b"").code() == grpc.StatusCode.UNIMPLEMENTED
        assert {signal for signal, _ in client.app.state.server.intake.health.state().turned_away} == {
            "traces", "logs", "metrics",
        }  # fmt: skip


def test_who_finds_the_server_full_is_told_when_to_come_back(tmp_path):
    with served(tmp_path, max_queued_mb=1) as (client, channel):
        with client.app.state.server.intake.room.hold() as others:
            others.take(1_000_000)
            full = refused(TraceServiceStub(channel).Export, request({}))
        assert full.code() == grpc.StatusCode.UNAVAILABLE
        wait = RetryInfo.FromString(dict(full.trailing_metadata())["google.rpc.retryinfo-bin"])
        assert wait.retry_delay.seconds == 1
        TraceServiceStub(channel).Export(request({}))
        assert kept(client) == 1


def test_a_store_that_cannot_write_is_unavailable(tmp_path, monkeypatch):
    def fail(self, *what):
        raise OSError("disk full")

    with served(tmp_path) as (client, channel):
        with monkeypatch.context() as broken:
            broken.setattr(type(client.app.state.server.store), "write_prepared", fail)
            assert refused(TraceServiceStub(channel).Export, request({})).code() == grpc.StatusCode.UNAVAILABLE
        assert kept(client) == 0


def test_a_taken_port_is_refused_where_it_was_asked_for_and_left_where_it_was_not(tmp_path, monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        app = create_app(Settings(data=tmp_path / "asked", grpc_port=port))
        with pytest.raises(ConfigError, match=f"port {port} for gRPC"), TestClient(app):
            pass
        monkeypatch.setattr("spanwise_server.api.otlp_grpc.USUAL_PORT", port)
        with TestClient(create_app(Settings(data=tmp_path / "auto", grpc_port="auto"))) as client:
            assert client.app.state.grpc is None


def test_without_the_library_it_is_off_or_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("spanwise_server.api.otlp_grpc.find_spec", lambda name: None)
    with TestClient(create_app(Settings(data=tmp_path / "auto", grpc_port="auto"))) as client:
        assert client.app.state.grpc is None
    app = create_app(Settings(data=tmp_path / "asked", grpc_port=0))
    with pytest.raises(ConfigError, match="grpcio") as refusal, TestClient(app):
        pass
    assert "spanwise[grpc]" in refusal.value.hint


@pytest.mark.parametrize(
    ("port", "given", "meant"),
    [("4318", "", "auto"), ("8080", "", "off"), ("4318", "off", "off"), ("8080", "4317", 4317), ("8080", "0", 0)],
)
def test_the_usual_port_goes_with_the_usual_port(port, given, meant):
    assert load({"port": port, "grpc_port": given}, {}).grpc_port == meant
