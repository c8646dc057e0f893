"""What pages ask of small tables is asked once, and anew as soon as anybody, in any process, has changed some."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from postgres_cluster import running
from spanwise_server.auth.guard import PASSWORD_SETTING, anybody_can_log_in
from spanwise_server.prompts.version import Content
from spanwise_server.store import remembered
from spanwise_server.store.alert_firings import Firings
from spanwise_server.store.alerts import Alerts
from spanwise_server.store.datasets import Datasets
from spanwise_server.store.postgres import PostgresStore
from spanwise_server.store.postgres_database import migrate_database
from spanwise_server.store.prompt_changes import changes_of_prompts
from spanwise_server.store.prompts import Prompts
from spanwise_server.store.queues import Queues
from spanwise_server.store.sqlite import SqliteStore
from spanwise_server.store.views import Views
from store_engines import KINDS, opened


class Asked:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> tuple[int, ...]:
        self.times += 1
        return (self.times,)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_is_remembered_until_a_small_table_is_written(kind):
    with opened(kind) as store:
        ask, other = Asked(), Asked()
        assert [store.remembered("a", ask) for _ in range(3)] == [(1,)] * 3
        assert store.remembered("b", other) == (1,)
        store.keep_setting("colour", "blue")
        assert store.remembered("a", ask) == (2,)
        assert store.remembered("b", other) == (2,)
        assert store.remembered("a", ask) == (2,)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_taken_back_changes_no_answer(kind):
    with opened(kind) as store:
        ask = Asked()
        store.remembered("a", ask)

        def half() -> None:
            with store.transaction():
                raise LookupError

        with pytest.raises(LookupError):
            half()
        assert store.remembered("a", ask) == (1,)


def test_what_nobody_counted_is_seen_before_long(monkeypatch):
    with opened("sqlite") as store:
        ask, now = Asked(), [120.0]
        monkeypatch.setattr(remembered.time, "monotonic", lambda: now[0])
        assert [store.remembered("a", ask) for _ in range(2)] == [(1,)] * 2
        now[0] += remembered.LONGEST_S
        assert [store.remembered("a", ask) for _ in range(2)] == [(2,)] * 2


def test_nothing_is_an_answer_too():
    with opened("sqlite") as store:
        asked = []
        for _ in range(2):
            assert store.remembered("none", lambda: asked.append(1)) is None
        assert asked == [1]


def test_another_process_on_the_same_file_is_noticed(tmp_path):
    with closing(SqliteStore(tmp_path / "main.db")) as ours, closing(SqliteStore(tmp_path / "main.db")) as theirs:
        ours.open()
        theirs.open()
        assert not anybody_can_log_in(ours)
        theirs.keep_setting(PASSWORD_SETTING, "hash")
        assert anybody_can_log_in(ours)


def test_another_server_on_the_same_database_is_noticed(tmp_path):
    shared = running()
    with (
        shared.database(shared.made_once("spanwise_template", migrate_database)) as url,
        closing(PostgresStore(url, Path(tmp_path / "a"))) as ours,
        closing(PostgresStore(url, Path(tmp_path / "b"))) as theirs,
    ):
        ours.open()
        theirs.open()
        assert not anybody_can_log_in(ours)
        theirs.keep_setting(PASSWORD_SETTING, "hash")
        assert anybody_can_log_in(ours)


#: What pages ask again and again.
EACH: dict[str, Callable[[Any], object]] = {
    "whether anybody can log in": anybody_can_log_in,
    "views": lambda store: Views(store).all("default"),
    "datasets": lambda store: Datasets(store).names("default"),
    "queues": lambda store: Queues(store).there("default"),
    "rules": lambda store: Alerts(store).rules("default"),
    "open alerts": lambda store: Firings(store).count_open("default"),
    "changes of prompts": lambda store: changes_of_prompts(store, "default", 0, 2**62),
}


@pytest.mark.parametrize("name", EACH)
def test_what_pages_ask_reads_the_tables_once(name):
    with opened("sqlite") as store:
        first = EACH[name](store)
        said: list[str] = []

        def note(*given: Any) -> None:
            said.append(given[2])

        event.listen(Engine, "before_cursor_execute", note)
        try:
            assert pickle.dumps(EACH[name](store)) == pickle.dumps(first)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        assert said == []


def test_changes_of_prompts_beyond_those_that_are_remembered_are_asked_for(monkeypatch):
    monkeypatch.setattr("spanwise_server.store.prompt_changes._MOST_REMEMBERED", 3)
    with opened("sqlite") as store:
        prompts = Prompts(store)
        for n in range(6):
            prompts.publish("default", "greet", Content(f"Hello {n}"))
            prompts.move("default", "greet", "production", n + 1)
        every = changes_of_prompts(store, "default", 0, 2**62)
        assert [change.number for change in every] == [1, 2, 3, 4, 5, 6]
        assert changes_of_prompts(store, "default", 0, every[2].at_ns) == every[:2]
        assert changes_of_prompts(store, "default", every[4].at_ns, 2**62) == every[4:]
        assert changes_of_prompts(store, "default", 0, 2**62, most=2) == every[4:]
