"""Ollama's client makes every sort of call: ``python ollama_calls.py MODULE:INSTRUMENTOR``."""

from __future__ import annotations

import os
import sys

import async_talk
import ollama
import said
import tracing


def user(content):
    return {"role": "user", "content": content}


def talk(client) -> None:
    """Ask through ``chat``."""

    def ask(*turns, **more):
        return client.chat(model=said.LOCAL_MODEL, messages=list(turns), **more)

    limits = {"temperature": 0.25, "num_predict": 345}
    ask({"role": "system", "content": said.BRIEF}, user(said.PLAIN), options=limits)
    list(ask(user(said.STREAMED), stream=True))
    made = ask(user(said.WEATHER), tools=[said.OPENAI_TOOL]).message
    told = {"role": "tool", "tool_name": said.TOOL_NAME, "content": said.TOOL_RESULT}
    ask(user(said.WEATHER), made, told, tools=[said.OPENAI_TOOL])
    ask(user(said.MANUAL))
    ask(user(said.PRIMES), think=True)
    ask({**user(said.PICTURE), "images": [said.PIXEL]})
    ask(user(said.FIRST), {"role": "assistant", "content": said.FIRST_ANSWER}, user(said.SECOND))
    try:
        ask(user(said.FAIL))
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


def main(*instrumentors: str) -> None:
    """Instrument, call, flush."""
    spans, logs = tracing.start(), tracing.start_logs()
    tracing.instrument(*instrumentors)
    talk(ollama.Client(host=os.environ["WIRES_URL"]))
    if tracing.BY_SPANWISE:
        async_talk.run(ollama.AsyncClient(host=os.environ["WIRES_URL"]).chat, said.LOCAL_MODEL)
    spans.shutdown()
    logs.shutdown()


main(*sys.argv[1:])
