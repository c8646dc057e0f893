"""Calls under LangSmith's exporter: ``python langsmith_calls.py openai | anthropic | langchain``."""

from __future__ import annotations

import sys

import langsmith
import said
import tracing

METADATA = {"session_id": said.SESSION, "user_id": said.USER, "plan": said.PLAN}


@langsmith.traceable(run_type="tool")
def get_weather(city: str) -> str:
    """Says the weather in a city."""
    return said.TOOL_RESULT


def openai_calls() -> None:
    """Ask through the openai client, wrapped."""
    import openai
    from langsmith.wrappers import wrap_openai
    from openai_talk import chat, responses

    client = wrap_openai(openai.OpenAI(max_retries=0))
    chat(client)
    responses(client)


def anthropic_calls() -> None:
    """Ask through the anthropic client, wrapped."""
    import anthropic
    from anthropic_talk import messages
    from langsmith.wrappers import wrap_anthropic

    messages(wrap_anthropic(anthropic.Anthropic(max_retries=0)), helper=False)


def langchain_calls() -> None:
    """Ask through LangChain, which LangSmith traces by itself."""
    from langchain_anthropic import ChatAnthropic
    from langchain_core.tracers.langchain import wait_for_all_tracers
    from langchain_openai import ChatOpenAI
    from langchain_talk import fail, talk

    models = [ChatOpenAI(model=said.MODEL, max_retries=0, stream_usage=True)]
    models.append(ChatAnthropic(model=said.CLAUDE, max_retries=0, max_tokens=345))
    for model in models:
        talk(model, {"metadata": METADATA})
        fail(model, {"metadata": METADATA})
    wait_for_all_tracers()


CALLS = {"openai": openai_calls, "anthropic": anthropic_calls, "langchain": langchain_calls}


def main(client: str) -> None:
    """Make every sort of call inside of one run, then flush."""
    spans = tracing.start()
    if client != "langchain":
        with langsmith.trace("app", run_type="chain", metadata=METADATA, tags=list(said.TAGS)):
            get_weather(city="Oslo")
            CALLS[client]()
    else:
        CALLS[client]()
    langsmith.run_trees.get_cached_client().flush()
    spans.shutdown()


main(*sys.argv[1:])
