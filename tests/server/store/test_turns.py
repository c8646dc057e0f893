"""One thread at a time, in the order in which they asked."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

from spanwise_server.store import turns as turns_of_store
from spanwise_server.store.turns import Behind, Turns


def test_the_turn_goes_to_whoever_has_waited_longest():
    turns, order = Turns(), []
    threads = [threading.Thread(target=take, args=(turns, n, order)) for n in range(5)]
    with turns:
        for waiting, thread in enumerate(threads):
            thread.start()
            while len(turns._waiting) <= waiting:  # it must have asked before the next one does
                time.sleep(0.001)
        assert order == []
    for thread in threads:
        thread.join(60)
    assert order == [0, 1, 2, 3, 4]


def take(turns: Turns | Behind, number: object, order: list[object]) -> None:
    with turns:
        order.append(number)


def test_only_one_at_a_time_has_the_turn_and_an_error_hands_it_on():
    turns, inside, most = Turns(), [], []

    def work() -> None:
        for _ in range(200):
            with suppress(ValueError), turns:
                inside.append(1)
                most.append(len(inside))
                inside.pop()
                int("no number")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(most), max(most)) == (800, 1)


def test_what_nobody_waits_for_has_its_turn_when_no_request_waits():
    turns, order = Turns(), []
    first = threading.Thread(target=take, args=(turns.behind, "index", order))
    second = threading.Thread(target=take, args=(turns, "request", order))
    with turns:
        first.start()
        while not turns._behind:  # it must have asked before the request does
            time.sleep(0.001)
        second.start()
        while not turns._waiting:
            time.sleep(0.001)
        turns._behind[0] = time.monotonic() + 60, turns._behind[0][1]  # however long this takes here
    for thread in (first, second):
        thread.join(60)
    assert order == ["request", "index"]


def test_what_nobody_waits_for_goes_first_once_it_has_waited_long():
    turns, order = Turns(), []
    first = threading.Thread(target=take, args=(turns, "request", order))
    second = threading.Thread(target=take, args=(turns.behind, "index", order))
    with turns:
        first.start()
        while not turns._waiting:
            time.sleep(0.001)
        second.start()
        while not turns._behind:
            time.sleep(0.001)
        turns._behind[0] = 0.0, turns._behind[0][1]
    for thread in (first, second):
        thread.join(60)
    assert order == ["index", "request"]


def test_a_turn_waits_for_a_page_but_not_for_ever(monkeypatch):
    turns, order = Turns(), []
    monkeypatch.setattr(turns_of_store, "LONGEST_FOR_PAGES_S", 60)
    work = threading.Thread(target=take, args=(turns, "spans", order))
    with turns.pages:
        with turns.pages:
            work.start()
        order.append("page")
    work.join(60)
    assert order == ["page", "spans"]
    monkeypatch.setattr(turns_of_store, "LONGEST_FOR_PAGES_S", 0.001)
    with turns.pages, turns, turns.pages:
        order.append("after a moment")
    assert order[-1] == "after a moment"


def test_pages_are_asked_for_while_one_is_made_and_a_moment_after(monkeypatch):
    turns = Turns()
    assert not turns.pages.are_asked_for
    with turns.pages:
        assert turns.pages.are_asked_for
    assert turns.pages.are_asked_for
    monkeypatch.setattr(turns_of_store, "_LATELY_S", 0.0)
    assert not turns.pages.are_asked_for
