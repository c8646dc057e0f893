"""What every store promises, run over each of them and compared with a naive model."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace

import pytest
from hypothesis import strategies as st

from spanwise_server.dialects import read
from spanwise_server.errors import SpanwiseError
from spanwise_server.query.filters import And, Not, OneSpan, Or, Query, Term, Text
from spanwise_server.query.parse import parse
from spanwise_server.record import Annotation, Annotator, Event, Record, SpanLog, Usage
from spanwise_server.store import compile as compiling
from spanwise_server.store import fts, gin
from spanwise_server.store.base import FacetValue
from spanwise_server.store.engine import STORES
from store_engines import KINDS, long_texts, opened, over_engines, sums, words
from store_model.naive import span_matches, trace_matches
from store_model.spans import SECOND, START_NS, TRACES, distinct, llm, record, records


@pytest.fixture(params=STORES)
def kind(request):
    return request.param


@pytest.fixture
def store(kind):
    with opened(kind) as made:
        yield made


def test_every_engine_of_the_registry_is_held_to_the_contract():
    assert KINDS.keys() == STORES.keys()


def test_log_records_are_written_with_spans_that_are_there_that_come_along_and_that_come_later(store):
    spans = [llm(TRACES[0], f"{n:016x}") for n in (1, 2, 3)]
    logs = [[SpanLog("default", TRACES[0], span.span.span_id, Event(START_NS, "note", {"n": 1}))] for span in spans]
    store.write(spans[:1])
    assert store.write_prepared(store.prepare(spans[1:2]), [*logs, logs[0]]) == []
    store.write(spans[2:])
    for span, (log,) in zip(spans, logs, strict=True):
        assert store.span("default", span.span.span_id).span.events == (log.event,)
    assert (store.waiting_logs().records, store.repeated) == (0, 0)


def test_a_span_written_is_the_span_read(store):
    written = llm(TRACES[0], "a" * 16, cost=5, tokens=7, user__id="ann", gen_ai__input__messages="[]")
    store.write([written])
    assert store.span("default", "a" * 16) == written
    assert store.span("default", "a" * 16, TRACES[0]) == written
    assert store.span("default", "a" * 16, TRACES[1]) is None
    assert store.span("other", "a" * 16) is None
    found = store.trace("default", TRACES[0])
    assert found.records == (written,)
    assert found.summary.usage == Usage(input_uncached=7)
    assert found.summary.cost_nusd == 5
    assert store.trace("default", TRACES[1]) is None


def test_zero_is_said_and_none_is_not(store):
    store.write([llm(TRACES[0], "a" * 16, tokens=0, cost=0), llm(TRACES[1], "b" * 16, tokens=None)])
    said = store.trace("default", TRACES[0]).summary
    unsaid = store.trace("default", TRACES[1]).summary
    assert (said.usage.total_tokens, said.cost_nusd, said.unpriced_count) == (0, 0, 0)
    assert (unsaid.usage, unsaid.cost_nusd, unsaid.unpriced_count) == (None, None, 0)


def test_a_span_sent_again_replaces_itself_and_is_counted_once(store):
    first = llm(TRACES[0], "a" * 16, tokens=10, cost=100, at=0)
    second = llm(TRACES[0], "a" * 16, tokens=30, cost=300, at=-7_200, model="other")
    store.write([first])
    store.write([first, first])
    store.write([second])
    found = store.trace("default", TRACES[0])
    assert found.records == (second,)
    assert (found.summary.span_count, found.summary.cost_nusd) == (1, 300)
    assert found.summary.models == ("other",)
    (row,) = sums(store)["r_hour"]
    assert row[2] == "other"
    assert row[7] == 1


def test_projects_do_not_see_each_other(store):
    here = record(TRACES[0], "a" * 16, project="one", name="here")
    there = record(TRACES[0], "a" * 16, project="two", name="there")
    store.write([here, there])
    assert store.span("one", "a" * 16) == here
    assert store.span("two", "a" * 16) == there
    assert store.projects() == ("one", "two")
    assert [t.name for t in store.find_traces(Query("two")).items] == ["there"]


def test_only_leaf_model_spans_are_summed(store):
    store.write([
        llm(TRACES[0], "a" * 16, tokens=100, cost=1_000),
        llm(TRACES[0], "b" * 16, parent="a" * 16, tokens=60, cost=600),
        llm(TRACES[0], "c" * 16, parent="a" * 16, tokens=40, cost=400),
    ])  # fmt: skip
    summary = store.trace("default", TRACES[0]).summary
    assert (summary.usage.total_tokens, summary.cost_nusd, summary.llm_count) == (100, 1_000, 2)
    hours = sums(store)["r_hour"]
    assert sum(row[10] for row in hours) == 100, "rollups follow the same rule as traces"


def test_where_no_model_span_has_usage_the_highest_with_usage_counts(store):
    agent = {"gen_ai__operation__name": "invoke_agent", "gen_ai__usage__input_tokens": 50}
    store.write([
        record(TRACES[0], "a" * 16, name="request"),
        record(TRACES[0], "b" * 16, parent="a" * 16, **agent),
        record(TRACES[0], "c" * 16, parent="b" * 16, **agent),
        llm(TRACES[0], "d" * 16, parent="c" * 16, tokens=None),
    ])  # fmt: skip
    assert store.trace("default", TRACES[0]).summary.usage.total_tokens == 50


def test_a_trace_without_its_root_says_so_until_it_comes(store):
    child = record(TRACES[0], "b" * 16, parent="a" * 16, at=1, name="child", status="unset")
    store.write([child])
    assert not store.trace("default", TRACES[0]).summary.has_root
    store.write([record(TRACES[0], "a" * 16, at=0, name="root")])
    summary = store.trace("default", TRACES[0]).summary
    assert (summary.has_root, summary.name, summary.span_count) == (True, "root", 2)


def test_a_trace_ends_as_its_root_did(store):
    failed = record(TRACES[0], "b" * 16, parent="a" * 16, status="error")
    store.write([failed])
    assert store.trace("default", TRACES[0]).summary.status == "error"
    store.write([record(TRACES[0], "a" * 16, status="unset")])
    summary = store.trace("default", TRACES[0]).summary
    assert (summary.status, summary.error_count) == ("unset", 1)


def test_the_status_facet_counts_unset_as_ok(store):
    for trace, status in zip(TRACES, ("ok", "unset", "unset", "error"), strict=False):
        store.write([record(trace, "a" * 16, status=status)])
    assert store.facets(Query("default"), ["status"])["status"] == (FacetValue("ok", 3), FacetValue("error", 1))
    assert len(store.find_traces(Query("default", parse("status:ok"))).items) == 3
    assert len(store.find_spans(Query("default", parse("status:ok"))).items) == 3
    assert len(store.find_traces(Query("default", parse("-status:ok"))).items) == 1
    assert len(store.find_traces(Query("default", parse("status:unset"))).items) == 2


def test_parents_in_a_circle_harm_nobody(store):
    store.write([llm(TRACES[0], "a" * 16, parent="b" * 16), llm(TRACES[0], "b" * 16, parent="a" * 16)])
    assert store.trace("default", TRACES[0]).summary.span_count == 2


@over_engines(st.lists(records(traces=3), min_size=1, max_size=14).map(distinct), st.randoms())
def test_any_order_and_repetition_of_spans_gives_the_same_store(kind, found, random):
    with opened(kind) as once, opened(kind) as often:
        once.write(found)
        mixed = found + random.sample(found, len(found) // 2)
        random.shuffle(mixed)
        while mixed:
            cut = random.randint(1, len(mixed))
            often.write(mixed[:cut])
            mixed = mixed[cut:]
        for trace_id in {r.span.trace_id for r in found}:
            one, other = once.trace("default", trace_id), often.trace("default", trace_id)
            assert one.summary == other.summary
            assert sorted(one.records, key=repr) == sorted(other.records, key=repr)
        assert sums(once) == sums(often)
        assert words(once) == words(often)
        before = sums(often), words(often)
        often.recount()
        assert (sums(often), words(often)) == before


@over_engines(st.lists(records(traces=3), min_size=1, max_size=12).map(distinct))
def test_rollups_are_the_sums_over_traces(kind, found):
    with opened(kind) as store:
        store.write(found)
        traces = store.find_traces(Query("default")).items
        hours = sums(store)["r_hour"]
        assert sum(row[7] for row in hours) == len(found)
        assert sum(row[8] for row in hours) == sum(t.error_count for t in traces)
        assert sum(row[20] for row in hours) == sum(t.cost_nusd or 0 for t in traces)
        assert sum(sum(row[10:20]) for row in hours) == sum(
            (t.usage.total_tokens or 0) if t.usage else 0 for t in traces
        )
        for trace in traces:
            assert store.delete_trace("default", trace.trace_id)
        assert {table: left for table, left in sums(store).items() if left} == {}
        assert words(store) == []


def filters():
    said = [
        ("kind", "llm"), ("kind", "tool", "embedding"), ("model", "gpt-grant"), ("provider", "openai"),
        ("status", "error"), ("status", "ok", "unset"), ("error", "RateLimitError"), ("user", "ann"), ("tag", "beta"),
        ("price", "estimated"), ("price", "priced", "reported"),
        ("env", "no"), ("trace", TRACES[0]), ("attr.user.id", "bob"), ("attr.tag.tags", "vip", "beta"),
    ]  # fmt: skip
    like = [
        ("name", "chat*"),
        ("model", "gpt-*", "emb*"),
        ("env", "p*"),
        ("trace", "*3"),
        ("attr.gen_ai.request.model", "gpt-r*"),
        ("attr.gen_ai.tool.name", "*"),
    ]
    words = ["refuse", "Please grant", "grant please", "the refund", "nowhere"]
    texts = st.sampled_from([
        *(Term(field, "=", tuple(values)) for field, *values in said),
        *(Term(field, "like", tuple(values)) for field, *values in like),
        *map(Text, words),
    ])  # fmt: skip
    numbers = st.builds(
        Term,
        st.sampled_from(("cost", "latency", "ttft", "tokens", "attr.gen_ai.usage.input_tokens")),
        st.sampled_from((">", ">=", "<", "<=", "=")),
        st.sampled_from(((0.0,), (0.02,), (10.0,), (2_000.0,))),
    )
    return st.recursive(
        texts | numbers,
        lambda inner: st.one_of(
            inner.map(Not),
            st.builds(OneSpan, st.sampled_from(["root", "any"]), inner),
            st.lists(inner, max_size=3).map(lambda parts: And(tuple(parts))),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: Or(tuple(parts))),
        ),
        max_leaves=5,
    )


@over_engines(st.lists(records(), min_size=1, max_size=25).map(distinct), st.lists(filters(), min_size=1, max_size=12))
def test_filters_find_what_a_naive_reading_of_them_finds(kind, found, asked):
    with opened(kind) as store:
        store.write(found)
        assert store.wait_until_searchable()
        traces = {trace_id: store.trace("default", trace_id) for trace_id in {r.span.trace_id for r in found}}
        for filter_ in asked:
            query = Query("default", filter_, limit=1_000)
            wanted = {t.summary.trace_id for t in traces.values() if trace_matches(filter_, t.summary, t.records)}
            assert {t.trace_id for t in store.find_traces(query).items} == wanted, filter_
            assert store.totals(query).traces.n == len(wanted)
            assert sum(bar.ok + bar.errors for bar in store.histogram(query, 5)) == len(wanted)
            spans = {
                (r.span.trace_id, r.span.span_id)
                for t in traces.values() for r in t.records if span_matches(filter_, r, t.summary, t.records)
            }  # fmt: skip
            assert {(r.span.trace_id, r.span.span_id) for r in store.find_spans(query).items} == spans, filter_
            assert len(list(store.each_span(query))) == len(spans)


def test_ids_that_are_not_hexadecimal_are_refused(store):
    with pytest.raises(SpanwiseError, match="hexadecimal"):
        store.trace("default", "not-an-id")


def test_a_project_that_is_not_there_is_empty(store):
    query = Query("nobody")
    assert store.find_traces(query).items == ()
    assert store.find_spans(query).items == ()
    assert store.totals(query).traces.n == 0
    assert store.histogram(query, 5) == ()
    assert store.facets(query, ["model"]) == {"model": ()}
    assert store.values("nobody", "model", "") == ()


def test_a_facet_is_not_narrowed_by_its_own_terms(store):
    store.write([llm(trace, "a" * 16, model=model, user__id=user) for trace, model, user in
                 zip(TRACES, "aabbb", ("u", "v", "u", "u", "u"), strict=True)])  # fmt: skip
    query = Query("default", And((Term("model", "=", ("a",)), Term("user", "=", ("u",)))))
    found = store.facets(query, ["model", "user", "status"])
    assert [(f.value, f.count) for f in found["model"]] == [("b", 3), ("a", 1)]
    assert [(f.value, f.count) for f in found["user"]] == [("u", 1), ("v", 1)]
    assert [(f.value, f.count) for f in found["status"]] == [("ok", 1)]


def test_values_are_completed_by_what_exists(store):
    store.write(
        [
            llm(trace, "a" * 16, model=model)
            for trace, model in zip(TRACES, ("gpt-a", "gpt-b", "gpt-b", "x*y", "z"), strict=True)
        ]
    )
    assert [(v.value, v.count) for v in store.values("default", "model", "gpt")] == [("gpt-b", 2), ("gpt-a", 1)]
    assert [v.value for v in store.values("default", "model", "x*")] == ["x*y"]
    assert store.values("default", "model", "*") == ()


def test_the_histogram_has_every_step_and_counts_each_trace_once(store):
    store.write([record(trace, "a" * 16, at=n, status="error" if n == 4 else "ok") for n, trace in enumerate(TRACES)])
    bars = store.histogram(Query("default", from_ns=START_NS, to_ns=START_NS + 10 * SECOND), 5)
    assert [(bar.ok, bar.errors) for bar in bars] == [(2, 0), (2, 0), (0, 1), (0, 0), (0, 0)]
    assert bars[0].from_ns == START_NS
    assert bars[-1].to_ns == START_NS + 10 * SECOND
    assert all(left.to_ns == right.from_ns for left, right in itertools.pairwise(bars))


def judged(id_: str, trace: str, label: str, span: str | None = None) -> Annotation:
    return Annotation(
        id_, "default", "correct", trace, span, label, annotator=Annotator("human", "ann"), correction={"a": 1}
    )


def test_a_trace_is_found_by_the_labels_it_has_now(store):
    store.write([record(TRACES[0], "a" * 16), record(TRACES[1], "b" * 16)])
    fail = Query("default", Term("label", "=", ("fail",)))
    store.annotate([judged("1", TRACES[0], "fail", "a" * 16)])
    assert [t.trace_id for t in store.find_traces(fail).items] == [TRACES[0]]
    assert [r.span.span_id for r in store.find_spans(fail).items] == ["a" * 16]
    store.annotate([judged("1", TRACES[0], "pass", "a" * 16)])
    assert store.find_traces(fail).items == ()
    assert store.annotations("default", TRACES) == {TRACES[0]: (judged("1", TRACES[0], "pass", "a" * 16),)}
    assert store.unannotate("default", "1")
    assert not store.unannotate("default", "1")
    assert store.find_traces(Query("default", Term("label", "like", ("*",)))).items == ()


def test_terms_about_labels_find_traces_and_spans(store):
    first, second, third = TRACES[:3]
    store.write([record(first, "a" * 16), record(first, "b" * 16), record(second, "c" * 16), record(third, "d" * 16)])
    store.annotate([
        judged("1", first, "fail", "a" * 16),
        Annotation("2", "default", "quality", second, score=4.0, annotator=Annotator("llm", "judge@2")),
        Annotation("3", "default", "polite", second, "c" * 16, "fail", None, "Curt.", annotator=Annotator("code", "")),
        Annotation("4", "elsewhere", "correct", third, None, "fail", annotator=Annotator("human", "ann")),
    ])  # fmt: skip
    found = {
        "label:fail": ("ac", {first, second}),
        "label.correct:fail": ("a", {first}),
        "label.polite:f*": ("c", {second}),
        "label.correct:pass": ("", set()),
        "-label.correct:*": ("bcd", {second, third}),
        "label.quality>=4": ("c", {second}),
        "label.quality>4": ("", set()),
        "annotator:ann": ("a", {first}),
        "annotator:judge*": ("c", {second}),
        "has:label": ("ac", {first, second}),
        "has:correction": ("a", {first}),
        "has:explanation,correction": ("ac", {first, second}),
        "has:score": ("c", {second}),
        "-has:score,label": ("bd", {third}),
        "has:cost": ("", set()),
        "name:step label.correct:fail": ("a", {first}),
        "annotator:ann OR has:score": ("ac", {first, second}),
    }
    for text, (spans, traces) in found.items():
        query = Query("default", parse(text))
        assert {r.span.span_id[0] for r in store.find_spans(query).items} == set(spans), text
        assert {t.trace_id for t in store.find_traces(query).items} == traces, text
        assert store.totals(query).traces.n == len(traces), text
    assert [(v.value, v.count) for v in store.values("default", "label.", "", 9)] == [
        ("correct", 1), ("polite", 1), ("quality", 1),
    ]  # fmt: skip
    assert [v.value for v in store.values("default", "label.correct", "", 9)] == ["fail"]
    assert [v.value for v in store.values("default", "annotator", "j", 9)] == ["judge@2"]
    assert store.values("default", "has", "", 1) == (FacetValue("label", 2),)


def test_terms_about_attributes_and_metadata_find_traces_and_spans(store, monkeypatch):
    first, second = TRACES[:2]
    meta = '{"plan": "pro", "user": {"seats": 12}, "beta": true}'
    plain = record(first, "a" * 16, tenant="t7", retries=3, ratio=0.5, whole=2.0, cached=False, ports=[80, 443])
    resource = replace(plain.span, span_id="b" * 16, attributes={"note": "x" * 300}, resource={"service.name": "shop"})
    told = record(second, "c" * 16, tenant="t8", retries=12, spanwise__metadata=meta, **{"app/x-id@2": "q"})
    store.write([plain, Record("default", resource, read(resource)), told])
    assert store.wait_until_searchable()
    found = {
        "attr.tenant:t7": "a", "attr.tenant:t7,t8": "ac", "attr.tenant:t*": "ac", "attr.tenant:*": "ac",
        "attr.tenant:T7": "", "-attr.tenant:*": "b", "attr.retries:3": "a", "attr.retries>3": "c",
        "attr.retries>=3": "ac", "attr.retries<3": "", "attr.tenant>3": "", "attr.ratio:0.5": "a", "attr.whole:2": "a",
        "attr.cached:false": "a", "attr.ports:443": "a", "attr.service.name:shop": "b", f"attr.note:{'x' * 300}": "b",
        f"attr.note:{'x' * 299}": "", "attr.note:x*x": "b", "attr.note:*xy*": "",
        "attr.app/x-id@2:q": "c", "meta.plan:pro": "c", "meta.user.seats>10": "c",
        "meta.user.seats:12": "c", "meta.beta:true": "c", "attr.plan:pro": "", "attr.nothing:*": "",
        "attr.tenant:t7 -attr.retries>3": "a",
    }  # fmt: skip
    for text, spans in found.items():
        query = Query("default", parse(text))
        assert {r.span.span_id[0] for r in store.find_spans(query).items} == set(spans), text
    traces = Query("default", parse("attr.tenant:t7 attr.service.name:shop"))
    assert [t.trace_id for t in store.find_traces(traces).items] == [first]
    for text, count in {
        "attr.tenant:*": 2,
        "attr.tenant:t8": 1,
        "-attr.tenant:t8": 1,
        "step": 2,
        "attr.tenant:t*": 2,
    }.items():
        few = Query("default", parse(text))
        with monkeypatch.context() as patch:
            for module in (fts, gin):
                patch.setattr(module, "MOST_DRIVEN", 0)  # as if there were too many to look at one by one
            assert store.totals(few).traces.n == count, text
            assert sum(bar.ok for bar in store.histogram(few, 3)) == count, text


def test_an_attribute_that_a_span_no_longer_has_is_not_found(store):
    store.write([record(TRACES[0], "a" * 16, tenant="t7")])
    store.write([record(TRACES[0], "a" * 16, tenant="t8")])
    assert store.wait_until_searchable()
    assert store.find_traces(Query("default", parse("attr.tenant:t7"))).items == ()
    assert len(store.find_traces(Query("default", parse("attr.tenant:t8"))).items) == 1


def test_terms_about_labels_find_the_same_however_many_there_are(store, monkeypatch):
    store.write([record(f"{n:032x}", f"{n:016x}", at=n) for n in range(1, 41)])
    store.annotate([judged(str(n), f"{n:032x}", "fail" if n % 2 else "pass") for n in range(1, 31)])
    query = Query("default", parse("label.correct:fail"), limit=100)
    few = store.find_traces(query).items, store.find_spans(query).items
    assert (len(few[0]), len(few[1])) == (15, 15)
    monkeypatch.setattr(compiling, "MOST_DRIVEN", 3)
    monkeypatch.setattr(compiling, "MOST_SPANS_DRIVEN", 3)
    assert (store.find_traces(query).items, store.find_spans(query).items) == few


def test_a_label_given_before_its_trace_came_is_found_after(store):
    store.annotate([judged("1", TRACES[0], "fail")])
    store.write([record(TRACES[0], "a" * 16, at=5)])
    store.write([record(TRACES[0], "b" * 16, at=0)])
    assert len(store.find_traces(Query("default", Term("label", "=", ("fail",)))).items) == 1


def test_a_deleted_trace_is_gone_with_its_texts(store):
    secret = "a secret of some length " * 200
    store.write([record(TRACES[0], "a" * 16, note=secret), record(TRACES[1], "b" * 16, note="kept " * 1_000)])
    store.annotate([judged("1", TRACES[0], "fail")])
    assert store.delete_trace("default", TRACES[0])
    assert not store.delete_trace("default", TRACES[0])
    assert store.trace("default", TRACES[0]) is None
    assert store.find_spans(Query("default")).items[0].span.trace_id == TRACES[1]
    assert store.annotations("default", [TRACES[0]]) == {}
    assert long_texts(store) == 1
    store.write([record(TRACES[0], "a" * 16, note=secret)])
    assert store.span("default", "a" * 16, TRACES[0]).span.attributes["note"] == secret


@pytest.mark.parametrize("kind", ["sqlite"])
def test_spans_of_few_traces_are_looked_up_and_not_searched_for(store):
    store.write(
        [record(f"{n + 1:032x}", f"{n + 1:016x}", at=n, status="ok" if n % 8 else "error") for n in range(3_000)]
    )
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    with store._open.read() as connection:
        connection.set_progress_handler(count, 1_000)
    found = store.find_spans(Query("default", Term("status", "=", ("error",)), limit=10))
    assert len(found.items) == 10
    assert steps < 1_000, "thousands of virtual machine steps: work grows with the square of the traces"


def test_words_of_a_replaced_span_are_not_found(store):
    store.write([record(TRACES[0], "a" * 16, name="alpha")])
    store.wait_until_searchable()
    store.write([record(TRACES[0], "a" * 16, name="beta")])
    store.wait_until_searchable()
    assert store.find_traces(Query("default", Text("alpha"))).items == ()
    assert len(store.find_traces(Query("default", Text("beta"))).items) == 1
    assert store.find_spans(Query("default", Text("alpha"))).items == ()


def test_text_is_found_in_any_script_with_and_without_accents(store):
    store.write([record(TRACES[0], "a" * 16, name="Äpfel übermütig 请问退款政策 Политика refunded Été")])
    store.wait_until_searchable()
    for phrase in ("Äpfel", "apfel", "übermütig", "退款", "политика", "refund*", "ref*", "été"):
        assert len(store.find_traces(Query("default", Text(phrase))).items) == 1, phrase


def test_readers_see_whole_transactions_while_a_writer_writes(store):
    wrong: list[str] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            for summary in store.find_traces(Query("default", limit=20)).items:
                found = store.trace("default", summary.trace_id)
                if len(found.records) != found.summary.span_count or found.summary.span_count % 2:
                    wrong.append(summary.trace_id)

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for n in range(30):
        store.write([record(TRACES[n % 5], f"{n:08x}{half:08x}") for half in range(2)])
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert store.totals(Query("default")).traces.n == 5
