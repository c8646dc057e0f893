from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlmodel import select

from shop_traces import shop_trace, span_id, trace_id
from spanwise_server.datasets.comparing import compared
from spanwise_server.datasets.difference import Difference
from spanwise_server.datasets.making import Choice, Maker
from spanwise_server.datasets.version import Change
from spanwise_server.errors import Conflict, NotFound, SpanwiseError
from spanwise_server.jobs.deletion import delete_found, delete_traces
from spanwise_server.labelling.desk import Desk
from spanwise_server.labelling.judgement import Verdict
from spanwise_server.labelling.queue import NewQueue, Target
from spanwise_server.labelling.recipe import Recipe
from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.record import Annotator
from spanwise_server.store.dataset_rows import Shown
from spanwise_server.store.dataset_tables import ExampleRow
from spanwise_server.store.datasets import Datasets
from spanwise_server.store.engine import Store
from spanwise_server.store.label_events import Act
from store_engines import KINDS, opened

KEYS = (f"key-{n:06d}" for n in itertools.count())
ANA = Annotator("human", "ana")
VERDICTS = (Verdict("pass"), Verdict("fail", "late"), Verdict("fail", "rude", "Dear customer, ..."), Verdict("pass"))


def act() -> Act:
    return Act("default", next(KEYS), ANA)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    with opened(request.param) as made:
        made.write([record for n in range(6) for record in shop_trace(n)])
        yield made


@pytest.fixture
def datasets(store: Store) -> Datasets:
    """Datasets of a store in which traces 5, 4, 3 and 2 were labelled in a queue, in that order."""
    desk = Desk(store)
    queue = desk.queue_from_recipe(NewQueue("all"), Query("default"), Recipe("newest", limit=6))
    for item, verdict in zip(desk.queues.items(queue.id), VERDICTS, strict=False):
        desk.judge_item(queue, item, verdict, act())
    return Datasets(store)


def spans(examples) -> list[str]:
    return [example.source["trace_id"] for example in examples]


def test_a_queue_gives_the_labelled_items_that_are_chosen(store: Store, datasets: Datasets) -> None:
    queue, _ = Desk(store).queues.all("default")[0]
    chosen = {"all": [5, 4, 3, 2], "passed": [5, 2], "failed": [4, 3], "expected": [5, 3, 2]}
    for which, expected in chosen.items():
        made = Maker(store).of_queue(queue, which)
        assert spans(made) == [trace_id(n) for n in expected], which
        assert {example.provenance["blind"] for example in made if example.provenance} == {True}


def test_a_filter_gives_the_labelled_spans_of_what_it_finds(store: Store, datasets: Datasets) -> None:
    made = Maker(store).of_filter(Query("default", parse("session:s_2")), Choice("correct"))
    assert spans(made) == [trace_id(5), trace_id(2)]


def test_a_label_of_another_name_makes_no_example(store: Store, datasets: Datasets) -> None:
    with pytest.raises(SpanwiseError, match="Nothing there is labelled"):
        Maker(store).of_filter(Query("default"), Choice("polite"))


def test_a_span_that_passed_after_all_is_not_among_the_failed(store: Store, datasets: Datasets) -> None:
    Desk(store).judge_span(
        Target(trace_id(4), span_id(4)),
        "correct",
        Verdict("pass"),
        Act("default", next(KEYS), Annotator("human", "bo")),
    )
    made = Maker(store).of_filter(Query("default"), Choice("correct", "failed"))
    assert spans(made) == [trace_id(3)]


def test_one_span_is_added_with_or_without_a_label(store: Store, datasets: Datasets) -> None:
    (example,) = Maker(store).of_span("default", Target(trace_id(0), span_id(0)), "correct")
    assert (example.label, example.expected_output) == (None, None)
    (labelled,) = Maker(store).of_span("default", Target(trace_id(3), span_id(3)), "correct")
    assert labelled.expected_output == {"content": "Dear customer, ..."}


def test_a_version_never_changes(store: Store, datasets: Datasets) -> None:
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


def test_adding_what_is_there_makes_no_version(store: Store, datasets: Datasets) -> None:
    dataset = datasets.named("default", "golden")
    made = Maker(store).of_filter(Query("default"), Choice("correct"))
    assert datasets.add(dataset.id, made) is not None
    assert datasets.add(dataset.id, made) is None


def test_the_same_examples_have_the_same_hash_in_any_dataset(store: Store, datasets: Datasets) -> None:
    made = Maker(store).of_filter(Query("default"), Choice("correct"))
    one = datasets.add(datasets.named("default", "one").id, made)
    two = datasets.add(datasets.named("default", "two").id, reversed(made))
    assert one is not None
    assert two is not None
    assert one.content_hash == two.content_hash


def test_a_removed_example_stays_in_the_version_before(store: Store, datasets: Datasets) -> None:
    dataset = datasets.named("default", "golden")
    first = datasets.add(dataset.id, Maker(store).of_filter(Query("default"), Choice("correct")))
    assert first is not None
    gone = next(iter(datasets.examples(first.id)))
    second = datasets.remove(dataset.id, [gone.id])
    assert second is not None
    assert (second.examples, second.change.removed) == (3, 1)
    assert datasets.example(first.id, gone.id) == gone
    assert datasets.example(second.id, gone.id) is None


def test_what_a_version_took_out_is_put_back_where_it_was_whatever_came_since(store: Store, datasets: Datasets) -> None:
    dataset = datasets.named("default", "golden")
    made = Maker(store).of_filter(Query("default"), Choice("correct"))
    first = datasets.add(dataset.id, made[:-1])
    assert first is not None
    gone = list(datasets.examples(first.id))[1]
    second = datasets.remove(dataset.id, [gone.id])
    assert second is not None
    datasets.add(dataset.id, made[-1:])
    fourth = datasets.put_back(dataset.id, second.number, by="ana")
    assert fourth is not None
    assert (fourth.change.added, fourth.created_by, fourth.note) == (1, "ana", "Put back what v2 took out")
    assert [e.id for e in datasets.examples(fourth.id)] == [e.id for e in made]
    assert datasets.put_back(dataset.id, second.number) is None


def test_examples_come_in_pages_in_the_order_they_were_added(store: Store, datasets: Datasets) -> None:
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


def test_a_deleted_dataset_is_gone_with_its_versions(store: Store, datasets: Datasets) -> None:
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


# --- splits, tags, what was forgotten


@pytest.fixture
def filled(store: Store, datasets: Datasets):
    """A dataset of four examples in its first version."""
    dataset = datasets.create("default", "support")
    queue, _ = Desk(store).queues.all("default")[0]
    datasets.add(dataset.id, Maker(store).of_queue(queue))
    return dataset


def test_a_split_dataset_splits_what_is_added_and_never_moves_what_is_there(
    store: Store, datasets: Datasets, filled
) -> None:
    first = list(datasets.examples(datasets.version(filled.id).id))
    datasets.add(filled.id, [])
    version = datasets.split(filled.id, {"train": 50, "test": 50}, by="ana")
    assert (version.note, version.created_by) == ("Split: train 50, test 50", "ana")
    before = {example.id: example.split for example in datasets.examples(version.id)}
    assert set(before.values()) <= {"train", "test"}
    changed = replace(first[0], tags=["new"])  # made anew from its span, it says nothing of a split
    more = replace(first[1], id="ex_more", source=None, input={"content": "Another question"})
    after = datasets.add(filled.id, [changed, more])
    splits = {example.id: example.split for example in datasets.examples(after.id)}
    assert {name: splits[name] for name in before} == before
    assert splits["ex_more"] in {"train", "test"}
    assert datasets.find(filled.id).splits == {"train": 50, "test": 50}


def test_a_version_is_named_by_number_tag_and_hash(datasets: Datasets, filled) -> None:
    first = datasets.version(filled.id)
    second = datasets.remove(filled.id, [next(datasets.examples(first.id)).id])
    datasets.tag(filled.id, "prod", first, by="ana")
    assert datasets.tags(filled.id) == {"prod": 1}
    for name in ("1", "v1", "prod", first.content_hash, first.content_hash[3:12]):
        assert datasets.version_named(filled.id, name).number == 1, name
    for name in ("", "latest", "v2"):
        assert datasets.version_named(filled.id, name).number == 2, name
    datasets.tag(filled.id, "prod", second)
    assert datasets.tags(filled.id) == {"prod": 2}
    assert datasets.untag(filled.id, "prod")
    assert not datasets.untag(filled.id, "prod")
    for name in ("prod", "v9", "b2:ffffffff", "b"):
        with pytest.raises(NotFound):
            datasets.version_named(filled.id, name)


def test_a_tag_that_reads_as_something_else_is_refused(datasets: Datasets, filled) -> None:
    for tag in ("", "latest", "v3", "7", "two words", "x" * 41):
        with pytest.raises(SpanwiseError, match="is no tag"):
            datasets.tag(filled.id, tag, datasets.version(filled.id))


def test_two_versions_differ_in_what_was_added_changed_and_removed(datasets: Datasets, filled) -> None:
    first = datasets.version(filled.id)
    kept, edited, removed, _ = datasets.examples(first.id)
    datasets.add(filled.id, [replace(edited, tags=["late"]), replace(kept, id="ex_new")])
    last = datasets.remove(filled.id, [removed.id])
    found = compared(datasets, first, last)
    assert (found.difference.added, found.difference.changed, found.difference.removed) == (
        ("ex_new",), (edited.id,), (removed.id,)
    )  # fmt: skip
    assert [change.fields for change in found.changed] == [("tags",)]
    assert [example.id for example in (*found.added, *found.removed)] == ["ex_new", removed.id]
    assert compared(datasets, last, last).difference == Difference((), (), ())


def test_words_and_splits_find_examples_in_any_language(datasets: Datasets, filled) -> None:
    some = replace(next(datasets.examples(datasets.version(filled.id).id)), source=None)
    version = datasets.add(
        filled.id,
        [
            replace(some, id="ex_de", input={"content": "Wo bleibt meine ÜBERWEISUNG?"}, split="test"),
            replace(some, id="ex_ja", input={"content": "返金はいつですか 100%"}, split="train"),
        ],
    )

    def found(words: str, split: str = "") -> list[str]:
        shown = Shown(words, split)
        names = [example.id for example in datasets.examples(version.id, shown=shown)]
        assert datasets.count(version.id, shown) == len(names)
        return names

    assert found("überweisung") == ["ex_de"]
    assert found("返金 100%") == ["ex_ja"]
    assert found("100%") == ["ex_ja"]
    assert found("", "test") == ["ex_de"]
    assert found("überweisung", "train") == []


def test_a_deleted_trace_takes_its_examples_and_marks_the_versions(store: Store, datasets: Datasets, filled) -> None:
    first = datasets.version(filled.id)
    other = datasets.create("default", "other")
    datasets.add(other.id, [replace(next(datasets.examples(first.id)), source=None)])
    assert delete_traces(store, "default", [trace_id(4)]) == 1
    marked = datasets.version(filled.id)
    assert (marked.examples, marked.forgotten, marked.held) == (4, 1, 3)
    assert trace_id(4) not in spans(datasets.examples(first.id))
    assert datasets.version(other.id).forgotten == 0
    with store.session() as session:
        assert trace_id(4) not in str(session.exec(select(ExampleRow.body)).all())
    after = datasets.add(filled.id, [replace(next(datasets.examples(first.id)), tags=["x"])])
    assert (after.examples, after.forgotten, after.change) == (3, 0, Change(0, 1, 1))


def test_retention_leaves_examples_where_they_are(store: Store, datasets: Datasets, filled) -> None:
    assert sum(delete_found(store, Query("default"), with_examples=False)) == 6
    assert datasets.version(filled.id).forgotten == 0
    assert len(list(datasets.examples(datasets.version(filled.id).id))) == 4


def test_another_project_of_the_same_trace_keeps_its_examples(store: Store, datasets: Datasets, filled) -> None:
    elsewhere = datasets.create("elsewhere", "support")
    datasets.add(elsewhere.id, list(datasets.examples(datasets.version(filled.id).id)))
    assert datasets.forget("default", [trace_id(4)]) == 1
    assert datasets.version(elsewhere.id).forgotten == 0
    assert datasets.forget("nobody", [trace_id(4)]) == 0
