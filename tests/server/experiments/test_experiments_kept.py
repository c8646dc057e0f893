"""Runs as they are kept, on each engine that keeps small tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

import store_engines
from spanwise_server.datasets.example import Example
from spanwise_server.errors import NotFound
from spanwise_server.experiments.experiment import SILENT_NS, Result, state_now
from spanwise_server.store.datasets import Datasets
from spanwise_server.store.experiments import Experiments


@pytest.fixture(params=list(store_engines.KINDS))
def store(request: pytest.FixtureRequest) -> Iterator[Any]:
    with ExitStack() as stack:
        yield stack.enter_context(store_engines.opened(request.param))


def test_a_run_is_counted_as_it_goes_and_again_without_its_errors(store: Any) -> None:
    datasets, experiments = Datasets(store), Experiments(store)
    dataset = datasets.create("default", "cities")
    version = datasets.add(dataset.id, [Example(f"ex_{n}", {"content": n}, None, None) for n in range(4)])
    assert version is not None
    run = experiments.plan(dataset, version, {"provider": "openai"}, name="swap", planned=4, threshold=0.5, by="me")
    assert (run.state, run.done, run.planned, run.plan) == ("waiting", 0, 4, {"provider": "openai"})
    experiments.begin(run.id)
    experiments.add_result(
        run.id, Result("ex_0", True, 12.5, output="Peru", cost_nusd=100, input_tokens=7, flip_rate=0.5)
    )
    experiments.add_result(run.id, Result("ex_1", None, output="?", input_tokens=3, flip_rate=0.0))
    experiments.add_result(run.id, Result("ex_2", False, error="429", answers=0))
    experiments.beat([run.id])
    going = experiments.find(run.id)
    assert going is not None
    assert (going.state, going.done, going.passed, going.trials, going.errors) == ("running", 3, 1, 2, 1)
    assert (going.cost_nusd, going.unpriced, going.input_tokens, going.output_tokens) == (100, 2, 10, None)
    assert going.flip_rate == 0.25
    assert [result.passed for result in experiments.results(run.id)] == [False, True, None]
    experiments.cut_off()
    cut = experiments.find(run.id)
    assert cut is not None
    assert (cut.state, cut.resumable) == ("cut_off", True)
    assert experiments.drop_errors(run.id) == {"ex_0", "ex_1"}
    again = experiments.find(run.id)
    assert again is not None
    assert (again.done, again.trials, again.errors, again.unpriced) == (2, 1, 0, 1)
    experiments.begin(run.id)
    experiments.end(run.id, "stopped", "enough")
    ended = experiments.find(run.id)
    assert ended is not None
    assert (ended.state, ended.why, ended.ended_ns is not None) == ("stopped", "enough", True)
    assert experiments.before(ended) is None
    experiments.delete(run.id)
    with pytest.raises(NotFound, match="deleted while it ran"):
        experiments.add_result(run.id, Result("ex_3", True))


def test_a_run_whose_server_is_silent_is_cut_off() -> None:
    assert state_now("running", 0, SILENT_NS) == "running"
    assert state_now("running", 0, SILENT_NS + 1) == "cut_off"
    assert state_now("waiting", 0, SILENT_NS + 1) == "cut_off"
    assert state_now("done", 0, SILENT_NS + 1) == "done"
