from __future__ import annotations

import threading
import time
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from shop_traces import shop_trace
from spanwise_server.store import handed, search
from spanwise_server.store.handed import Handed, text_of
from spanwise_server.store.sqlite import SqliteStore
from spanwise_server.store.turns import Turns
from store_model.spans import record


@pytest.fixture
def place() -> Handed:
    return Handed(Turns())


def written(first: int) -> list[tuple[int, handed.Record]]:
    return list(enumerate(shop_trace(1), first))


def expected(first: int) -> handed.Texts:
    return [(at, text_of(record)) for at, record in written(first)]


def test_what_is_handed_over_is_given_once_as_text(place: Handed) -> None:
    place.put(7, written(100))
    assert place.take(7) == expected(100)
    assert place.take(7) is None


def test_where_records_find_no_room_their_texts_are_kept(place: Handed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handed, "MOST_RECORDS", len(written(0)))
    place.put(1, written(10))
    place.put(2, written(20))
    assert place.take(2) == expected(20)
    assert place.take(1) == expected(10)


def test_beyond_its_bound_it_keeps_nothing_until_there_is_room_again(
    place: Handed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handed, "MOST_CHARS", 1)
    place.put(1, written(10))
    place.to_texts()
    place.put(2, written(20))
    place.to_texts()
    assert place.take(2) is None
    assert place.take(1) == expected(10)
    place.put(3, written(30))
    assert place.take(3) == expected(30)


class Rests(threading.Event):
    """Notes for how long somebody meant to wait, and waits for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.meant: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.meant.append(timeout)
        return super().wait(0)


@pytest.mark.parametrize("looking", [True, False])
def test_the_index_rests_between_its_steps_while_pages_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, looking: bool
) -> None:
    monkeypatch.setattr(search, "SPANS_BEHIND", 2)
    monkeypatch.setattr(search, "_LOOKED_S", -1.0)
    with closing(SqliteStore(tmp_path / "main.db")) as store:
        store.open()
        rests = store._search._hurry = Rests()
        with store.turns.pages if looking else nullcontext():
            store.write([record(f"{n:032x}", f"{n:016x}", name="seen") for n in range(1, 8)])
            while store._search.seen < 1:
                time.sleep(0.001)
        steps = [meant for meant in rests.meant if meant != -1.0]
        assert len(steps) == (4 if looking else 0)
        assert all(meant is not None and meant >= 0 for meant in steps)
