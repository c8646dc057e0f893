"""Clients that speak OpenAI's language, and some Anthropic's, under a name of their own: a line each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ..instrument.engine import Provider
from ..instrument.fetch import Fetch
from ..instrument.generation import Generation
from . import anthropic, batch_lines, rerank
from .batch_totals import Totals, totals
from .batches import batch
from .fields import fields
from .openai import ANSWERS, ROUTES
from .stainless import methods

#: What stands before OpenAI's paths; clients have moved it from there to their address and back.
_PREFIXES: Final = ("", "/v1", "/openai/v1", "/inference/v1")


def _message(g: Generation, answer: Any) -> None:
    """Read a whole message, or the text of a stream of one, which is what Fireworks' client gives of it."""
    if not isinstance(answer, str):
        anthropic.response(g, answer)
        return
    for line in answer.splitlines():
        name, _, said = line.partition(":")
        if name == "data" and said.strip():
            anthropic.chunk(g, fields(said))


#: Anthropic's Messages, which some of these speak as well.
_MESSAGES: Final = {
    path.removeprefix("/v1"): replace(route, response=_message) if route.chunk is anthropic.chunk else route
    for path, route in anthropic.ROUTES.items()
}
_ALL: Final = {**ROUTES, **_MESSAGES, "/rerank": rerank.ROUTE}
#: Below an account of Fireworks's, whose name is in the path.
_BELOW: Final = {"*/batchInferenceJobs": batch("name", "state")}


def alike(
    package: str, provider: str, batches: str | None = None, fetches: Mapping[str, Fetch] | None = None
) -> Provider:
    """Return the client in *package*, which asks what OpenAI's and Anthropic's do.

    Where it has files and batches, *batches* is how the names of their classes end; *fetches* are what else it has.
    """
    routes = {**{prefix + path: route for prefix in _PREFIXES for path, route in _ALL.items()}, **_BELOW}
    name = package.partition(".")[0]
    return Provider(
        name,
        f"{package}._base_client",
        methods(routes, lambda _client, _host: provider),
        fetches=fetches or {}
        if batches is None
        else batch_lines.fetches(
            package, ANSWERS, lambda _client, _host: provider, f"Files{batches}", f"Batches{batches}"
        ),
    )


def _totals(job: Any) -> Totals | None:
    done = getattr(job, "job_progress", None)
    if done is None or not isinstance(job.name, str):
        return None
    return Totals(
        job.name,
        job.state,
        job.model,
        done.input_tokens,
        done.output_tokens,
        done.cached_input_token_count,
        done.successfully_processed_requests,
        done.failed_requests,
        getattr(job, "update_time", None),
    )


GROQ: Final = alike("groq", "groq", "")
TOGETHER: Final = alike("together", "together_ai", "Resource")
FIREWORKS: Final = alike(
    "fireworks",
    "fireworks_ai",
    fetches={
        f"fireworks.resources.batch_inference_jobs:{kind}BatchInferenceJobsResource.get": totals(
            "fireworks_ai", _totals
        )
        for kind in ("", "Async")
    },
)
CEREBRAS: Final = alike("cerebras.cloud.sdk", "cerebras")
SAMBANOVA: Final = alike("sambanova", "sambanova")
