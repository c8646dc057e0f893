"""Results of batches as OpenAI and those that speak its language write them: a line of JSON each, in a file."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from ..instrument.batch_result import BatchResult, tell
from ..instrument.engine import Route
from ..instrument.fetch import Fetch, looked_at
from ..instrument.generation import Generation
from .fields import fields

_NANO: Final = 1_000_000_000
_MOST_BATCHES: Final = 1_000


class Batch(NamedTuple):
    """What a program was told of a batch whose results it may fetch."""

    id: str
    done_ns: int | None


class Batches:
    """The batches that this program has asked after, by what their results are fetched by."""

    def __init__(self) -> None:
        self._known: dict[str, Batch] = {}

    def know(self, batch: Batch, *sources: Any) -> None:
        """Remember that results of *batch* are fetched by these *sources*, those that are none passed over."""
        for source in sources:
            if isinstance(source, str):
                if len(self._known) >= _MOST_BATCHES:
                    self._known.clear()
                self._known[source] = batch

    def of(self, source: str) -> Batch | None:
        """Return the batch whose results are fetched by *source*."""
        return self._known.get(source)


KNOWN: Final = Batches()


@dataclass(frozen=True, slots=True)
class Lines:
    """How the results of one provider are told of."""

    provider: str
    source: str
    answers: Mapping[str, Route]
    """How to read an answer, by the ``object`` that it says it is."""
    batch: Batch | None = None

    def tell_all(self, content: bytes) -> None:
        """Tell of every line of *content* where it is such a file."""
        lines = io.BytesIO(content)
        if _is_result(loaded(lines.readline())):
            lines.seek(0)
            for line in lines:
                self.tell(line)

    def tell(self, line: bytes) -> None:
        """Tell of one *line*; one that is no result is passed over."""
        told = loaded(line)
        if not _is_result(told):
            return
        response = told.get("response") or {}
        body = response.get("body") or {}
        failure = _failure(told.get("error"), response.get("status_code"), body)
        route = self.answers.get(str(body.get("object") or "chat.completion"))
        if route is None or not isinstance(body, dict):
            return

        def read(g: Generation) -> None:
            if failure is None:
                route.response(g, fields(line)["response"]["body"])

        batch, model = self.batch, body.get("model")
        result = BatchResult(
            self.provider,
            self.source,
            str(told["custom_id"]),
            batch.id if batch else None,
            route.operation,
            route.kind,
            model if isinstance(model, str) else None,
            nanoseconds(body.get("created", body.get("created_at"))) or (batch.done_ns if batch else None),
            failure,
        )
        tell(result, read, later_chars=len(line))


def loaded(line: bytes) -> Any:
    """Return what *line* says as JSON, ``None`` where it is none."""
    try:
        return orjson.loads(line)
    except ValueError:
        return None


def _is_result(told: Any) -> bool:
    """Whether *told* is a result, and no request: those are in such files too."""
    if not isinstance(told, dict) or "custom_id" not in told:
        return False
    response = told.get("response")
    return (isinstance(response, dict) and isinstance(response.get("body"), dict)) or bool(told.get("error"))


def _failure(error: Any, status: Any, body: Any) -> tuple[str, str] | None:
    said = error or (body.get("error") if isinstance(body, dict) else None)
    if not said and not (isinstance(status, int) and status >= 400):
        return None
    if isinstance(said, dict):
        kind = said.get("code") or said.get("type") or status
        return str(kind or "error"), str(said.get("message") or said)
    return str(status or "error"), str(said or status)


def nanoseconds(when: Any) -> int | None:
    """Return the time that a provider says, in seconds or as a moment; ``None`` where it says none."""
    if isinstance(when, datetime):
        when = when.timestamp()
    return int(when * _NANO) if type(when) in (int, float) and 0 < when < 1e11 else None


def content_of(answer: Any) -> bytes | None:
    """Return what a file holds that the client has already read; nothing is read for us."""
    response = getattr(answer, "response", None) or getattr(answer, "http_response", None)
    if response is None or not getattr(response, "is_stream_consumed", False):
        return None
    content = getattr(response, "content", None)
    return content if isinstance(content, bytes) else None


def fetches(
    package: str,
    answers: Mapping[str, Route],
    name: Callable[[Any, str | None], str],
    files: str = "Files",
    batches: str = "Batches",
) -> dict[str, Fetch]:
    """Return what is looked at of a client in *package* that Stainless has made; *name* tells the provider."""

    def look_at_batch(_resource: Any, _given: Mapping[str, Any], batch: Any) -> None:
        told = getattr(batch, "id", None)
        if isinstance(told, str):
            known = Batch(told, nanoseconds(getattr(batch, "completed_at", None)))
            KNOWN.know(known, getattr(batch, "output_file_id", None), getattr(batch, "error_file_id", None))

    def look_at_file(resource: Any, given: Mapping[str, Any], answer: Any) -> None:
        source = given.get("file_id", given.get("id"))
        content = content_of(answer)
        if isinstance(source, str) and content is not None:
            client = resource._client  # noqa: SLF001  # whose address tells who answers
            provider = name(client, getattr(getattr(client, "base_url", None), "host", None))
            Lines(provider, source, answers, KNOWN.of(source)).tell_all(content)

    at = f"{package}.resources."
    return {
        **{f"{at}batches:{kind}{batches}.retrieve": looked_at(look_at_batch) for kind in ("", "Async")},
        **{f"{at}files:{kind}{files}.content": looked_at(look_at_file) for kind in ("", "Async")},
    }
