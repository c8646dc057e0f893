"""Where spans come in: OTLP over HTTP. An export is answered 200 only once it is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from spanwise.vocabulary import PROJECT_HEADER

from ..auth.current import CurrentServer, Server, actor_of
from ..errors import Forbidden, Overloaded, SpanwiseError
from ..ingest import pipeline, unkept
from ..ingest.limits import too_large, unpacked
from ..ingest.otlp import MEDIA_TYPES, Form, Signal, encode_answer, encode_error, form_of
from ..ingest.span_limits import MB

T = TypeVar("T")
router = APIRouter()

#: Requests decoded at a time: Python decodes on one core, and each holds its body unpacked.
DECODED_AT_ONCE: Final = 4
#: Requests waiting to be decoded before more are sent away.
MOST_WAITING: Final = 200
_limiter: RunVar[CapacityLimiter] = RunVar("spanwise_decoding")


@router.post("/v1/traces", tags=["ingest"], summary="Take OTLP spans")
@router.post("/api/public/otel/v1/traces", tags=["ingest"], summary="Take OTLP spans, where Langfuse's SDKs send them")
async def export_traces(request: Request, server: CurrentServer) -> Response:
    """Keep the spans sent, and answer once they are kept, naming those that were refused."""
    form: Form = "json"
    try:
        form = form_of(request.headers.get("content-type", ""))
        export = pipeline.Request(
            body=await _body(request, server.settings.max_body_mb * MB),
            form=form,
            encoding=request.headers.get("content-encoding", ""),
            project=_project(request),
        )
        found, written = await _in_thread(_taken, server, export)
        if written is not None:
            await _on_disk(written)
    except SpanwiseError as error:
        return refusal(error, form)
    return _answer("traces", form, found.refused, found.message)


@router.post("/v1/logs", tags=["ingest"], summary="Say that log records are not kept yet")
async def export_logs(request: Request, server: CurrentServer) -> Response:
    """Refuse every log record, politely."""
    return await _turned_away(request, server, "logs")


@router.post("/v1/metrics", tags=["ingest"], summary="Say that metrics are not kept")
async def export_metrics(request: Request, server: CurrentServer) -> Response:
    """Refuse every data point, politely."""
    return await _turned_away(request, server, "metrics")


def refusal(error: SpanwiseError, form: Form) -> Response:
    """Return *error* as OTLP clients read it, with when to come back where that helps."""
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, Overloaded) else None
    return Response(encode_error(error, form), error.status, headers, MEDIA_TYPES[form])


def form_asked(request: Request) -> Form:
    """Return the form that the sender reads: that of its own request, JSON where it is neither."""
    try:
        return form_of(request.headers.get("content-type", ""))
    except SpanwiseError:
        return "json"


async def _turned_away(request: Request, server: Server, signal: Signal) -> Response:
    form: Form = "json"
    try:
        form = form_of(request.headers.get("content-type", ""))
        body = await _body(request, server.settings.max_body_mb * MB)
        encoding = request.headers.get("content-encoding", "")
        refused = await _in_thread(_counted, server, body, encoding, signal, form)
    except SpanwiseError as error:
        return refusal(error, form)
    return _answer(signal, form, refused, unkept.SENTENCES[signal] if refused else "")


def _answer(signal: Signal, form: Form, refused: int, message: str) -> Response:
    return Response(encode_answer(signal, form, refused, message), media_type=MEDIA_TYPES[form])


def _project(request: Request) -> str | None:
    """Return the project of the API key, else the one asked for, else ``None``: each resource may name its own."""
    own = actor_of(request).project
    asked = request.headers.get(PROJECT_HEADER) or None
    if own is not None and asked is not None and asked != own:
        raise Forbidden(
            f"This API key belongs to project {own!r}, not {asked!r}.",
            f"Leave {PROJECT_HEADER} out, or use a key of that project.",
        )
    return own if own is not None else asked


async def _body(request: Request, most_bytes: int) -> bytes:
    """Return the body, without reading on where it turns out too large."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most_bytes:
        raise too_large(most_bytes)
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most_bytes:
                raise too_large(most_bytes)
            chunks.append(chunk)
    except ClientDisconnect as error:
        raise SpanwiseError("The sender hung up before the end of the body.") from error
    return b"".join(chunks)


def _taken(server: Server, export: pipeline.Request) -> tuple[pipeline.Records, Future[None] | None]:
    """Read the export and queue its records; packing them for the store is work for this thread too."""
    found = server.pipeline.run(export, max_unpacked_bytes=server.settings.max_unpacked_mb * MB)
    return found, server.writer.submit(found.records) if found.records else None


def _counted(server: Server, body: bytes, encoding: str, signal: Signal, form: Form) -> int:
    return unkept.count(unpacked(body, encoding, server.settings.max_unpacked_mb * MB), signal, form)


async def _in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Return what *work* returns, done in one of a few threads."""
    limiter = _limiter.get(None)
    if limiter is None:
        limiter = CapacityLimiter(DECODED_AT_ONCE)
        _limiter.set(limiter)
    if limiter.statistics().tasks_waiting >= MOST_WAITING:
        raise Overloaded("Too many requests are waiting to be read.", "Send the same again in a second.")
    return await to_thread.run_sync(work, *arguments, limiter=limiter)


async def _on_disk(written: Future[None]) -> None:
    """Wait until the records are on disk; where they cannot be, the sender is asked to try again."""
    try:
        await asyncio.shield(asyncio.wrap_future(written))  # a sender that hangs up takes nothing back
    except SpanwiseError:
        raise
    except Exception as error:
        raise Overloaded("The store could not write the spans.", "Look in the server's log; send again.") from error
