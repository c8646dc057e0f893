"""What every test shares: the strict mode in which nothing of ours is swallowed, and an application in process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

os.environ["SPANWISE_STRICT"] = "1"
os.environ["SPANWISE_SPOOL"] = "off"  # the spool of whoever runs the suite is theirs

from spanwise_server.app import create_app
from spanwise_server.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a server on loopback, with a store of its own and no password."""
    return Settings(data=tmp_path / "data")


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A client of the whole application, in process."""
    with TestClient(create_app(settings), base_url="http://127.0.0.1:4318", follow_redirects=False) as made:
        yield made
