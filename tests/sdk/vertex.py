"""Google's older client for Vertex AI, which speaks gRPC: a gateway stands between it and the fake provider."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from .client import Client

ASK: Final = "Go on"


@cache
def _address(url: str) -> str:
    """Return where the provider at *url* is asked by gRPC; the gateway stays."""
    from google.cloud import aiplatform_v1

    from emissions.scenarios import vertex_wire

    server, address = vertex_wire.serve(
        aiplatform_v1.GenerateContentRequest.pb(), aiplatform_v1.GenerateContentResponse.pb(), url
    )
    _SERVERS.append(server)
    return address


_SERVERS: Final[list[Any]] = []


def _model() -> Any:
    import vertexai
    from google.auth.credentials import AnonymousCredentials
    from vertexai.generative_models import GenerativeModel

    vertexai.init(project="p", location="us-central1", credentials=AnonymousCredentials())
    return GenerativeModel("gemini-test")


class Connected:
    """A model, connected to a gateway for as long as its ``with``."""

    def __init__(self, url: str) -> None:
        import grpc
        from google.cloud import aiplatform_v1

        client = aiplatform_v1.PredictionServiceClient
        self.model = _model()
        self.channel = grpc.insecure_channel(_address(url))
        transport = client.get_transport_class("grpc")(channel=self.channel)
        # The newest keeps its client under one of these names, the oldest under the other.
        self.model.__dict__["_prediction_client"] = self.model._prediction_client_value = client(transport=transport)

    def close(self) -> None:
        self.channel.close()


class AsyncConnected:
    """The same for coroutines; the connection belongs to the loop that runs."""

    def __init__(self, url: str) -> None:
        import grpc
        from google.cloud import aiplatform_v1

        client = aiplatform_v1.PredictionServiceAsyncClient
        self.model = _model()
        self.channel = grpc.aio.insecure_channel(_address(url))
        made = client(transport=client.get_transport_class("grpc_asyncio")(channel=self.channel))
        self.model.__dict__["_prediction_async_client"] = self.model._prediction_async_client_value = made

    async def __aenter__(self) -> AsyncConnected:  # noqa: PYI034  # Self is not in the standard library of Python 3.10
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.channel.close()


CLIENT: Final = Client(
    "vertexai",
    Connected,
    lambda made: made.model.generate_content(ASK),
    lambda made: made.model.generate_content(ASK, stream=True),
    AsyncConnected,
    lambda made: made.model.generate_content_async(ASK),
    lambda made: made.model.generate_content_async(ASK, stream=True),
)
