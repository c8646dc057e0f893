"""OpenAI's pictures, sound and moderation as they look on the wire."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Final

from .answer import Answer, Request
from .ids import make_id
from .reply import Json, count_tokens, pieces, server_sent_event

PICTURE: Final = base64.b64encode(b"\x89PNG\r\n\x1a\nfake").decode()
SOUND: Final = b"ID3fake sound " * 20


def images(request: Request, answer: Answer) -> Json:
    """Return pictures, with what they took."""
    count = int(request.body.get("n") or 1)
    data = [{"b64_json": PICTURE, "revised_prompt": answer.text or None} for _ in range(count)]
    return {"created": int(time.time()), "data": data, "output_format": "png", "usage": _picture_usage(request, answer)}


def image_events(request: Request, answer: Answer) -> Iterator[bytes]:
    """Yield a first sketch and the picture."""
    head = {"b64_json": PICTURE, "created_at": int(time.time()), "size": "1024x1024", "quality": "high",
            "background": "opaque", "output_format": "png"}  # fmt: skip
    kind = "image_edit" if "edits" in request.path else "image_generation"
    sketch = {"type": f"{kind}.partial_image", **head, "partial_image_index": 0}
    yield server_sent_event(sketch, str(sketch["type"]))
    done = {"type": f"{kind}.completed", **head, "usage": _picture_usage(request, answer)}
    yield server_sent_event(done, str(done["type"]))


def _picture_usage(request: Request, answer: Answer) -> Json:
    tokens = count_tokens(request, answer)
    details = {"text_tokens": tokens.input, "image_tokens": 0}
    return {
        "input_tokens": tokens.input, "output_tokens": tokens.output, "total_tokens": tokens.input + tokens.output,
        "input_tokens_details": details,
    }  # fmt: skip


def speech(request: Request, answer: Answer) -> bytes:  # noqa: ARG001  # the shape of what makes a reply
    """Return sound."""
    return SOUND


def speech_events(request: Request, answer: Answer) -> Iterator[bytes]:
    """Yield sound in pieces, and what it took."""
    tokens = count_tokens(request, answer)
    for start in range(0, len(SOUND), 100):
        audio = base64.b64encode(SOUND[start : start + 100]).decode()
        yield server_sent_event({"type": "speech.audio.delta", "audio": audio})
    usage = {"input_tokens": tokens.input, "output_tokens": tokens.output, "total_tokens": tokens.input + tokens.output}
    yield server_sent_event({"type": "speech.audio.done", "usage": usage})


def transcription(request: Request, answer: Answer) -> Json | bytes:
    """Return what was said, in the form asked for."""
    form = request.body.get("response_format") or "json"
    if form in ("text", "srt", "vtt"):
        return answer.text.encode()
    if form == "verbose_json" or "translations" in request.path:
        return {"text": answer.text, "language": "english", "duration": 2.5, "segments": []}
    return {"text": answer.text, "usage": _heard(request, answer)}


def transcription_events(request: Request, answer: Answer) -> Iterator[bytes]:
    """Yield what was said piece by piece."""
    for piece in pieces(answer.text):
        yield server_sent_event({"type": "transcript.text.delta", "delta": piece})
    yield server_sent_event({"type": "transcript.text.done", "text": answer.text, "usage": _heard(request, answer)})


def _heard(request: Request, answer: Answer) -> Json:
    tokens = count_tokens(request, answer)
    details = {"audio_tokens": tokens.input, "text_tokens": 0}
    return {
        "type": "tokens", "input_tokens": tokens.input, "output_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output, "input_token_details": details,
    }  # fmt: skip


def moderations(request: Request, answer: Answer) -> Json:
    """Return that all is well, or that it is not where the answer says so."""
    given = request.body.get("input")
    texts = given if isinstance(given, list) else [given]
    flagged = answer.finish_reason == "flagged"
    result = {
        "flagged": flagged, "categories": {"violence": flagged, "hate": False},
        "category_scores": {"violence": 0.9 if flagged else 0.01, "hate": 0.01},
        "category_applied_input_types": {"violence": ["text"], "hate": ["text"]},
    }  # fmt: skip
    model = answer.model or request.model or "omni-moderation-latest"
    return {"id": make_id("req_", request.number), "model": model, "results": [result for _ in texts]}
