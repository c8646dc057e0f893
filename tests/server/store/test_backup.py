"""Backups are of one moment and whole; what is put back is what was there; the doctor sees what is broken."""

from __future__ import annotations

import resource
import signal
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from forked_process import Forked
from media_made import ask, blob, png, send, wav
from server.jobs.test_again import derived
from server_process import clean_environment
from spanwise_server import cli
from spanwise_server.errors import ConfigError
from spanwise_server.query.filters import Query, Text
from spanwise_server.store import examine as examining
from spanwise_server.store.backup import back_up, restore
from spanwise_server.store.examine import examine
from spanwise_server.store.sqlite import SqliteStore
from store_model.spans import llm


def calls(first: int, last: int):
    said = '[{"role":"user","parts":[{"type":"text","content":"%s"}]}]'
    return [
        llm(f"{n:032x}", f"{n:016x}", at=n / 1_000, gen_ai__input__messages=said % (f"words of number{n} " * 150))
        for n in range(first, last)
    ]


@pytest.fixture
def store(tmp_path):
    opened = SqliteStore(tmp_path / "data" / "main.db")
    opened.open()
    with closing(opened):
        yield opened


def opened(data: Path) -> SqliteStore:
    made = SqliteStore(data / "main.db")
    made.open()
    return made


def states(data: Path, **how):
    return {found.about: found.state for found in examine(data, **how)}


def test_a_backup_made_under_load_is_of_one_moment_and_has_all_that_was_acknowledged_before(store, tmp_path):
    store.write(calls(1, 400))
    stop = threading.Event()
    acknowledged = 400

    def load():
        nonlocal acknowledged
        while not stop.is_set():
            store.write(calls(acknowledged, acknowledged + 10))
            acknowledged += 10

    writer = threading.Thread(target=load)
    writer.start()
    try:
        for n in range(3):
            before = acknowledged
            back_up(store.path.parent, tmp_path / "copy")
            after = acknowledged
            restore(tmp_path / "copy", tmp_path / f"back{n}")
            assert "broken" not in states(tmp_path / f"back{n}", full=True).values()
            with closing(opened(tmp_path / f"back{n}")) as again:
                spans = again.totals(Query("default")).traces.n + 1
                assert before <= spans <= after + 10
                assert (spans - 400) % 10 == 0  # requests are there whole or not at all
                assert again.wait_until_searchable()
                assert len(again.find_traces(Query("default", Text("number17"))).items) == 1
                counted = derived(again.path)
                again.recount()
                assert derived(again.path) == counted
    finally:
        stop.set()
        writer.join()


def test_media_are_copied_once_and_come_back(client, settings, tmp_path):
    send(client, ask(blob(png(), "image/png")))
    assert back_up(settings.data, tmp_path / "copy") == 1
    send(client, ask(blob(wav(), "audio/wav"), trace="5e" * 16))
    assert back_up(settings.data, tmp_path / "copy") == 1
    assert restore(tmp_path / "copy", tmp_path / "back") == 2
    with closing(opened(tmp_path / "back")) as again:
        digest = again.span("default", "b2" * 8, "4f" * 16).reading.input_messages[0]["parts"][0]["content"][22:86]
        assert again.media_content("default", digest) == png()
    assert states(tmp_path / "back", full=True)["media"] == "ok"


_KILLED = """
import sys
from pathlib import Path
from spanwise_server.store.backup import back_up
print("begun", flush=True)
back_up(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_killed_in_mid_backup_the_one_before_is_whole_and_the_next_one_works(store, tmp_path):
    store.write(calls(1, 50))
    back_up(store.path.parent, tmp_path / "copy")
    store.write(calls(50, 6_000))
    for wait_s in (0.0, 0.02, 0.05, 0.1):
        run = Forked(_KILLED, store.path.parent, tmp_path / "copy", environment=clean_environment())
        assert run.stdout.readline() == "begun\n"
        time.sleep(wait_s)
        run.send_signal(signal.SIGKILL)
        run.wait()
        run.stdout.close()
        with closing(sqlite3.connect(tmp_path / "copy" / "main.db")) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert db.execute("SELECT count(*) FROM spans").fetchone()[0] in (49, 5_999)
    back_up(store.path.parent, tmp_path / "copy")
    restore(tmp_path / "copy", tmp_path / "back")
    with closing(opened(tmp_path / "back")) as again:
        assert derived(again.path) == derived(store.path)


@contextmanager
def no_file_over(size_bytes: int):
    """Have the system refuse to write on, in the middle of a file, as it does where the disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_backup_that_has_no_room_takes_none(store, tmp_path):
    store.write(calls(1, 50))
    copy = tmp_path / "copy"
    back_up(store.path.parent, copy)
    before = (copy / "main.db").read_bytes()
    store.write(calls(50, 2_000))
    store.close()  # nobody else here is to find the disk full
    with no_file_over(len(before) + 50_000), pytest.raises(ConfigError, match="cannot be written"):
        back_up(store.path.parent, copy)
    assert [file.name for file in copy.iterdir()] == ["main.db"]
    assert (copy / "main.db").read_bytes() == before
    with no_file_over(50_000), pytest.raises(ConfigError, match="cannot be put"):
        restore(copy, tmp_path / "back")
    assert not list((tmp_path / "back").iterdir())


def test_nothing_is_overwritten_and_a_damaged_backup_is_refused(store, tmp_path):
    store.write(calls(1, 300))
    data = store.path.parent
    back_up(data, tmp_path / "copy")
    for refused in (
        lambda: back_up(tmp_path / "nowhere", tmp_path / "copy"),
        lambda: back_up(data, data),
        lambda: restore(tmp_path / "copy", data),
        lambda: restore(tmp_path / "nowhere", tmp_path / "back"),
    ):
        with pytest.raises(ConfigError):
            refused()
    file = tmp_path / "copy" / "main.db"
    content = bytearray(file.read_bytes())
    content[8_192 : 8_192 * 40] = bytes(8_192 * 39)
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="damaged"):
        restore(tmp_path / "copy", tmp_path / "back")
    assert not (tmp_path / "back" / "main.db").exists()


def test_the_doctor_finds_nothing_wrong_with_a_store_in_use(client, settings):
    send(client, ask(blob(png(), "image/png")))
    client.app.state.server.store.wait_until_searchable()
    for full in (False, True):
        assert set(states(settings.data, full=full).values()) == {"ok"}
    assert set(states(settings.data)) == {"disk", "file", "schema", "totals", "steps", "spans", "media", "search"}


@pytest.mark.parametrize(
    ("statement", "about"),
    [
        ("UPDATE r_hour SET spans = spans + 1 WHERE rowid = (SELECT 1) OR 1", "totals"),
        ("UPDATE traces SET cost_nusd = 7", "totals"),
        ("DELETE FROM payloads", "spans"),
        ("UPDATE payloads SET body = x'00000000ff'", "spans"),
        ("DELETE FROM texts", "spans"),
        ("DELETE FROM traces", "spans"),
        ("INSERT INTO media_uses VALUES (1, x'aa', x'bb')", "media"),
        ("UPDATE alembic_version SET version_num = '9999'", "schema"),
    ],
)
def test_the_doctor_finds_what_is_broken(store, statement, about):
    store.write(calls(1, 40))
    data = store.path.parent
    store.close()
    statement = statement.replace(" WHERE rowid = (SELECT 1) OR 1", "")
    with closing(sqlite3.connect(data / "main.db")) as db:
        assert db.execute(statement).rowcount != 0
        db.commit()
    assert states(data)[about] == "broken"
    assert cli.main(["doctor", "--data", str(data)]) == 1


def test_the_doctor_names_a_changed_file_a_damaged_one_and_a_full_disk(client, settings, monkeypatch, capsys):
    send(client, ask(blob(png(), "image/png")))
    (file,) = (settings.data / "media").glob("*/*")
    file.write_bytes(b"else")
    assert states(settings.data)["media"] == "ok"
    assert states(settings.data, full=True)["media"] == "broken"
    monkeypatch.setattr(examining, "LEAST_FREE_BYTES", 1 << 60)
    assert cli.main(["doctor", "--data", str(settings.data)]) == 1
    said = capsys.readouterr().out
    assert "BROKEN  disk" in said
    assert "Nothing is taken" in said
    monkeypatch.undo()
    assert cli.main(["doctor", "--data", str(settings.data / "none")]) == 0
    assert "There is none" in capsys.readouterr().out


def test_the_commands_back_up_and_restore(store, tmp_path, capsys):
    store.write(calls(1, 20))
    assert cli.main(["backup", str(tmp_path / "copy"), "--data", str(store.path.parent)]) == 0
    assert cli.main(["restore", str(tmp_path / "copy"), "--data", str(tmp_path / "back")]) == 0
    assert "spanwise serve" in capsys.readouterr().out
    assert cli.main(["doctor", "--full", "--data", str(tmp_path / "back")]) == 0
    assert cli.main(["restore", str(tmp_path / "copy"), "--data", str(store.path.parent)]) == 2
    assert "already" in capsys.readouterr().err
