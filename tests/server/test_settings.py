"""Settings come from the command line, else the environment, else their defaults, and are checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from spanwise_server.errors import ConfigError
from spanwise_server.settings import SETTINGS, Settings, load


def test_the_command_line_wins_over_the_environment():
    settings = load({"port": "1", "data": None}, {"SPANWISE_PORT": "2", "SPANWISE_DATA": "/tmp/here"})
    assert settings.port == 1
    assert settings.data == Path("/tmp/here")


def test_defaults_are_safe():
    settings = load({}, {})
    assert settings.on_loopback
    assert settings.port == 4318
    assert settings.data.is_absolute()


@pytest.mark.parametrize("value", ["x", "-1", "70000", "1.5"])
def test_a_wrong_number_says_what_would_be_right(value):
    with pytest.raises(ConfigError, match="not a whole number from 0 to 65535") as refused:
        load({}, {"SPANWISE_PORT": value})
    assert "SPANWISE_PORT" in refused.value.hint


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("192.168.1.4", False), ("example.org", False)],
)  # fmt: skip
def test_loopback_is_known_when_seen(host, loopback, tmp_path):
    assert Settings(data=tmp_path, host=host).on_loopback is loopback


def test_every_setting_of_the_table_is_a_setting():
    assert {setting.name for setting in SETTINGS} == set(Settings.__slots__)


def test_a_switch_is_on_or_off():
    assert load({"full_text": "on"}, {}).full_text
    assert load({}, {}).full_text is None
    assert load({}, {"SPANWISE_FULL_TEXT": "off"}).full_text is False
    with pytest.raises(ConfigError, match="neither on nor off") as refused:
        load({}, {"SPANWISE_FULL_TEXT": "yes"})
    assert "--full-text" in refused.value.hint
