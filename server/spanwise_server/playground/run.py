"""Runs one call, or the same call several times at once, and says what comes as it comes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, Final

from ..record import Record
from .call import Answer, Call, Connection, MakeHttp, flip_rate
from .providers import provider_named
from .trace import Made, Traced, span_of

MOST_REPEATS: Final = 20
_AT_ONCE: Final = 4
_LONGEST_ERROR: Final = 600

Event = Mapping[str, Any]


def run(call: Call, connection: Connection, http: MakeHttp, repeats: int, traced: Traced) -> Iterator[Event]:
    """Yield what happens: ``text`` and ``done`` or ``error`` of each repeat, at last ``summary``.

    Whoever stops listening stops the calls: no further one begins, and those under way are hung up on.
    """
    stopped = threading.Event()
    events: queue.Queue[Event | None] = queue.Queue()
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for n in range(repeats):
        waiting.put(n)

    def work() -> None:
        while not stopped.is_set():
            try:
                n = waiting.get_nowait()
            except queue.Empty:
                break
            for event in _one(call, connection, http, traced, stopped):
                events.put({"run": n, **event})
        events.put(None)

    threads = [
        threading.Thread(target=work, name=f"spanwise-playground-{n}", daemon=True)
        for n in range(min(repeats, _AT_ONCE))
    ]
    answers: list[str] = []
    try:
        for thread in threads:
            thread.start()
        left = len(threads)
        while left:
            event = events.get()
            if event is None:
                left -= 1
                continue
            if "done" in event:
                answers.append(event["done"]["text"] + "".join(c["arguments"] for c in event["done"]["tool_calls"]))
            yield event
        yield {"summary": {"runs": repeats, "answered": len(answers), "flip_rate": flip_rate(answers)}}
    finally:
        stopped.set()


def _one(
    call: Call, connection: Connection, http: MakeHttp, traced: Traced, stopped: threading.Event
) -> Iterator[Event]:
    answer, began = Answer(), time.time_ns()
    first: int | None = None
    error: Exception | None = None
    ask = provider_named(connection.provider).ask
    try:
        with http() as client, closing(ask(call, connection, client, answer)) as pieces:  # type: ignore[type-var]
            for piece in pieces:
                if first is None:
                    first = time.time_ns()
                yield {"text": piece}
                if stopped.is_set():
                    break
    except Exception as failure:  # noqa: BLE001 - whatever a client raises is what its reader is told
        error = failure
    made = Made(call, connection, answer, began, time.time_ns(), first, error, stopped=stopped.is_set())
    record = traced.keep(span_of(made, traced))
    if error is not None:
        yield {"error": _said(error, connection), **_where(record)}
        return
    yield {"done": _done(answer, record)}


def _done(answer: Answer, record: Record) -> dict[str, Any]:
    return {
        "text": answer.text,
        "tool_calls": [{"id": c.id, "name": c.name, "arguments": c.arguments} for c in answer.calls],
        "finish_reason": answer.finish_reason,
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
        "duration_ms": round(record.duration_ms),
        "cost_nusd": None if record.cost is None else record.cost.total_nusd,
        **_where(record),
    }


def _where(record: Record) -> dict[str, str]:
    return {"trace_id": record.span.trace_id, "span_id": record.span.span_id}


def _said(error: Exception, connection: Connection) -> str:
    """Return an error and what caused it in words, without the key."""
    if isinstance(error, ImportError):
        return (
            f"The client of {provider_named(connection.provider).words} is missing: pip install 'spanwise[playground]'."
        )
    words: list[str] = []
    found: BaseException | None = error
    while found is not None and len(words) < 4:
        text = str(found) or type(found).__name__
        if text not in words:
            words.append(text)
        found = found.__cause__ or found.__context__
    said = ": ".join(words)[:_LONGEST_ERROR]
    return connection.without_key(said)
