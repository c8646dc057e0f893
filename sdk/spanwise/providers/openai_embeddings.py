"""OpenAI's embeddings: what was embedded and what it cost, never the vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .. import vocabulary as v
from ..encode import to_json
from ..instrument.engine import Route
from ..instrument.generation import Generation
from ..prompts import find_prompt

PARAMS: Final = {"model": v.REQUEST_MODEL, "dimensions": v.EMBEDDINGS_DIMENSION_COUNT}


def request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is asked."""
    g.params(body, PARAMS, ("user",))
    if encoding := body.get("encoding_format"):
        g.attributes[v.REQUEST_ENCODING_FORMATS] = (encoding,)
    given = body.get("input")
    g.prompt = find_prompt(given)
    if g.content and given is not None:
        g.attributes[v.INPUT] = to_json(given)


def response(g: Generation, result: Any) -> None:
    """Read model, usage and the length of the vectors."""
    g.head(None, result.model)
    usage = getattr(result, "usage", None)
    if isinstance(usage, Mapping):  # Together's client has no shape for it
        g.usage(input_tokens=usage.get("prompt_tokens"))
    elif usage is not None:
        g.usage(input_tokens=usage.prompt_tokens)
    vectors = result.data
    if vectors and isinstance(first := vectors[0].embedding, list):
        g.attributes[v.EMBEDDINGS_DIMENSION_COUNT] = len(first)


ROUTE: Final = Route("embeddings", "embedding", request, response, prompt_in=("input",))
