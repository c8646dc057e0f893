"""What a large trace comes to, kept as its spans come, is what all of them together come to."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzzing import tries
from spanwise_server.store import running_kept
from spanwise_server.store.rows import SpanRow, placed
from spanwise_server.store.running import RunningSummary, running_of
from spanwise_server.store.summary import summarise
from spanwise_server.store.words import add_words
from store_model.spans import SPANS

IDS = [bytes.fromhex(span_id) for span_id in SPANS]
said = st.none() | st.sampled_from(("one", "two", ""))
count = st.none() | st.integers(0, 2)


@st.composite
def rows(draw: st.DrawFn) -> SpanRow:
    """Draw the row of a span of a small trace, in which all is alike now and then."""
    model = draw(st.sampled_from(("llm", "llm", "llm", "embedding", "", "")))
    buckets = [draw(count), None, None, None, None, draw(count), *[None] * 4] if draw(st.booleans()) else [None] * 10
    fields = dict.fromkeys(SpanRow._fields) | {
        "id": 0, "project_id": 1, "span_id": draw(st.sampled_from(IDS)),
        "parent_id": draw(st.none() | st.sampled_from(IDS)),
        "start_ns": draw(st.integers(0, 4)), "duration_ns": draw(st.integers(0, 3)),
        "kind": model or draw(st.sampled_from(("agent", "tool"))), "name": draw(st.sampled_from(("chat", "plan"))),
        "trace_name": draw(said), "status": draw(st.integers(0, 2)),
        "error_type": draw(said), "error_message": draw(said), "model": draw(said), "session_id": draw(said),
        "user_id": draw(said), "environment": draw(said), "prompt_name": draw(said), "input_preview": draw(said),
        "output_preview": draw(said), "tags": draw(st.none() | st.sampled_from(('["a","b"]', '["b","a","b"]'))),
        "total_tokens": draw(count), "cost_nusd": draw(count), "cost_source": draw(st.none() | st.just("reported")),
        "ttft_ms": draw(st.none() | st.just(0.5) | st.just(0.25)), "answer": draw(st.none() | st.integers(1, 2)),
        "counted": 0, "origin_id": 1, "rewritten": 0, "reader_id": 1,
    }  # fmt: skip
    fields.update(zip(SpanRow._fields[SpanRow._fields.index("input_uncached") :], buckets, strict=False))
    return SpanRow(**fields)


class Kept:
    """A trace as a store has it: rows by address, and what is kept running beside them."""

    def __init__(self) -> None:
        self.rows: dict[bytes, SpanRow] = {}
        self.running = RunningSummary(0)

    def write(self, batch: list[SpanRow]) -> None:
        new = {row.span_id: row for row in batch}
        there = {row.id: row for row in self.rows.values()}

        def fetch(addresses):
            return {at: there[at] for at in addresses}

        for span_id, row in new.items():
            was = self.rows.get(span_id)
            new[span_id] = row._replace(id=len(there) * 100 + IDS.index(span_id) + 1)
            if was is not None:
                new[span_id] = new[span_id]._replace(id=was.id)
            self.running.place(was, new[span_id])
        if self.running.find_root(new.get, fetch) is None:
            return
        for span_id, row in new.items():
            self.running.say(self.rows.get(span_id), row)
        turned = self.running.settle(new.get, fetch)
        self.rows |= new
        for row in turned:
            assert row.span_id not in new
            self.rows[row.span_id] = placed(row, counted=1 - row.counted)
        for span_id, row in new.items():
            self.rows[span_id] = placed(row, counted=int(span_id in self.running.counted))


def comparable(running: RunningSummary):
    summary = running.summary()
    return replace(summary, counted=frozenset(summary.counted), root=placed(summary.root, counted=0)), running.words


def recounted(rows_of_trace: dict[bytes, SpanRow]):
    summary = summarise(rows_of_trace.values())
    words: dict[tuple[str, str], int] = {}
    for row in rows_of_trace.values():
        own: set[tuple[str, str]] = set()
        add_words(own, row)
        for word in own:
            words[word] = words.get(word, 0) + 1
    return replace(summary, root=placed(summary.root, counted=0)), words


def check(kept: Kept) -> None:
    assert comparable(kept.running) == recounted(kept.rows)
    again = running_of(kept.rows.values(), 0)
    assert not again.lost
    assert comparable(again) == comparable(kept.running)
    assert {one for one, row in kept.rows.items() if row.counted} == kept.running.counted


OFTEN = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


@settings(OFTEN, max_examples=tries(60))
@given(st.lists(st.lists(rows(), min_size=1, max_size=4), min_size=1, max_size=5))
def test_what_is_kept_running_is_what_all_spans_come_to_after_each_batch(batches):
    kept = Kept()
    for batch in batches:
        kept.write(batch)
        if kept.running.lost:
            return
        check(kept)


@settings(OFTEN, max_examples=tries(60))
@given(st.data())
def test_spans_that_come_once_are_never_more_than_what_they_change(data):
    spans = data.draw(st.lists(rows(), min_size=2, max_size=6, unique_by=lambda row: row.span_id))
    above = dict(zip(IDS, (None, *IDS), strict=False))
    tree = [row._replace(parent_id=data.draw(st.sampled_from((None, above[row.span_id], IDS[0])))) for row in spans]
    tree = [row if row.parent_id != row.span_id else row._replace(parent_id=None) for row in tree]
    kept = Kept()
    for row in data.draw(st.permutations(tree)):
        kept.write([row])
        assert not kept.running.lost
        check(kept)


@settings(OFTEN, max_examples=tries(50))
@given(st.data())
def test_a_span_that_says_more_when_it_comes_again_changes_only_what_it_says(data):
    """As those do that are sent when they begin, and once more when they end."""
    ends = data.draw(st.lists(rows(), min_size=1, max_size=6, unique_by=lambda row: row.span_id))
    ends = [row._replace(parent_id=None if row.span_id == IDS[0] else IDS[0]) for row in ends]
    nothing = dict.fromkeys(SpanRow._fields[SpanRow._fields.index("error_type") : SpanRow._fields.index("counted")])
    silent = nothing | {"duration_ns": 0, "status": 0, "ttft_ms": None, "input_preview": None, "output_preview": None}
    kept = Kept()
    for row in [*(row._replace(**silent) for row in ends), *ends]:
        kept.write([row])
        assert not kept.running.lost
        check(kept)


def some(places: int, spans: int) -> RunningSummary:
    running = RunningSummary(places)
    for n in range(spans):
        row = SpanRow(*[None] * len(SpanRow._fields))
        running.place(None, row._replace(span_id=n.to_bytes(8, "big"), start_ns=0, kind="tool"))
    return running


def test_of_the_traces_that_were_written_last_so_many_spans_are_kept(monkeypatch):
    monkeypatch.setattr(running_kept, "MOST_SPANS", 10)
    kept = running_kept.RunningSummaries()
    for row in (1, 2, 3):
        kept.keep(row, some(row, 4))
    assert [kept.of(row, row) is not None for row in (1, 2, 3)] == [False, True, True]
    kept.keep(4, some(4, 40))  # the one that was written last is kept whatever its size
    assert [kept.of(row, row) is not None for row in (2, 3, 4)] == [False, False, True]


def test_what_was_kept_of_another_state_of_a_trace_is_forgotten():
    kept = running_kept.RunningSummaries()
    kept.keep(1, some(7, 4))
    assert kept.of(1, 8) is None
    assert kept.of(1, 7) is None
