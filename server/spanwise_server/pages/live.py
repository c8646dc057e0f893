"""What open pages listen to: an event whenever spans of a project or of a trace were written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from ..auth.current import CurrentProject, CurrentServer
from ..ingest.changes import Changes

router = APIRouter(include_in_schema=False)

_LOOK_EVERY_S: Final = 0.2
#: Changes closer together than this are told as one.
TOLD_EVERY_S: Final = 0.8
#: Another server on the same store may have written: the page looks for itself now and then.
LOOK_ANYWAY_S: Final = 15.0


@router.get("/live")
async def live(request: Request, server: CurrentServer, project: CurrentProject, trace: str = "") -> StreamingResponse:
    """Send ``changed`` after each change of the project, or of one of its traces, until the page is left."""
    events = _events(request, server.changes, project, trace.lower() or None)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


async def _events(request: Request, changes: Changes, project: str, trace_id: str | None) -> AsyncIterator[str]:
    known = changes.of(project, trace_id)
    yield "retry: 1000\nevent: ready\ndata:\n\n"
    told = time.monotonic()
    while not changes.closed and not await request.is_disconnected():
        await asyncio.sleep(_LOOK_EVERY_S)
        now, waited = changes.of(project, trace_id), time.monotonic() - told
        if (now != known and waited >= TOLD_EVERY_S) or waited >= LOOK_ANYWAY_S:
            known, told = now, time.monotonic()
            yield "event: changed\ndata:\n\n"
