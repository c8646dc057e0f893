"""A provider on loopback, and a server that may reach it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from fake_provider import FakeProvider
from spanwise_server.app import create_app
from spanwise_server.settings import Settings


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as made:
        yield made


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A server whose operator allows private addresses."""
    allowed = dataclasses.replace(settings, allow_private=True)
    with TestClient(create_app(allowed), base_url="http://127.0.0.1:4318", follow_redirects=False) as made:
        yield made
