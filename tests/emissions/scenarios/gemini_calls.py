"""Google's client makes every sort of call: ``python gemini_calls.py MODULE:INSTRUMENTOR``."""

from __future__ import annotations

import asyncio
import base64
import os
import sys

import said
import tracing
from google import genai
from google.genai import types


def talk(models) -> None:
    """Ask through ``generate_content``."""

    def ask(contents, **config):
        return models.generate_content(
            model=said.GEMINI, contents=contents, config=types.GenerateContentConfig(**config) if config else None
        )

    def turn(role: str, *parts: types.Part) -> types.Content:
        return types.Content(role=role, parts=list(parts))

    ask(said.PLAIN, system_instruction=said.BRIEF, temperature=0.25, max_output_tokens=345)
    list(models.generate_content_stream(model=said.GEMINI, contents=said.STREAMED))
    declared = types.FunctionDeclaration(
        name=said.TOOL_NAME, description=said.TOOL_TEXT, parameters_json_schema=said.TOOL_SCHEMA
    )
    tools = [types.Tool(function_declarations=[declared])]
    made = ask(said.WEATHER, tools=tools).candidates[0].content
    told = types.Part.from_function_response(name=said.TOOL_NAME, response={"result": said.TOOL_RESULT})
    ask([turn("user", types.Part(text=said.WEATHER)), made, turn("user", told)], tools=tools)
    ask(said.MANUAL)
    ask(said.PRIMES, thinking_config=types.ThinkingConfig(include_thoughts=True))
    pixel = types.Part.from_bytes(data=base64.b64decode(said.PIXEL), mime_type="image/png")
    ask([turn("user", types.Part(text=said.PICTURE), pixel)])
    history = [("user", said.FIRST), ("model", said.FIRST_ANSWER), ("user", said.SECOND)]
    ask([turn(role, types.Part(text=text)) for role, text in history])
    try:
        ask(said.FAIL)
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


async def talk_async(models) -> None:
    """Ask two of it, beside a loop's other work."""
    await models.generate_content(model=said.GEMINI, contents=said.PLAIN)
    async for _ in await models.generate_content_stream(model=said.GEMINI, contents=said.STREAMED):
        pass


def main(*instrumentors: str) -> None:
    """Instrument, call, flush."""
    spans, logs = tracing.start(), tracing.start_logs()
    tracing.instrument(*instrumentors)
    options = types.HttpOptions(base_url=os.environ["WIRES_URL"])
    client = genai.Client(api_key="fake", http_options=options)  # it closes what it has when it is let go
    talk(client.models)
    if tracing.BY_SPANWISE:
        asyncio.run(talk_async(client.aio.models))
    spans.shutdown()
    logs.shutdown()


main(*sys.argv[1:])
