"""Providers with formats of their own, whose instrumentations leave some of it in the whole request or answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emissions import corpus
from emissions.scenarios import said
from spanwise_server.dialects import read


def reading(name, question):
    return next(r.reading for r in corpus.records(name) if question in str(r.reading.input_messages))


def test_thoughts_pictures_and_options_of_ollama_are_read():
    thought = reading("openinference-ollama", said.PRIMES).output_messages[0]["parts"][0]
    assert thought == {"type": "reasoning", "content": "Two, three, five, seven and four more."}
    assert reading("openinference-ollama", said.PICTURE).input_messages[0]["parts"][1]["content"] == said.PIXEL
    assert "options" not in reading("openinference-ollama", said.PLAIN).params


def test_gemini_calls_the_model_an_assistant_and_ends_in_small_letters():
    found = reading("openinference-google-genai", said.SECOND)
    assert [turn["role"] for turn in found.input_messages] == ["user", "assistant", "user"]
    assert found.finish_reasons == ("stop",)


@pytest.mark.parametrize("emitter", ["openinference-ollama", "openinference-google-genai", "openllmetry-bedrock"])
@pytest.mark.parametrize(
    "odd", ['{"message": 3, "messages": {}, "thinking": "', '{"thinking": "a", "message": []}', "[]"]
)
def test_wholes_of_any_shape_are_read(emitter, odd):
    for record in corpus.records(emitter):
        keys = [key for key in record.span.attributes if key.endswith((".value", "messages", "parameters"))]
        changed = replace(record.span, attributes={**record.span.attributes, **dict.fromkeys(keys, odd)})
        assert read(changed).kind == record.kind
