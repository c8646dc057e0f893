"""Errors as JSON: ``{"error": {"code", "message", "hint", "request_id"}}``."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

from ..errors import Overloaded, SpanwiseError


def error_json(request: Request, error: SpanwiseError) -> JSONResponse:
    """Return the JSON answer for *error*, with its status and how to repeat it to us."""
    body: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "request_id": getattr(request.state, "request_id", ""),
    }
    if error.position is not None:
        body["position"] = error.position
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, Overloaded) else None
    return JSONResponse({"error": body}, status_code=error.status, headers=headers)
