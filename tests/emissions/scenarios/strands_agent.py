"""An agent of Strands, with a model of OpenAI's and one of Anthropic's."""

from __future__ import annotations

import base64
import os

import said
import tracing
from opentelemetry import trace
from strands import Agent, tool
from strands.models.anthropic import AnthropicModel
from strands.models.openai import OpenAIModel
from strands.telemetry import StrandsTelemetry


@tool
def get_weather(city: str) -> str:
    """Says the weather in a city."""
    return said.TOOL_RESULT


def agent(model, **more) -> Agent:
    """Return an agent that knows whose it is."""
    about = {"session.id": said.SESSION, "user.id": said.USER}
    return Agent(model=model, name="weatherman", trace_attributes=about, callback_handler=None, **more)


def talk(made) -> None:
    """Ask one model, made anew for each agent, since an agent closes the loop that its client lives in."""
    agent(made(), tools=[get_weather], system_prompt=said.BRIEF)(said.WEATHER)
    for question in (said.PLAIN, said.MANUAL, said.PRIMES):
        agent(made(), system_prompt=said.BRIEF)(question)
    dot = {"format": "png", "source": {"bytes": base64.b64decode(said.PIXEL)}}
    agent(made())([{"text": said.PICTURE}, {"image": dot}])
    first = {"role": "user", "content": [{"text": said.FIRST}]}
    answer = {"role": "assistant", "content": [{"text": said.FIRST_ANSWER}]}
    agent(made(), messages=[first, answer])(said.SECOND)
    try:
        agent(made(), retry_strategy=None)(said.FAIL)
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


if not tracing.BY_SPANWISE:
    StrandsTelemetry().setup_otlp_exporter()
client = {"api_key": "fake", "max_retries": 0}
openai_url = {**client, "base_url": os.environ["OPENAI_BASE_URL"]}
params = {"temperature": 0.25, "max_tokens": 345}
talk(lambda: OpenAIModel(client_args=openai_url, model_id=said.MODEL, params=params))
talk(lambda: AnthropicModel(client_args=client, model_id=said.CLAUDE, max_tokens=345))
if not tracing.BY_SPANWISE:
    trace.get_tracer_provider().shutdown()
