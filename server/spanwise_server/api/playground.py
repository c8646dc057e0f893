"""The playground as JSON: make a call, several times if asked, and read its answers as they come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from ..auth.current import CurrentProject, CurrentServer
from ..playground.call import Call, Message, ToolCall
from ..playground.http import make_http
from ..playground.of_project import connection_of, keep_span, prompted_with
from ..playground.providers import provider_named
from ..playground.replay import rendered
from ..playground.run import MOST_REPEATS, Event, run
from ..playground.trace import Traced

router = APIRouter(prefix="/api/v1/playground", tags=["playground"])


class AskedTool(BaseModel):
    """A tool that the assistant called."""

    id: str = ""
    name: str = ""
    arguments: str = "{}"


class AskedMessage(BaseModel):
    """One message to send."""

    model_config = ConfigDict(extra="forbid")
    role: str = Field(pattern="^(system|developer|user|assistant|tool)$")
    content: str = ""
    tool_calls: list[AskedTool] = Field(default_factory=list)
    tool_call_id: str = ""

    def message(self) -> Message:
        """Return it as the playground sends it."""
        calls = tuple(ToolCall(one.id, one.name, one.arguments) for one in self.tool_calls)
        return Message(self.role, self.content, calls, self.tool_call_id)


class AskedCall(BaseModel):
    """A call to make."""

    model_config = ConfigDict(extra="forbid")
    provider: str
    model: str = Field(min_length=1, max_length=200)
    messages: list[AskedMessage] = Field(min_length=1, max_length=1_000)
    format: str = "none"
    variables: dict[str, Any] = Field(default_factory=dict)
    params: dict[str, Any] = Field(default_factory=dict)
    tools: list[dict[str, Any]] = Field(default_factory=list)
    output_schema: dict[str, Any] | None = None
    repeats: int = Field(1, ge=1, le=MOST_REPEATS)
    prompt: str = Field("", max_length=200, description="A prompt of the registry that these may be the messages of")
    version: int | None = Field(None, ge=1)


@router.post("/run")
def run_call(server: CurrentServer, project: CurrentProject, asked: AskedCall) -> StreamingResponse:
    """Make the call ``repeats`` times, and stream what happens as server-sent events.

    Each is ``{"run": n, "text": piece}``, ``{"run": n, "done": {...}}`` or ``{"run": n, "error": sentence}``; the last
    is ``{"summary": {"runs", "answered", "flip_rate"}}``. Hanging up stops it. Each call is a span of the project, in
    the environment ``playground``.
    """
    provider_named(asked.provider)
    connection = connection_of(server, project, asked.provider)
    written = [one.message() for one in asked.messages]
    messages = [m for m in rendered(written, asked.format, asked.variables) if m.content or m.tool_calls]
    call = Call(asked.model, messages, asked.params, asked.tools, asked.output_schema)
    http = partial(make_http, allow_private=server.settings.allow_private)
    prompted = prompted_with(server, project, asked.prompt, asked.version, written, asked.format)
    if prompted is not None:
        prompted = replace(prompted, variables=asked.variables)
    traced = Traced(partial(keep_span, server, project), prompted)
    events = run(call, connection, http, asked.repeats, traced)
    return streamed(events)


def streamed(events: Iterator[Event]) -> StreamingResponse:
    """Return events as they happen, sent by the server."""
    return StreamingResponse(_sent(events), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


def _sent(events: Iterator[Event]) -> Iterator[bytes]:
    for event in events:
        yield b"data: " + orjson.dumps(event) + b"\n\n"
