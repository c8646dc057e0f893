"""From bytes to records: which project, what it means, what it costs."""

from __future__ import annotations

import gzip
import json

import pytest

from spanwise_server.errors import SpanwiseError, TooLarge
from spanwise_server.ingest.pipeline import Pipeline, Request
from spanwise_server.pricing.price import Prices

PIPELINE = Pipeline(Prices())


def body(*resources) -> bytes:
    call = [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        {"key": "gen_ai.provider.name", "value": {"stringValue": "openai"}},
        {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o"}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "1000"}},
    ]
    times = {"startTimeUnixNano": "1790000000000000000", "endTimeUnixNano": "1790000001000000000"}
    return json.dumps({"resourceSpans": [
        {
            "resource": {"attributes": [{"key": k, "value": {"stringValue": v}} for k, v in resource.items()]},
            "scopeSpans": [{"spans": [{"traceId": f"{i + 1:032x}", "spanId": f"{i + 1:016x}", "name": "chat gpt-4o",
                                       "attributes": call, **times}]}],
        }
        for i, resource in enumerate(resources)
    ]}).encode()  # fmt: skip


def test_a_span_becomes_a_priced_record():
    found = PIPELINE.run(Request(gzip.compress(body({"service.name": "shop"})), "json", "gzip"))
    (record,) = found.records
    assert (record.project, record.kind, record.reading.service) == ("default", "llm", "shop")
    assert record.cost.total_nusd == 2_500_000
    assert (found.refused, found.message) == (0, "")


def test_each_resource_may_name_its_project():
    resources = (
        {"spanwise.project.name": "ours", "openinference.project.name": "theirs"},
        {"openinference.project.name": "theirs"},
        {"spanwise.project.name": " "},
    )
    found = PIPELINE.run(Request(body(*resources), "json"))
    assert [record.project for record in found.records] == ["ours", "theirs", "default"]


def test_the_project_asked_for_counts_more():
    found = PIPELINE.run(Request(body({"spanwise.project.name": "ours"}), "json", project="asked"))
    assert found.records[0].project == "asked"


@pytest.mark.parametrize("name", ["x" * 201, "a\nb"])
def test_a_project_that_cannot_be_named_so_is_refused(name):
    found = PIPELINE.run(Request(body({"spanwise.project.name": name}, {}), "json"))
    assert len(found.records) == found.refused == 1
    assert "project's name" in found.message
    with pytest.raises(SpanwiseError, match="project's name"):
        PIPELINE.run(Request(body({}), "json", project=name))


def test_what_is_larger_than_the_limit_is_refused():
    with pytest.raises(TooLarge):
        PIPELINE.run(Request(body({}), "json"), max_unpacked_bytes=100)
