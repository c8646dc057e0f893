"""The demo's surroundings: what its app is told, what it needs, what it leaves behind."""

from __future__ import annotations

import importlib
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest

from spanwise_server import cli, demo
from spanwise_server.resources import resource_dir


def test_the_app_gets_none_of_the_users_own_settings() -> None:
    given = {"SPANWISE_ENABLED": "false", "OTEL_SDK_DISABLED": "true", "PATH": "/bin", "HTTP_PROXY": "http://proxy"}
    environment = demo.environment(given)
    ours = {name: value for name, value in environment.items() if name.startswith(("SPANWISE_", "OTEL_"))}
    assert ours == {"SPANWISE_SPOOL": "off"}  # what a demo could not send is no later program's to send
    assert environment["PATH"] == "/bin"
    assert environment["no_proxy"] == "127.0.0.1"


def test_the_app_finds_its_package_before_anything_of_the_users(tmp_path) -> None:
    (tmp_path / "support_bot").mkdir()
    environment = demo.environment({"PYTHONPATH": str(tmp_path)})
    done = subprocess.run(
        [sys.executable, "-c", "import support_bot; print(support_bot.__file__)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(resource_dir("examples")))


@pytest.mark.parametrize("missing", demo.CLIENTS)
def test_without_the_clients_it_says_what_to_install(missing, monkeypatch, capsys) -> None:
    real = demo.find_spec
    monkeypatch.setattr(demo, "find_spec", lambda name: None if name == missing else real(name))
    assert cli.main(["demo"]) == 2
    said = capsys.readouterr().err
    assert missing in said
    assert 'pip install "spanwise[demo]"' in said


def test_a_folder_of_its_own_is_removed_and_a_given_one_kept(tmp_path) -> None:
    with demo._folder(None) as made:
        assert made.is_dir()
    assert not made.exists()
    with demo._folder(str(tmp_path)) as given:
        assert given == tmp_path
    assert tmp_path.is_dir()


def test_the_same_happens_to_the_shop_at_whatever_hour_it_is_shown(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(resource_dir("examples")))
    plan = importlib.import_module("support_bot.plan")

    def story(hour: int) -> list[object]:
        now = datetime(2026, 11, 24, tzinfo=timezone.utc) + timedelta(hours=hour)
        return [(s.conversation, s.customer, s.environment, s.mishap) for s in plan.sessions(now)]

    first = story(0)
    assert len({customer.id for _, customer, _, _ in first}) > 20
    assert {mishap for *_, mishap in first} == {"", *plan.MISHAPS, *plan.REFUND_MISHAPS}
    assert all(story(hour) == first for hour in range(5, 168, 9))
