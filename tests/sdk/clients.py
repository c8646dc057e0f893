"""Every client that is recorded, and how it is driven: one table, over which the contract tests run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .client import Client

MESSAGES = [{"role": "user", "content": "Go on"}]
ASK = {"model": "m", "messages": MESSAGES}
BLOCKS = [{"role": "user", "content": [{"text": "Go on"}]}]


async def _direct(value: Any) -> Any:
    return value


def _stainless(provider: str, sync: Any, asynchronous: Any, whole: Any, stream: Any, base: str = "") -> Client:
    """Return a client that takes a key, an address and a number of retries."""

    def make(kind: Any) -> Callable[[str], Any]:
        return lambda url: kind(api_key="k", base_url=url + base, max_retries=0)

    async def stream_async(client: Any) -> Any:
        return await stream(client)

    return Client(provider, make(sync), whole, stream, make(asynchronous), whole, stream_async)


def _chats(provider: str, sync: Any, asynchronous: Any, base: str = "") -> Client:
    return _stainless(
        provider, sync, asynchronous,
        lambda client: client.chat.completions.create(**ASK),
        lambda client: client.chat.completions.create(**ASK, stream=True),
        base,
    )  # fmt: skip


def _messages(provider: str, sync: Any, asynchronous: Any, base: str = "") -> Client:
    ask = {**ASK, "max_tokens": 9}
    return _stainless(
        provider, sync, asynchronous,
        lambda client: client.messages.create(**ask),
        lambda client: client.messages.create(**ask, stream=True),
        base,
    )  # fmt: skip


def _openai() -> dict[str, Client]:
    import openai

    responses = {"model": "m", "input": "Go on"}
    chat = _chats("openai", openai.OpenAI, openai.AsyncOpenAI, "/v1")
    azure = {"api_key": "k", "api_version": "2024-10-21", "max_retries": 0}
    return {
        "openai chat": chat,
        "openai responses": _stainless(
            "openai", openai.OpenAI, openai.AsyncOpenAI,
            lambda client: client.responses.create(**responses),
            lambda client: client.responses.create(**responses, stream=True),
            "/v1",
        ),
        "openai on Azure": replace(
            chat,
            make=lambda url: openai.AzureOpenAI(azure_endpoint=url, **azure),
            make_async=lambda url: openai.AsyncAzureOpenAI(azure_endpoint=url, **azure),
        ),
    }  # fmt: skip


def _alikes() -> dict[str, Client]:
    import cerebras.cloud.sdk as cerebras
    import fireworks
    import groq
    import sambanova
    import together

    class Cerebras(cerebras.Cerebras):
        def __init__(self, **given: Any) -> None:
            super().__init__(**given, warm_tcp_connection=False)

    class AsyncCerebras(cerebras.AsyncCerebras):
        def __init__(self, **given: Any) -> None:
            super().__init__(**given, warm_tcp_connection=False)

    return {
        "groq": _chats("groq", groq.Groq, groq.AsyncGroq),
        "together": _chats("together", together.Together, together.AsyncTogether),
        "fireworks": _chats("fireworks", fireworks.Fireworks, fireworks.AsyncFireworks),
        "cerebras": _chats("cerebras", Cerebras, AsyncCerebras),
        "sambanova": _chats("sambanova", sambanova.SambaNova, sambanova.AsyncSambaNova, "/v1"),
        "sambanova messages": _messages("sambanova", sambanova.SambaNova, sambanova.AsyncSambaNova, "/v1"),
    }


def _anthropic() -> dict[str, Client]:
    import anthropic

    base = _messages("anthropic", anthropic.Anthropic, anthropic.AsyncAnthropic)
    signed = {"aws_access_key": "k", "aws_secret_key": "k", "aws_region": "us-east-1", "max_retries": 0}
    keyed = {"api_key": "k", "max_retries": 0}
    vertex = {"project_id": "p", "region": "r", "access_token": "t", "max_retries": 0}
    return {
        "anthropic": base,
        "anthropic on Vertex AI": replace(
            base,
            make=lambda url: anthropic.AnthropicVertex(base_url=url + "/v1", **vertex),
            make_async=lambda url: anthropic.AsyncAnthropicVertex(base_url=url + "/v1", **vertex),
        ),
        "anthropic on Bedrock": replace(
            base,
            make=lambda url: anthropic.AnthropicBedrock(base_url=url, **signed),
            make_async=lambda url: anthropic.AsyncAnthropicBedrock(base_url=url, **signed),
        ),
        "anthropic on Bedrock's Messages API": replace(
            base,
            make=lambda url: anthropic.AnthropicBedrockMantle(base_url=url, **signed),
            make_async=lambda url: anthropic.AsyncAnthropicBedrockMantle(base_url=url, **signed),
        ),
        "anthropic on Foundry": replace(
            base,
            make=lambda url: anthropic.AnthropicFoundry(base_url=url, **keyed),
            make_async=lambda url: anthropic.AsyncAnthropicFoundry(base_url=url, **keyed),
        ),
    }


def _google() -> dict[str, Client]:
    from google import genai
    from google.oauth2.credentials import Credentials

    ask = {"model": "gemini-test", "contents": "Go on"}

    def options(url: str) -> dict[str, Any]:
        return {"base_url": url, "api_version": "v1beta"}

    def vertex(url: str) -> Any:
        return genai.Client(
            vertexai=True, project="p", location="l", http_options=options(url), credentials=Credentials(token="t")
        )

    base = Client(
        "google-genai",
        lambda url: genai.Client(api_key="k", http_options=options(url)),
        lambda client: client.models.generate_content(**ask),
        lambda client: client.models.generate_content_stream(**ask),
        lambda url: genai.Client(api_key="k", http_options=options(url)).aio,
        lambda client: client.models.generate_content(**ask),
        lambda client: client.models.generate_content_stream(**ask),
    )
    return {
        "google-genai": base,
        "google-genai on Vertex AI": replace(base, make=vertex, make_async=lambda url: vertex(url).aio),
    }


def _mistral() -> dict[str, Client]:
    from mistralai.azure.client import MistralAzure
    from mistralai.client import Mistral
    from mistralai.gcp.client import MistralGCP

    def client(provider: str, make: Callable[[str], Any]) -> Client:
        return Client(
            provider,
            make,
            lambda client: client.chat.complete(**ASK),
            lambda client: client.chat.stream(**ASK),
            make,
            lambda client: client.chat.complete_async(**ASK),
            lambda client: client.chat.stream_async(**ASK),
        )

    vertex = {"project_id": "p", "region": "r", "access_token": "t"}
    return {
        "mistralai": client("mistralai", lambda url: Mistral(api_key="k", server_url=url)),
        "mistralai on Azure": client("mistralai-azure", lambda url: MistralAzure(api_key="k", server_url=url)),
        "mistralai on Google Cloud": client("mistralai-gcp", lambda url: MistralGCP(server_url=url, **vertex)),
    }


def _ollama() -> dict[str, Client]:
    import ollama

    class Closing(ollama.Client):
        def close(self) -> None:
            self._client.close()

    class AsyncClosing(ollama.AsyncClient):
        async def __aenter__(self) -> Any:
            return self

        async def __aexit__(self, *_: object) -> None:
            await self._client.aclose()

    return {
        "ollama": Client(
            "ollama",
            lambda url: Closing(host=url),
            lambda client: client.chat(**ASK),
            lambda client: client.chat(**ASK, stream=True),
            lambda url: AsyncClosing(host=url),
            lambda client: client.chat(**ASK),
            lambda client: client.chat(**ASK, stream=True),
        )
    }


def _cohere() -> dict[str, Client]:
    import cohere

    v1 = Client(
        "cohere",
        lambda url: cohere.Client(api_key="k", base_url=url, max_retries=0),
        lambda client: client.chat(model="m", message="Go on"),
        lambda client: client.chat_stream(model="m", message="Go on"),
        lambda url: cohere.AsyncClient(api_key="k", base_url=url, max_retries=0),
        lambda client: client.chat(model="m", message="Go on"),
        lambda client: _direct(client.chat_stream(model="m", message="Go on")),
    )
    return {
        "cohere v1": v1,
        "cohere": Client(
            "cohere",
            lambda url: cohere.ClientV2(api_key="k", base_url=url, max_retries=0),
            lambda client: client.chat(**ASK),
            lambda client: client.chat_stream(**ASK),
            lambda url: cohere.AsyncClientV2(api_key="k", base_url=url, max_retries=0),
            lambda client: client.chat(**ASK),
            lambda client: _direct(client.chat_stream(**ASK)),
        ),
    }


def _bedrock() -> dict[str, Client]:
    import boto3
    from botocore.config import Config

    def make(url: str) -> Any:
        return boto3.client(
            "bedrock-runtime", region_name="us-east-1", endpoint_url=url, aws_access_key_id="k",
            aws_secret_access_key="k", config=Config(retries={"total_max_attempts": 1}),
        )  # fmt: skip

    claude = json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": MESSAGES})
    asked = {"modelId": "anthropic.claude-test", "body": claude}
    return {
        "bedrock converse": Client(
            "bedrock", make,
            lambda client: client.converse(modelId="amazon.nova-test", messages=BLOCKS),
            lambda client: client.converse_stream(modelId="amazon.nova-test", messages=BLOCKS)["stream"],
        ),
        "bedrock invoke": Client(
            "bedrock", make,
            lambda client: client.invoke_model(**asked)["body"].read(),
            lambda client: client.invoke_model_with_response_stream(**asked)["body"],
        ),
    }  # fmt: skip


def _huggingface() -> dict[str, Client]:
    import huggingface_hub

    return {
        "huggingface": Client(
            "huggingface",
            lambda url: huggingface_hub.InferenceClient(base_url=url + "/v1", api_key="k"),
            lambda client: client.chat_completion(**ASK),
            lambda client: client.chat_completion(**ASK, stream=True),
            lambda url: huggingface_hub.AsyncInferenceClient(base_url=url + "/v1", api_key="k"),
            lambda client: client.chat_completion(**ASK),
            lambda client: client.chat_completion(**ASK, stream=True),
        )
    }


def _litellm() -> dict[str, Client]:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # asks its home for prices otherwise
    import litellm

    def asked(url: str) -> dict[str, Any]:
        return {**ASK, "model": "openai/m", "api_key": "k", "api_base": url + "/v1", "max_retries": 0}

    return {
        "litellm": Client(
            "litellm",
            asked,
            lambda ask: litellm.completion(**ask),
            lambda ask: litellm.completion(**ask, stream=True),
            asked,
            lambda ask: litellm.acompletion(**ask),
            lambda ask: litellm.acompletion(**ask, stream=True),
        )
    }


def _unstreamed() -> dict[str, Client]:
    import fireworks

    made = _messages("fireworks", fireworks.Fireworks, fireworks.AsyncFireworks)
    return {"fireworks messages": replace(made, stream=None, stream_async=None)}


CLIENTS: dict[str, Client] = {
    **_openai(), **_anthropic(), **_google(), **_mistral(), **_cohere(), **_bedrock(), **_huggingface(), **_litellm(),
    **_ollama(), **_alikes(),
}  # fmt: skip
#: Those too that know no streams; what Fireworks streams of messages its client gives as one text.
EVERY: dict[str, Client] = {**CLIENTS, **_unstreamed()}
