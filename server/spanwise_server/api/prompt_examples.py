"""A prompt's own examples as tests: whether the model answers them as the prompt says."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from ..auth.current import CurrentProject, CurrentServer
from ..playground.call import BadCall
from ..playground.http import make_http
from ..playground.of_project import connection_of, keep_span
from ..playground.own_examples import call_of, newest_call, run_examples, values_of
from ..playground.providers import provider_named, provider_of
from ..prompts.own_examples import own_examples
from ..store.prompts import Prompts
from .playground import streamed

router = APIRouter(prefix="/api/v1/prompts", tags=["prompts"])


class AskedExamples(BaseModel):
    """Which version is asked its own examples, and which model."""

    model_config = ConfigDict(extra="forbid")
    version: int = Field(ge=1)
    model: str = Field("", max_length=200, description="The version's own where empty")
    provider: str = Field("", description="Whoever has the model where empty")


@router.post("/{name:path}/examples")
def ask_examples(server: CurrentServer, project: CurrentProject, name: str, asked: AskedExamples) -> StreamingResponse:
    """Ask the model each example that a version shows it, taken out of the prompt, and stream how it answers.

    Server-sent events: ``{"example": id, "done": {...}, "verdict"}`` or ``{"example": id, "error": sentence}``, at last
    ``{"summary": {"examples", "agrees", "differs", "to read", "failed"}}``. Each call is a span in the environment
    ``playground``. Hanging up stops it.
    """
    prompts = Prompts(server.store)
    prompt, version = prompts.find(project, name), prompts.version(project, name, str(asked.version))
    if not own_examples(version.content):
        raise BadCall("This version shows the model no example.", "/help/prompts says how one is written.")
    model = asked.model.strip() or version.content.model or ""
    if not model:
        raise BadCall("The version names no model.", "Name one to ask.")
    provider = asked.provider or provider_of(model)
    provider_named(provider)
    http = partial(make_http, allow_private=server.settings.allow_private)
    return streamed(
        run_examples(
            prompt, version, call_of(version.content, model), connection_of(server, project, provider), http,
            partial(keep_span, server, project), values_of(newest_call(server.store, prompt, version)),
        )
    )  # fmt: skip
