"""What else Hugging Face's client has models do: texts made of texts, pictures and sound, and sentences compared."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from .. import vocabulary as v
from ..encode import to_json
from ..instrument.engine import Route
from ..instrument.generation import Generation
from ..prompts import find_prompt
from .content import blob_part, text_part

#: Where an answer that is an object has its text.
_TEXTS: Final = ("summary_text", "translation_text", "generated_text", "answer", "text")
_PARAMS: Final = {"model": v.REQUEST_MODEL, "seed": v.REQUEST_SEED}
_OTHER_PARAMS: Final = (
    "negative_prompt", "height", "width", "num_inference_steps", "guidance_scale", "src_lang", "tgt_lang", "top_k",
)  # fmt: skip


def _asked(*names: str) -> Callable[[Generation, Mapping[str, Any]], None]:
    """Return what reads the texts of a request under these *names*."""

    def request(g: Generation, body: Mapping[str, Any]) -> None:
        g.params(body, _PARAMS, _OTHER_PARAMS)
        texts = [body[name] for name in names if isinstance(body.get(name), str)]
        g.prompt = find_prompt(texts)
        if g.content and texts:
            g.asked([{"role": "user", "parts": [text_part(text) for text in texts]}])

    return request


def _said(g: Generation, answer: Any) -> None:
    """Read a text, or the best of several."""
    best = answer[0] if isinstance(answer, list) and answer else answer
    g.text(next((text for name in _TEXTS if isinstance(text := getattr(best, name, None), str)), None))


def _spoken(g: Generation, answer: Any) -> None:
    """Read sound."""
    g.attributes[v.OUTPUT_TYPE] = "speech"
    if g.content and isinstance(answer, bytes):
        g.part(blob_part(base64.b64encode(answer).decode(), "audio", None))


def _drawn(g: Generation, answer: Any) -> None:
    """Read how large a picture is; to write it down anew would take long."""
    g.attributes[v.OUTPUT_TYPE] = "image"
    if size := getattr(answer, "size", None):
        g.attributes[v.OUTPUT] = to_json({"width": size[0], "height": size[1]})


def _compared(g: Generation, body: Mapping[str, Any]) -> None:
    """Read which sentence is compared with which."""
    g.params(body, _PARAMS, ())
    others = body.get("other_sentences")
    if g.content and isinstance(others, list | tuple):
        g.attributes[v.RETRIEVAL_QUERY] = str(body.get("sentence"))
        g.attributes[v.INPUT] = to_json({"query": body.get("sentence"), "documents": others})


def _alike(g: Generation, scores: Any) -> None:
    """Read how much alike they are."""
    g.attributes[v.OUTPUT] = to_json(scores)


#: Each method with the names of its first arguments.
TASKS: Final = {
    "summarization": (("text",), Route("summarization", "llm", _asked("text"), _said)),
    "translation": (("text",), Route("translation", "llm", _asked("text"), _said)),
    "question_answering": (
        ("question", "context"),
        Route("question_answering", "llm", _asked("question", "context"), _said),
    ),
    "image_to_text": (("image",), Route("image_to_text", "llm", _asked(), _said)),
    "visual_question_answering": (
        ("image", "question"),
        Route("question_answering", "llm", _asked("question"), _said),
    ),
    "automatic_speech_recognition": (("audio",), Route("transcription", "llm", _asked(), _said)),
    "text_to_speech": (("text",), Route("speech", "llm", _asked("text"), _spoken)),
    "text_to_image": (("prompt",), Route("image_generation", "llm", _asked("prompt"), _drawn)),
    "sentence_similarity": (("sentence", "other_sentences"), Route("rerank", "reranker", _compared, _alike)),
}
