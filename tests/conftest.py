"""What every test shares: the strict mode in which nothing of ours is swallowed, and an application in process."""

# ruff: noqa: E402 - most is imported when the collector waits already

from __future__ import annotations

import gc

gc.disable()  # until everything is loaded: what is loaded stays, and looking through it takes a fifth of that time

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

os.environ["SPANWISE_STRICT"] = "1"
os.environ.setdefault("SPANWISE_PURE", "1")  # sources can be patched; `test_compiled.py` tries what is compiled
os.environ["SPANWISE_SPOOL"] = "off"  # the spool of whoever runs the suite is theirs

from fuzzing import tries
from spanwise_server.app import create_app
from spanwise_server.auth import passwords
from spanwise_server.settings import Settings
from stores_once import migrated_once, worded_once

# Passwords are hashed as they always are, only not for long: `test_passwords.py` holds how long elsewhere.
passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)

# A busy machine is not a wrong test: nothing fails for how long it took to make or to run an example.
hypothesis.settings.register_profile(
    "patient", max_examples=tries(50), deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")


def _turn(item: pytest.Item) -> int:
    if item.path.name == "test_compiled.py":
        return 0  # the compiler takes a minute, for which nobody needs to wait
    if item.path.parent == Path(__file__).parent:
        return 1
    return 3 if "store" in item.path.parts else 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the many quick tests first, the slow ones last: processes are given fewer at once, the fewer are left."""
    items.sort(key=_turn)


def pytest_collection_finish() -> None:
    """Have the garbage collector pass over what is there for good, and look less often, as the server has it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


@pytest.fixture(scope="module", autouse=True)
def _nobody_is_trusted(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give clients one authority to trust, whose key is nowhere: none here speaks TLS to anybody else.

    Each reads them all when it is made, and of 140 that is more work than all else that it does in a test.
    """
    with pytest.MonkeyPatch.context() as patch:
        if "matrix" not in request.path.parts:  # its packages come from outside
            patch.setenv("SSL_CERT_FILE", str(Path(__file__).with_name("nobody.pem")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _stores_once() -> Iterator[None]:
    """Migrate one store of this process, and put no statement into words twice: most of a small test is that."""
    with migrated_once(), worded_once():
        yield


@pytest.fixture(scope="session", autouse=True)
def _servers_end() -> Iterator[None]:
    """Stop the PostgreSQL and the ClickHouse of this process, if a test has started one."""
    yield
    for name in ("postgres_cluster", "clickhouse_server"):
        if name in sys.modules:
            sys.modules[name].end()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a server on loopback, with a store of its own and no password."""
    return Settings(data=tmp_path / "data")


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A client of the whole application, in process."""
    with TestClient(create_app(settings), base_url="http://127.0.0.1:4318", follow_redirects=False) as made:
        yield made


@pytest.fixture(scope="module")
def shared_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of one application for all tests of a module that only look at it."""
    made = create_app(Settings(data=tmp_path_factory.mktemp("shared")))
    with TestClient(made, base_url="http://127.0.0.1:4318", follow_redirects=False) as client:
        yield client
