"""Vertex AI's service over gRPC, as its client speaks it, in front of a provider that is asked in Gemini's JSON."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.json_format import MessageToJson, ParseDict

_METHODS = {"GenerateContent": "generateContent", "StreamGenerateContent": "streamGenerateContent"}


class Service(grpc.GenericRpcHandler):
    """Answers calls of any version of the service."""

    def __init__(self, request: type, response: type) -> None:
        self._request, self._response = request, response

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Return what handles a call."""
        name = details.method.rpartition("/")[2]
        forms = {"request_deserializer": self._request.FromString, "response_serializer": _serialized}
        if name == "GenerateContent":
            return grpc.unary_unary_rpc_method_handler(
                lambda asked, call: next(self._asked(name, asked, call)), **forms
            )
        if name == "StreamGenerateContent":
            return grpc.unary_stream_rpc_method_handler(lambda asked, call: self._asked(name, asked, call), **forms)
        return None

    def _asked(self, name, asked, call):
        model = asked.model.rpartition("models/")[2]
        url = f"{os.environ['WIRES_URL']}/v1/publishers/google/models/{model}:{_METHODS[name]}"
        request = urllib.request.Request(url, MessageToJson(asked).encode(), {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request) as answered:
                body = answered.read()
        except urllib.error.HTTPError as error:
            call.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, json.loads(error.read())["error"]["message"])
        lines = [line.removeprefix(b"data: ") for line in body.split(b"\r\n\r\n") if line]
        for line in lines:
            yield ParseDict(json.loads(line), self._response(), ignore_unknown_fields=True)


def _serialized(message) -> bytes:
    return message.SerializeToString()


def serve(request: type, response: type) -> tuple[grpc.Server, str]:
    """Return a server, and its address."""
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Service(request, response),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, f"127.0.0.1:{port}"
