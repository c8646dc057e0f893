"""Hugging Face's client asks for chats: ``python huggingface_calls.py``."""

from __future__ import annotations

import os

import async_talk
import said
from huggingface_hub import AsyncInferenceClient, InferenceClient

COUNTED = {"stream_options": {"include_usage": True}}


def user(content):
    return {"role": "user", "content": content}


def talk(create) -> None:
    """Ask through Chat Completions."""

    def ask(*turns, **more):
        return create(model=said.OPEN_MODEL, messages=list(turns), **more)

    ask({"role": "system", "content": said.BRIEF}, user(said.PLAIN), temperature=0.25, max_tokens=345)
    list(ask(user(said.STREAMED), stream=True, **COUNTED))
    ask(user(said.WEATHER), tools=[said.OPENAI_TOOL])
    ask(user(said.MANUAL))
    picture = [{"type": "text", "text": said.PICTURE}, {"type": "image_url", "image_url": {"url": said.PIXEL_URL}}]
    ask(user(picture))
    ask(user(said.FIRST), {"role": "assistant", "content": said.FIRST_ANSWER}, user(said.SECOND))
    try:
        ask(user(said.FAIL))
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


url = f"{os.environ['FAKE_PROVIDER_URL']}/v1"
talk(InferenceClient(base_url=url, api_key="fake").chat.completions.create)
async_talk.run(AsyncInferenceClient(base_url=url, api_key="fake").chat.completions.create, said.OPEN_MODEL, **COUNTED)
