"""Batches of every client that has them: a step that costs nothing, told when the work is handed in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import cohere
import fireworks
import groq
import pytest
import together
from botocore.config import Config

from spanwise.registry import PROVIDERS

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::UserWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)
FILE = {"input_file_id": "file-1", "endpoint": "/v1/chat/completions"}
ARN = "arn:aws:bedrock:us-east-1:1:model-invocation-job/j-1"
TO = {"outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://a/out"}}}
FROM_AND_TO = {"inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://a/in"}}, **TO}


@dataclass(frozen=True)
class Case:
    """One way to hand work in."""

    make: Callable[[str], Any]
    hand_in: Callable[[Any], Any]
    name: str
    provider: str
    output: dict[str, str]
    make_async: Callable[[str], Any] | None = None


def _keyed(kind: Any, **more: Any) -> Callable[[str], Any]:
    return lambda url: kind(api_key="k", base_url=url, max_retries=0, **more)


def _amazon(service: str) -> Callable[[str], Any]:
    return lambda url: boto3.client(
        service, region_name="us-east-1", endpoint_url=url, aws_access_key_id="k", aws_secret_access_key="k",
        config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip


def _in_litellm(url: str) -> dict[str, str]:
    return {"api_key": "k", "api_base": url + "/v1"}


def _litellm(address: dict[str, str]) -> Any:
    import litellm

    return litellm.create_batch(completion_window="24h", **FILE, **address)


def _cohere_batch(client: Any) -> Any:
    from cohere.batches import Batch

    return client.batches.create(request=Batch(name="b", input_dataset_id="d-1", model="command-test"))


CASES = {
    "fireworks": Case(
        _keyed(fireworks.Fireworks, account_id="a"),
        lambda client: client.batch_inference_jobs.create(model="accounts/a/models/m", input_dataset_id="d-1"),
        "batch accounts/a/models/m", "fireworks_ai",
        {"name": "accounts/a/batchInferenceJobs/b-1", "state": "JOB_STATE_CREATING"},
        _keyed(fireworks.AsyncFireworks, account_id="a"),
    ),
    "groq": Case(
        _keyed(groq.Groq), lambda client: client.batches.create(completion_window="24h", **FILE),
        "batch", "groq", {"id": "batch_1", "status": "validating"}, _keyed(groq.AsyncGroq),
    ),
    "together": Case(
        _keyed(together.Together), lambda client: client.batches.create(**FILE),
        "batch", "together_ai", {"id": "batch_1", "status": "validating"}, _keyed(together.AsyncTogether),
    ),
    "cohere": Case(
        _keyed(cohere.ClientV2), _cohere_batch,
        "batch command-test", "cohere", {"id": "batch-1", "status": "BATCH_STATUS_QUEUED"},
        _keyed(cohere.AsyncClientV2),
    ),
    "cohere embed job": Case(
        _keyed(cohere.ClientV2),
        lambda client: client.embed_jobs.create(model="embed-test", dataset_id="d-1", input_type="search_document"),
        "batch embed-test", "cohere", {"job_id": "job-1"}, _keyed(cohere.AsyncClientV2),
    ),
    "cohere, raw": Case(
        _keyed(cohere.ClientV2),
        lambda client: client.embed_jobs.with_raw_response.create(
            model="embed-test", dataset_id="d-1", input_type="search_document"
        ),
        "batch embed-test", "cohere", {"job_id": "job-1"},
    ),
    "bedrock": Case(
        _amazon("bedrock"),
        lambda client: client.create_model_invocation_job(
            jobName="j", roleArn="arn:aws:iam::123456789012:role/r", modelId="amazon.nova-test", **FROM_AND_TO
        ),
        "batch amazon.nova-test", "aws.bedrock", {"jobArn": ARN},
    ),
    "bedrock, one call": Case(
        _amazon("bedrock-runtime"),
        lambda client: client.start_async_invoke(
            modelId="amazon.nova-reel-test", modelInput={"prompt": "Lima"}, **TO
        ),
        "batch amazon.nova-reel-test", "aws.bedrock", {"invocationArn": ARN},
    ),
    "litellm": Case(_in_litellm, _litellm, "batch", "openai", {"id": "batch_1", "status": "validating"}),
}  # fmt: skip


def check(spans, case: Case) -> None:
    said = spans.attributes()
    assert spans.one().name == case.name
    assert said["spanwise.kind"] == "span"
    assert said["gen_ai.provider.name"] == case.provider
    assert said["gen_ai.operation.name"] == "batch"
    assert spans.json("spanwise.output") == case.output
    assert any(handed in said["spanwise.input"] for handed in ("file-1", "d-1", "s3://a/in", "Lima"))
    assert not [name for name in said if name.startswith("gen_ai.usage.")]


@pytest.mark.parametrize("name", CASES)
def test_a_batch_is_told_where_it_is_handed_in(spans, provider, name):
    case = CASES[name]
    case.hand_in(case.make(provider.url))
    check(spans, case)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.make_async])
def test_an_async_client_hands_in_likewise(spans, provider, name):
    case = CASES[name]
    asyncio.run(_in_loop(case, provider.url))
    check(spans, case)


async def _in_loop(case: Case, url: str) -> None:
    await case.hand_in(case.make_async(url))


def test_litellm_hands_in_likewise_where_it_is_awaited(spans, provider):
    import litellm

    asyncio.run(litellm.acreate_batch(completion_window="24h", **FILE, **_in_litellm(provider.url)))
    check(spans, CASES["litellm"])


def test_what_a_batch_says_is_hidden_where_content_is(spans, provider):
    import spanwise

    case = CASES["groq"]
    with spanwise.context(capture_content=False):
        case.hand_in(case.make(provider.url))
    assert "spanwise.input" not in spans.attributes()


def test_a_batch_that_is_refused_is_an_error(spans, provider):
    from fake_provider import Answer

    provider.answer = lambda _: Answer(status=400, error="no such data set")
    case = CASES["bedrock"]
    with pytest.raises(Exception, match="no such data set"):
        case.hand_in(case.make(provider.url))
    assert spans.attributes()["error.type"] == "ClientError"


#: Clients without batches, as far as their makers' sources tell, and those whose batches other tests hand in.
WITHOUT = {"cerebras", "sambanova", "ollama", "huggingface", "mistralai-azure", "mistralai-gcp"}
ELSEWHERE = {"openai", "anthropic", "google-genai", "mistralai", "vertexai"}


def test_every_client_that_has_batches_is_tried():
    models = {name for name, path in PROVIDERS.items() if path.startswith("spanwise.providers.")}
    assert {name.partition(",")[0].partition(" ")[0] for name in CASES} == models - WITHOUT - ELSEWHERE
