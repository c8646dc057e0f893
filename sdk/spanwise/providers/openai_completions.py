"""OpenAI's first API, texts that are continued, which vLLM, Together and others still speak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .. import vocabulary as v
from ..instrument.engine import Route
from ..instrument.generation import Generation
from ..prompts import find_prompt
from .content import text_part

PARAMS: Final = {
    "model": v.REQUEST_MODEL,
    "temperature": v.REQUEST_TEMPERATURE,
    "top_p": v.REQUEST_TOP_P,
    "top_k": v.REQUEST_TOP_K,
    "max_tokens": v.REQUEST_MAX_TOKENS,
    "seed": v.REQUEST_SEED,
    "frequency_penalty": v.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": v.REQUEST_PRESENCE_PENALTY,
    "n": v.REQUEST_CHOICE_COUNT,
    "stream": v.REQUEST_STREAM,
}
OTHER_PARAMS: Final = ("suffix", "echo", "best_of", "logprobs", "logit_bias", "user")


def request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is to be continued: a text, or several."""
    g.params(body, PARAMS, OTHER_PARAMS)
    if stop := body.get("stop"):
        g.attributes[v.REQUEST_STOP_SEQUENCES] = (stop,) if isinstance(stop, str) else tuple(stop)
    prompt = body.get("prompt")
    g.prompt = find_prompt(prompt)
    texts = [prompt] if isinstance(prompt, str) else prompt if isinstance(prompt, list | tuple) else ()
    if g.content:
        g.asked([{"role": "user", "parts": [text_part(text)]} for text in texts if isinstance(text, str)])


def answer(g: Generation, body: Any) -> None:
    """Read a whole answer, or the next piece of a streamed one: they have one shape."""
    g.head(body.id, body.model)
    for choice in body.choices or ():
        g.text(choice.text, choice=choice.index)
        g.finish(choice.finish_reason, choice=choice.index)
    if (usage := getattr(body, "usage", None)) is not None:
        g.usage(input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens)


def only_usage(piece: Any) -> bool:
    """Whether a chunk tells usage and nothing else."""
    return not piece.choices and getattr(piece, "usage", None) is not None


ROUTE: Final = Route("text_completion", "llm", request, answer, answer, only_usage, ("prompt",))
