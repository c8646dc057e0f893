from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spanwise_server.labelling.queue import Item, State, Target, neighbour, progress, upcoming
from spanwise_server.labelling.sampling import sample


def queue(*states: State) -> list[Item]:
    return [Item(n, 1, n, Target(f"{n:032x}", f"{n:016x}"), state) for n, state in enumerate(states, 1)]


def positions(items: list[Item]) -> list[int]:
    return [item.position for item in items]


def test_the_next_items_are_the_undone_ones_ahead() -> None:
    assert positions(upcoming(queue("done", "todo", "done", "todo", "todo"), after=2, limit=2)) == [4, 5]


def test_at_the_end_what_was_passed_over_comes_next() -> None:
    assert positions(upcoming(queue("todo", "done", "todo"), after=3, limit=2)) == [1]


def test_deferred_items_come_after_all_others() -> None:
    assert positions(upcoming(queue("deferred", "done", "todo"), after=2, limit=3)) == [3]
    assert positions(upcoming(queue("deferred", "deferred", "done"), after=1, limit=3)) == [2]


def test_going_through_the_deferred_ones_comes_to_an_end() -> None:
    assert upcoming(queue("deferred", "deferred"), after=2) == []


def test_the_item_just_decided_is_never_its_own_next() -> None:
    assert upcoming(queue("todo"), after=1) == []


def test_neighbours_are_found_whatever_their_state_and_across_gaps() -> None:
    items = [item for item in queue("done", "todo", "deferred") if item.position != 2]
    before, after = neighbour(items, 3, -1), neighbour(items, 1, 1)
    assert before is not None
    assert after is not None
    assert (before.position, after.position) == (1, 3)
    assert neighbour(items, 3, 1) is None


def test_progress_counts_deferred_items_as_left() -> None:
    done = progress(queue("done", "deferred", "todo", "done"))
    assert (done.total, done.done, done.deferred, done.todo, done.left, done.percent) == (4, 2, 1, 1, 2, 50.0)


def test_an_empty_queue_is_not_half_done() -> None:
    assert progress([]).percent == 0.0


@given(st.lists(st.text(min_size=1), unique=True), st.integers(1, 20), st.integers(0, 20), st.randoms())
def test_a_larger_sample_begins_with_the_smaller_one_whatever_the_order(
    names: list[str], small: int, more: int, random
) -> None:
    shuffled = list(names)
    random.shuffle(shuffled)
    assert sample(names, small + more, str, "seed")[:small] == sample(shuffled, small, str, "seed")


def test_another_seed_is_another_sample() -> None:
    names = [str(n) for n in range(100)]
    assert sample(names, 10, str, "a") != sample(names, 10, str, "b")


def test_a_sample_is_the_same_on_every_machine() -> None:
    assert sample([str(n) for n in range(20)], 4, str, "status:error") == ["5", "4", "17", "14"]
