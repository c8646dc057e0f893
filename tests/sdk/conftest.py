"""A fake provider, a recorder of spans that init() writes into, and clients pointed at the provider."""

from __future__ import annotations

import gc
import json
import warnings
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spanwise
from fake_provider import FakeProvider


class Recorded:
    """What was recorded so far, sent through the whole of the SDK."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()

    def all(self) -> list[ReadableSpan]:
        """Every span, in the order in which they ended."""
        assert spanwise.flush()
        return list(self.exporter.get_finished_spans())

    def one(self) -> ReadableSpan:
        """The only span there is."""
        found = self.all()
        assert len(found) == 1, [(span.name, dict(span.attributes or {})) for span in found]
        return found[0]

    def named(self, name: str) -> ReadableSpan:
        """The only span of this name."""
        found = [span for span in self.all() if span.name == name]
        assert len(found) == 1, [span.name for span in self.all()]
        return found[0]

    def attributes(self) -> dict[str, Any]:
        """The only span's attributes."""
        return dict(self.one().attributes or {})

    def json(self, name: str) -> Any:
        """What an attribute of the only span says as JSON."""
        return json.loads(self.attributes()[name])

    def said(self) -> list[dict[str, Any]]:
        """The parts of the only span's only answer."""
        (message,) = self.json("gen_ai.output.messages")
        parts: list[dict[str, Any]] = message["parts"]
        return parts

    def clear(self) -> None:
        """Forget everything."""
        spanwise.flush()
        self.exporter.clear()


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
