"""Semantic Kernel's chat service of OpenAI's, with a plugin."""

from __future__ import annotations

import asyncio
import logging

import openai
import said
import tracing
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.function_choice_behavior import FunctionChoiceBehavior
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
from semantic_kernel.contents import ChatHistory, ChatMessageContent, ImageContent, TextContent
from semantic_kernel.functions import kernel_function


class Weather:
    """A plugin with one function."""

    @kernel_function(description=said.TOOL_TEXT, name=said.TOOL_NAME)
    def get_weather(self, city: str) -> str:
        """Says the weather in a city."""
        return said.TOOL_RESULT


def asked(question: str) -> ChatHistory:
    """Return a conversation of one message."""
    history = ChatHistory()
    history.add_user_message(question)
    return history


def tell(logs) -> None:
    """Send what it logs of what is said."""
    from opentelemetry.sdk._logs import LoggingHandler

    telling = logging.getLogger("semantic_kernel")
    telling.setLevel(logging.INFO)
    telling.addHandler(LoggingHandler(logger_provider=logs))


async def main() -> None:
    """Make every sort of call."""
    spans, logs = tracing.start(), tracing.start_logs()
    if not tracing.BY_SPANWISE:
        tell(logs)
    kernel = Kernel()
    service = OpenAIChatCompletion(ai_model_id=said.MODEL, async_client=openai.AsyncOpenAI(max_retries=0))
    kernel.add_service(service)
    kernel.add_plugin(Weather(), "weather")
    plain = OpenAIChatPromptExecutionSettings()
    set_up = OpenAIChatPromptExecutionSettings(temperature=0.25, max_tokens=345)
    told = ChatHistory(system_message=said.BRIEF)
    told.add_user_message(said.PLAIN)
    await service.get_chat_message_content(told, set_up, kernel=kernel)
    with_tools = OpenAIChatPromptExecutionSettings(function_choice_behavior=FunctionChoiceBehavior.Auto())
    await service.get_chat_message_content(asked(said.WEATHER), with_tools, kernel=kernel)
    async for _ in service.get_streaming_chat_message_content(asked(said.STREAMED), plain):
        pass
    for question in (said.MANUAL, said.PRIMES):
        await service.get_chat_message_content(asked(question), plain)
    picture = [TextContent(text=said.PICTURE), ImageContent(data_uri=said.PIXEL_URL)]
    shown = ChatHistory(messages=[ChatMessageContent(role="user", items=picture)])
    await service.get_chat_message_content(shown, plain)
    history = asked(said.FIRST)
    history.add_assistant_message(said.FIRST_ANSWER)
    history.add_user_message(said.SECOND)
    await service.get_chat_message_content(history, plain)
    try:
        await service.get_chat_message_content(asked(said.FAIL), plain)
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)
    spans.shutdown()
    logs.shutdown()


asyncio.run(main())
