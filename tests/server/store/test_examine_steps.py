"""The doctor sees where what is kept of steps is not what their spans come to, names one, and a recount mends it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import strategies as st

from spanwise_server.store import examine_steps
from spanwise_server.store import steps as counting
from spanwise_server.store.rollups import HOUR_NS
from spanwise_server.store.step_filler import UNCOUNTED
from store_engines import KINDS, opened, over_engines
from store_model.spans import TRACES, llm, record, records

#: The engines that keep nothing of steps.
WITHOUT = {"clickhouse"}


@pytest.fixture(params=sorted(KINDS.keys() - WITHOUT))
def store(request):
    with opened(request.param) as made:
        made.write([llm(TRACES[0], "1" * 16, cost=5), record(TRACES[0], "2" * 16, parent="1" * 16, name="fetch")])
        made.write([record(TRACES[n], f"{n}" * 16, at=n * 3_600, name="fetch") for n in (1, 2)])
        made.write([record(TRACES[1], "3" * 16, at=5 * 3_600, name="fetch", status="error")])
        yield made


def looked_at(store):
    with store.reading() as connection:
        return examine_steps.steps(connection)


def asked_to_write(store, statement: str) -> int:
    with store._open.write() as connection:
        return connection.execute(statement).rowcount


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE r_step SET spans = spans + 1",
        "UPDATE r_step SET latency_ns = latency_ns - 1",
        "UPDATE r_step SET unpriced = 1",
        "UPDATE r_step SET hour = hour + 100",
        "DELETE FROM r_step",
        "UPDATE h_step_hour SET n = n + 1",
        "DELETE FROM h_step_day",
        "UPDATE h_step_day SET bucket = bucket + 1",
        "UPDATE t_step SET n = 2",
        "UPDATE t_step SET previous = previous - 1",
        "DELETE FROM t_step",
    ],
)
def test_the_doctor_names_the_step_of_which_something_else_is_kept_and_a_recount_mends_it(store, statement):
    assert looked_at(store).state == "ok"
    (of,) = {"r_step", "h_step_hour", "h_step_day", "t_step"} & set(statement.split())
    which = "(SELECT min(id) FROM steps WHERE name = 'fetch' AND kind <> '')"
    assert asked_to_write(store, f"{statement} WHERE {of}.step_id = {which}") > 0
    found = looked_at(store)
    assert (found.about, found.state) == ("steps", "broken")
    assert found.sentence == "What is kept of the step 'fetch' (span) is not what its spans come to."
    store.recount()
    assert looked_at(store).state == "ok"


def test_the_doctor_names_a_step_that_is_not_counted_though_it_should_be(store):
    asked_to_write(store, "DELETE FROM steps WHERE name = 'fetch'")
    found = looked_at(store)
    assert found.state == "broken"
    assert "and 2 more" in found.sentence  # the numbers of which rows are left, and what lacks them
    store.recount()
    assert looked_at(store).state == "ok"


@over_engines(
    st.lists(st.lists(st.tuples(records(traces=3), st.sampled_from((0, 1, 26))), max_size=8), min_size=1, max_size=3),
    st.none() | st.sampled_from(TRACES[:3]),
    st.sampled_from((2, 1_000)),
)
def test_the_doctor_finds_nothing_wrong_whatever_became_of_the_spans(kind, batches, gone, most):
    if kind in WITHOUT:
        return
    with opened(kind) as store, pytest.MonkeyPatch.context() as patched:
        for module in (counting, examine_steps):
            patched.setattr(module, "MOST_NAMES", most)
        for batch in batches:
            store.write([later(one, hours) for one, hours in batch])
            assert looked_at(store).state == "ok"
        if gone is not None:
            store.delete_trace("default", gone)
        assert looked_at(store).state == "ok"


def later(one, hours):
    start, end = one.span.start_ns + hours * HOUR_NS, one.span.end_ns + hours * HOUR_NS
    return replace(one, span=replace(one.span, start_ns=start, end_ns=end))


def test_the_doctor_waits_for_steps_that_are_still_to_be_counted(store):
    asked_to_write(store, f"INSERT INTO settings (name, value) VALUES ('{UNCOUNTED}', '1')")
    assert looked_at(store).state == "warning"
