"""What every test shares: the strict mode in which nothing of ours is swallowed, and an application in process."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from starlette.testclient import TestClient

os.environ["SPANWISE_STRICT"] = "1"
os.environ.setdefault("SPANWISE_PURE", "1")  # sources can be patched; `test_compiled.py` tries what is compiled
os.environ["SPANWISE_SPOOL"] = "off"  # the spool of whoever runs the suite is theirs

from spanwise_server.app import create_app
from spanwise_server.settings import Settings
from spanwise_server.store import migrate as migrations
from spanwise_server.store import sqlite

# A busy machine is not a wrong test: nothing fails for how long it took to make or to run an example.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
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


@pytest.fixture(scope="session", autouse=True)
def _migrated_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Begin every new store of this process with a copy of a migrated one: most of a small test is that."""
    template = tmp_path_factory.mktemp("template") / "main.db"
    migrations.migrate(template)

    def copied(path: Path) -> None:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(template, path)
        migrations.migrate(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite, "migrate", copied)
        yield


@pytest.fixture(scope="session", autouse=True)
def _postgres_ends() -> Iterator[None]:
    """Stop the PostgreSQL of this process, if a test has started one."""
    yield
    if "postgres_cluster" in sys.modules:
        sys.modules["postgres_cluster"].end()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a server on loopback, with a store of its own and no password."""
    return Settings(data=tmp_path / "data")


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A client of the whole application, in process."""
    with TestClient(create_app(settings), base_url="http://127.0.0.1:4318", follow_redirects=False) as made:
        yield made
