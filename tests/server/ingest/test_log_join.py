"""Log records meet their span, whichever comes first, however often, and in however many requests."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanwise_server.query.filters import Query, Text
from spanwise_server.record import Event, SpanLog
from spanwise_server.store.span_logs import HOUR_NS, LogLimits
from spanwise_server.store.sqlite import SqliteStore
from store_model.spans import START_NS, TRACES, llm

TRACE, SPAN = TRACES[0], f"{1:016x}"
PROTOBUF = {"content-type": "application/x-protobuf"}


def log(name="gen_ai.user.message", *, at=1, span=SPAN, trace=TRACE, project="default", **attributes) -> SpanLog:
    return SpanLog(project, trace, span, Event(START_NS + at, name, attributes))


ASKED = log(body={"content": "please refund me", "role": "user"})
ANSWERED = log("gen_ai.choice", at=2, body={"index": 0, "finish_reason": "stop", "message": {"content": "done"}})
NOTED = log("log", at=3, body="cache missed", severity="WARN")


class Clock:
    def __init__(self) -> None:
        self.now = START_NS

    def __call__(self) -> int:
        return self.now


def opened(folder, limits=None, clock=None) -> SqliteStore:
    store = SqliteStore(folder / "main.db", log_limits=limits)
    if clock is not None:
        store._logs._clock = clock
    store.open()
    return store


@pytest.fixture
def store(tmp_path):
    with closing(opened(tmp_path)) as made:
        yield made


def only(store, span=SPAN, trace=TRACE):
    return store.span("default", span, trace)


def texts(messages):
    return [part["content"] for message in messages or () for part in message["parts"]]


def table(store, columns="*"):
    with closing(sqlite3.connect(store.path)) as db:
        return db.execute(f"SELECT {columns} FROM span_logs").fetchall()


def test_messages_that_come_after_their_span_are_its_messages(store):
    store.write([llm(TRACE, SPAN)])
    assert only(store).reading.input_messages is None
    store.write_prepared((), [[ASKED, ANSWERED]])
    record = only(store)
    assert texts(record.reading.input_messages) == ["please refund me"]
    assert texts(record.reading.output_messages) == ["done"]
    assert record.reading.finish_reasons == ("stop",)
    summary = store.trace("default", TRACE).summary
    assert (summary.input_preview, summary.output_preview) == ("please refund me", "done")


def test_messages_that_come_before_their_span_wait_for_it(store):
    store.write_prepared((), [[ASKED, ANSWERED]])
    assert store.waiting_logs().records == 2
    assert store.trace("default", TRACE) is None
    store.write([llm(TRACE, SPAN)])
    assert texts(only(store).reading.input_messages) == ["please refund me"]
    assert store.trace("default", TRACE).summary.output_preview == "done"
    assert store.waiting_logs().records == 0


def test_what_waits_is_on_the_disk(tmp_path):
    with closing(opened(tmp_path)) as store:
        store.write_prepared((), [[ASKED]])
    with closing(opened(tmp_path)) as again:
        again.write([llm(TRACE, SPAN)])
        assert texts(only(again).reading.input_messages) == ["please refund me"]


def test_the_newest_form_has_everything_in_one_record(store):
    said = '[{"role":"user","parts":[{"type":"text","content":"hello"}]}]'
    store.write([llm(TRACE, SPAN)])
    store.write_prepared((), [[log("gen_ai.client.inference.operation.details", **{"gen_ai.input.messages": said})]])
    assert texts(only(store).reading.input_messages) == ["hello"]


def test_any_log_record_is_an_event_of_its_span(store):
    store.write([llm(TRACE, SPAN)])
    store.write_prepared((), [[NOTED]])
    assert only(store).span.events == (NOTED.event,)


def test_a_record_without_a_time_stands_where_the_span_begins(store):
    store.write([llm(TRACE, SPAN)])
    store.write_prepared((), [[SpanLog("default", TRACE, SPAN, Event(0, "log", {"body": "x"}))]])
    assert only(store).span.events == (Event(START_NS, "log", {"body": "x"}),)


def test_words_of_log_records_are_found_and_priced_spans_stay_priced(client):
    store = client.app.state.server.store
    record = llm(TRACE, SPAN)
    store.write([record])
    store.write_prepared((), [[ASKED]])
    assert store.wait_until_searchable()
    found = store.find_traces(Query("default", Text("refund")))
    assert [summary.trace_id for summary in found.items] == [TRACE]
    assert only(store).cost.total_nusd == 25_000  # 10 input tokens of gpt-4o at its published price


def test_the_span_is_kept_as_it_was_sent(store):
    record = llm(TRACE, SPAN)
    store.write([record])
    store.write_prepared((), [[ASKED]])
    with closing(sqlite3.connect(store.path)) as db:
        before = db.execute("SELECT id, body FROM payloads").fetchall()
    store.write([record])
    with closing(sqlite3.connect(store.path)) as db:
        assert db.execute("SELECT id, body FROM payloads").fetchall() == before
    assert texts(only(store).reading.input_messages) == ["please refund me"]


def test_a_record_sent_twice_is_one_event(store):
    store.write([llm(TRACE, SPAN)])
    for batch in ([ASKED, ANSWERED], [ASKED, ANSWERED], [ANSWERED], [NOTED, ASKED]):
        store.write_prepared((), [batch])
    assert [event.name for event in only(store).span.events] == ["gen_ai.user.message", "gen_ai.choice", "log"]


def test_logs_reach_only_their_own_span_trace_and_project(store):
    other = TRACES[1]
    store.write([llm(TRACE, SPAN), llm(TRACE, f"{2:016x}"), llm(other, SPAN), llm(TRACE, SPAN, project="elsewhere")])
    store.write_prepared((), [[ASKED]])
    assert only(store).span.events
    assert not only(store, f"{2:016x}").span.events
    assert not only(store, SPAN, other).span.events
    assert not store.span("elsewhere", SPAN, TRACE).span.events


def test_a_deleted_trace_takes_its_log_records_along(store):
    store.write([llm(TRACE, SPAN)])
    store.write_prepared((), [[ASKED, log(trace=TRACES[1])]])
    store.delete_trace("default", TRACE)
    assert [row[0] for row in table(store, "trace_id")] == [bytes.fromhex(TRACES[1])]


def test_what_waited_too_long_is_let_go(tmp_path):
    clock = Clock()
    with closing(opened(tmp_path, LogLimits(wait_ns=2 * HOUR_NS), clock)) as store:
        store.write([llm(TRACE, SPAN)])
        store.write_prepared((), [[ASKED, log(trace=TRACES[1])]])
        clock.now += HOUR_NS
        store.write_prepared((), [[log(trace=TRACES[2])]])
        assert store.waiting_logs().records == 2
        clock.now += 2 * HOUR_NS + 1
        store.write_prepared((), [[log(trace=TRACES[3])]])
        waiting = store.waiting_logs()
        assert (waiting.records, waiting.dropped, waiting.oldest_ns) == (1, 2, clock.now)
        assert only(store).span.events  # what has met its span stays


def test_of_what_waits_the_oldest_goes_when_it_is_too_much(tmp_path):
    clock = Clock()
    with closing(opened(tmp_path, LogLimits(waiting_bytes=20_000), clock)) as store:
        for n in range(1, 200):
            clock.now += 1
            store.write_prepared(
                (), [[log(trace=f"{n:032x}", body="".join(chr(97 + n * i % 26) for i in range(n, n + 300)))]]
            )
            assert store.waiting_logs().size_bytes < 25_000
        kept = [int.from_bytes(row[0], "big") for row in table(store, "trace_id")]
        assert kept == list(range(min(kept), 200))
        assert store.waiting_logs().dropped == 199 - len(kept)


def test_log_records_beyond_the_limit_of_a_span_are_handed_back(tmp_path):
    with closing(opened(tmp_path, LogLimits(of_span=3))) as store:
        store.write([llm(TRACE, SPAN)])
        assert store.write_prepared((), [[log(at=n) for n in range(2)]]) == []
        late = [log(at=n) for n in range(10, 13)]
        assert store.write_prepared((), [[*late, log(at=99, span=f"{9:016x}")]]) == late[1:]
        assert len(only(store).span.events) == 3
        assert store.write_prepared((), [late]) == []  # sent again because the answer was lost


# --- any order ------------------------------------------------------------------------------------------------------

SENT = [
    ("span", [llm(TRACE, SPAN), llm(TRACE, f"{2:016x}", parent=SPAN)]),
    ("log", [ASKED]),
    ("log", [ANSWERED, NOTED]),
    ("log", [log(at=7, span=f"{2:016x}", body="of the second")]),
    ("span", [llm(TRACES[1], SPAN)]),
    ("log", [log(at=5, trace=TRACES[1], body={"content": "and you?"})]),
]


def send(store, parcel):
    kind, things = parcel
    store.write(things) if kind == "span" else store.write_prepared((), [things])


def everything(store):
    return [store.trace("default", trace) for trace in TRACES[:2]]


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    with closing(opened(tmp_path_factory.mktemp("in order"))) as store:
        for parcel in SENT:
            send(store, parcel)
        return everything(store)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_repetition_and_split_comes_out_the_same(tmp_path_factory, expected, data):
    order = data.draw(st.permutations(SENT + data.draw(st.lists(st.sampled_from(SENT), max_size=3))))
    apart = data.draw(st.booleans())
    with closing(opened(tmp_path_factory.mktemp("any order"))) as store:
        for kind, things in order:
            for some in [[thing] for thing in things] if apart else [things]:
                send(store, (kind, some))
        assert everything(store) == expected
        before = everything(store)
        store.recount()
        assert everything(store) == before
        assert store.waiting_logs().records == 0


# --- over HTTP ------------------------------------------------------------------------------------------------------


def posted(client, signal, message, **headers):
    return client.post(f"/v1/{signal}", content=message.SerializeToString(), headers={**PROTOBUF, **headers})


def spans_request():
    chat = [{"key": "gen_ai.operation.name", "value": {"string_value": "chat"}}]
    one = {"trace_id": bytes.fromhex(TRACE), "span_id": bytes.fromhex(SPAN), "name": "chat", "attributes": chat,
           "start_time_unix_nano": START_NS}  # fmt: skip
    return ExportTraceServiceRequest(resource_spans=[{"scope_spans": [{"spans": [one]}]}])


def logs_request(*records):
    ids = {"trace_id": bytes.fromhex(TRACE), "span_id": bytes.fromhex(SPAN)}
    whole = [{**ids, "time_unix_nano": START_NS + n, **record} for n, record in enumerate(records)]
    return ExportLogsServiceRequest(resource_logs=[{"scope_logs": [{"log_records": whole}]}])


CONTENT = {"kvlist_value": {"values": [{"key": "content", "value": {"string_value": "is it there?"}}]}}


@pytest.mark.parametrize("order", [("traces", "logs"), ("logs", "traces")])
def test_over_http_the_span_has_its_messages(client, order):
    bodies = {"traces": spans_request(),
              "logs": logs_request({"event_name": "gen_ai.user.message", "body": CONTENT})}  # fmt: skip
    for signal in order:
        assert posted(client, signal, bodies[signal], **{"x-spanwise-project": "shop"}).status_code == 200
    (found,) = client.get("/api/v1/spans?project=shop").json()["items"]
    assert found["input_messages"] == [{"role": "user", "parts": [{"type": "text", "content": "is it there?"}]}]
    assert found["events"][0]["name"] == "gen_ai.user.message"


def test_log_records_without_a_span_are_counted_and_explained(client):
    answer = posted(client, "logs", logs_request({}, {"span_id": b"", "event_name": "app.start"}))
    partial = ExportLogsServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected_log_records) == (200, 1)
    assert partial.error_message == ("Log record 'app.start': it belongs to no span: its trace id or span id is empty.")


def test_a_resource_names_the_project_of_its_log_records(client):
    named = logs_request({"event_name": "gen_ai.user.message", "body": CONTENT})
    named.resource_logs[0].resource.attributes.add(key="spanwise.project.name").value.string_value = "mine"
    spans = spans_request()
    spans.resource_spans[0].resource.attributes.add(key="spanwise.project.name").value.string_value = "mine"
    posted(client, "logs", named)
    posted(client, "traces", spans)
    (found,) = client.get("/api/v1/spans?project=mine").json()["items"]
    assert found["input_messages"]
