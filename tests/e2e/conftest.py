"""A port that nobody listens on."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from shop_demo import shop_demo

__all__ = ["shop_demo"]  # a fixture is found where its name is


@pytest.fixture
def unused_tcp_port() -> Iterator[int]:
    """Hold a port without listening, so that connecting to it is refused and nobody else gets it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
