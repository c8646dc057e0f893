"""The shared password is kept as a hash and cannot be guessed fast."""

from __future__ import annotations

import importlib.util

import pytest

from spanwise_server.auth import passwords
from spanwise_server.auth.passwords import TooManyTries, Tries, hashed, matches
from spanwise_server.errors import ConfigError


def test_only_the_right_password_matches_its_hash():
    kept = hashed("correct horse")
    assert "correct" not in kept
    assert matches("correct horse", kept)
    assert not matches("correct horsf", kept)
    assert not matches("correct horse", "not a hash")


def test_a_short_password_is_refused():
    with pytest.raises(ConfigError, match="at least 8"):
        hashed("short")


def test_guessing_at_a_hash_takes_what_argon2_recommends():
    spec = importlib.util.spec_from_file_location(f"{passwords.__package__}.unpatched", passwords.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.hashed("correct horse").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_too_many_wrong_passwords_from_one_address_must_wait():
    tries = Tries(most=2, within_s=60)
    for _ in range(2):
        tries.check("10.0.0.1")
        tries.failed("10.0.0.1")
    with pytest.raises(TooManyTries, match="Too many"):
        tries.check("10.0.0.1")
    tries.check("10.0.0.2")


def test_old_failures_are_forgotten():
    tries = Tries(most=1, within_s=-1)
    tries.failed("10.0.0.1")
    tries.check("10.0.0.1")
    assert not tries._failed


def test_a_flood_of_addresses_takes_no_more_memory():
    tries = Tries(addresses=3)
    for n in range(100):
        tries.failed(f"10.0.0.{n}")
    assert len(tries._failed) == 3
