"""Sessions as lists show them, compared with what a reader would count."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanwise_server.errors import SpanwiseError
from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.record import Annotation
from spanwise_server.store import session_pages, set_sessions, trace_sets
from spanwise_server.store.all_sessions import AllSessions
from spanwise_server.store.cursor import Cursor
from spanwise_server.store.engine import Store
from spanwise_server.store.kept_session import Counted
from spanwise_server.store.row_numbers import UNSAID
from spanwise_server.store.session_order import MOST_ORDERED, ORDERS
from store_engines import KINDS, opened
from store_model.spans import TRACES, distinct, llm, record, records

HYPOTHESIS = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(params=KINDS)
def store(request):
    with opened(request.param) as made:
        yield made


def listed(store: Store, text: str = "", limit: int = 50) -> list[str]:
    """Return the ids of the sessions of all pages."""
    query = Query("default", parse(text), limit=limit)
    found: list[str] = []
    while True:
        page = store.find_sessions(query)
        found += [one.session_id for one in page.items]
        if page.next_cursor is None:
            return found
        query = replace(query, cursor=page.next_cursor)


def sorted_pages(store: Store, query: Query) -> tuple[list[str], list[str]]:
    """Return the ids of the sessions of all pages in their order, and those on the way back, turned again."""
    there, back, page = [], [], store.find_sessions(query)
    there += [one.session_id for one in page.items]
    while page.next_cursor is not None:
        page = store.find_sessions(replace(query, cursor=page.next_cursor))
        there += [one.session_id for one in page.items]
    back = [one.session_id for one in page.items]
    while page.previous_cursor is not None:
        page = store.find_sessions(replace(query, cursor=page.previous_cursor))
        back = [one.session_id for one in page.items] + back
    return there, back


def turn(number: int, session: str | None, **more):
    said = {} if session is None else {"session__id": session}
    return llm(f"{number:032x}", "a" * 16, at=number, **said, **more)


@given(
    kind=st.sampled_from(tuple(KINDS)),
    found=st.lists(st.tuples(records(), st.sampled_from((None, "s1", "s2", "s3"))), max_size=14),
    text=st.sampled_from(["", "status:error", "user:ann", "-user:ann"]),
    limit=st.integers(1, 3),
    at_once=st.integers(1, 3),
)
@HYPOTHESIS
def test_every_session_is_listed_once_by_its_newest_trace_that_matches(kind, found, text, limit, at_once):
    said = [
        one if session is None else replace(one, reading=replace(one.reading, session_id=session))
        for one, session in found
    ]
    with opened(kind) as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_pages, "_AT_ONCE", at_once)
        patch.setattr(set_sessions, "_FIRST_AT_ONCE", (at_once, at_once))
        store.write(distinct(said))
        traces = store.find_traces(Query("default", parse(text), limit=100)).items
        everything = store.find_traces(Query("default", parse(""), limit=100)).items
        sessions = listed(store, text, limit)
        sums = {session: store.session_of("default", session) for session in sessions}
    assert sessions == list(dict.fromkeys(trace.session_id for trace in traces if trace.session_id is not None))
    for session, one in sums.items():
        of = [trace for trace in everything if trace.session_id == session]
        assert one is not None
        assert (one.turns, one.errors) == (len(of), sum(trace.status == "error" for trace in of))
        costs = [trace.cost_nusd for trace in of if trace.cost_nusd is not None]
        assert one.cost_nusd == (sum(costs) if costs else None)
        assert (one.start_ns, one.end_ns) == (min(t.start_ns for t in of), max(t.end_ns for t in of))


@given(
    kind=st.sampled_from(tuple(KINDS)),
    found=st.lists(st.tuples(records(), st.sampled_from(("s1", "s2", "s3", "s4"))), max_size=14),
    text=st.sampled_from(["", "status:error", "-user:ann"]),
    sort=st.sampled_from(ORDERS),
    falls=st.booleans(),
    limit=st.integers(1, 3),
    given_labels=st.lists(
        st.tuples(st.sampled_from(TRACES), st.sampled_from(("fail", "Pass", "pass", None))), max_size=4
    ),
)
@HYPOTHESIS
def test_sessions_are_sorted_by_what_all_their_traces_come_to_and_unsaid_comes_last(
    kind, found, text, sort, falls, limit, given_labels
):
    said = [replace(one, reading=replace(one.reading, session_id=session)) for one, session in found]
    query = Query("default", parse(text), sort=("-" if falls and sort != "time" else "") + sort, limit=limit)
    with opened(kind) as store:
        store.write(distinct(said))
        store.annotate(
            [
                Annotation(str(n), "default", "correct", trace, None, label, 0.5)
                for n, (trace, label) in enumerate(given_labels)
            ]
        )
        labels = labels_of_sessions(store, given_labels)
        wanted = set(listed(store, text))
        there, back = sorted_pages(store, query)
        sums = {session: store.session_of("default", session) for session in there}
        assert store.find_sessions(query).of_newest is None
    assert len(there) == len(set(there)) == len(wanted)
    assert set(there) == wanted
    assert back == there
    measured = {
        "start": lambda one: one.start_ns,
        "duration": lambda one: one.end_ns - one.start_ns,
        "turns": lambda one: one.turns,
        "errors": lambda one: one.errors,
        "tokens": lambda one: one.total_tokens,
        "cost": lambda one: one.cost_nusd,
        "session": lambda one: one.session_id,
        "user": lambda one: one.user_id,
        "input": lambda one: None if one.input_preview is None else one.input_preview[:24],
        "output": lambda one: None if one.output_preview is None else one.output_preview[:24],
        "labels": lambda one: min(labels[one.session_id]) if one.session_id in labels else None,
    }
    if sort != "time":
        values = [(measured[sort](sums[session]), session) for session in there]
        said_first = [one for one in values if one[0] is not None]
        unsaid = [one for one in values if one[0] is None]
        assert values == sorted(said_first, reverse=falls) + sorted(unsaid, reverse=falls)


def labels_of_sessions(store: Store, given_labels: list[tuple[str, str | None]]) -> dict[str | None, list[str]]:
    """Return the labels that were given to the traces of each session that has one."""
    session_of = {one.trace_id: one.session_id for one in store.find_traces(Query("default", limit=100)).items}
    found: dict[str | None, list[str]] = {}
    for trace, label in given_labels:
        if label is not None and trace in session_of:
            found.setdefault(session_of[trace], []).append(label)
    return found


@pytest.mark.parametrize("known", [True, False])
def test_what_sessions_say_is_followed_as_their_turns_come_and_go(store, monkeypatch, known):
    """A session stands with the user of its last turn, else of its first, and with its first input and last output."""
    if not known:
        monkeypatch.setattr(trace_sets, "MOST_SESSIONS", 0)

    def listed_by(sort: str) -> list[str]:
        return sorted_pages(store, Query("default", sort=sort, limit=2))[0]

    store.write([saying(1, "s1", "bob", "b", "y"), saying(2, "s2", "cat", "c", "x"), saying(3, "s3", None, None, None)])
    assert [listed_by(sort) for sort in ("user", "input", "-output")] == [
        ["s1", "s2", "s3"], ["s1", "s2", "s3"], ["s1", "s2", "s3"],
    ]  # fmt: skip
    store.write([saying(4, "s1", "dan", "a", "w"), saying(5, "s2", None, "a", None), saying(0, "s3", "ann", "d", "d")])
    assert listed_by("user") == ["s3", "s2", "s1"]
    assert listed_by("input") == ["s1", "s2", "s3"]
    assert listed_by("-output") == ["s1", "s3", "s2"]
    store.delete_traces("default", [f"{4:032x}"])
    assert listed_by("user") == ["s3", "s1", "s2"]
    assert listed_by("-output") == ["s1", "s3", "s2"]
    store.annotate([Annotation("1", "default", "tone", f"{1:032x}", None, "good")])
    store.annotate([Annotation("2", "default", "tone", f"{5:032x}", "a" * 16, "bad")])
    assert (listed_by("labels"), listed_by("-labels")) == (["s2", "s1", "s3"], ["s1", "s2", "s3"])
    store.unannotate("default", "2")
    assert listed_by("labels") == ["s1", "s2", "s3"]


def saying(number: int, session: str, user: str | None, asked: str | None, answered: str | None):
    one = turn(number, session)
    return replace(one, reading=replace(one.reading, user_id=user, input=asked, output=answered))


@pytest.mark.parametrize("words", ["5 abc", "x abc", "9" * 5_000 + " a", ""])
def test_a_cursor_of_texts_that_is_not_ours_is_refused(store, words):
    store.write([turn(1, "s1")])
    with pytest.raises(SpanwiseError, match="cursor"):
        store.find_sessions(Query("default", sort="user", cursor=Cursor("user", 0, 0, words=words).text()))


def test_sessions_by_time_are_the_newest_last(store):
    store.write([turn(3, "s1"), turn(1, "s2"), turn(2, "s3"), turn(0, "s1")])
    assert sorted_pages(store, Query("default", sort="time", limit=2)) == (["s2", "s3", "s1"],) * 2


@pytest.mark.parametrize("filter_", ["", "tokens>5"])
def test_all_sessions_are_put_in_order_however_many(store, filter_):
    costs = {f"s{n}": n * 7_919 % 1_201 for n in range(1, MOST_ORDERED + 101)}
    store.write([turn(n, session, cost=cost) for n, (session, cost) in enumerate(costs.items(), 1)])
    wanted = sorted(costs, key=lambda session: (costs[session], session))
    for sort, order in (("cost", wanted), ("-cost", wanted[::-1])):
        there, back = sorted_pages(store, Query("default", parse(filter_), sort=sort, limit=400))
        assert there == back == order
        assert store.find_sessions(Query("default", parse(filter_), sort=sort, limit=1)).of_newest is None


@pytest.mark.parametrize("store", ["sqlite", "postgresql"], indirect=True)
def test_where_not_all_sums_are_known_the_newest_sessions_are_put_in_order_and_the_page_says_so(store, monkeypatch):
    monkeypatch.setattr(trace_sets, "MOST_SESSIONS", 2)
    for module in (session_pages, set_sessions):
        monkeypatch.setattr(module, "MOST_ORDERED", 2)
    store.write([turn(1, "s1", cost=9), turn(2, "s2", cost=1), turn(3, "s3", cost=2)])
    page = store.find_sessions(Query("default", sort="-cost"))
    assert ([one.session_id for one in page.items], page.of_newest) == (["s3", "s2"], 2)


@pytest.mark.parametrize("store", ["sqlite", "postgresql"], indirect=True)
def test_sessions_that_are_gone_count_for_none_of_those_that_are_put_in_order(store, monkeypatch):
    monkeypatch.setattr(trace_sets, "MOST_SESSIONS", 4)
    for module in (session_pages, set_sessions):
        monkeypatch.setattr(module, "MOST_ORDERED", 2)
    query = Query("default", sort="-cost")
    for begin in range(1, 30, 3):
        store.write([turn(n, f"s{n}", cost=n * 7 % 10) for n in range(begin, begin + 3)])
        page = store.find_sessions(query)
        costs = {f"s{n}": n * 7 % 10 for n in range(begin, begin + 3)}
        assert [one.session_id for one in page.items] == sorted(costs, key=costs.__getitem__, reverse=True)
        assert page.of_newest is None
        for n in range(begin, begin + 3):
            store.delete_trace("default", f"{n:032x}")
            store.find_sessions(query)


def test_most_places_of_sessions_that_are_gone_are_worth_counting_anew():
    trace = Counted(10, 5, UNSAID, UNSAID, False)
    kept = AllSessions()
    for session in (1, 2, 3, 4):
        kept.add(session, trace)
    for session in (1, 2):
        kept.take(session, trace)
    assert (len(kept), kept.is_sparse) == (2, False)
    kept.take(3, trace)
    assert (len(kept), kept.is_sparse) == (1, True)
    kept.add(2, trace)
    assert (len(kept), kept.is_sparse) == (2, False)


def test_sessions_stay_in_order_as_their_traces_change_and_go(store):
    long = {"took": 50.0}
    store.write([turn(1, "s1"), turn(5, "s1", **long), turn(2, "s2"), turn(8, "s2"), turn(3, "s3", cost=4)])

    def listed_by(sort: str) -> list[str]:
        return sorted_pages(store, Query("default", sort=sort, limit=2))[0]

    assert listed_by("-duration") == ["s1", "s2", "s3"]
    assert listed_by("-cost") == ["s3", "s2", "s1"]
    store.write([turn(5, "s1"), turn(2, "s2", cost=9)])
    assert listed_by("-duration") == ["s2", "s1", "s3"]
    assert listed_by("-cost") == ["s2", "s3", "s1"]
    store.delete_trace("default", f"{8:032x}")
    store.write([turn(9, "s4"), turn(10, "s3")])
    assert listed_by("-duration") == ["s3", "s1", "s4", "s2"]
    assert listed_by("start") == ["s1", "s2", "s3", "s4"]
    assert listed_by("-turns") == ["s3", "s1", "s4", "s2"]
    store.delete_trace("default", f"{2:032x}")
    assert listed_by("-session") == ["s4", "s3", "s1"]


def test_an_order_that_sessions_have_not_is_refused(store):
    with pytest.raises(SpanwiseError, match="no order"):
        store.find_sessions(Query("default", sort="-latency"))


def test_a_session_begins_with_its_first_question_and_ends_with_its_last_answer(store):
    asked = '[{"role":"user","parts":[{"type":"text","content":"%s"}]}]'
    answered = '[{"role":"assistant","parts":[{"type":"text","content":"%s"}]}]'
    store.write(
        [
            turn(n, "s1", gen_ai__input__messages=asked % f"q{n}", gen_ai__output__messages=answered % f"a{n}")
            for n in (2, 1, 3)
        ]
    )
    (one,) = store.find_sessions(Query("default")).items
    assert (one.input_preview, one.output_preview, one.turns) == ("q1", "a3", 3)


def test_a_trace_whose_inner_span_names_another_session_is_no_turn_of_that(store):
    store.write(
        [
            record(TRACES[0], "a" * 16, session__id="s1"),
            record(TRACES[0], "b" * 16, parent="a" * 16, session__id="s2"),
        ]
    )
    assert listed(store) == ["s1"]
    assert store.session_of("default", "s2") is None


def test_the_range_and_the_filter_choose_sessions_and_the_sums_are_of_all_their_traces(store):
    store.write([turn(1, "s1", cost=1, user__id="ann"), turn(9, "s1", cost=2), turn(5, "s2", cost=4)])
    (one,) = store.find_sessions(Query("default", parse("user:ann"))).items
    assert (one.session_id, one.turns, one.cost_nusd) == ("s1", 2, 3)
    assert listed(store, "status:error") == []


def test_a_root_is_the_earliest_span_without_a_parent(store):
    store.write([llm(TRACES[0], "b" * 16, parent="a" * 16, at=0), record(TRACES[0], "a" * 16, at=1)])
    store.write([llm(TRACES[1], "c" * 16, parent="9" * 16)])
    found = store.roots("default", [TRACES[0], TRACES[1], TRACES[2]])
    assert {trace: one.span.span_id for trace, one in found.items()} == {TRACES[0]: "a" * 16, TRACES[1]: "c" * 16}
