"""Amazon Bedrock by boto3 and aioboto3: Converse and InvokeModel, whole and streamed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from ..instrument.body import ObservedBody
from ..instrument.engine import Asked, Flight, Provider, Route
from ..instrument.stream import ObservedIterable, observe_as
from . import bedrock_converse, bedrock_invoke
from .batches import batch

_ROUTES: Final = {
    "Converse": Route("chat", "llm", bedrock_converse.request, bedrock_converse.response),
    "ConverseStream": Route("chat", "llm", bedrock_converse.request, bedrock_converse.response, bedrock_converse.chunk),
}
#: What is handed in to be done later, in the service that it is handed in at.
_LATER: Final = {
    ("bedrock", "CreateModelInvocationJob"): batch("jobArn", model="modelId"),
    ("bedrock-runtime", "StartAsyncInvoke"): batch("invocationArn", model="modelId"),
}
_SERVICES: Final = frozenset(service for service, _ in _LATER)


def _recognise(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
    operation, body = (*args, kwargs.get("api_params"))[:2] if args else (None, None)
    service = client.meta.service_model.service_name
    if service not in _SERVICES or not isinstance(body, Mapping):
        return None
    route = _LATER.get((service, str(operation)))
    if service == "bedrock-runtime" and route is None:
        route = _ROUTES.get(str(operation))
        if route is None and str(operation).startswith("InvokeModel") and "body" in body:
            route = bedrock_invoke.route(body)
    if route is None:
        return None
    url = urlsplit(client.meta.endpoint_url)
    asked = {**body, "stream": True} if "Stream" in str(operation) else body
    return Asked(route, asked, "aws.bedrock", url.hostname, url.port)


def _looped(stream: Any, flight: Flight) -> Any:
    return observe_as(ObservedIterable, stream, flight)


def _arrive(flight: Flight, result: Any) -> Any:
    """Take the result, a mapping: in it a stream, or a body to be read, or all there is."""
    if "stream" in result:
        result["stream"] = _looped(result["stream"], flight)
    elif "body" not in result:
        flight.whole(result)
    elif hasattr(result["body"], "read"):
        ObservedBody.put_beneath(result["body"], flight, (result.get("ResponseMetadata") or {}).get("HTTPHeaders"))
    else:
        result["body"] = _looped(result["body"], flight)
    return result


PROVIDER: Final = Provider(
    "bedrock",
    "botocore.client",
    dict.fromkeys(("BaseClient._make_api_call", "aiobotocore.client:AioBaseClient._make_api_call"), _recognise),
    arrive=_arrive,
)
