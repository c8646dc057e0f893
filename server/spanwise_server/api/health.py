"""Whether the server is alive, and whether it can write."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from ..auth.current import CurrentServer

router = APIRouter(tags=["health"])


@router.get("/healthz")
def alive() -> JSONResponse:
    """Answer as long as the process does."""
    return JSONResponse({"status": "ok", "service": "spanwise"})


@router.get("/readyz")
def ready(server: CurrentServer) -> JSONResponse:
    """Answer 200 when a write would be taken and kept, else 503 with the reason."""
    reason = server.writer.refusal() or server.store.refusal()
    if reason is None:
        return JSONResponse({"status": "ok"})
    return JSONResponse({"status": "unavailable", "reason": reason}, status_code=503)
