from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shop_traces import shop_trace, span_id, trace_id
from spanwise_server.labelling.desk import Desk
from spanwise_server.labelling.judgement import Verdict
from spanwise_server.labelling.queue import NewQueue, People, Queue, Target
from spanwise_server.labelling.slot import LEAST_HOLD_NS, hold_ns, wanted
from spanwise_server.record import Annotator
from spanwise_server.store.label_events import Act
from spanwise_server.store.sqlite import SqliteStore

KEYS = (f"slot-key-{n:06d}" for n in itertools.count())
ONE = People()
TARGETS = [Target(trace_id(n), span_id(n)) for n in range(12)]


def act(who: str) -> Act:
    return Act("default", next(KEYS), Annotator("human", who))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "main.db")
    opened.open()
    opened.write([record for n in range(12) for record in shop_trace(n)])
    yield opened
    opened.close()


@pytest.fixture
def desk(store: SqliteStore) -> Desk:
    return Desk(store)


def queue_of(desk: Desk, people: People = ONE, targets: int = 12) -> Queue:
    return desk.queues.create("default", NewQueue("q", people=people), TARGETS[:targets])


def lease(desk: Desk, queue: Queue, who: str, limit: int = 1, after: int = 0) -> list[int]:
    return [i.position for i in desk.slots.lease(queue.id, who, limit=limit, after=after, hold_ns=LEAST_HOLD_NS)]


def label(desk: Desk, queue: Queue, position: int, who: str, verdict: str = "pass") -> None:
    item = desk.queues.items(queue.id)[position - 1]
    desk.judge_item(queue, item, Verdict(verdict), act(who))  # type: ignore[arg-type]


def test_what_one_holds_another_does_not_get_and_one_gets_again(desk: Desk) -> None:
    queue = queue_of(desk)
    assert lease(desk, queue, "ana", 3) == [1, 2, 3]
    assert lease(desk, queue, "bo", 2) == [4, 5]
    assert lease(desk, queue, "ana", 3) == [1, 2, 3]
    assert lease(desk, queue, "ana", 3, after=2) == [3, 6, 7]


def test_what_is_given_back_is_free_at_once(desk: Desk) -> None:
    queue = queue_of(desk)
    lease(desk, queue, "ana", 3)
    ids = [item.id for item in desk.queues.items(queue.id)]
    desk.slots.release(queue.id, "ana", ids[1:3])
    assert lease(desk, queue, "bo", 2) == [2, 3]


def test_a_hold_that_ended_is_free_and_a_sign_of_life_keeps_it(desk: Desk) -> None:
    queue = queue_of(desk)
    ids = [item.id for item in desk.queues.items(queue.id)]
    desk.slots.lease(queue.id, "ana", limit=2, hold_ns=0)
    assert desk.slots.renew(queue.id, "ana", ids[:1], LEAST_HOLD_NS) == 1
    assert lease(desk, queue, "bo", 1) == [2]
    assert desk.slots.renew(queue.id, "ana", ids[:2], LEAST_HOLD_NS) == 1


def test_a_late_label_is_kept_beside_the_one_that_was_wanted(desk: Desk) -> None:
    queue = queue_of(desk, targets=1)
    desk.slots.lease(queue.id, "ana", hold_ns=0)
    assert lease(desk, queue, "bo") == [1]
    label(desk, queue, 1, "bo")
    label(desk, queue, 1, "ana", "fail")
    labels = desk.history.labels(queue.id)
    assert [(e.annotator_id, e.late) for e in labels] == [("bo", False), ("ana", True)]
    assert desk.slots.wanted(queue.id) == (1, 1)


def test_each_person_labels_an_item_once_however_many_it_wants(desk: Desk) -> None:
    queue = queue_of(desk, People(overlap=2), targets=2)
    assert lease(desk, queue, "ana", 4) == [1, 2]
    label(desk, queue, 1, "ana")
    assert lease(desk, queue, "ana", 4) == [2]
    assert [item.state for item in desk.queues.items(queue.id)] == ["todo", "todo"]
    assert lease(desk, queue, "bo", 4) == [1, 2]
    label(desk, queue, 1, "bo")
    assert [item.state for item in desk.queues.items(queue.id)] == ["done", "todo"]
    assert lease(desk, queue, "cy", 4) == [2] or lease(desk, queue, "cy", 4) == []


def test_about_the_share_that_was_asked_for_is_labelled_twice_and_always_the_same() -> None:
    people = People(overlap=2, share=0.15)
    targets = [Target(trace_id(n), "") for n in range(2_000)]
    twice = [t for t in targets if len(wanted(people, t, "7")) == 2]
    assert 240 < len(twice) < 360
    assert twice == [t for t in targets if len(wanted(people, t, "7")) == 2]
    assert twice != [t for t in targets if len(wanted(people, t, "8")) == 2]


def test_dealt_items_go_to_the_named_people_only_evenly(desk: Desk) -> None:
    people = People(names=("ana", "bo"), deal=True)
    queue = queue_of(desk, people)
    of_ana, of_bo = lease(desk, queue, "ana", 12), lease(desk, queue, "bo", 12)
    assert sorted([*of_ana, *of_bo]) == list(range(1, 13))
    assert of_ana
    assert of_bo
    assert lease(desk, queue, "cy", 12) == []
    dealt = Counter(wanted(people, Target(trace_id(n)), "1")[0] for n in range(1_000))
    assert min(dealt.values()) > 400


def test_what_is_flagged_is_labelled_by_one_more_person_and_the_flag_is_undone(desk: Desk) -> None:
    queue = queue_of(desk, targets=1)
    item = desk.queues.items(queue.id)[0]
    label(desk, queue, 1, "ana")
    desk.events.flag(act("ana"), item)
    assert desk.queues.items(queue.id)[0].state == "todo"
    assert lease(desk, queue, "ana") == []
    assert lease(desk, queue, "bo") == [1]
    desk.slots.release(queue.id, "bo", [item.id])
    desk.events.undo_in_queue(act("ana"), queue.id)
    assert desk.queues.items(queue.id)[0].state == "done"


def test_what_one_put_off_is_kept_for_them_and_can_be_done_by_another(desk: Desk) -> None:
    queue = queue_of(desk, targets=1)
    item = desk.queues.items(queue.id)[0]
    desk.events.defer(act("ana"), item)
    assert desk.queues.items(queue.id)[0].state == "deferred"
    label(desk, queue, 1, "bo")
    assert desk.queues.items(queue.id)[0].state == "done"
    assert desk.slots.wanted(queue.id) == (1, 1)


def test_an_undone_label_is_in_the_same_hands_again(desk: Desk) -> None:
    queue = queue_of(desk, targets=2)
    label(desk, queue, 1, "ana")
    desk.events.undo_in_queue(act("ana"), queue.id)
    assert lease(desk, queue, "bo", 2) == [2]
    assert lease(desk, queue, "ana", 2) == [1]


def test_an_edit_undone_is_the_label_before_and_undone_again_none(desk: Desk) -> None:
    queue = queue_of(desk, targets=1)
    label(desk, queue, 1, "ana", "pass")
    label(desk, queue, 1, "ana", "fail")
    desk.events.undo_in_queue(act("ana"), queue.id)
    assert [(e.answers or {})["correct"]["value"] for e in desk.history.labels(queue.id)] == ["pass"]
    assert [slot.state for slot in desk.slots.of_items([desk.queues.items(queue.id)[0].id]).popitem()[1]] == ["done"]
    desk.events.undo_in_queue(act("ana"), queue.id)
    assert desk.history.labels(queue.id) == []


def test_many_at_once_never_get_the_same_label_to_give(desk: Desk) -> None:
    queue = queue_of(desk, People(overlap=2))
    start = threading.Barrier(8)

    def work(who: str) -> list[int]:
        start.wait()
        mine = []
        while found := lease(desk, queue, who):
            label(desk, queue, found[0], who)
            mine += found
        return mine

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(work, [f"p{n}" for n in range(8)]))
    assert all(len(set(mine)) == len(mine) for mine in taken)
    assert Counter(position for mine in taken for position in mine) == dict.fromkeys(range(1, 13), 2)
    assert not any(e.late for e in desk.history.labels(queue.id))


def test_a_hold_is_three_times_the_usual_pace_and_never_short() -> None:
    assert hold_ns([]) == hold_ns([20_000]) == LEAST_HOLD_NS
    assert hold_ns([200_000, 240_000, 220_000]) == 660_000_000_000
