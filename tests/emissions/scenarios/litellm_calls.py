"""LiteLLM's calls of two providers: ``python litellm_calls.py [MODULE:INSTRUMENTOR...]``."""

from __future__ import annotations

import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import async_talk
import litellm
import said
import tracing


def user(content):
    return {"role": "user", "content": content}


def talk(model: str) -> None:
    """Ask one model."""

    def ask(*turns, **more):
        return litellm.completion(model=model, messages=list(turns), num_retries=0, max_retries=0, **more)

    ask({"role": "system", "content": said.BRIEF}, user(said.PLAIN), max_tokens=345)
    list(ask(user(said.STREAMED), stream=True, stream_options={"include_usage": True}))
    called = ask(user(said.WEATHER), tools=[said.OPENAI_TOOL]).choices[0].message
    told = {"role": "tool", "tool_call_id": called.tool_calls[0].id, "content": said.TOOL_RESULT}
    ask(user(said.WEATHER), called.model_dump(exclude_none=True), told, tools=[said.OPENAI_TOOL])
    ask(user(said.MANUAL))
    ask(user(said.PRIMES))
    picture = [{"type": "text", "text": said.PICTURE}, {"type": "image_url", "image_url": {"url": said.PIXEL_URL}}]
    ask(user(picture))
    try:
        ask(user(said.FAIL))
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


def main(*instrumentors: str) -> None:
    """Switch on, call, flush; without an instrumentor, LiteLLM's own tracing."""
    spans = tracing.start()
    tracing.instrument(*instrumentors)
    if not instrumentors and not tracing.BY_SPANWISE:
        litellm.callbacks = ["otel"]
    with tracing.request():
        talk(f"openai/{said.MODEL}")
        talk(f"anthropic/{said.CLAUDE}")
    if tracing.BY_SPANWISE:
        async_talk.run(litellm.acompletion, f"openai/{said.MODEL}")
    spans.shutdown()


main(*sys.argv[1:])
