"""However often a client tries again by itself, what the application called once is one span, and what came of it."""

from __future__ import annotations

import boto3
import cohere
import pytest
from botocore.config import Config
from google import genai
from google.genai import types
from mistralai.client import Mistral
from mistralai.client.utils import BackoffStrategy, RetryConfig

from fake_provider import Answer

USER = [{"role": "user", "content": "Go on"}]
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def google(url: str) -> None:
    again = types.HttpRetryOptions(attempts=2, initial_delay=0.001)
    options = types.HttpOptions(base_url=url, api_version="v1beta", retry_options=again)
    client = genai.Client(api_key="k", http_options=options)
    client.models.generate_content(model="m", contents="Go on")


def mistral(url: str) -> None:
    again = RetryConfig("backoff", BackoffStrategy(1, 10, 1.5, 60_000), retry_connection_errors=True)
    with Mistral(api_key="k", server_url=url, retry_config=again) as client:
        client.chat.complete(model="m", messages=USER)


def cohere_v2(url: str) -> None:
    client = cohere.ClientV2(api_key="k", base_url=url)
    client.chat(model="m", messages=USER, request_options={"max_retries": 1})


def bedrock(url: str) -> None:
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "k", "region_name": "us-east-1"}
    again = Config(retries={"total_max_attempts": 2, "mode": "standard"})
    client = boto3.client("bedrock-runtime", endpoint_url=url, config=again, **keys)
    client.converse(modelId="m", messages=[{"role": "user", "content": [{"text": "Go on"}]}])
    client.close()


@pytest.mark.parametrize("call", [google, mistral, cohere_v2, bedrock], ids=lambda call: call.__name__)
def test_a_call_that_is_tried_again_is_one_span(spans, provider, call):
    answers = iter([Answer(status=503, error="not now", retry_after_s=0.001), Answer("Lima is in Peru.")])
    provider.answer = lambda _: next(answers)
    call(provider.url)
    assert len(provider.requests) == 2
    assert spans.one().status.is_unset
    assert spans.said()[0]["content"] == "Lima is in Peru."
