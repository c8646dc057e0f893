"""LangChain's models under Langfuse's callback handler."""

from __future__ import annotations

import os

import said

os.environ["LANGFUSE_BASE_URL"] = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]

from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from langchain_talk import fail, talk
from langfuse import get_client
from langfuse.langchain import CallbackHandler

about = {"langfuse_session_id": said.SESSION, "langfuse_user_id": said.USER, "langfuse_tags": list(said.TAGS)}
config = {"callbacks": [CallbackHandler()], "metadata": {**about, "plan": said.PLAN}}
models = [ChatOpenAI(model=said.MODEL, max_retries=0, stream_usage=True)]
models.append(ChatAnthropic(model=said.CLAUDE, max_retries=0, max_tokens=345))
for model in models:
    talk(model, config)
    fail(model, config)
get_client().flush()
