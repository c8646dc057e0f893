from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from shop_traces import shop_trace, span_id, trace_id
from spanwise_server.datasets.making import Choice, Maker
from spanwise_server.datasets.version import Change
from spanwise_server.errors import Conflict, NotFound, SpanwiseError
from spanwise_server.labelling.desk import Desk
from spanwise_server.labelling.judgement import Verdict
from spanwise_server.labelling.picking import Pick
from spanwise_server.labelling.queue import NewQueue, Target
from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.record import Annotator
from spanwise_server.store.datasets import Datasets
from spanwise_server.store.label_events import Act
from spanwise_server.store.sqlite import SqliteStore

KEYS = (f"key-{n:06d}" for n in itertools.count())
ANA = Annotator("human", "ana")
VERDICTS = (Verdict("pass"), Verdict("fail", "late"), Verdict("fail", "rude", "Dear customer, ..."), Verdict("pass"))


def act() -> Act:
    return Act("default", next(KEYS), ANA)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "main.db")
    opened.open()
    opened.write([record for n in range(6) for record in shop_trace(n)])
    yield opened
    opened.close()


@pytest.fixture
def datasets(store: SqliteStore) -> Datasets:
    """Datasets of a store in which traces 5, 4, 3 and 2 were labelled in a queue, in that order."""
    desk = Desk(store)
    queue = desk.queue_from_filter(NewQueue("all"), Pick(Query("default"), 6))
    for item, verdict in zip(desk.queues.items(queue.id), VERDICTS, strict=False):
        desk.judge_item(queue, item, verdict, act())
    return Datasets(store)


def spans(examples) -> list[str]:
    return [example.source["trace_id"] for example in examples]


@pytest.mark.parametrize(
    ("which", "expected"), [("all", [5, 4, 3, 2]), ("passed", [5, 2]), ("failed", [4, 3]), ("expected", [5, 3, 2])]
)
def test_a_queue_gives_the_labelled_items_that_are_chosen(
    store: SqliteStore, datasets: Datasets, which, expected
) -> None:
    queue, _ = Desk(store).queues.all("default")[0]
    made = Maker(store).of_queue(queue, which)
    assert spans(made) == [trace_id(n) for n in expected]
    assert {example.provenance["blind"] for example in made if example.provenance} == {True}


def test_a_filter_gives_the_labelled_spans_of_what_it_finds(store: SqliteStore, datasets: Datasets) -> None:
    made = Maker(store).of_filter(Query("default", parse("session:s_2")), Choice("correct"))
    assert spans(made) == [trace_id(5), trace_id(2)]


def test_a_label_of_another_name_makes_no_example(store: SqliteStore, datasets: Datasets) -> None:
    with pytest.raises(SpanwiseError, match="Nothing there is labelled"):
        Maker(store).of_filter(Query("default"), Choice("polite"))


def test_a_span_that_passed_after_all_is_not_among_the_failed(store: SqliteStore, datasets: Datasets) -> None:
    Desk(store).judge_span(
        Target(trace_id(4), span_id(4)),
        "correct",
        Verdict("pass"),
        Act("default", next(KEYS), Annotator("human", "bo")),
    )
    made = Maker(store).of_filter(Query("default"), Choice("correct", "failed"))
    assert spans(made) == [trace_id(3)]


def test_one_span_is_added_with_or_without_a_label(store: SqliteStore, datasets: Datasets) -> None:
    (example,) = Maker(store).of_span("default", Target(trace_id(0), span_id(0)), "correct")
    assert (example.label, example.expected_output) == (None, None)
    (labelled,) = Maker(store).of_span("default", Target(trace_id(3), span_id(3)), "correct")
    assert labelled.expected_output == {"content": "Dear customer, ..."}


def test_a_version_never_changes(store: SqliteStore, datasets: Datasets) -> None:
    maker = Maker(store)
    dataset = datasets.named("default", "golden")
    first = datasets.add(dataset.id, maker.of_span("default", Target(trace_id(5), span_id(5)), "correct"))
    assert first is not None
    before = list(datasets.examples(first.id))
    Desk(store).judge_span(Target(trace_id(5), span_id(5)), "correct", Verdict("fail"), act())
    second = datasets.add(dataset.id, maker.of_filter(Query("default"), Choice("correct")))
    assert second is not None
    assert (second.number, second.change, second.examples) == (2, Change(added=3, changed=1), 4)
    assert list(datasets.examples(first.id)) == before
    assert datasets.versions(dataset.id) == [second, first]


def test_adding_what_is_there_makes_no_version(store: SqliteStore, datasets: Datasets) -> None:
    dataset = datasets.named("default", "golden")
    made = Maker(store).of_filter(Query("default"), Choice("correct"))
    assert datasets.add(dataset.id, made) is not None
    assert datasets.add(dataset.id, made) is None


def test_the_same_examples_have_the_same_hash_in_any_dataset(store: SqliteStore, datasets: Datasets) -> None:
    made = Maker(store).of_filter(Query("default"), Choice("correct"))
    one = datasets.add(datasets.named("default", "one").id, made)
    two = datasets.add(datasets.named("default", "two").id, reversed(made))
    assert one is not None
    assert two is not None
    assert one.content_hash == two.content_hash


def test_a_removed_example_stays_in_the_version_before(store: SqliteStore, datasets: Datasets) -> None:
    dataset = datasets.named("default", "golden")
    first = datasets.add(dataset.id, Maker(store).of_filter(Query("default"), Choice("correct")))
    assert first is not None
    gone = next(iter(datasets.examples(first.id)))
    second = datasets.remove(dataset.id, [gone.id])
    assert second is not None
    assert (second.examples, second.change.removed) == (3, 1)
    assert datasets.example(first.id, gone.id) == gone
    assert datasets.example(second.id, gone.id) is None


def test_examples_come_in_pages_in_the_order_they_were_added(store: SqliteStore, datasets: Datasets) -> None:
    version = datasets.add(
        datasets.named("default", "g").id, Maker(store).of_filter(Query("default"), Choice("correct"))
    )
    assert version is not None
    whole = spans(datasets.examples(version.id))
    assert spans(datasets.examples(version.id, offset=1, limit=2)) == whole[1:3]


def test_a_name_is_taken_once(datasets: Datasets) -> None:
    one = datasets.create("default", "golden")
    other = datasets.create("default", "silver")
    assert datasets.named("default", "golden").id == one.id
    for taken in (lambda: datasets.create("default", "golden"), lambda: datasets.rename(other.id, "golden", "")):
        with pytest.raises(Conflict, match="'golden' already"):
            taken()
    assert datasets.rename(one.id, "golden", "for refunds")


def test_a_deleted_dataset_is_gone_with_its_versions(store: SqliteStore, datasets: Datasets) -> None:
    dataset = datasets.named("default", "golden")
    datasets.add(dataset.id, Maker(store).of_filter(Query("default"), Choice("correct")))
    assert datasets.delete(dataset.id)
    assert not datasets.delete(dataset.id)
    assert datasets.versions(dataset.id) == []
    with pytest.raises(NotFound, match="was deleted"):
        datasets.add(dataset.id, [])


def test_a_version_nobody_made_is_refused(datasets: Datasets) -> None:
    dataset = datasets.named("default", "empty")
    assert datasets.version(dataset.id) is None
    with pytest.raises(NotFound, match="no version 7"):
        datasets.version(dataset.id, 7)
