"""A trace as its tree shows it is the trace itself, as far as rows know it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanwise_server.store.sqlite import SqliteStore
from store_model.spans import TRACES, distinct, records


@given(st.lists(records(traces=1), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_an_outline_says_what_a_tree_draws(found):
    with TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "main.db")
        store.open()
        with closing(store):
            store.write(distinct(found))
            whole, outline = store.trace("default", TRACES[0]), store.outline("default", TRACES[0])
            assert whole is not None
            assert outline is not None
            ids = [record.span.span_id for record in whole.records]
            some = store.spans_of("default", TRACES[0], ids[::2])
            assert store.outline("default", "f" * 32) is None
    assert outline.summary == whole.summary
    assert some == whole.records[::2]
    assert [drawn(record) for record in outline.records] == [drawn(record) for record in whole.records]


def drawn(record):
    span, reading = record.span, record.reading
    return (
        span.span_id, span.parent_span_id, span.start_ns, span.end_ns, span.status, record.kind, record.name,
        reading.model or reading.request_model, reading.usage, reading.ttft_ms, record.cost, record.unpriced,
    )  # fmt: skip
