"""Every command explains itself, keeps to its exit codes, and touches only the data folder it was told."""

from __future__ import annotations

import io

import pytest

from spanwise._version import __version__
from spanwise_server import cli
from spanwise_server.auth.passwords import matches
from spanwise_server.cli import entry
from spanwise_server.settings import SETTINGS
from spanwise_server.store.sqlite import SqliteStore

COMMANDS = (
    ("serve",), ("demo",), ("keys", "create"), ("keys", "list"), ("keys", "revoke"), ("users", "password"),
    ("migrate",), ("recount",), ("reindex",), ("reread",), ("reprice",), ("version",),
)  # fmt: skip


@pytest.fixture
def data(tmp_path, monkeypatch):
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)
    monkeypatch.setenv("SPANWISE_DATA", str(tmp_path))
    return tmp_path


def opened(data):
    store = SqliteStore(data / "main.db")
    store.open()
    return store


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_that_says_what_it_does(command, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*command, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    sentence = said.split("\n\n")[1]
    assert sentence[0].isupper()
    assert sentence.rstrip().endswith(".")


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.name not in ("password", "smtp")], ids=lambda s: s.name)
def test_every_setting_is_an_option_of_serve(setting, capsys) -> None:
    with pytest.raises(SystemExit):
        cli.main(["serve", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert f"--{setting.name.replace('_', '-')} " in said
    assert setting.variable in said


def test_the_password_is_no_option_because_command_lines_can_be_read(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["serve", "--password", "three green tents"])
    assert ended.value.code == 2
    assert "unrecognized" in capsys.readouterr().err


def test_no_command_is_a_usage_error(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_an_abbreviated_option_is_not_guessed_at(capsys) -> None:
    with pytest.raises(SystemExit):
        cli.main(["serve", "--por", "1"])
    assert "--por" in capsys.readouterr().err


def test_version_prints_the_version(capsys) -> None:
    assert cli.main(["version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_a_setting_that_makes_no_sense_is_named_with_its_variable(data, capsys) -> None:
    assert cli.main(["serve", "--port", "http"]) == 2
    said = capsys.readouterr().err
    assert "port is 'http'" in said
    assert "SPANWISE_PORT" in said


def test_a_folder_that_cannot_be_written_is_named(data, capsys) -> None:
    file = data / "file"
    file.write_text("")
    assert cli.main(["serve", "--port", "0", "--data", str(file / "inside")]) == 2
    assert str(file / "inside") in capsys.readouterr().err


def test_an_address_that_does_not_exist_is_named(data, capsys) -> None:
    assert cli.main(["serve", "--port", "0", "--host", "nowhere.invalid"]) == 2
    assert "nowhere.invalid" in capsys.readouterr().err


def test_a_new_key_goes_alone_to_standard_output_and_its_explanation_beside_it(data, capsys) -> None:
    assert cli.main(["keys", "create", "--project", "shop", "--name", "ci"]) == 0
    said = capsys.readouterr()
    (secret,) = said.out.split()
    assert "not shown again" in said.err
    assert secret not in said.err
    store = opened(data)
    try:
        key = store.find_key(secret)
    finally:
        store.close()
    assert key is not None
    assert (key.project, key.name, key.rights) == ("shop", "ci", {"read", "write"})


def test_the_secret_is_nowhere_on_the_disk(data, capsys) -> None:
    cli.main(["keys", "create"])
    secret = capsys.readouterr().out.strip()
    assert not [path for path in data.iterdir() if secret.encode() in path.read_bytes()]


def test_a_list_shows_every_key_but_no_secret(data, capsys) -> None:
    for project in ("a", "b"):
        cli.main(["keys", "create", "--project", project, "--rights", "read"])
    secrets = capsys.readouterr().out.split()
    assert cli.main(["keys", "list"]) == 0
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 3
    assert "never" in said
    assert not [secret for secret in secrets if secret in said]
    cli.main(["keys", "list", "--project", "b"])
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_without_keys_the_list_says_how_to_make_one(data, capsys) -> None:
    assert cli.main(["keys", "list"]) == 0
    assert "spanwise keys create" in capsys.readouterr().out


def test_a_revoked_key_is_useless_and_cannot_be_revoked_twice(data, capsys) -> None:
    cli.main(["keys", "create"])
    secret = capsys.readouterr().out.strip()
    assert cli.main(["keys", "revoke", "1"]) == 0
    store = opened(data)
    try:
        assert store.find_key(secret) is None
    finally:
        store.close()
    capsys.readouterr()
    assert cli.main(["keys", "revoke", "1"]) == 2
    assert "no key 1 in use" in capsys.readouterr().err
    cli.main(["keys", "list"])
    assert "revoked" in capsys.readouterr().out


@pytest.mark.parametrize("rights", ["", "admin", "read,admin", ","])
def test_rights_that_do_not_exist_are_refused(rights, data, capsys) -> None:
    assert cli.main(["keys", "create", "--rights", rights]) == 2
    assert "write,read" in capsys.readouterr().err


def test_the_password_comes_from_standard_input_without_a_terminal(data, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("three green tents\nmore\n"))
    assert cli.main(["users", "password"]) == 0
    store = opened(data)
    try:
        kept = store.setting("password_hash")
    finally:
        store.close()
    assert kept is not None
    assert "three" not in kept
    assert matches("three green tents", kept)
    assert "three" not in capsys.readouterr().out


def test_two_different_passwords_at_the_terminal_change_nothing(data, monkeypatch, capsys) -> None:
    typed = iter(["three green tents", "three green tent"])

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(typed))
    assert cli.main(["users", "password"]) == 2
    assert "not the same" in capsys.readouterr().err
    assert not (data / "main.db").exists()


def test_migrate_makes_the_newest_schema_and_may_be_repeated(data, capsys) -> None:
    for _ in range(2):
        assert cli.main(["migrate"]) == 0
        assert str(data) in capsys.readouterr().out
    opened(data).close()


def test_an_interrupt_is_no_traceback(data, monkeypatch) -> None:
    def interrupt(_asked) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(entry, "_version", interrupt)
    assert cli.main(["version"]) == 130
