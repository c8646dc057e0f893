"""Traces as files: every trace of a filter, read back by what would read them."""

from __future__ import annotations

import csv
import io
import json

import pytest
from pyarrow import parquet

from server.pages.made import PROJECT, TRACE, conversation, in_other_trace
from spanwise_server.cli import main
from spanwise_server.errors import SpanwiseError
from spanwise_server.exports import trace_parquet
from spanwise_server.exports.trace_download import Run, Runs, trace_file
from spanwise_server.exports.trace_files import TRACE_EXPORTS, trace_export
from spanwise_server.ingest.otlp import decode
from spanwise_server.ingest.span_limits import SpanLimits
from spanwise_server.query.filters import EVERYTHING, Query
from spanwise_server.record import Annotation, Annotator

MANY = 230


@pytest.fixture
def store(client):
    return client.app.state.server.store


@pytest.fixture
def shop(client, store):
    """A client of a server with three traces of which one is labelled."""
    store.write(conversation())
    store.write(in_other_trace(conversation(), "b" * 32, 60_000, user_id="=maya"))
    store.write(in_other_trace(conversation(), "c" * 32, 120_000, user_id="jonas"))
    judged = Annotation("x1", PROJECT, "correct", TRACE, None, label="fail", annotator=Annotator("human", "ana"))
    store.annotate([judged])
    return client


def fetched(client, **params):
    answer = client.get("/api/v1/traces/export", params={"project": PROJECT, **params})
    assert answer.status_code == 200, answer.text
    return answer


def lines(answer):
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_line_of_jsonl_is_what_the_api_says_of_the_trace(shop):
    answer = fetched(shop)
    assert answer.headers["content-disposition"] == 'attachment; filename="traces.jsonl"'
    found = lines(answer)
    assert [each["trace"]["trace_id"] for each in found] == ["c" * 32, "b" * 32, TRACE]
    for each in found:
        assert each == shop.get(f"/api/v1/traces/{each['trace']['trace_id']}?project={PROJECT}").json()
    assert found[2]["trace"]["annotations"][0]["label"] == "fail"


def test_only_what_the_filter_finds_is_in_it_in_the_order_asked_for(shop):
    assert [each["trace"]["trace_id"] for each in lines(fetched(shop, filter="user:jonas"))] == ["c" * 32]
    assert lines(fetched(shop, sort="time"))[0]["trace"]["trace_id"] == TRACE
    assert lines(fetched(shop, filter="user:nobody")) == []


def test_the_limit_and_cursor_of_a_page_do_not_cut_the_file(shop):
    page = shop.get("/api/v1/traces", params={"project": PROJECT, "limit": 1}).json()
    assert len(lines(fetched(shop, limit=1, cursor=page["next_cursor"]))) == 3


def test_a_row_of_csv_is_a_trace_and_no_formula(shop):
    rows = list(csv.DictReader(io.StringIO(fetched(shop, format="csv").content.decode("utf-8-sig"))))
    assert [row["trace_id"] for row in rows] == ["c" * 32, "b" * 32, TRACE]
    assert rows[1]["user_id"] == "'=maya"
    assert rows[2]["labels"] == "correct: fail"
    shown = shop.get(f"/api/v1/traces/{TRACE}?project={PROJECT}").json()["trace"]
    assert int(rows[2]["input_tokens"]) == shown["usage"]["input_tokens"]
    assert float(rows[2]["cost_usd"]) == shown["cost_usd"]


def test_otlp_posted_again_is_the_same_spans(shop):
    bodies = fetched(shop, format="otlp").text.splitlines()
    assert len(bodies) == 3
    sent = {span.span_id: span for span in decode(bodies[2].encode(), "json", SpanLimits()).spans}
    kept = {record.span.span_id: record.span for record in shop.app.state.server.store.trace(PROJECT, TRACE).records}
    assert sent == kept
    for body in bodies:
        headers = {"content-type": "application/json", "x-spanwise-project": "copy"}
        assert shop.post("/v1/traces", content=body, headers=headers).status_code == 200
    copy = shop.get(f"/api/v1/traces/{TRACE}?project=copy").json()
    shown = shop.get(f"/api/v1/traces/{TRACE}?project={PROJECT}").json()
    for trace in (copy["trace"], shown["trace"]):
        for told in ("annotations", "cost_usd", "unpriced_count"):  # what was made for the test, not read from a span
            del trace[told]
    assert copy["trace"] == shown["trace"]


def test_more_traces_than_a_page_holds_are_all_there(client, store):
    for n in range(MANY):
        store.write(in_other_trace(conversation(), f"{n + 1:032x}", 1_000 * n))
    run = Run(PROJECT, MANY)
    file = b"".join(trace_file(store, Query(PROJECT, EVERYTHING), trace_export("jsonl"), run))
    assert len({json.loads(line)["trace"]["trace_id"] for line in file.splitlines()}) == MANY
    assert (run.done, run.state) == (MANY, "done")


def test_a_trace_deleted_meanwhile_is_left_out(shop, store):
    file = trace_file(store, Query(PROJECT, EVERYTHING), trace_export("jsonl"), Run(PROJECT, 3))
    first = next(file)
    assert store.delete_trace(PROJECT, "b" * 32)
    assert [json.loads(line)["trace"]["trace_id"] for line in (first, *file)] == ["c" * 32, TRACE]


def test_how_far_an_export_is_can_be_asked(shop):
    fetched(shop, progress="mine")
    where = f"/api/v1/traces/export/progress/mine?project={PROJECT}"
    assert shop.get(where).json() == {"done": 3, "of": 3, "exact": True, "state": "done"}
    assert shop.get(where.replace(PROJECT, "other")).status_code == 404
    assert shop.get(where.replace("mine", "yours")).status_code == 404


def test_whoever_goes_away_leaves_a_file_that_says_it_stopped(shop, store):
    run = Run(PROJECT, 3)
    file = trace_file(store, Query(PROJECT, EVERYTHING), trace_export("jsonl"), run)
    next(file)
    file.close()
    assert run.state == "stopped"


def test_only_the_newest_exports_are_remembered():
    runs = Runs()
    for n in range(101):
        runs.begin(f"r{n}", Run("p", n))
    assert runs.find("r100", "p").of == 100
    with pytest.raises(SpanwiseError):
        runs.find("r0", "p")


@pytest.mark.parametrize(("params", "said"), [({"format": "xlsx"}, "jsonl, csv, otlp"), ({"sort": "size"}, "Sort by")])
def test_what_there_is_not_is_refused_before_the_file_begins(shop, params, said):
    answer = shop.get("/api/v1/traces/export", params={"project": PROJECT, **params})
    assert answer.status_code == 400
    assert said in answer.json()["error"]["hint"]


@pytest.mark.parametrize("form", TRACE_EXPORTS)
def test_the_command_writes_the_same_file(shop, tmp_path, form, capfd):
    data = shop.app.state.server.settings.data
    out = tmp_path / "traces"
    arguments = ["export", "--project", PROJECT, "--format", form, "--data", str(data)]
    assert main([*arguments, "--out", str(out)]) == 0
    assert out.read_bytes() == fetched(shop, format=form).content
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("traces")] == ["traces"]
    assert "3 traces written." in capfd.readouterr().err


def test_parquet_has_a_row_for_each_span_with_what_the_api_says_of_it(shop, store):
    store.write([one for n in range(900) for one in in_other_trace(conversation(), f"{n + 16:032x}", n)])
    answer = fetched(shop, format="parquet")
    assert answer.headers["content-disposition"] == 'attachment; filename="traces.parquet"'
    table = parquet.read_table(io.BytesIO(answer.content))
    assert parquet.ParquetFile(io.BytesIO(answer.content)).num_row_groups > 1
    rows = {(row["trace_id"], row["span_id"]): row for row in table.to_pylist()}
    assert len(rows) == table.num_rows == 903 * len(conversation())
    whole = shop.get(f"/api/v1/traces/{TRACE}?project={PROJECT}").json()
    for span in whole["spans"]:
        row = rows[TRACE, span["span_id"]]
        for name in ("name", "kind", "status", "model", "session_id", "user_id", "duration_ms", "ttft_ms", "tags"):
            assert row[name] == span[name]
        assert row["trace_name"] == whole["trace"]["name"]
        assert f"{row['start_time']:%Y-%m-%dT%H:%M:%S.%f}" == span["start_time"][:26]
        assert row["total_tokens"] == (span["usage"] or {}).get("total_tokens")
        assert row["cost_usd"] == (span["cost"] or {}).get("total_usd")
        assert json.loads(row["attributes"]) == span["attributes"]
        assert (row["input_messages"] and json.loads(row["input_messages"])) == span["input_messages"]
    assert any(row["total_tokens"] for row in rows.values())
    assert any(row["cost_usd"] for row in rows.values())


def test_spans_are_exported_each_for_itself(shop):
    def file(form: str):
        asked = {
            "project": PROJECT,
            "filter": "kind:llm cost>=0",
            "format": form,
            "sort": "-cost",
            "progress": f"of-{form}",
        }
        answer = shop.get("/api/v1/spans/export", params=asked)
        assert answer.status_code == 200, answer.text
        return answer

    whole = shop.get("/api/v1/spans", params={"project": PROJECT, "filter": "kind:llm cost>=0", "sort": "-cost"}).json()
    assert len(whole["items"]) == 6
    assert lines(file("jsonl")) == whole["items"]
    rows = list(csv.DictReader(io.StringIO(file("csv").text.removeprefix("\ufeff"))))
    assert [row["span_id"] for row in rows] == [span["span_id"] for span in whole["items"]]
    assert {row["prompt"] for row in rows} == {"support@7", ""}
    assert {float(row["cost_usd"]) for row in rows} == {0.005, 0.006}
    (sent,) = lines(file("otlp"))
    assert sum(len(scope["spans"]) for one in sent["resourceSpans"] for scope in one["scopeSpans"]) == 6
    table = parquet.read_table(io.BytesIO(file("parquet").content))
    assert table.column("span_id").to_pylist() == [span["span_id"] for span in whole["items"]]
    run = shop.get(f"/api/v1/traces/export/progress/of-csv?project={PROJECT}").json()
    assert run == {"done": 6, "of": 6, "exact": True, "state": "done"}
    refused = shop.get(f"/api/v1/spans/export?project={PROJECT}&format=xml")
    assert (refused.status_code, refused.json()["error"]["hint"]) == (400, "There are: jsonl, csv, otlp, parquet.")


def test_a_parquet_file_of_nothing_can_be_read(shop):
    table = parquet.read_table(io.BytesIO(fetched(shop, format="parquet", filter="user:nobody").content))
    assert table.num_rows == 0
    assert "trace_id" in table.column_names


def test_what_needs_a_missing_library_is_not_offered_and_says_what_to_install(shop, monkeypatch):
    assert "format=parquet" in shop.get(f"/traces?project={PROJECT}&range=all").text
    monkeypatch.setattr(trace_parquet, "find_spec", lambda _: None)
    assert "format=parquet" not in shop.get(f"/traces?project={PROJECT}&range=all").text
    answer = shop.get("/api/v1/traces/export?format=parquet")
    assert answer.status_code == 400
    assert "spanwise[parquet]" in answer.json()["error"]["hint"]
