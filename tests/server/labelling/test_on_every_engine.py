"""Labelling on every store: the same seed is the same sample, and no two people get the same label to give."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from shop_traces import START_NS, failed, shop_trace, span_id, trace_id
from spanwise_server.labelling.desk import Desk
from spanwise_server.labelling.drawing import sampled
from spanwise_server.labelling.judgement import Verdict
from spanwise_server.labelling.queue import Chosen, NewQueue, People, Target
from spanwise_server.labelling.recipe import RECIPES, STRATA, Recipe
from spanwise_server.labelling.slot import LEAST_HOLD_NS
from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.record import Annotation, Annotator, Cost, Record
from spanwise_server.store.engine import STORES
from spanwise_server.store.label_events import Act
from store_engines import opened

KEYS = (f"engine-key-{n:06d}" for n in itertools.count())
TRACES = 40
#: The first traces of a random sample with the seed "known", on whichever store.
RANDOM = [36, 32, 26, 19, 5, 10]
QUESTIONS = ("Where is my parcel?", "The zip is broken.", "How do I reset my password?", "Delete my account!")


def trace(n: int) -> list[Record]:
    """Return the *n*-th trace; each differs from the others in whatever a recipe looks at, and some are alike."""
    root, *rest = shop_trace(n, f"{QUESTIONS[n % 4]} It is order {n}.")
    reading = replace(root.reading, tags=("beta", "vip")[: n % 3] or None, environment=("prod", "dev")[n % 2])
    span = replace(root.span, end_ns=root.span.end_ns + n * 37 % 11 * 70_000_001)
    model = replace(rest[-1], cost=None if n % 5 == 0 else Cost(n * 53 % 7 * 1_234_567))
    records = [replace(root, span=span, reading=reading), *rest[:-1], model]
    return failed(records, "no such order") if n % 4 == 0 else records


def annotation(n: int, who: Annotator, label: str, score: float | None = None) -> Annotation:
    id_ = f"{who.id}-{n}"
    at = START_NS + n
    return Annotation(
        id_, "default", "correct", trace_id(n), None, label, score, annotator=who, created_ns=at, updated_ns=at
    )


def judged(n: int) -> list[Annotation]:
    """Return what a judge and a person said of the *n*-th trace; they differ on every third."""
    verdict = "fail" if n % 3 == 0 else "pass"
    return [
        annotation(n, Annotator("llm", "judge"), verdict, n % 10 / 10),
        annotation(n, Annotator("human", "ana"), "pass", 1.0),
    ]


@cache
def samples(kind: str) -> dict[str, tuple[Chosen, ...]]:
    """Return what every recipe draws from the same traces on a store of one engine, of every unit."""
    found = {}
    with opened(kind) as store:
        for n in range(TRACES):  # one write each, as they come in
            store.write(trace(n))
        store.annotate([one for n in range(0, TRACES, 2) for one in judged(n)])
        for name, by, (unit, text) in itertools.product(RECIPES, STRATA, ASKED):
            if by != "name" and (name != "stratified" or text):
                continue
            for limit in (6, 20) if unit == "trace" else (6,):
                recipe = Recipe(name, "known", limit, by)
                sample = sampled(store, Query("default", parse(text)), recipe, unit)  # type: ignore[arg-type]
                found[f"{name} {by} {unit} {text} {limit}"] = sample.chosen
    return found


ASKED = (("trace", ""), ("span", "kind:llm"), ("session", "env:prod"))


@pytest.mark.parametrize("kind", STORES)
def test_the_same_seed_is_the_same_sample_and_more_begins_with_it(kind: str) -> None:
    drawn = samples(kind)
    assert [int(one.target.trace_id, 16) for one in drawn["random name trace  6"]] == RANDOM
    assert all(drawn[f"{name} name trace  6"] for name in RECIPES)
    for asked, chosen in drawn.items():
        if asked.endswith("trace  6"):
            larger = drawn[f"{asked.removesuffix(' 6')} 20"]
            assert [one.target for one in larger[: len(chosen)]] == [one.target for one in chosen], asked
        assert chosen == samples("sqlite")[asked], asked


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[Any]:
    with opened(request.param) as made:
        made.write([record for n in range(10) for record in shop_trace(n)])
        yield made


def test_people_at_once_share_the_labels_that_are_wanted(store: Any) -> None:
    desk = Desk(store)
    targets = [Target(trace_id(n), span_id(n)) for n in range(10)]
    queue = desk.queues.create("default", NewQueue("q", people=People(overlap=2)), targets)
    start = threading.Barrier(4)

    def work(who: str) -> list[int]:
        start.wait()
        mine = []
        while found := desk.slots.lease(queue.id, who, hold_ns=LEAST_HOLD_NS):
            act = Act("default", next(KEYS), Annotator("human", who), 1_000)
            desk.judge_item(queue, found[0], Verdict("pass"), act)
            mine.append(found[0].position)
        return mine

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(work, ("ana", "bo", "cy", "di")))
    assert Counter(position for mine in taken for position in mine) == dict.fromkeys(range(1, 11), 2)
    assert desk.queues.progress(queue.id).done == 10
    undone = desk.events.undo_in_queue(Act("default", next(KEYS), Annotator("human", "ana")), queue.id)
    assert (undone is None) == (not taken[0])
    assert len(desk.history.labels(queue.id)) == 20 - bool(taken[0])
