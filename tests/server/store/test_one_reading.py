"""What is read for one request is read in one session, and anew once something was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from sqlmodel import Session

from shop_traces import shop_trace, span_id, trace_id
from spanwise_server.labelling.desk import Desk
from spanwise_server.labelling.queue import NewQueue, Target
from spanwise_server.record import Annotator
from spanwise_server.store.label_events import Act
from spanwise_server.store.one_reading import one_reading
from store_engines import KINDS, opened

ANA = Annotator("human", "ana")


@contextmanager
def counting(store, monkeypatch) -> Iterator[Counter[str]]:
    """Count the sessions that *store* gives, by what they are for, and those of them that ended."""
    times: Counter[str] = Counter()
    plain = {"session": store.session, "transaction": store.transaction}

    def counted(name):
        @contextmanager
        def opens() -> Iterator[Session]:
            times[name] += 1
            with plain[name]() as session:
                yield session
            times["ended"] += 1

        return opens

    with monkeypatch.context() as patch:
        for name in plain:
            patch.setattr(store, name, counted(name), raising=False)
        yield times


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_is_taken_and_put_off_in_three_sessions(kind, monkeypatch):
    with opened(kind) as store:
        store.write(shop_trace(1))
        queue = Desk(store).queues.create("default", NewQueue("all"), [Target(trace_id(1), span_id(1))])
        with counting(store, monkeypatch) as times:
            with Desk.for_one(store) as desk:
                assert desk.queues.find(queue.id) == queue
                hold_ns = desk.hold_ns(queue.id, ANA.id)
                (item,) = desk.slots.lease(queue.id, ANA.id, hold_ns=hold_ns)
            assert times == {"session": 1, "transaction": 1, "ended": 2}
            with Desk.for_one(store) as desk:
                assert desk.queues.item(queue.id, item.id) == item
                assert not desk.history.has_seen(item.id, ANA.id)
                desk.events.defer(Act("default", "one-key-of-eight", ANA), item)
                assert times == {"session": 2, "transaction": 2, "ended": 4}
                assert desk.queues.item(queue.id, item.id).state == "deferred"
                assert desk.queues.progress(queue.id).deferred == 1
            assert times == {"session": 3, "transaction": 2, "ended": 5}


def fail_in(store) -> Session:
    """Fail while reading, and return the session that was read in."""
    with suppress(KeyError), one_reading(store) as sessions:
        with sessions.session() as session, sessions.session() as again:
            assert session is again
            session.connection()
            assert session.in_transaction()
        raise KeyError
    return session


@pytest.mark.parametrize("kind", KINDS)
def test_what_fails_ends_the_session_that_was_read_in(kind, monkeypatch):
    with opened(kind) as store, counting(store, monkeypatch) as times:
        session = fail_in(store)
        assert times == {"session": 1}
        assert not session.in_transaction()
