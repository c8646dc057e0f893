"""Anthropic's batches and its counting of tokens: calls that no model answers, so none that counts as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .. import vocabulary as v
from ..encode import to_json
from ..instrument.engine import Route
from ..instrument.generation import Generation
from .batches import batch

_PARAMS: Final = {"model": v.REQUEST_MODEL}


def count_request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read whose tokens are to be counted."""
    g.params(body, _PARAMS, ())
    if g.content:
        g.attributes[v.INPUT] = to_json({name: body.get(name) for name in ("system", "messages") if name in body})


def count_response(g: Generation, count: Any) -> None:
    """Read the count, which nobody pays for."""
    g.attributes[v.OUTPUT] = to_json({"input_tokens": count.input_tokens})


ROUTES: Final = {
    "/v1/messages/batches": batch("id", "processing_status"),
    "/v1/messages/count_tokens": Route("count_tokens", "span", count_request, count_response),
}
