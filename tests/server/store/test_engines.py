"""Which store a URL names, and what is said where there is none."""

from __future__ import annotations

import os
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from spanwise_server.errors import ConfigError
from spanwise_server.settings import load
from spanwise_server.store import engine, sqlite
from spanwise_server.store.engine import Options, claimed_store, engine_of, folder_of, make_store, shown


@pytest.mark.parametrize("name", engine.STORES)
def test_every_listed_engine_can_be_made_of_a_url_and_says_what_it_is(name, tmp_path):
    made = engine_of(f"{name}://")
    assert made.title
    assert shown(f"{name}://host/db", tmp_path)


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("", "data/main.db"),
        ("sqlite:///other.db", "other.db"),
        ("sqlite:////srv/other.db", "/srv/other.db"),
        ("there/other.db", "there/other.db"),
        ("/srv/other.db", "/srv/other.db"),
    ],
)
def test_no_url_a_path_and_an_sqlite_url_are_the_embedded_store(url, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = make_store(url, Options(tmp_path / "data"))
    assert isinstance(store, sqlite.SqliteStore)
    assert store.path == tmp_path / file
    assert folder_of(url, tmp_path / "data") == store.path.parent
    assert shown(url, tmp_path / "data") == os.fspath(store.path.parent)


def test_a_scheme_that_nothing_answers_to_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(ConfigError, match="no store for mysql://") as refused:
        make_store("mysql://here/db", Options(tmp_path))
    assert "sqlite" in refused.value.hint


def test_another_package_adds_an_engine_by_its_entry_point(monkeypatch):
    point = EntryPoint("elsewhere", "spanwise_server.store.sqlite:ENGINE", engine.STORE_GROUP)
    monkeypatch.setattr(engine, "entry_points", lambda group: [point] if group == engine.STORE_GROUP else [])
    assert engine_of("elsewhere://host/db") is sqlite.ENGINE


def test_an_embedded_store_is_one_servers_alone(tmp_path):
    with (
        claimed_store("", tmp_path),
        pytest.raises(ConfigError, match="Another Spanwise server"),
        claimed_store("", tmp_path),
    ):
        pass


def test_the_store_is_a_setting_of_command_line_and_environment(tmp_path):
    assert load({"store": "here.db"}, {"SPANWISE_STORE": "there.db"}).store == "here.db"
    assert load({}, {"SPANWISE_STORE": "there.db"}).store == "there.db"
    assert load({}, {}).store == ""


def test_a_store_is_shown_without_its_password(monkeypatch):
    made = engine.Engine("Elsewhere", lambda url, options: None)
    monkeypatch.setattr(engine, "engine_of", lambda url: made)
    assert shown("elsewhere://ann:secret@host:5432/db", Path()) == "elsewhere://ann:***@host:5432/db"


def test_a_driver_that_is_not_installed_is_named_with_how_to_install_it(monkeypatch):
    def absent(path):
        raise ModuleNotFoundError("No module named 'psycopg'", name="psycopg")

    monkeypatch.setattr(engine, "load_object", absent)
    with pytest.raises(ConfigError, match="needs the package psycopg") as refused:
        engine_of("postgres://host/db")
    assert refused.value.hint == 'pip install "spanwise[postgres]"'
