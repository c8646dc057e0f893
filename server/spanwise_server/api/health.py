"""Whether the server is alive, whether it can write, and its figures for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse

from ..auth.current import CurrentServer

router = APIRouter(tags=["health"])

#: Figure -> (Prometheus type, sentence), in the order they are printed.
FIGURES = {
    "spanwise_spans_written_total": ("counter", "Spans committed since the start."),
    "spanwise_spans_queued": ("gauge", "Spans waiting to be written."),
    "spanwise_write_errors_total": ("counter", "Requests whose spans could not be written."),
}


@router.get("/healthz")
def alive() -> JSONResponse:
    """Answer as long as the process does."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz")
def ready(server: CurrentServer) -> JSONResponse:
    """Answer 200 when a write would be taken and kept, else 503 with the reason."""
    reason = server.writer.refusal() or server.store.refusal()
    if reason is None:
        return JSONResponse({"status": "ok"})
    return JSONResponse({"status": "unavailable", "reason": reason}, status_code=503)


@router.get("/metrics")
def metrics(server: CurrentServer) -> PlainTextResponse:
    """Return the figures in Prometheus' text format."""
    stats = server.writer.stats()
    values = dict(zip(FIGURES, (stats.written, stats.queued, stats.errors), strict=True))
    lines = [
        line
        for name, (kind, sentence) in FIGURES.items()
        for line in (f"# HELP {name} {sentence}", f"# TYPE {name} {kind}", f"{name} {values[name]}")
    ]
    return PlainTextResponse("\n".join([*lines, ""]), media_type="text/plain; version=0.0.4")
