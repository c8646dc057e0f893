"""The playground as JSON: make a call, several times if asked, and read its answers as they come."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from ..auth.current import CurrentProject, CurrentServer, Server
from ..playground.addresses import make_http
from ..playground.call import BadCall, Call, Connection, Message, ToolCall
from ..playground.providers import provider_named
from ..playground.replay import rendered
from ..playground.run import MOST_REPEATS, Event, run
from ..playground.secrets import Vault, from_environment
from ..playground.trace import Prompted, Traced
from ..prompts.content import template_hash
from ..record import Record, Span
from ..store.prompts import Prompts
from ..store.prompts_keys import ProviderKeys

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
    traced = Traced(partial(_keep, server, project), _prompted(server, project, asked))
    events = run(call, connection, http, asked.repeats, traced)
    return StreamingResponse(_sent(events), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


def connection_of(server: Server, project: str, provider: str) -> Connection:
    """Return the project's own connection, else the one of the server's environment; refused where there is neither."""
    stored = ProviderKeys(server.store).find(project, provider)
    if stored is not None:
        base_url, secret = stored
        return Connection(provider, Vault(server.settings.data).unlock(secret), base_url, stored=True)
    found = from_environment(provider)
    if found is None:
        raise BadCall(f"There is no key for {provider}.", "Store one at the top of the playground.")
    return found


def _keep(server: Server, project: str, span: Span) -> Record:
    record = server.pipeline.record(span, project)
    server.writer.submit([record]).result(30)
    return record


def _prompted(server: Server, project: str, asked: AskedCall) -> Prompted | None:
    """Return the version of a prompt that these are the messages of, ``None`` where they were changed."""
    if not asked.prompt or asked.version is None:
        return None
    version = Prompts(server.store).version(project, asked.prompt, str(asked.version))
    said = [(message["role"], message.get("content")) for message in version.content.messages]
    now = [(message.role, message.content) for message in asked.messages]
    if now[: len(said)] != said or asked.format != version.content.format:
        return None
    template = version.content.template
    return Prompted(asked.prompt, version.said_as, template_hash(template), template, asked.variables)


def _sent(events: Iterator[Event]) -> Iterator[bytes]:
    for event in events:
        yield b"data: " + orjson.dumps(event) + b"\n\n"
