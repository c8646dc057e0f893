"""Reading and pricing again: what comes out is what a store would hold that had read it so from the first."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from forked_process import Forked
from spanwise_server import cli
from spanwise_server.dialects.reader import reader
from spanwise_server.jobs.again import Again, Asked
from spanwise_server.pricing.price import Prices
from spanwise_server.query.filters import Query, Text
from spanwise_server.record import Reading
from spanwise_server.settings import SETTINGS
from spanwise_server.store.sqlite import SqliteStore
from store_model.spans import START_NS, llm, record

#: Everything derived from spans, with names for numbers that a store gives out in the order things came.
DERIVED = (
    "SELECT s.kind, s.model, s.prompt_name, r.* FROM r_hour r JOIN series s ON s.id = r.series_id",
    "SELECT s.kind, s.model, h.day, h.measure, h.bucket, h.n FROM h_day h JOIN series s ON s.id = h.series_id",
    "SELECT s.kind, s.model, h.hour, h.measure, h.bucket, h.n FROM h_hour h JOIN series s ON s.id = h.series_id",
    "SELECT field, value, trace_id FROM words w JOIN trace_words t, traces x ON word_id = w.id AND trace_row = x.id",
    "SELECT trace_id, name, total_tokens, cost_nusd, unpriced_count, llm_count, models FROM traces",
    "SELECT span_id, kind, name, model, provider, total_tokens, cost_nusd, price_id, counted, input_preview FROM spans",
)


@pytest.fixture
def store(tmp_path):
    opened = SqliteStore(tmp_path / "main.db")
    opened.open()
    with closing(opened):
        yield opened


def derived(path):
    with closing(sqlite3.connect(path)) as db:
        found = []
        for statement in DERIVED:
            cursor = db.execute(statement)
            kept = [at for at, column in enumerate(cursor.description) if column[0] != "series_id"]
            found.append(sorted(([row[at] for at in kept] for row in cursor), key=repr))
        return found


def calls(traces=6, project="default"):
    """A call and a tool in each trace, priced at today's prices."""
    said = '[{"role":"user","parts":[{"type":"text","content":"an unusual question"}]}]'
    found = []
    for n in range(1, traces + 1):
        trace_id = f"{n:032x}"
        call = llm(trace_id, f"{2 * n:016x}", at=n * 60, project=project, tokens=100 * n, gen_ai__input__messages=said)
        found.append(replace(call, cost=Prices().price(call.reading, call.span.start_ns)))
        found.append(record(trace_id, f"{2 * n + 1:016x}", at=n * 60 + 1, project=project, parent=f"{2 * n:016x}"))
    return found


@contextmanager
def older_version(store, monkeypatch):
    """Let the store write as an older version would have."""
    with monkeypatch.context() as patched:
        patched.setattr("spanwise_server.store.writer_memory.reader", lambda: "0.0.1+older")
        store._writer.forget()
        yield
    store._writer.forget()


def written_by_an_older_version(store, records, monkeypatch):
    """Write *records* as one that understood nothing would have."""
    with older_version(store, monkeypatch):
        store.write([replace(each, reading=Reading(), cost=None) for each in records])
    assert store.wait_until_searchable()


def through(store, asked):
    return list(Again(store, asked).run())[-1]


def test_each_span_says_which_reader_it_was_read_by(store) -> None:
    store.write(calls(1))
    with closing(sqlite3.connect(store.path)) as db:
        found = db.execute("SELECT DISTINCT r.name FROM spans s JOIN readers r ON r.id = s.reader_id").fetchall()
    assert found == [(reader(),)]


def test_what_is_read_again_is_as_if_it_had_been_read_so_from_the_first(store, tmp_path, monkeypatch) -> None:
    fresh = SqliteStore(tmp_path / "fresh" / "main.db")
    fresh.open()
    with closing(fresh):
        fresh.write(calls())
    written_by_an_older_version(store, calls(), monkeypatch)
    assert derived(store.path) != derived(fresh.path)
    last = through(store, Asked("reread"))
    assert (last.traces, last.spans, last.of) == (6, 12, 6)
    assert derived(store.path) == derived(fresh.path)
    assert store.wait_until_searchable()
    assert len(store.find_traces(Query("default", Text("unusual"))).items) == 6


def test_the_totals_after_it_are_those_of_a_recount(store, monkeypatch) -> None:
    written_by_an_older_version(store, calls(), monkeypatch)
    through(store, Asked("reread", to_ns=START_NS + 200 * 10**9))
    found = derived(store.path)
    store.recount()
    assert derived(store.path) == found


def test_reading_again_what_this_version_has_read_does_nothing(store) -> None:
    store.write(calls())
    before = derived(store.path)
    assert through(store, Asked("reread")).spans == 0
    everything = through(store, Asked("reread", everything=True))
    assert (everything.spans, everything.changed) == (12, 0)
    assert derived(store.path) == before


def test_a_cost_is_kept_where_what_it_was_computed_from_reads_the_same(store, monkeypatch) -> None:
    dear = [llm(f"{1:032x}", f"{1:016x}", cost=123_456), llm(f"{2:032x}", f"{2:016x}", model="gpt-4o-mini", cost=77)]
    with older_version(store, monkeypatch):
        store.write([dear[0], replace(dear[1], reading=replace(dear[1].reading, model="some-other"))])
    assert through(store, Asked("reread")).spans == 2
    assert store.span("default", f"{1:016x}").cost.total_nusd == 123_456
    again = store.span("default", f"{2:016x}")
    assert again.cost == Prices().price(again.reading, again.span.start_ns)


def test_a_cost_that_is_reported_is_read_again_with_the_span(store, monkeypatch) -> None:
    told = record(
        f"{1:032x}", f"{1:016x}", llm__model_name="gpt-4o", openinference__span__kind="LLM", llm__cost__total=0.5
    )
    assert told.reading.reported_cost_usd == 0.5
    written_by_an_older_version(store, [told], monkeypatch)
    through(store, Asked("reread"))
    cost = store.span("default", f"{1:016x}").cost
    assert (cost.source, cost.total_nusd) == ("reported", 500_000_000)


def test_only_what_is_asked_for_is_read_again(store, monkeypatch) -> None:
    for project in ("a", "b"):
        written_by_an_older_version(store, calls(2, project), monkeypatch)
    assert through(store, Asked("reread", project="a", filter="name:step")).traces == 2
    assert {t.models for t in store.find_traces(Query("a")).items} == {("gpt-4o",)}
    assert {t.models for t in store.find_traces(Query("b")).items} == {()}
    assert store.forget_readers() == ("0.0.1+older",)
    assert through(store, Asked("reread", from_ns=START_NS + 100 * 10**9)).spans == 2


def test_a_run_that_was_cut_off_goes_on_behind_what_it_did(store, monkeypatch) -> None:
    monkeypatch.setattr("spanwise_server.jobs.again._TRACES_AT_ONCE", 2)
    monkeypatch.setattr("spanwise_server.jobs.again._NOTED_S", 0.0)
    written_by_an_older_version(store, calls(), monkeypatch)
    steps = Again(store, Asked("reread", everything=True)).run()
    next(steps)
    next(steps)
    steps.close()
    again = Again(store, Asked("reread", everything=True))
    assert again.resumes()
    assert not Again(store, Asked("reread")).resumes()
    assert [step.traces for step in again.run()] == [6]
    assert not Again(store, Asked("reread", everything=True)).resumes()


def test_a_large_trace_is_read_again_in_parts(store, monkeypatch) -> None:
    monkeypatch.setattr("spanwise_server.store.reread._SPANS_OF_LARGE", 3)
    monkeypatch.setattr("spanwise_server.store.reread.SPANS_AT_ONCE", 2)
    root = record(f"{1:032x}", f"{1:016x}")
    written_by_an_older_version(
        store, [root, *(llm(f"{1:032x}", f"{n:016x}", parent=f"{1:016x}") for n in range(2, 9))], monkeypatch
    )
    price = Prices().price
    from spanwise_server.store.reread import Reviser

    done = list(store.revised("default", [f"{1:032x}"], price, lambda r, part: r.reread(part, everything=False)))
    assert [each.spans for each in done] == [3, 3, 2]
    assert isinstance(done, list)
    assert [each.changed for each in store.revised("default", [f"{1:032x}"], price, Reviser.reprice)] == [0, 0, 0]
    found = derived(store.path)
    store.recount()
    assert derived(store.path) == found


def test_words_that_a_span_no_longer_reads_as_are_not_found(store, monkeypatch) -> None:
    plain = record(f"{1:032x}", f"{1:016x}", name="plain")
    with older_version(store, monkeypatch):
        store.write([replace(plain, reading=replace(plain.reading, name="misread"))])
    assert store.wait_until_searchable()
    assert len(store.find_traces(Query("default", Text("misread"))).items) == 1
    through(store, Asked("reread"))
    assert store.wait_until_searchable()
    assert store.find_traces(Query("default", Text("misread"))).items == ()
    assert len(store.find_traces(Query("default", Text("plain"))).items) == 1


def test_pricing_again_puts_today_s_price_on_what_lists_show(store) -> None:
    told = record(
        f"{3:032x}", f"{3:016x}", llm__model_name="gpt-4o", openinference__span__kind="LLM", llm__cost__total=0.5
    )
    told = replace(told, cost=Prices().price(told.reading, told.span.start_ns))
    wrong = llm(f"{1:032x}", f"{1:016x}", cost=1, tokens=1_000_000)
    nobodys = llm(f"{2:032x}", f"{2:016x}", cost=1, model="a-model-of-nobody", gen_ai__provider__name="nobody")
    store.write([wrong, nobodys, told])
    done = through(store, Asked("reprice"))
    assert (done.spans, done.changed) == (3, 2)
    right = store.span("default", f"{1:016x}").cost
    assert right == Prices().price(wrong.reading, wrong.span.start_ns)
    assert store.span("default", f"{2:016x}").cost is None
    assert store.span("default", f"{3:016x}").cost.source == "reported"
    assert store.totals(Query("default")).cost_nusd == right.total_nusd + 500_000_000
    found = derived(store.path)
    store.recount()
    assert derived(store.path) == found
    assert through(store, Asked("reprice")).changed == 0


def test_spans_that_come_while_others_are_read_again_are_neither_lost_nor_doubled(store, tmp_path, monkeypatch) -> None:
    written_by_an_older_version(store, calls(40), monkeypatch)
    other = SqliteStore(tmp_path / "main.db")  # as a command has it, beside the server's
    other.open()
    newer = calls(60)

    def come() -> None:
        order = random.Random(7).sample(newer, len(newer))
        for at in range(0, len(order), 5):
            store.write(order[at : at + 5])

    coming = threading.Thread(target=come)
    with closing(other):
        coming.start()
        through(other, Asked("reread"))
        coming.join()
        through(other, Asked("reread"))
    found = derived(store.path)
    assert store.totals(Query("default")).traces.n == 60
    store.recount()
    assert derived(store.path) == found
    fresh = SqliteStore(tmp_path / "fresh" / "main.db")
    fresh.open()
    with closing(fresh):
        fresh.write(newer)
        assert derived(fresh.path) == found


def test_a_kill_in_the_middle_costs_nothing(tmp_path, monkeypatch) -> None:
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)
    store = SqliteStore(tmp_path / "main.db")
    store.open()
    with closing(store):
        written_by_an_older_version(store, calls(400), monkeypatch)
    code = (
        "import sys; from spanwise_server.cli import main; import spanwise_server.jobs.again as again; "
        "again._NOTED_S = 0; run = again.Again.run\n"
        "def say(self):\n"
        "    for step in run(self):\n"
        "        print(step.traces, flush=True)\n"
        "        yield step\n"
        "again.Again.run = say; main(['reread', '--data', sys.argv[1]])"
    )
    for kills in range(3):
        with Forked(code, tmp_path, environment=os.environ) as process:
            while not (said := process.stdout.readline()).strip().isdecimal():
                pass
            assert int(said) > 50 * kills  # it went on, not back
            process.send_signal(signal.SIGKILL)
    assert cli.main(["reread", "--data", str(tmp_path)]) == 0
    with closing(SqliteStore(tmp_path / "main.db")) as again, closing(SqliteStore(tmp_path / "fresh.db")) as fresh:
        again.open()
        fresh.open()
        fresh.write(calls(400))
        assert derived(again.path) == derived(fresh.path)
        found = derived(again.path)
        again.recount()
        assert derived(again.path) == found


def test_the_command_says_what_it_did(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("SPANWISE_DATA", str(tmp_path))
    store = SqliteStore(tmp_path / "main.db")
    store.open()
    with closing(store):
        written_by_an_older_version(store, calls(3), monkeypatch)
    assert cli.main(["reread", "--from", "2020-01-01"]) == 0
    assert "3 traces looked at, 6 spans read again, 3 changed" in capsys.readouterr().out
    assert cli.main(["reprice", "--project", "default"]) == 0
    assert "6 spans priced again, 0 changed" in capsys.readouterr().out
    assert cli.main(["reread", "--from", "yesterday"]) == 2
    assert "--from" in capsys.readouterr().err
    assert cli.main(["reread", "--filter", "modell:x"]) == 2
