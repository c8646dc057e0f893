"""Anthropic's batches and its counting of tokens: calls that no model answers, and answers that come later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from .. import vocabulary as v
from ..encode import to_json
from ..instrument.batch_result import BatchResult, tell
from ..instrument.engine import Route
from ..instrument.fetch import Fetch, looked_at
from ..instrument.generation import Generation
from ..instrument.passing import passing
from .batch_lines import KNOWN, Batch, nanoseconds
from .batches import batch

_PARAMS: Final = {"model": v.REQUEST_MODEL}


def count_request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read whose tokens are to be counted."""
    g.params(body, _PARAMS, ())
    if g.content:
        g.attributes[v.INPUT] = to_json({name: body.get(name) for name in ("system", "messages") if name in body})


def count_response(g: Generation, count: Any) -> None:
    """Read the count, which nobody pays for."""
    g.attributes[v.OUTPUT] = to_json({"input_tokens": count.input_tokens})


ROUTES: Final = {
    "/v1/messages/batches": batch("id", "processing_status"),
    "/v1/messages/count_tokens": Route("count_tokens", "span", count_request, count_response),
}


# --- what comes of a batch -------------------------------------------------------------------------


def _told(batch_id: str, item: Any, response: Callable[[Generation, Any], None]) -> None:
    outcome, known = item.result, KNOWN.of(batch_id)
    message = getattr(outcome, "message", None) if outcome.type == "succeeded" else None
    failure = None
    if message is None:
        error = getattr(getattr(outcome, "error", None), "error", None)
        failure = str(getattr(error, "type", outcome.type)), str(getattr(error, "message", outcome.type))

    def read(g: Generation) -> None:
        if message is not None:
            response(g, message)

    tell(
        BatchResult(
            "anthropic",
            batch_id,
            str(item.custom_id),
            batch_id,
            model=getattr(message, "model", None),
            at_ns=known.done_ns if known else None,
            failure=failure,
        ),
        read,
    )


def fetches(response: Callable[[Generation, Any], None]) -> dict[str, Fetch]:
    """Return what is looked at of the client, where *response* reads a message."""

    def take(_batches: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], results: Any) -> Any:
        batch_id = args[0] if args else kwargs.get("message_batch_id")
        if not isinstance(batch_id, str) or hasattr(results, "parse"):  # raw ones are the application's to read
            return results
        return passing(results, lambda item: _told(batch_id, item, response))

    def look(_batches: Any, _given: Mapping[str, Any], found: Any) -> None:
        if isinstance(told := getattr(found, "id", None), str):
            KNOWN.know(Batch(told, nanoseconds(getattr(found, "ended_at", None))), told)

    owners = [
        f"anthropic.resources.{where}messages.batches:{kind}Batches"
        for where in ("", "beta.")
        for kind in ("", "Async")
    ]
    return {
        **{f"{owner}.results": Fetch(take) for owner in owners},
        **{f"{owner}.retrieve": looked_at(look) for owner in owners},
    }
