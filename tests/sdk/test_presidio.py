"""Redaction by Presidio, over an engine whose recognizers are patterns: no model of language is fetched."""

from __future__ import annotations

import importlib.util

import pytest
import spacy
from presidio_analyzer import AnalyzerEngine, Pattern, PatternRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.nlp_engine import SpacyNlpEngine

import spanwise
from spanwise.presidio import Presidio

ANNA = "Anna Kowalska of Kraków"


class Blank(SpacyNlpEngine):
    """An engine that splits words and knows no names."""

    def __init__(self):
        super().__init__()
        self.nlp = {"en": spacy.blank("en")}


@pytest.fixture(scope="module")
def analyzer():
    """An engine that knows IP addresses and the people of one family."""
    people = PatternRecognizer("PERSON", patterns=[Pattern("family", r"\w+ Kowalska", 0.9)])
    surely_not = PatternRecognizer("DATE_TIME", patterns=[Pattern("number", r"\d{4}", 0.1)])
    registry = RecognizerRegistry(recognizers=[people, surely_not])
    registry.load_predefined_recognizers(languages=["en"])
    for name in ("SpacyRecognizer", "EmailRecognizer", "UrlRecognizer"):  # the last two ask the network for domains
        registry.remove_recognizer(name)
    return AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])


def test_what_it_finds_never_leaves_the_program(provider, openai_client, analyzer):
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    spanwise.init(span_exporter=exporter, redact=["cards", Presidio(analyzer=analyzer)])
    try:
        said = f"{ANNA}, 192.0.2.44, 4111 1111 1111 1111, since 2019"
        openai_client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": said}])
        assert spanwise.flush()
    finally:
        spanwise.shutdown()
    (span,) = exporter.get_finished_spans()
    told = span.attributes["gen_ai.input.messages"]
    assert "[person] of Krak" in told
    assert "[ip_address]" in told
    assert "since 2019" in told, "a score below the threshold is no find"
    for private in ("Anna", "Kowalska", "192.0.2.44", "4111"):
        assert private not in told


def test_only_the_asked_for_kinds_are_hidden(analyzer):
    hide = Presidio(analyzer=analyzer, entities=["IP_ADDRESS"])
    assert hide(f"{ANNA} at 192.0.2.44") == f"{ANNA} at [ip_address]"


def test_finds_that_overlap_are_hidden_as_one():
    class Fixed:
        def analyze(self, **_asked):
            return [RecognizerResult(kind, start, end, 1.0) for kind, start, end in FOUND]

    FOUND = [("PERSON", 0, 4), ("LOCATION", 8, 14), ("ORG", 5, 10), ("URL", 9, 14), ("DATE", 20, 24)]  # noqa: N806
    assert Presidio(analyzer=Fixed())("anna in krakow city 2019.") == "[person] [location] city [date]."


def test_where_it_fails_the_value_is_hidden(provider, openai_client, spans, caplog):
    class Broken:
        def analyze(self, **_asked):
            raise RuntimeError("no model")

    from spanwise.rules import FAILED, Redactor

    assert Redactor([Presidio(analyzer=Broken())]).value(ANNA) == FAILED
    assert "no model" in caplog.text


def test_what_is_missing_is_said_at_once(monkeypatch):
    with pytest.raises(ValueError, match="spacy download en_core_web_tiny"):
        Presidio(model="en_core_web_tiny")
    monkeypatch.setattr("spanwise.presidio.find_spec", lambda _name: None)
    with pytest.raises(ValueError, match=r"spanwise\[presidio\]"):
        Presidio()
    assert importlib.util.find_spec("presidio_analyzer")


def test_all_detectors_go_together_with_rules_of_ones_own():
    from spanwise.rules import DETECTORS, read_rules

    own = str.upper
    assert read_rules(["all", own, "cards"]) == (*DETECTORS, own)
    assert read_rules("all") == tuple(DETECTORS)
