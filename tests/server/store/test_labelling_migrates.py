"""Labels and queues from before there were rubrics are what they were afterwards, and can be undone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from shop_traces import shop_trace, span_id, trace_id
from spanwise_server.labelling.desk import Desk
from spanwise_server.record import Annotator
from spanwise_server.resources import resource_dir
from spanwise_server.store.label_events import Act
from spanwise_server.store.sqlite import SqliteStore


def insert(db: sqlite3.Connection, table: str, **values: object) -> None:
    names = ", ".join(values)
    db.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(values))})", list(values.values()))


def label(number: int, who: str, verdict: str, correction: str | None = None) -> dict[str, object]:
    return {
        "id": f"label-{who}-{number}", "name": "correct", "trace_id": trace_id(number), "span_id": span_id(number),
        "label": verdict, "score": 1.0 if verdict == "pass" else 0.0, "explanation": "because",
        "annotator_kind": "human", "annotator_id": who, "source": "queue:1", "created_ns": 5, "updated_ns": 5,
        "correction": correction,
    }  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A queue of four as an older server left it: one passed by ana and failed by bo, one corrected, one put off."""
    path = tmp_path / "main.db"
    config = Config()
    config.set_main_option("script_location", str(resource_dir("migrations")))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
    engine.dispose()
    with closing(sqlite3.connect(path)) as db:
        insert(db, "projects", id=1, name="default", created_ns=1)
        for number, question in ((1, "Good?"), (2, "Good?"), (3, "Polite?")):
            insert(
                db, "queues", id=number, project_id=1, name=f"q{number}", question=question,
                annotation_name="correct", filter="", reason="why", blind=1, created_by="ana", created_ns=3,
            )  # fmt: skip
        states = {1: ("done", "label-bo-1"), 2: ("done", "label-ana-2"), 3: ("deferred", None), 4: ("todo", None)}
        for number, (state, standing) in states.items():
            insert(
                db, "items", id=number, queue_id=1, position=number, trace_id=trace_id(number),
                span_id=span_id(number), state=state, annotation_id=standing, done_ns=9 if standing else None,
            )  # fmt: skip
        acts = (
            (1, "set", 1, "ana", label(1, "ana", "pass"), None),
            (2, "set", 1, "bo", label(1, "bo", "fail"), None),
            (3, "set", 2, "ana", label(2, "ana", "fail", "Better."), None),
            (4, "defer", 3, "ana", None, None),
            (5, "set", 4, "ana", label(4, "ana", "pass"), None),
            (6, "undo", 4, "ana", None, 5),
        )
        for number, action, item, who, said, undoes in acts:
            insert(
                db, "label_events", id=number, project_id=1, key=f"key-of-{number:04d}", action=action, undoes=undoes,
                annotation_id="" if said is None else said["id"], queue_id=1, item_id=item,
                before=json.dumps({"annotation": None, "item": ["todo", None, None]}),
                after=json.dumps({"annotation": said, "item": ["done", None, 9]}),
                annotator_id=who, ms_on_item=2_000, at_ns=number,
            )  # fmt: skip
            if said is not None and number != 5:
                correction = said.pop("correction")
                insert(db, "annotations", project_id=1, correction=json.dumps(correction), **said)
        db.commit()
    store = SqliteStore(path)
    store.open()
    store.write([record for n in range(1, 5) for record in shop_trace(n)])
    yield Desk(store)
    store.close()


def test_queues_that_asked_the_same_share_a_rubric_of_their_question(desk: Desk) -> None:
    queues = {queue.id: queue for queue, _ in desk.queues.all("default")}
    assert queues[1].rubric_id == queues[2].rubric_id != queues[3].rubric_id
    rubric = desk.rubric_of(queues[1])
    assert (rubric.version, rubric.lead.text, rubric.lead.name) == (1, "Good?", "correct")
    assert [q.kind for q in rubric.questions] == ["binary", "correction"]
    assert queues[1].reason == "why"


def test_items_are_as_far_as_they_were_and_every_label_has_its_slot(desk: Desk) -> None:
    assert [item.state for item in desk.queues.items(1)] == ["done", "done", "deferred", "todo"]
    slots = desk.slots.of_items([1, 2, 3, 4])
    said = {item: [(slot.state, slot.annotator, slot.extra) for slot in found] for item, found in slots.items()}
    assert said == {
        1: [("done", "bo", False), ("done", "ana", True)],
        2: [("done", "ana", False)],
        3: [("deferred", "ana", False)],
        4: [("open", None, False)],
    }


def test_events_say_what_was_answered_and_under_which_wording(desk: Desk) -> None:
    queue = desk.queues.find(1)
    assert queue is not None
    events = desk.history.labels(1)
    assert [(e.item_id, e.annotator_id, e.answers, e.blind) for e in events] == [
        (1, "ana", {"correct": {"value": "pass", "critique": "because"}}, True),
        (1, "bo", {"correct": {"value": "fail", "critique": "because"}}, True),
        (2, "ana", {"correct": {"value": "fail", "critique": "because"}, "expected": {"value": "Better."}}, True),
    ]
    assert {e.rubric_version_id for e in events} == {desk.rubric_of(queue).version_id}
    assert desk.history.durations_ms(1) == [2_000] * 4


def test_an_old_label_is_undone(desk: Desk) -> None:
    ana = Annotator("human", "ana")
    for _ in range(2):
        desk.events.undo_in_queue(Act("default", f"key-of-undo-{_}", ana), 1)
    assert [item.state for item in desk.queues.items(1)] == ["done", "todo", "todo", "todo"]
    assert [e.annotator_id for e in desk.history.labels(1)] == ["ana", "bo"]
