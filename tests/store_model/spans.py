"""Spans made by hypothesis: small worlds, in which ids, users and times meet again and again."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from spanwise_server.dialects import read
from spanwise_server.record import Cost, CostSource, Record, Span

START_NS = 1_790_000_000_000_000_000
TRACES = [f"{n:032x}" for n in range(1, 6)]
SPANS = [f"{n:016x}" for n in range(1, 7)]
WORDS = ("refuse", "grant", "check")
SECOND = 1_000_000_000


def record(
    trace_id: str,
    span_id: str,
    *,
    parent: str | None = None,
    at: float = 0,
    took: float = 1.0,
    status: Any = "ok",
    name: str = "step",
    project: str = "default",
    cost: int | None = None,
    **attributes: Any,
) -> Record:
    """Return a record whose reading is what its attributes say; double underscores stand for dots."""
    start = START_NS + round(at * SECOND)
    said = {key.replace("__", "."): value for key, value in attributes.items()}
    span = Span(trace_id, span_id, parent, name, start, start + round(took * SECOND), status, None, said)
    source: CostSource = ("priced", "reported", "estimated")[(cost or 0) // 10_000_000 % 3]
    priced = None if cost is None else Cost(cost, source=source, price_id="test/model@2026-01-01")
    return Record(project, span, read(span), priced)


def llm(trace_id: str, span_id: str, *, tokens: int | None = 10, model: str = "gpt-4o", **more: Any) -> Record:
    """Return the record of a call of a model."""
    said = {"gen_ai__operation__name": "chat", "gen_ai__provider__name": "openai", "gen_ai__request__model": model}
    if tokens is not None:
        said["gen_ai__usage__input_tokens"] = tokens  # type: ignore[assignment]
    return record(trace_id, span_id, **{"name": f"chat {model}", **said, **more})


@st.composite
def records(draw: st.DrawFn, traces: int = 5, spans: int = 6) -> Record:
    """Draw a record of one of few traces, users, times and words."""
    trace_id, span_id = draw(st.sampled_from(TRACES[:traces])), draw(st.sampled_from(SPANS[:spans]))
    parent = draw(st.none() | st.sampled_from(SPANS[:spans]))
    status = draw(st.sampled_from(("ok", "error", "unset")))
    kind, word = draw(st.sampled_from(("llm", "llm", "embedding", "tool", "agent"))), draw(st.sampled_from(WORDS))
    said = {
        "user__id": draw(st.none() | st.sampled_from(("ann", "bob"))),
        "session__id": draw(st.none() | st.sampled_from(("s_1", "s_2"))),
        "tag__tags": draw(st.none() | st.sampled_from((["beta", "all"], ["vip"]))),
        "gen_ai__prompt__name": draw(st.none() | st.sampled_from(("support", "survey"))),
        "deployment__environment__name": draw(st.none() | st.sampled_from(("prod", "dev"))),
        "error__type": "RateLimitError" if status == "error" else None,
    }
    more: dict[str, Any] = {
        "parent": None if parent == span_id else parent,
        "at": draw(st.integers(0, 6)),
        "took": draw(st.integers(0, 40)) / 10,
        "status": status,
        **{key: value for key, value in said.items() if value is not None},
    }
    if kind in ("tool", "agent"):
        if kind == "tool":
            more |= {"gen_ai__operation__name": "execute_tool", "gen_ai__tool__name": "search"}
        return record(trace_id, span_id, name=f"{kind} {word}", **more)
    text = f'[{{"role":"user","parts":[{{"type":"text","content":"please {word} the refund"}}]}}]'
    more |= {
        "gen_ai__input__messages": text,
        "gen_ai__operation__name": "chat" if kind == "llm" else "embeddings",
        "tokens": draw(st.none() | st.integers(0, 50)),
        "cost": draw(st.none() | st.integers(0, 5).map(lambda n: n * 10_000_000)),
        "model": f"gpt-{word}" if kind == "llm" else "embed",
        "gen_ai__response__time_to_first_chunk": draw(st.none() | st.integers(0, 3)),
    }
    if (answer := draw(st.none() | st.sampled_from(("resp_1", "resp_2")))) is not None:
        more["gen_ai__response__id"] = answer
    return llm(trace_id, span_id, **more)


def distinct(found: list[Record]) -> list[Record]:
    """Return *found* with one record for each span, the first."""
    return list({(r.span.trace_id, r.span.span_id): r for r in reversed(found)}.values())
