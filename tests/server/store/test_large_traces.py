"""Every store takes in a large trace as it does a small one."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from store_engines import KINDS, opened, sums
from store_model.spans import TRACES, llm, record


@pytest.fixture(params=KINDS)
def store(request):
    with opened(request.param) as made:
        yield made


def test_a_large_trace_comes_to_the_same_however_it_comes(store):
    """Late, twice, changed, from the bottom up, wrapped after it was counted, and with a root that comes last."""
    ids = [f"{n:016x}" for n in range(1, 701)]
    steps = [
        llm(TRACES[0], one, parent=ids[n // 9], at=n / 100, took=n % 3, tokens=n, cost=n, user__id=f"u{n % 3}")
        if n % 2
        else record(TRACES[0], one, parent=ids[n // 9], at=n / 100, name=f"step {n % 5}", status="error")
        for n, one in enumerate(ids)
        if n
    ]
    root = record(TRACES[0], ids[0], name="request", took=9, spanwise__input="asked", spanwise__output="said")
    random.Random(3).shuffle(steps)
    store.write(steps[:600])
    store.write(steps[590:640])
    store.write([llm(TRACES[0], ids[n], parent=ids[n // 9], at=n / 100, tokens=1, cost=5) for n in (688, 690, 691)])
    store.write([*steps[640:], root])
    store.write([replace(one, reading=replace(one.reading, environment="prod")) for one in steps[10:14]])
    store.write([llm(TRACES[0], "f" * 16, parent=ids[0], at=5, tokens=3), llm(TRACES[0], "e" * 16, parent="f" * 16)])
    kept, summed = store.trace("default", TRACES[0]), sums(store)
    assert (kept.summary.span_count, kept.summary.name, kept.summary.input_preview) == (702, "request", "asked")
    store.recount()
    assert store.trace("default", TRACES[0]) == kept
    assert sums(store) == summed
