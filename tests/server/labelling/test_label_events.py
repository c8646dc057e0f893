from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shop_traces import shop_trace, span_id, trace_id
from spanwise_server.errors import Conflict, NotFound, SpanwiseError
from spanwise_server.labelling.desk import Desk
from spanwise_server.labelling.drawing import sampled
from spanwise_server.labelling.judgement import Verdict
from spanwise_server.labelling.queue import NewQueue, Queue, Target, progress
from spanwise_server.labelling.recipe import Recipe
from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.record import Annotation, Annotator
from spanwise_server.store.engine import Store
from spanwise_server.store.label_events import Act
from store_engines import KINDS, opened

ANA, BO = Annotator("human", "ana"), Annotator("human", "bo")
KEYS = (f"key-{n:06d}" for n in itertools.count())


def act(who: Annotator = ANA, key: str = "", ms: int | None = None) -> Act:
    return Act("default", key or next(KEYS), who, ms)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    with opened(request.param) as made:
        made.write([record for n in range(12) for record in shop_trace(n)])
        yield made


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


@pytest.fixture
def queue(desk: Desk) -> Queue:
    return desk.queue_from_recipe(NewQueue("all"), Query("default"), Recipe("newest", limit=5))


def stands(store: Store, n: int) -> tuple[Annotation, ...]:
    return store.annotations("default", [trace_id(n)]).get(trace_id(n), ())


def drawn(store: Store, query: Query, recipe: Recipe) -> list[Target]:
    return [one.target for one in sampled(store, query, recipe).chosen]


def test_a_queue_asks_about_the_root_of_each_newest_trace(desk: Desk, queue: Queue) -> None:
    targets = [item.target for item in desk.queues.items(queue.id)]
    assert targets == [Target(trace_id(n), span_id(n)) for n in (11, 10, 9, 8, 7)]


def test_a_filter_that_names_a_kind_asks_about_the_matching_spans(store: Store) -> None:
    found = drawn(store, Query("default", parse("kind:tool")), Recipe("newest", limit=3))
    assert found == [Target(trace_id(n), span_id(n, 2)) for n in (11, 10, 9)]


def test_a_random_queue_is_the_same_when_made_again_and_grows_without_changing(store: Store) -> None:
    few = drawn(store, Query("default"), Recipe("random", "seed", 4))
    more = drawn(store, Query("default"), Recipe("random", "seed", 8))
    assert more[:4] == few
    assert few != drawn(store, Query("default"), Recipe("newest", limit=4))


def test_a_filter_that_finds_nothing_makes_no_queue(desk: Desk) -> None:
    with pytest.raises(SpanwiseError, match="finds nothing to label"):
        desk.queue_from_recipe(NewQueue("none"), Query("default", parse("model:nobody")), Recipe("newest"))
    assert desk.queues.all("default") == []


def test_a_span_is_in_a_queue_once(desk: Desk, queue: Queue) -> None:
    first = desk.queues.items(queue.id)[0].target
    assert desk.queues.add(queue.id, [first, Target(trace_id(1), span_id(1)), first]) == 1
    assert [item.position for item in desk.queues.items(queue.id)] == [1, 2, 3, 4, 5, 6]


def test_a_verdict_becomes_an_annotation_and_the_item_is_done(store: Store, desk: Desk, queue: Queue) -> None:
    item = desk.queues.items(queue.id)[0]
    desk.judge_item(queue, item, Verdict("fail", "late", "It arrives today."), act(ms=4_000))
    (label,) = stands(store, 11)
    assert (label.name, label.label, label.explanation, label.correction) == (
        "correct",
        "fail",
        "late",
        "It arrives today.",
    )
    assert (label.annotator, label.source, label.span_id) == (ANA, f"queue:{queue.id}", span_id(11))
    assert progress(desk.queues.items(queue.id)).done == 1
    assert desk.history.durations_ms(queue.id) == [4_000]


def test_a_label_can_be_filtered_for_at_once_and_no_more_after_undo(store: Store, desk: Desk, queue: Queue) -> None:
    item = desk.queues.items(queue.id)[0]
    desk.judge_item(queue, item, Verdict("fail"), act())
    found = store.find_traces(Query("default", parse("label:fail"))).items
    assert [trace.trace_id for trace in found] == [trace_id(11)]
    desk.events.undo_in_queue(act(), queue.id)
    assert store.find_traces(Query("default", parse("label:fail"))).items == ()


def test_a_repeated_request_is_one_label(store: Store, desk: Desk, queue: Queue) -> None:
    item = desk.queues.items(queue.id)[0]
    first = desk.judge_item(queue, item, Verdict("pass"), act(key="same-key"))
    again = desk.judge_item(queue, item, Verdict("pass"), act(key="same-key"))
    assert first == again
    assert len(desk.history.history(first.annotation_id)) == 1


def test_undo_goes_back_act_by_act_across_items(store: Store, desk: Desk, queue: Queue) -> None:
    one, two, three = desk.queues.items(queue.id)[:3]
    desk.judge_item(queue, one, Verdict("pass"), act())
    desk.events.defer(act(), two)
    desk.judge_item(queue, three, Verdict("fail"), act())
    undone = [desk.events.undo_in_queue(act(), queue.id) for _ in range(4)]
    assert [event and event.item_id for event in undone] == [three.id, two.id, one.id, None]
    assert {item.state for item in desk.queues.items(queue.id)} == {"todo"}
    assert stands(store, 11) == stands(store, 9) == ()


def test_undo_brings_back_the_verdict_that_stood_before(store: Store, desk: Desk, queue: Queue) -> None:
    item = desk.queues.items(queue.id)[0]
    desk.judge_item(queue, item, Verdict("fail", "wrong"), act())
    (before,) = stands(store, 11)
    desk.judge_item(queue, item, Verdict("pass"), act())
    assert [label.label for label in stands(store, 11)] == ["pass"]
    desk.events.undo_in_queue(act(), queue.id)
    assert stands(store, 11) == (before,)


def test_undo_survives_a_restart(store: Store, desk: Desk, queue: Queue) -> None:
    desk.judge_item(queue, desk.queues.items(queue.id)[0], Verdict("pass"), act())
    store.close()
    store.open()
    undone = Desk(store).events.undo_in_queue(act(), queue.id)
    assert undone is not None
    assert stands(store, 11) == ()


def test_nobody_undoes_what_another_did(store: Store, desk: Desk, queue: Queue) -> None:
    desk.judge_item(queue, desk.queues.items(queue.id)[0], Verdict("pass"), act(ANA))
    assert desk.events.undo_in_queue(act(BO), queue.id) is None
    assert len(stands(store, 11)) == 1


def test_two_people_judge_the_same_span_side_by_side(store: Store, desk: Desk) -> None:
    for who, label in ((ANA, "pass"), (BO, "fail")):
        desk.judge_span(Target(trace_id(3), span_id(3)), "correct", Verdict(label), act(who))
    assert {(a.annotator.id, a.label) for a in stands(store, 3)} == {("ana", "pass"), ("bo", "fail")}


def test_relabelling_keeps_the_age_and_every_event(store: Store, desk: Desk) -> None:
    target = Target(trace_id(3), span_id(3))
    desk.judge_span(target, "correct", Verdict("pass"), act())
    (first,) = stands(store, 3)
    event = desk.judge_span(target, "correct", Verdict("fail"), act())
    (second,) = stands(store, 3)
    assert (second.id, second.created_ns) == (first.id, first.created_ns)
    assert second.updated_ns >= first.updated_ns
    assert [e.action for e in desk.history.history(event.annotation_id)] == ["set", "set"]


def test_a_removed_label_comes_back_whole(store: Store, desk: Desk) -> None:
    event = desk.judge_span(Target(trace_id(3), span_id(3)), "correct", Verdict("fail", "why", "Better."), act())
    before = stands(store, 3)
    removed = desk.events.remove(act(), event.annotation_id)
    assert stands(store, 3) == ()
    desk.events.undo(act(), removed.id)
    assert stands(store, 3) == before


def test_an_act_that_a_later_one_builds_on_is_not_undone(desk: Desk) -> None:
    target = Target(trace_id(3), span_id(3))
    first = desk.judge_span(target, "correct", Verdict("pass"), act())
    desk.judge_span(target, "correct", Verdict("fail"), act())
    with pytest.raises(Conflict, match="changed again"):
        desk.events.undo(act(), first.id)


def test_an_act_is_undone_once(desk: Desk) -> None:
    event = desk.judge_span(Target(trace_id(3), span_id(3)), "correct", Verdict("pass"), act())
    desk.events.undo(act(), event.id)
    with pytest.raises(Conflict):
        desk.events.undo(act(), event.id)


def test_a_label_of_another_project_is_out_of_reach(desk: Desk) -> None:
    event = desk.judge_span(Target(trace_id(3), span_id(3)), "correct", Verdict("pass"), act())
    with pytest.raises(NotFound):
        desk.events.remove(Act("other", next(KEYS), ANA), event.annotation_id)


def test_many_labellers_at_once_lose_nothing(store: Store, desk: Desk, queue: Queue) -> None:
    items = desk.queues.items(queue.id)

    def label(person: int) -> None:
        for item in items:
            desk.judge_item(
                queue, item, Verdict("pass"), act(Annotator("human", f"p{person}"), key=f"{person}-{item.id}-key")
            )

    with ThreadPoolExecutor(4) as people:
        list(people.map(label, range(4)))
    assert [len(stands(store, n)) for n in (11, 10, 9, 8, 7)] == [4] * 5


def test_deleting_a_queue_keeps_its_labels(store: Store, desk: Desk, queue: Queue) -> None:
    desk.judge_item(queue, desk.queues.items(queue.id)[0], Verdict("pass"), act())
    assert desk.queues.delete(queue.id)
    assert desk.queues.find(queue.id) is None
    assert len(stands(store, 11)) == 1
