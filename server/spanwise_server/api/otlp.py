"""Where spans come in: OTLP over HTTP. An export is answered 200 only once it is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from anyio import CapacityLimiter, move_on_after, to_thread
from anyio.lowlevel import RunVar
from fastapi import APIRouter, Request
from starlette.responses import Response

from spanwise.vocabulary import DROPPED_HEADER, PROJECT_HEADER

from ..auth.current import CurrentServer, Server, actor_of, project_sent, server_of
from ..errors import Overloaded, SpanwiseError, TooLarge, without_frames
from ..ingest import pipeline
from ..ingest.limits import too_large
from ..ingest.otlp import MEDIA_TYPES, Signal, encode_answer, encode_error, form_of
from ..ingest.room import Held
from ..ingest.span_limits import MB

T = TypeVar("T")
router = APIRouter()

#: Requests decoded at a time: Python decodes on one core, and each holds its body unpacked.
DECODED_AT_ONCE: Final = 4
#: Requests waiting to be decoded before more are sent away.
MOST_WAITING: Final = 200
#: Seconds for which the rest of a refused body is waited for.
READ_ON_S: Final = 5.0
_limiter: RunVar[CapacityLimiter] = RunVar("spanwise_decoding")


@router.post("/v1/traces", tags=["ingest"], summary="Take OTLP spans")
@router.post("/api/public/otel/v1/traces", tags=["ingest"], summary="Take OTLP spans, where Langfuse's SDKs send them")
async def export_traces(request: Request, server: CurrentServer) -> Response:
    """Keep the spans sent, and answer once they are kept, naming those that were refused."""
    return await _export(request, server, "traces")


@router.post("/v1/logs", tags=["ingest"], summary="Take OTLP log records of spans")
async def export_logs(request: Request, server: CurrentServer) -> Response:
    """Keep the log records that belong to spans as events of them, whichever comes first."""
    return await _export(request, server, "logs")


@router.post("/v1/metrics", tags=["ingest"], summary="Say that metrics are not kept")
async def export_metrics(request: Request, server: CurrentServer) -> Response:
    """Refuse every data point, politely."""
    return await _export(request, server, "metrics")


def turned_away(request: Request, error: SpanwiseError) -> Response:
    """Count a request that is refused whole, and return its answer in the form that the sender reads."""
    try:
        form = form_of(request.headers.get("content-type", ""))
    except SpanwiseError:
        form = "json"
    signal: Signal = "traces"
    for other in ("logs", "metrics"):
        if request.url.path.endswith(f"/{other}"):
            signal = other
    server_of(request).intake.health.turned_away(signal, error, actor_of(request).project)
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, Overloaded) else None
    return Response(encode_error(error, form), error.status, headers, MEDIA_TYPES[form])


async def _export(request: Request, server: Server, signal: Signal) -> Response:
    """Take one request and answer it in its own form."""
    if dropped := request.headers.get(DROPPED_HEADER):
        server.intake.health.dropped(dropped, actor_of(request).project)
    try:
        form = form_of(request.headers.get("content-type", ""))
        with server.intake.room.hold() as held:
            export = pipeline.Request(
                body=await _body(request, server.settings.max_body_mb * MB, held),
                form=form,
                encoding=request.headers.get("content-encoding", ""),
                project=project_sent(actor_of(request), request.headers.get(PROJECT_HEADER)),
            )
            with server.intake.coming(export):
                taken = await _in_thread(server.intake.take, signal, export, held)
            if taken.written is not None:
                await _on_disk(taken.written)
    except SpanwiseError as error:
        without_frames(error)
        return turned_away(request, error)
    return Response(
        encode_answer(signal, form, taken.refusals.refused, taken.refusals.message), media_type=MEDIA_TYPES[form]
    )


async def _body(request: Request, most_bytes: int, held: Held) -> bytes:
    """Return the body, without keeping any more of it where it turns out too large."""
    length = request.headers.get("content-length", "")
    chunks: list[bytes] = []
    size, more = 0, True
    try:
        if length.isdecimal() and int(length) > most_bytes:
            raise too_large(most_bytes)
        while more:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise SpanwiseError("The sender hung up before the end of the body.")
            more = message.get("more_body", False)
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > most_bytes:
                raise too_large(most_bytes)
            held.take(len(chunk))
            chunks.append(chunk)
    except (TooLarge, Overloaded):
        if more and request.headers.get("connection", "").lower() == "close":
            await _read_on(request)
        raise
    return b"".join(chunks)


async def _read_on(request: Request) -> None:
    """Let the sender come to the end of its body: to close on one that sends takes the answer away from it."""
    with move_on_after(READ_ON_S):
        more = True
        while more:
            more = (await request.receive()).get("more_body", False)


async def _in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Return what *work* returns, done in one of a few threads."""
    limiter = _limiter.get(None)
    if limiter is None:
        limiter = CapacityLimiter(DECODED_AT_ONCE)
        _limiter.set(limiter)
    if limiter.statistics().tasks_waiting >= MOST_WAITING:
        raise Overloaded("Too many requests are waiting to be read.", "Send the same again in a second.")
    return await to_thread.run_sync(work, *arguments, limiter=limiter)


async def _on_disk(written: Future[Any]) -> None:
    """Wait until the records are on disk; where they cannot be, the sender is asked to try again."""
    try:
        await asyncio.shield(asyncio.wrap_future(written))  # a sender that hangs up takes nothing back
    except SpanwiseError:
        raise
    except Exception as error:
        raise Overloaded("The store could not write the spans.", "Look in the server's log; send again.") from error
