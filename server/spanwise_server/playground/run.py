"""Runs one call, or the same call several times at once, and says what comes as it comes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ..record import Record
from .call import Answer, Call, Connection, MakeHttp, flip_rate
from .providers import provider_named
from .stop import Stop
from .trace import Made, Traced, span_of

MOST_REPEATS: Final = 20
_AT_ONCE: Final = 4
_LONGEST_ERROR: Final = 600

Event = Mapping[str, Any]
OnText = Callable[[str], None]


def run(call: Call, connection: Connection, http: MakeHttp, repeats: int, traced: Traced) -> Iterator[Event]:
    """Yield what happens: ``text`` and ``done`` or ``error`` of each repeat, at last ``summary``.

    Whoever stops listening stops the calls: no further one begins, and those under way are hung up on.
    """
    stopped = Stop()
    events: queue.Queue[Event | None] = queue.Queue()
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for n in range(repeats):
        waiting.put(n)

    def tell(n: int, piece: str) -> None:
        events.put({"run": n, "text": piece})

    def work() -> None:
        while not stopped.is_set():
            try:
                n = waiting.get_nowait()
            except queue.Empty:
                break
            asked = ask(call, connection, http, traced, stopped, partial(tell, n))
            events.put({"run": n, **_ended(asked, connection)})
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


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of one call."""

    answer: Answer
    record: Record
    error: Exception | None = None


def ask(
    call: Call, connection: Connection, http: MakeHttp, traced: Traced, stopped: Stop, on_text: OnText | None = None
) -> Asked:
    """Make one call, tell *on_text* of its answer piece by piece, and keep its span.

    Once *stopped* is set the provider is hung up on.
    """
    answer, began = Answer(), time.time_ns()
    first: int | None = None
    error: Exception | None = None
    stream = provider_named(connection.provider).ask
    try:
        with (
            stopped.lines() as on_line,
            http(on_line) as client,
            closing(stream(call, connection, client, answer)) as pieces,  # type: ignore[type-var]
        ):
            for piece in pieces:
                if first is None:
                    first = time.time_ns()
                if on_text is not None:
                    on_text(piece)
                if stopped.is_set():
                    break
    except Exception as failure:  # noqa: BLE001 - whatever a client raises is what its reader is told
        error = None if stopped.is_set() else failure
    made = Made(call, connection, answer, began, time.time_ns(), first, error, stopped=stopped.is_set())
    return Asked(answer, traced.keep(span_of(made, traced)), error)


def _ended(asked: Asked, connection: Connection) -> Event:
    if asked.error is not None:
        return {"error": said(asked.error, connection), **_where(asked.record)}
    return {"done": _done(asked.answer, asked.record)}


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


def said(error: Exception, connection: Connection) -> str:
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
    return connection.without_key(": ".join(words)[:_LONGEST_ERROR])
