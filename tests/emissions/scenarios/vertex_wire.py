"""Vertex AI's service over gRPC, as its client speaks it, in front of a provider that is asked in Gemini's JSON."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.json_format import MessageToJson, ParseDict, ParseError

_METHODS = {"GenerateContent": "generateContent", "StreamGenerateContent": "streamGenerateContent"}


class Service(grpc.GenericRpcHandler):
    """Answers calls of any version of the service."""

    def __init__(self, request: type, response: type, url: str) -> None:
        self._request, self._response, self._url = request, response, url

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Return what handles a call."""
        name = details.method.rpartition("/")[2]
        forms = {"request_deserializer": self._request.FromString, "response_serializer": _serialized}
        if name == "GenerateContent":
            return grpc.unary_unary_rpc_method_handler(
                lambda asked, call: next(self._asked(name, asked, call)), **forms
            )
        if name == "CreateBatchPredictionJob":
            return grpc.unary_unary_rpc_method_handler(lambda asked, _: _begun(asked))
        if name == "StreamGenerateContent":
            return grpc.unary_stream_rpc_method_handler(lambda asked, call: self._asked(name, asked, call), **forms)
        return None

    def _asked(self, name, asked, call):
        model = asked.model.rpartition("models/")[2]
        url = f"{self._url}/v1/publishers/google/models/{model}:{_METHODS[name]}"
        request = urllib.request.Request(url, MessageToJson(asked).encode(), {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request) as answered:
                for line in _lines(answered) if "Stream" in name else [answered.read()]:
                    if line.strip():
                        yield self._message(line.removeprefix(b"data: "))
        except urllib.error.HTTPError as error:
            call.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, _reason(error.read()))
        except (http.client.HTTPException, OSError) as error:
            call.abort(grpc.StatusCode.UNAVAILABLE, type(error).__name__)

    def _message(self, line: bytes):
        """Return what a line of JSON says, and bytes that are no message where it says none."""
        try:
            return ParseDict(json.loads(line), self._response(), ignore_unknown_fields=True)
        except (ValueError, ParseError):
            return line


def _lines(answered: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield each line as it comes; its own way with lines takes a connection that is cut for one that has ended."""
    rest = b""
    while piece := answered.read1():
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    yield rest


def _begun(asked: bytes) -> bytes:
    """Return a batch that has begun: of any message, since the fields of one are those of both versions."""
    from google.cloud import aiplatform_v1

    job = aiplatform_v1.CreateBatchPredictionJobRequest.deserialize(asked).batch_prediction_job
    job.name, job.state = "projects/p/locations/l/batchPredictionJobs/1", aiplatform_v1.JobState.JOB_STATE_PENDING
    return aiplatform_v1.BatchPredictionJob.serialize(job)


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return repr(body)


def _serialized(message) -> bytes:
    return message if isinstance(message, bytes) else message.SerializeToString()


def serve(request: type, response: type, url: str | None = None) -> tuple[grpc.Server, str]:
    """Return a server in front of the provider at *url*, and its address."""
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Service(request, response, url or os.environ["WIRES_URL"]),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, f"127.0.0.1:{port}"
