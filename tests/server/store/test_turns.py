"""One thread at a time, in the order in which they asked."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

from spanwise_server.store.turns import Turns


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
        thread.join(10)
    assert order == [0, 1, 2, 3, 4]


def take(turns: Turns, number: int, order: list[int]) -> None:
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
