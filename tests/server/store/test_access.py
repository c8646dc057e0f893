"""Keys, logins and settings: shown once, kept as hashes, useless when revoked or expired."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import pytest

from spanwise_server.store.base import Login
from spanwise_server.store.small_tables import SettingRow
from spanwise_server.store.sqlite import SqliteStore

BOTH = frozenset({"read", "write"})


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / "main.db")
    made.open()
    with closing(made):
        yield made


def test_a_key_is_found_by_its_secret_until_it_is_revoked(store):
    key, secret = store.create_key("shop", "laptop", BOTH)
    assert secret.startswith(key.prefix)
    assert len(key.prefix) < len(secret) / 2
    found = store.find_key(secret)
    assert (found.id, found.project, found.rights) == (key.id, "shop", BOTH)
    assert store.find_key(secret + "x") is None
    assert store.keys()[0].last_used_ns is not None
    assert store.revoke_key(key.id)
    assert not store.revoke_key(key.id)
    assert store.find_key(secret) is None
    assert store.keys("shop")[0].revoked_ns is not None
    assert store.keys("other") == ()


def test_neither_secret_nor_token_is_in_the_file(store, tmp_path):
    _, secret = store.create_key("shop", "laptop", BOTH)
    store.log_in("token-of-a-browser", time.time_ns() + 10**12)
    with closing(sqlite3.connect(tmp_path / "main.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.encode() not in kept
    assert b"token-of-a-browser" not in kept


def test_a_login_ends_when_it_expires_or_is_ended(store):
    now = time.time_ns()
    store.log_in("here", now + 10**12)
    store.log_in("gone", now - 1)
    store.log_in("ana's", now + 10**12, user_id=7)
    assert store.login("here") == Login()
    assert store.login("ana's") == Login(user_id=7)
    assert store.login("gone") is None
    assert store.login("never") is None
    store.log_out("here")
    assert store.login("here") is None


def test_a_setting_is_kept_and_changed(store):
    assert store.setting("password") is None
    store.keep_setting("password", "one")
    store.keep_setting("password", "two")
    assert store.setting("password") == "two"


def test_a_session_reads_and_a_transaction_writes_or_takes_all_back(store):
    def fail():
        with store.transaction() as session:
            session.add(SettingRow(name="a", value="b"))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.setting("a") is None
    with store.session() as session:
        assert session.get(SettingRow, "a") is None
