"""OpenAI's pictures, sound and moderation: what was asked, what came, what it took."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from .. import vocabulary as v
from ..encode import to_json
from ..instrument.engine import Route
from ..instrument.generation import Generation
from ..prompts import find_prompt
from .batches import batch
from .content import blob_part, media_part, text_part

PARAMS: Final = {
    "model": v.REQUEST_MODEL,
    "n": v.REQUEST_CHOICE_COUNT,
    "stream": v.REQUEST_STREAM,
    "temperature": v.REQUEST_TEMPERATURE,
}
OTHER_PARAMS: Final = (
    "size", "quality", "style", "background", "output_format", "output_compression", "partial_images", "voice", "speed",
    "response_format", "language", "timestamp_granularities", "instructions", "chunking_strategy", "moderation",
)  # fmt: skip


def request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is asked: a text that describes, is to be spoken, or goes before what is heard."""
    g.params(body, PARAMS, OTHER_PARAMS)
    said = body.get("prompt", body.get("input"))
    g.prompt = find_prompt(said)
    if g.content and isinstance(said, str):
        g.asked([{"role": "user", "parts": [text_part(said)]}])


def usage(g: Generation, told: Any) -> None:
    """Read the counts, those of sound and pictures too; length in seconds is none."""
    if told is None or getattr(told, "input_tokens", None) is None:
        return
    g.usage(input_tokens=told.input_tokens, output_tokens=getattr(told, "output_tokens", None))
    details = getattr(told, "input_tokens_details", None) or getattr(told, "input_token_details", None)
    if heard := getattr(details, "audio_tokens", None):
        g.attributes[v.USAGE_AUDIO_INPUT] = heard
    if seen := getattr(details, "image_tokens", None):
        g.attributes[v.USAGE_IMAGE_INPUT] = seen


# --- pictures --------------------------------------------------------------------------------------


def pictures(g: Generation, answer: Any) -> None:
    """Read pictures, and what they took."""
    for picture in answer.data or ():
        _picture(g, picture, getattr(answer, "output_format", None))
    usage(g, getattr(answer, "usage", None))


def picture_event(g: Generation, event: Any) -> None:
    """Read one event of a streamed picture; sketches are passed over for the picture itself."""
    if event.type.endswith(".completed"):
        _picture(g, event, event.output_format)
        usage(g, event.usage)


def _picture(g: Generation, picture: Any, form: str | None) -> None:
    g.attributes[v.OUTPUT_TYPE] = "image"
    if data := getattr(picture, "b64_json", None):
        g.part(blob_part(data, "image", f"image/{form or 'png'}"))
    elif url := getattr(picture, "url", None):
        g.part(media_part(url, "image"))
    if revised := getattr(picture, "revised_prompt", None):
        g.part(text_part(revised))


# --- sound -----------------------------------------------------------------------------------------


def spoken(g: Generation, answer: Any) -> None:
    """Read sound, where the client has read it."""
    g.attributes[v.OUTPUT_TYPE] = "speech"
    response = getattr(answer, "response", None)  # clients that stream sound give no more than a raw response of it
    if g.content and response is not None and response.is_stream_consumed:
        mime_type = response.headers.get("content-type")
        g.part(blob_part(base64.b64encode(answer.content).decode(), "audio", mime_type))


def spoken_event(g: Generation, event: Any) -> None:
    """Read one event of streamed sound; the sound itself is the application's."""
    g.attributes[v.OUTPUT_TYPE] = "speech"
    usage(g, getattr(event, "usage", None))


def heard(g: Generation, answer: Any) -> None:
    """Read what was heard, a text alone or with its details."""
    g.text(answer if isinstance(answer, str) else answer.text)
    usage(g, getattr(answer, "usage", None))


def heard_event(g: Generation, event: Any) -> None:
    """Read one event of what is heard; the last has the whole of it, and the counts."""
    if event.type == "transcript.text.delta":
        g.text(event.delta)
    usage(g, getattr(event, "usage", None))


# --- moderation ------------------------------------------------------------------------------------


def moderation_request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is to be judged."""
    g.params(body, PARAMS, ())
    if g.content and (given := body.get("input")) is not None:
        g.attributes[v.INPUT] = to_json(given)


def moderated(g: Generation, answer: Any) -> None:
    """Read what was found."""
    g.head(answer.id, answer.model)
    if g.content:
        told = [{"flagged": one.flagged, "categories": _found(one.categories)} for one in answer.results]
        g.attributes[v.OUTPUT] = to_json(told)


def _found(categories: Any) -> list[str]:
    return [name for name, found in categories.model_dump(by_alias=True).items() if found]


ROUTES: Final = {
    "/images/generations": Route("image_generation", "llm", request, pictures, picture_event),
    "/images/edits": Route("image_edit", "llm", request, pictures, picture_event),
    "/images/variations": Route("image_variation", "llm", request, pictures),
    "/audio/speech": Route("speech", "llm", request, spoken, spoken_event),
    "/audio/transcriptions": Route("transcription", "llm", request, heard, heard_event),
    "/audio/translations": Route("translation", "llm", request, heard),
    "/moderations": Route("moderation", "guardrail", moderation_request, moderated),
    # Together says more beside the batch.
    "/batches": batch("id", "status", made=lambda answer: getattr(answer, "job", None) or answer),
}
