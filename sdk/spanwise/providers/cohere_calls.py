"""What both APIs of Cohere's have in common: parameters, counts, reasons, and how a call is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from .. import vocabulary as v
from ..instrument.engine import Asked, Route
from ..instrument.generation import Generation

PARAMS: Final = {
    "model": v.REQUEST_MODEL,
    "temperature": v.REQUEST_TEMPERATURE,
    "p": v.REQUEST_TOP_P,
    "k": v.REQUEST_TOP_K,
    "max_tokens": v.REQUEST_MAX_TOKENS,
    "seed": v.REQUEST_SEED,
    "presence_penalty": v.REQUEST_PRESENCE_PENALTY,
    "frequency_penalty": v.REQUEST_FREQUENCY_PENALTY,
    "stream": v.REQUEST_STREAM,
    "output_dimension": v.EMBEDDINGS_DIMENSION_COUNT,
}
OTHER_PARAMS: Final = (
    "tool_choice",
    "thinking",
    "safety_mode",
    "response_format",
    "input_type",
    "truncate",
    "priority",
)
_FINISH: Final = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_call"}


def usage(g: Generation, told: Any) -> None:
    """Read the counts, those that are billed where no others are told."""
    if told is None:
        return
    counts = told.tokens or told.billed_units
    cached = getattr(told, "cached_tokens", None)
    g.usage(
        input_tokens=whole(getattr(counts, "input_tokens", None)),
        output_tokens=whole(getattr(counts, "output_tokens", None)),
        cache_read=whole(cached),
    )


def whole(count: float | None) -> int | None:
    """Return a count, which the client reads as a float."""
    return None if count is None else int(count)


def finish(reason: Any) -> str | None:
    """Return why an answer ended, in the words of the conventions."""
    return None if reason is None else _FINISH.get(str(reason), str(reason).lower())


def parsed(answer: Any) -> Any:
    """Return what a raw response holds, and any other as it is."""
    return answer.data if type(answer).__name__.endswith("HttpResponse") else answer


def asked(client: Any, route: Route, given: Mapping[str, Any]) -> Asked:
    """Return the call of *client*, or of a part of it, with what was *given*."""
    wrapper = getattr(client, "_client_wrapper", None)
    if wrapper is None:
        wrapper = getattr(getattr(client, "_raw_client", None), "_client_wrapper", None)
    base_url = getattr(wrapper, "get_base_url", None)
    url = urlsplit(str(base_url()) if callable(base_url) else "")
    body = {name: value for name, value in given.items() if value is not Ellipsis}
    return Asked(route, body, "cohere", url.hostname, url.port)
