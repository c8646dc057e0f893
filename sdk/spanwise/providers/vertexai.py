"""Google's older client for Vertex AI, ``vertexai.generative_models``: what passes through it is Gemini's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from ..instrument.engine import Asked, Provider, Route
from ..instrument.generation import Generation
from . import google
from .batches import batch

_MODULE: Final = "vertexai.generative_models._generative_models"
_JOBS: Final = "services.job_service.client:JobServiceClient.create_batch_prediction_job"


def response(g: Generation, answer: Any) -> None:
    """Read a whole answer."""
    google.response(g, _json(answer._raw_response))  # noqa: SLF001  # as it came


def chunk(g: Generation, answer: Any) -> None:
    """Read one chunk of a stream."""
    google.chunk(g, _json(answer._raw_response))  # noqa: SLF001  # as it came


def _json(message: Any) -> Mapping[str, Any]:
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415  # comes with the client, not with us

    said: Mapping[str, Any] = MessageToDict(type(message).pb(message))
    return said


_CONTENT: Final = Route("chat", "llm", google.request, response, chunk)
_BATCH: Final = batch("name", "state", made=_json)


def _recognise(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, stream: bool) -> Asked:
    asked: Any = model._prepare_request(*args, **kwargs)  # noqa: SLF001  # what the client is about to send
    body = dict(_json(asked))
    where = str(body.get("model") or "")
    body["model"] = where.rpartition("models/")[2] or where
    if stream:
        body["stream"] = True
    return Asked(_CONTENT, body, "gcp.vertex_ai")


def _recognise_batch(_client: Any, _args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
    job: Any = kwargs.get("batch_prediction_job")
    if job is None:
        return None
    return Asked(_BATCH, job if isinstance(job, Mapping) else _json(job), "gcp.vertex_ai")


_WHOLE: Final = partial(_recognise, stream=False)
_STREAM: Final = partial(_recognise, stream=True)
PROVIDER: Final = Provider(
    "vertexai",
    _MODULE,
    {
        "_GenerativeModel._generate_content": _WHOLE,
        "_GenerativeModel._generate_content_async": _WHOLE,
        "_GenerativeModel._generate_content_streaming": _STREAM,
        "_GenerativeModel._generate_content_streaming_async": _STREAM,
        # What ``vertexai.batch_prediction`` hands its jobs to.
        **{f"google.cloud.aiplatform_{version}.{_JOBS}": _recognise_batch for version in ("v1", "v1beta1")},
    },
    ("ChatSession._send_message_streaming", "ChatSession._send_message_streaming_async"),
)
