"""What is refused is let go of at once, not when the garbage collector comes: senders send it again and again."""

from __future__ import annotations

import gc
import gzip
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from starlette.testclient import TestClient

from server.ingest.test_otlp_routes import post, request
from spanwise_server.app import create_app
from spanwise_server.ingest.pipeline import Request
from spanwise_server.record import Record
from spanwise_server.settings import Settings

KEPT = (Request, Record)
BOMB = gzip.compress(bytes(3_000_000))


@contextmanager
def served(folder) -> Iterator[tuple[TestClient, grpc.Channel]]:
    """Serve with small limits, over both transports."""
    app = create_app(Settings(data=folder / "data", grpc_port=0, max_unpacked_mb=1, max_queued_spans=2))
    with (
        TestClient(app, base_url="http://127.0.0.1:4318") as client,
        grpc.insecure_channel(app.state.grpc) as channel,
    ):
        yield client, channel


def cannot_write(client: TestClient, patch: pytest.MonkeyPatch) -> None:
    def fail(self, *what):
        raise OSError("disk full")

    patch.setattr(type(client.app.state.server.store), "write_prepared", fail)
    patch.setattr(logging.getLogger("spanwise.server"), "disabled", True)  # pytest keeps what was logged


def is_full(client: TestClient, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(client.app.state.server.writer, "_queued", 2)


def is_well(client: TestClient, patch: pytest.MonkeyPatch) -> None:
    pass


def over_http(body: bytes, status: int, **headers: str) -> Callable[[TestClient, grpc.Channel], None]:
    def send(client: TestClient, channel: grpc.Channel) -> None:
        assert post(client, body, **headers).status_code == status

    return send


def over_grpc(client: TestClient, channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError):
        TraceServiceStub(channel).Export(request({}))


CASES = {
    "a bomb": (is_well, over_http(BOMB, 413, content_encoding="gzip")),
    "garbage": (is_well, over_http(b"\xff\xff", 400)),
    "a full queue": (is_full, over_http(request({}).SerializeToString(), 503)),
    "a store that cannot write": (cannot_write, over_http(request({}).SerializeToString(), 503)),
    "a full queue, over gRPC": (is_full, over_grpc),
    "a store that cannot write, over gRPC": (cannot_write, over_grpc),
}


def alive() -> int:
    return sum(type(one) in KEPT for one in gc.get_objects())


@pytest.mark.parametrize("name", CASES)
def test_what_was_refused_is_not_kept_in_memory(tmp_path, monkeypatch, name):
    state, send = CASES[name]
    with served(tmp_path) as (client, channel), monkeypatch.context() as patch:
        state(client, patch)
        send(client, channel)  # whatever is made once
        gc.collect()
        gc.disable()
        try:
            before = alive()
            for _ in range(5):
                send(client, channel)
            assert alive() <= before + 1  # a thread that waits may remember what it did last
        finally:
            gc.enable()
