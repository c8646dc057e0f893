"""OpenAI's pictures, sound, moderation, completions and batches, and answers in a shape of the application's."""

from __future__ import annotations

import base64
import json

import pydantic
import pytest

from fake_provider import Answer

WAV = ("speech.wav", b"RIFFfake", "audio/wav")
SPOKEN = Answer(text="Lima is in Peru.", input_tokens=50, output_tokens=19)


@pytest.fixture
def client(provider, openai_client):
    provider.answer = lambda _: SPOKEN
    return openai_client


def check_counts(spans, name: str) -> dict:
    said = spans.attributes()
    assert spans.one().name == name
    assert said["gen_ai.usage.input_tokens"] == 50
    assert said["gen_ai.usage.output_tokens"] == 19
    return said


def test_a_picture_is_kept_and_counted(spans, client):
    picture = client.images.generate(model="gpt-image-1", prompt="A cat", size="1024x1024", n=1).data[0].b64_json
    said = check_counts(spans, "image_generation gpt-image-1")
    assert said["gen_ai.output.type"] == "image"
    assert json.loads(said["spanwise.request.params"])["size"] == "1024x1024"
    assert spans.said()[0] == {"type": "blob", "modality": "image", "mime_type": "image/png", "content": picture}
    assert spans.json("gen_ai.input.messages")[0]["parts"][0]["content"] == "A cat"


def test_a_streamed_picture_is_kept_once(spans, client):
    events = list(client.images.generate(model="gpt-image-1", prompt="A cat", stream=True, partial_images=1))
    assert [event.type for event in events] == ["image_generation.partial_image", "image_generation.completed"]
    check_counts(spans, "image_generation gpt-image-1")
    assert [part["type"] for part in spans.said()] == ["blob"]


def test_an_edited_picture(spans, client):
    client.images.edit(model="gpt-image-1", prompt="A hat on it", image=("cat.png", b"fake", "image/png"))
    check_counts(spans, "image_edit gpt-image-1")


def test_speech_is_kept(spans, client):
    sound = client.audio.speech.create(model="tts-1", voice="alloy", input="Hello").content
    assert spans.attributes()["gen_ai.output.type"] == "speech"
    (part,) = spans.said()
    assert base64.b64decode(part["content"]) == sound


def test_speech_that_the_application_streams_is_its_own(spans, client):
    with client.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input="Hello") as response:
        assert b"".join(response.iter_bytes())
    assert spans.one().name == "speech tts-1"


@pytest.mark.parametrize("form", ["json", "text", "verbose_json"])
def test_what_was_heard_is_told_in_every_form(spans, client, form):
    heard = client.audio.transcriptions.create(model="whisper-1", file=WAV, response_format=form)
    assert (heard if isinstance(heard, str) else heard.text) == "Lima is in Peru."
    assert spans.said()[0]["content"] == "Lima is in Peru."
    assert spans.one().name == "transcription whisper-1"
    if form == "json":
        assert spans.attributes()["gen_ai.usage.audio.input_tokens"] == 50


def test_what_is_heard_is_streamed(spans, client):
    assert len(list(client.audio.transcriptions.create(model="gpt-4o-transcribe", file=WAV, stream=True))) > 1
    check_counts(spans, "transcription gpt-4o-transcribe")
    assert spans.said()[0]["content"] == "Lima is in Peru."


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the client itself
def test_a_translation(spans, client):
    client.audio.translations.create(model="whisper-1", file=WAV)
    assert spans.one().name == "translation whisper-1"
    assert spans.said()[0]["content"] == "Lima is in Peru."


def test_moderation_is_a_guardrail(spans, provider, client):
    provider.answer = lambda _: Answer(finish_reason="flagged")
    assert client.moderations.create(input="Hit him").results[0].flagged
    assert spans.attributes()["spanwise.kind"] == "guardrail"
    assert spans.json("spanwise.output") == [{"flagged": True, "categories": ["violence"]}]


def test_a_batch_is_told_where_it_is_handed_in(spans, client):
    made = client.batches.create(input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h")
    assert client.batches.retrieve(made.id).status == "completed"
    assert spans.one().name == "batch"
    assert spans.json("spanwise.output") == {"id": "batch_1", "status": "validating"}
    assert spans.attributes()["spanwise.kind"] == "span"


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_an_answer_in_a_shape_of_the_applications(spans, provider, openai_client, api):
    class Trip(pydantic.BaseModel):
        city: str

    provider.answer = lambda _: Answer(text='{"city": "Lima"}')
    if api == "chat":
        messages = [{"role": "user", "content": "Where?"}]
        done = openai_client.chat.completions.parse(model="m", messages=messages, response_format=Trip)
        assert done.choices[0].message.parsed == Trip(city="Lima")
    else:
        assert openai_client.responses.parse(model="m", input="Where?", text_format=Trip).output_parsed.city == "Lima"
    assert spans.attributes()["gen_ai.output.type"] == "json"
    assert spans.said() == [{"type": "text", "content": '{"city": "Lima"}'}]


def test_azure_goes_by_its_own_name_and_path(spans, provider):
    import openai

    with openai.AzureOpenAI(azure_endpoint=provider.url, api_key="k", api_version="2024-10-21") as azure:
        azure.embeddings.create(model="ada", input="x")
    assert provider.requests[0].path.startswith("/openai/deployments/ada/embeddings")
    assert spans.attributes()["gen_ai.provider.name"] == "azure.ai.openai"
