"""The order of time says what sorting would, whatever was added and taken before, and in whichever order."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap64 as BitMap

from spanwise_server.store import timeline as timeline_of_sets
from spanwise_server.store.timeline import Timeline


@pytest.fixture(autouse=True)
def few_together(monkeypatch):
    monkeypatch.setattr(timeline_of_sets, "_TOGETHER", 4)
    monkeypatch.setattr(timeline_of_sets, "_FEW", 6)


def asked(timeline: Timeline, start: dict[int, int], among: BitMap, draw: Random) -> None:
    ends = [None, *range(-1, 63)]
    for _ in range(6):
        first, last = draw.choice(ends), draw.choice(ends)
        inside = {row for row, at in start.items() if (first is None or at >= first) and (last is None or at < last)}
        assert set(timeline.between(first, last)) == inside
        assert timeline.count(first, last) == len(inside)
        assert timeline.count_among(among, first, last) == len(inside & set(among))
    most = draw.randrange(1, 30)
    newest = sorted((at for row, at in start.items() if row in among), reverse=True)[:most]
    assert sorted((start[row] for row in timeline.newest(among, most)), reverse=True) == newest


@settings(max_examples=60, deadline=None)
@given(draw=st.randoms(use_true_random=False))
def test_ranges_are_those_of_the_traces_that_are_there(draw):
    timeline, start, rows = Timeline(), {}, iter(range(1, 10_000))
    for _ in range(12):
        late = draw.random() < 0.5
        new = {next(rows): draw.randrange(60) if late else 60 for _ in range(draw.randrange(1, 14))}
        timeline.add([(at, row) for row, at in new.items()])
        start |= new
        asked(timeline, start, BitMap([row for row in start if draw.random() < 0.6]), draw)
        gone = [row for row in start if draw.random() < draw.choice([0.05, 0.4])]
        timeline.take([(start.pop(row), row) for row in gone])
        asked(timeline, start, BitMap([row for row in start if draw.random() < 0.6]), draw)
