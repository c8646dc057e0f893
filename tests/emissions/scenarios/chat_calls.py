"""A client of OpenAI's shape makes its calls: ``python chat_calls.py groq|together|... [MODULE:INSTRUMENTOR]``."""

from __future__ import annotations

import importlib
import os
import sys

import async_talk
import said
import tracing

#: Where each provider's clients are, and what of their addresses they do not add by themselves.
KINDS = {
    "groq": ("groq", "Groq", "AsyncGroq", ""),
    "together": ("together", "Together", "AsyncTogether", "/v1"),
    "fireworks": ("fireworks", "Fireworks", "AsyncFireworks", ""),
    "cerebras": ("cerebras.cloud.sdk", "Cerebras", "AsyncCerebras", ""),
    "sambanova": ("sambanova", "SambaNova", "AsyncSambaNova", "/v1"),
}
#: In a stream, counts come where they are asked for; not every client knows the word for it.
COUNTED = {"extra_body": {"stream_options": {"include_usage": True}}}


def clients(name: str):
    """Return the client of one provider, and its asynchronous one."""
    root = os.environ["FAKE_PROVIDER_URL"]
    module, sync, asynchronous, base = KINDS[name]
    kinds = [getattr(importlib.import_module(module), kind) for kind in (sync, asynchronous)]
    more = {"warm_tcp_connection": False} if name == "cerebras" else {}
    return [kind(base_url=root + base, api_key="fake", max_retries=0, **more) for kind in kinds]


def user(content):
    return {"role": "user", "content": content}


def talk(create) -> None:
    """Ask through Chat Completions."""

    def ask(*turns, **more):
        return create(model=said.OPEN_MODEL, messages=list(turns), **more)

    ask({"role": "system", "content": said.BRIEF}, user(said.PLAIN), temperature=0.25, max_tokens=345)
    list(ask(user(said.STREAMED), stream=True, **(COUNTED if tracing.BY_SPANWISE else {})))
    (call,) = ask(user(said.WEATHER), tools=[said.OPENAI_TOOL]).choices[0].message.tool_calls
    function = {"name": call.function.name, "arguments": call.function.arguments}
    made = {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": call.id, "type": "function", "function": function}],
    }
    told = {"role": "tool", "tool_call_id": call.id, "content": said.TOOL_RESULT}
    ask(user(said.WEATHER), made, told, tools=[said.OPENAI_TOOL])
    ask(user(said.MANUAL))
    ask(user(said.PRIMES))
    picture = [{"type": "text", "text": said.PICTURE}, {"type": "image_url", "image_url": {"url": said.PIXEL_URL}}]
    ask(user(picture))
    ask(user(said.FIRST), {"role": "assistant", "content": said.FIRST_ANSWER}, user(said.SECOND))
    try:
        ask(user(said.FAIL))
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


def main(name: str, *instrumentors: str) -> None:
    """Instrument, call, flush."""
    spans, logs = tracing.start(), tracing.start_logs()
    tracing.instrument(*instrumentors)
    client, asynchronous = clients(name)
    talk(client.chat.completions.create)
    if tracing.BY_SPANWISE:
        async_talk.chat(asynchronous, said.OPEN_MODEL)
    spans.shutdown()
    logs.shutdown()


main(*sys.argv[1:])
