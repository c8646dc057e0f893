"""An agent of Google's Agent Development Kit, with a model of OpenAI's and one of Anthropic's through LiteLLM."""

from __future__ import annotations

import asyncio
import base64
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import said
import tracing
from google.adk.agents import Agent
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.models.lite_llm import LiteLlm
from google.adk.runners import InMemoryRunner
from google.genai import types


def get_weather(city: str) -> str:
    """Says the weather in a city."""
    return said.TOOL_RESULT


async def ask(agent: Agent, *parts: types.Part, mode: StreamingMode = StreamingMode.NONE) -> None:
    """Ask in a session of its own."""
    runner = InMemoryRunner(agent=agent, app_name="corpus")
    session = await runner.session_service.create_session(app_name="corpus", user_id=said.USER)
    question = types.Content(role="user", parts=list(parts))
    told = RunConfig(streaming_mode=mode)
    try:
        async for _ in runner.run_async(
            user_id=said.USER, session_id=session.id, new_message=question, run_config=told
        ):
            pass
    except Exception as error:  # noqa: BLE001  # one of them is meant to fail
        print(type(error).__name__)


async def main() -> None:
    """Ask both models."""
    spans, logs = tracing.start(), tracing.start_logs()
    for model in (f"openai/{said.MODEL}", f"anthropic/{said.CLAUDE}"):
        agent = Agent(
            name="weatherman",
            model=LiteLlm(model=model, num_retries=0, max_retries=0, stream_options={"include_usage": True}),
            instruction=said.BRIEF,
            tools=[get_weather],
            generate_content_config=types.GenerateContentConfig(temperature=0.25, max_output_tokens=345),
        )
        for question in (said.PLAIN, said.WEATHER, said.MANUAL, said.PRIMES):
            await ask(agent, types.Part(text=question))
        await ask(agent, types.Part(text=said.STREAMED), mode=StreamingMode.SSE)
        dot = types.Blob(mime_type="image/png", data=base64.b64decode(said.PIXEL))
        await ask(agent, types.Part(text=said.PICTURE), types.Part(inline_data=dot))
        await ask(agent, types.Part(text=said.FAIL))
    spans.shutdown()
    logs.shutdown()


asyncio.run(main())
