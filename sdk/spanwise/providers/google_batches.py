"""Answers in Google's batches: inside of the batch that is asked for, or in a file of lines that it names."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..instrument.batch_result import BatchResult, tell
from ..instrument.fetch import Fetch, looked_at
from ..instrument.generation import Generation
from .batch_lines import KNOWN, Batch, loaded, nanoseconds

_Read = Callable[[Generation, Any], None]
_OWNERS: Final = ("", "Async")


def _told(source: str, key: str, batch: Batch | None, model: str | None, said: Mapping[str, Any], read: _Read) -> None:
    """Tell of what is *said* of one answer, in Google's JSON."""
    answer, error = said.get("response"), said.get("error")
    failure = None
    if not isinstance(answer, Mapping):
        told = error if isinstance(error, Mapping) else {}
        failure = str(told.get("status") or told.get("code") or "error"), str(told.get("message") or error)
    body: Mapping[str, Any] = answer if isinstance(answer, Mapping) else {}
    embeds = "embedding" in body

    def fill(g: Generation) -> None:
        if embeds:
            g.usage(input_tokens=_count(body.get("tokenCount")))
        elif failure is None:
            read(g, body)

    result = BatchResult(
        "gcp.gemini",
        source,
        key,
        batch.id if batch else None,
        "embeddings" if embeds else "chat",
        "embedding" if embeds else "llm",
        body.get("modelVersion") or model,
        batch.done_ns if batch else None,
        failure,
    )
    tell(result, fill)


def _count(said: Any) -> int | None:
    return int(said) if isinstance(said, int) or (isinstance(said, str) and said.isdigit()) else None


def _look_at_job(job: Any, read: _Read) -> None:
    name, inside = getattr(job, "name", None), getattr(job, "dest", None)
    if not isinstance(name, str) or inside is None:
        return
    done = nanoseconds(getattr(job, "end_time", None)) or nanoseconds(getattr(job, "update_time", None))
    batch = Batch(name, done)
    model = str(getattr(job, "model", None) or "").rpartition("models/")[2] or None
    KNOWN.know(batch, getattr(inside, "file_name", None))
    for answers in ("inlined_responses", "inlined_embed_content_responses"):
        for place, answer in enumerate(getattr(inside, answers, None) or ()):
            said = json.loads(answer.model_dump_json(by_alias=True, exclude_none=True))
            _told(name, str(place), batch, model, said, read)


def _look_at_file(given: Mapping[str, Any], content: Any, read: _Read) -> None:
    file = given.get("file")
    name = file if isinstance(file, str) else getattr(file, "name", None)
    if not isinstance(name, str) or not isinstance(content, bytes):
        return
    lines = io.BytesIO(content)
    if not _is_answer(lines.readline()):
        return
    lines.seek(0)
    batch = KNOWN.of(name)
    for place, line in enumerate(lines):
        if _is_answer(line):
            said = json.loads(line)
            _told(name, str(said.get("key") or place), batch, None, said, read)


def _is_answer(line: bytes) -> bool:
    """Whether *line* is of the results of a batch: what else a file may hold says nothing of answers."""
    said = loaded(line)
    if not isinstance(said, dict) or not ("key" in said or "metadata" in said):
        return False
    answer = said.get("response")
    known = isinstance(answer, dict) and any(name in answer for name in ("candidates", "usageMetadata", "embedding"))
    return known or isinstance(said.get("error"), dict)


def fetches(read: _Read) -> dict[str, Fetch]:
    """Return what is looked at of the client, where *read* reads an answer."""
    job = looked_at(lambda _batches, _given, found: _look_at_job(found, read))
    file = looked_at(lambda _files, given, content: _look_at_file(given, content, read))
    return {
        **{f"google.genai.batches:{kind}Batches.get": job for kind in _OWNERS},
        **{f"google.genai.files:{kind}Files.download": file for kind in _OWNERS},
    }
