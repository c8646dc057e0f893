"""Every Python block of the SDK's page runs, in its order, against the fake provider."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import spanwise
from spanwise.rules import DETECTORS

from .receiver import Receiver

PAGE = Path(__file__).parents[2] / "web/docs/sdk.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_every_block_runs_and_records(provider, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_BASE_URL", provider.openai_url)
    names: dict[str, object] = {}
    with Receiver() as receiver:
        monkeypatch.setenv("SPANWISE_ENDPOINT", receiver.url)
        try:
            for number, block in enumerate(BLOCKS, 1):
                exec(compile(block, f"{PAGE.name}, block {number}", "exec"), names)
            assert spanwise.flush()
        finally:
            spanwise.shutdown()
            names["client"].close()
        told = receiver.names()
        assert {"search", "weather", "answer", "plan a trip", "chat", "chat gpt-4o-mini"} <= set(told)
        assert [annotation["name"] for annotation in receiver.annotations] == ["on topic", "thumb"]
    assert len(BLOCKS) >= 10


@pytest.mark.parametrize(
    "method", ["set_input", "set_output", "set_documents", "set_model", "set_usage", "set", "fail"]
)
def test_every_method_of_a_span_is_on_the_page(method):
    assert callable(getattr(spanwise.Span, method))
    assert f"`{method}(" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("detector", DETECTORS.values(), ids=lambda detector: detector.name)
def test_every_detector_is_on_the_page(detector):
    assert f"| `{detector.name}` |" in PAGE.read_text(encoding="utf-8")
    assert f"`{detector.mark}`" in PAGE.read_text(encoding="utf-8")
