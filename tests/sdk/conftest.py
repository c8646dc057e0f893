"""A fake provider, a recorder of spans that init() writes into, and clients pointed at the provider."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator

import anthropic
import openai
import pytest

import spanwise
from fake_provider import FakeProvider

from .recorded import Recorded


@pytest.fixture
def spans() -> Iterator[Recorded]:
    """A recorder behind an SDK with default settings."""
    recorded = Recorded()
    spanwise.init(span_exporter=recorded.exporter)
    yield recorded
    spanwise.shutdown()


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """A fake provider."""
    with FakeProvider() as made:
        yield made


@pytest.fixture
def openai_client(provider: FakeProvider) -> Iterator[openai.OpenAI]:
    """OpenAI's client."""
    with openai.OpenAI(api_key="k", base_url=provider.openai_url, max_retries=0) as made:
        yield made


@pytest.fixture
def anthropic_client(provider: FakeProvider) -> Iterator[anthropic.Anthropic]:
    """Anthropic's client."""
    with anthropic.Anthropic(api_key="k", base_url=provider.url, max_retries=0) as made:
        yield made


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Production: whatever of ours fails is swallowed."""
    monkeypatch.delenv("SPANWISE_STRICT")


@pytest.fixture(scope="module", autouse=True)
def _what_clients_leave_open_goes_with_their_tests(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect what clients left open in tests that let them, before a test that lets nobody would be blamed for it."""
    yield
    marks = (
        mark
        for item in request.session.items
        if getattr(item, "module", None) is request.module
        for mark in item.iter_markers("filterwarnings")
    )
    if any("ignore::ResourceWarning" in mark.args for mark in marks):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
