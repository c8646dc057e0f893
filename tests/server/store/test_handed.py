from __future__ import annotations

import pytest

from shop_traces import shop_trace
from spanwise_server.store import handed
from spanwise_server.store.handed import Handed, text_of
from spanwise_server.store.turns import Turns


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
