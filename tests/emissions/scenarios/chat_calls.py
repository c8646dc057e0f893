"""A client of OpenAI's shape makes its calls: ``python chat_calls.py groq|together MODULE:INSTRUMENTOR``."""

from __future__ import annotations

import os
import sys

import said
import tracing


def client(name: str):
    """Return the client of one provider."""
    root = os.environ["FAKE_PROVIDER_URL"]
    if name == "groq":
        from groq import Groq

        return Groq(base_url=root, api_key="fake", max_retries=0)
    from together import Together

    return Together(base_url=f"{root}/v1", api_key="fake", max_retries=0)


def user(content):
    return {"role": "user", "content": content}


def talk(create) -> None:
    """Ask through Chat Completions."""

    def ask(*turns, **more):
        return create(model=said.OPEN_MODEL, messages=list(turns), **more)

    ask({"role": "system", "content": said.BRIEF}, user(said.PLAIN), temperature=0.25, max_tokens=345)
    list(ask(user(said.STREAMED), stream=True))
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


def main(name: str, instrumentor: str) -> None:
    """Instrument, call, flush."""
    spans, logs = tracing.start(), tracing.start_logs()
    tracing.instrument(instrumentor)
    talk(client(name).chat.completions.create)
    spans.shutdown()
    logs.shutdown()


main(*sys.argv[1:])
