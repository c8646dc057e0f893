"""NaN and the infinities are what they were sent as, in every form, on every engine, in every file and on the page."""

from __future__ import annotations

import io
import json
import math

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pyarrow import parquet

from spanwise_server.dialects import read
from spanwise_server.exports.span_files import SPAN_EXPORTS
from spanwise_server.exports.trace_files import TRACE_EXPORTS
from spanwise_server.ingest.otlp import decode
from spanwise_server.odd_numbers import in_words, is_odd
from spanwise_server.record import Record
from store_engines import KINDS, opened

TRACE, SPAN = "4f" * 16, "a1" * 8
ODD = {"nan": math.nan, "more": math.inf, "less": -math.inf}
WORDS = {"nan": "NaN", "more": "Infinity", "less": "-Infinity"}
SCORES = [0.5, math.nan]


def double(number: float) -> dict[str, float]:
    return {"double_value": number}


def odd_pairs() -> list[dict[str, object]]:
    listed = {"array_value": {"values": [double(score) for score in SCORES]}}
    held = {"kvlist_value": {"values": [{"key": "nan", "value": double(math.nan)}]}}
    plain = [{"key": key, "value": double(number)} for key, number in ODD.items()]
    return [*plain, {"key": "scores", "value": listed}, {"key": "metadata", "value": held}]


def body(form: str) -> bytes:
    """Return a request of one span that says them wherever it can."""
    pairs = odd_pairs()
    span = {
        "trace_id": bytes.fromhex(TRACE), "span_id": bytes.fromhex(SPAN), "name": "odd",
        "start_time_unix_nano": 1_795_000_000_000_000_000, "attributes": pairs,
        "events": [{"name": "e", "attributes": pairs}],
        "links": [{"trace_id": bytes.fromhex(TRACE), "span_id": bytes.fromhex(SPAN), "attributes": pairs}],
    }  # fmt: skip
    scope = {"name": "lib", "attributes": pairs}
    request = ExportTraceServiceRequest(
        resource_spans=[{"resource": {"attributes": pairs}, "scope_spans": [{"scope": scope, "spans": [span]}]}]
    )
    if form == "protobuf":
        return request.SerializeToString()
    ids = {"trace_id": TRACE, "span_id": SPAN}
    span |= ids
    span["links"][0] |= ids
    said = json.dumps({"resourceSpans": [
        {"resource": {"attributes": pairs}, "scopeSpans": [{"scope": scope, "spans": [span]}]}
    ]})  # fmt: skip
    return (said if form == "bare JSON" else strict(said)).encode()


def strict(said: str) -> str:
    """Return JSON with these numbers as Protocol Buffers spell them."""
    return json.dumps(in_words(json.loads(said)))


def owners(span):
    return span.attributes, span.resource, span.scope.attributes, span.events[0].attributes, span.links[0].attributes


def assert_odd(span) -> None:
    for said in owners(span):
        found = {key: said[key] for key in ODD}
        assert repr(found) == repr(ODD)
        assert repr(list(said["scores"])) == repr(SCORES)


FORMS = ["protobuf", "JSON", "bare JSON"]


def sent(client, form: str) -> None:
    kind = "application/x-protobuf" if form == "protobuf" else "application/json"
    assert client.post("/v1/traces", content=body(form), headers={"content-type": kind}).status_code == 200


@pytest.fixture(params=FORMS)
def odd(request, client):
    """A client of a server to which they came."""
    sent(client, request.param)
    return client


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", FORMS)
def test_every_engine_keeps_them(kind, form):
    (span,) = decode(body(form), "protobuf" if form == "protobuf" else "json").spans
    assert_odd(span)
    with opened(kind) as store:
        store.write([Record("default", span, read(span), None)])
        assert_odd(store.span("default", SPAN).span)
        assert_odd(store.trace("default", TRACE).records[0].span)


def test_the_api_has_them_in_words(odd):
    for path in (f"/api/v1/spans/{SPAN}", f"/api/v1/traces/{TRACE}", "/api/v1/spans"):
        answered = odd.get(path)
        assert "NaN" in answered.text
        found = answered.json()
        found = found.get("spans", found.get("items", [found]))[0]
        events, links = found["events"][0]["attributes"], found["links"][0]["attributes"]
        for said in (found["attributes"], found["resource"], found["scope"]["attributes"], events, links):
            assert {key: said[key] for key in WORDS} == WORDS
            assert said["scores"] == [0.5, "NaN"]


def test_what_is_exported_as_otlp_is_what_came(odd):
    for path in ("/api/v1/traces/export", "/api/v1/spans/export"):
        (line,) = odd.get(path, params={"format": "otlp"}).text.splitlines()
        (span,) = decode(line.encode(), "json").spans
        assert_odd(span)
        assert '{"doubleValue":"NaN"}' in line


@pytest.mark.parametrize("where", ["traces", "spans"])
def test_no_file_leaves_them_out(odd, where):
    assert {*TRACE_EXPORTS} == {*SPAN_EXPORTS} == {"jsonl", "csv", "otlp", "parquet"}
    jsonl = odd.get(f"/api/v1/{where}/export", params={"format": "jsonl"}).text
    found = json.loads(jsonl)
    assert (found["spans"][0] if where == "traces" else found)["attributes"]["nan"] == "NaN"
    packed = odd.get(f"/api/v1/{where}/export", params={"format": "parquet"}).content
    (row,) = parquet.read_table(io.BytesIO(packed)).to_pylist()
    assert json.loads(row["attributes"])["more"] == "Infinity"


def test_the_page_shows_them(odd):
    page = odd.get(f"/traces/{TRACE}", params={"span": SPAN, "tab": "attributes"}).text
    for word in WORDS.values():
        assert word in page


def test_they_are_found_as_they_are_spelled(odd):
    assert odd.app.state.server.store.wait_until_searchable()
    for key, word in WORDS.items():
        found = odd.get("/api/v1/spans", params={"filter": f"attr.{key}:{word}"}).json()["items"]
        assert [one["span_id"] for one in found] == [SPAN], word
    assert not odd.get("/api/v1/spans", params={"filter": "attr.nan:Infinity"}).json()["items"]


def test_what_has_none_of_them_is_written_as_it_is():
    value = {"a": [1, 2.5, None, True, ("x",)]}
    assert not is_odd(value)
    assert in_words(value) == {"a": [1, 2.5, None, True, ["x"]]}
