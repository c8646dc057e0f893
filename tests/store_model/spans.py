"""Spans made by hypothesis: small worlds, in which ids, users and times meet again and again."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from spanwise_server.dialects import read
from spanwise_server.record import Cost, Record, Span

START_NS = 1_790_000_000_000_000_000
TRACES = [f"{n:032x}" for n in range(1, 6)]
SPANS = [f"{n:016x}" for n in range(1, 7)]
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
    return Record(project, span, read(span), None if cost is None else Cost(cost, price_id="test/model@2026-01-01"))


def llm(trace_id: str, span_id: str, *, tokens: int | None = 10, model: str = "gpt-4o", **more: Any) -> Record:
    """Return the record of a call of a model."""
    said = {"gen_ai__operation__name": "chat", "gen_ai__provider__name": "openai", "gen_ai__request__model": model}
    if tokens is not None:
        said["gen_ai__usage__input_tokens"] = tokens  # type: ignore[assignment]
    return record(trace_id, span_id, **{"name": f"chat {model}", **said, **more})


def _build(
    trace_id: str, span_id: str, parent: str | None, at: int, took: int, status: str, kind: str, tokens: int | None,
    cost: int | None, user: str | None, tag: str | None, env: str | None, word: str,
) -> Record:  # fmt: skip
    more: dict[str, Any] = {
        "parent": None if parent == span_id else parent,
        "at": at,
        "took": took / 10,
        "status": status,
    }
    if user is not None:
        more["user__id"] = user
    if tag is not None:
        more["tag__tags"] = [tag, "all"]
    if env is not None:
        more["deployment__environment__name"] = env
    if status == "error":
        more["error__type"] = "RateLimitError"
    if kind == "tool":
        more |= {"gen_ai__operation__name": "execute_tool", "gen_ai__tool__name": "search"}
    if kind in ("llm", "embedding"):
        operation = "chat" if kind == "llm" else "embeddings"
        more["gen_ai__input__messages"] = (
            f'[{{"role":"user","parts":[{{"type":"text","content":"please {word} the refund"}}]}}]'
        )
        return (
            llm(trace_id, span_id, tokens=tokens, cost=cost, model=f"gpt-{word}", **more)
            if operation == "chat"
            else llm(
                trace_id,
                span_id,
                tokens=tokens,
                cost=cost,
                model="embed",
                **{**more, "gen_ai__operation__name": operation},
            )
        )
    return record(trace_id, span_id, name=f"{kind} {word}", **more)


def records(traces: int = 5, spans: int = 6) -> st.SearchStrategy[Record]:
    """Return a strategy of records of few traces and few spans."""
    return st.builds(
        _build,
        st.sampled_from(TRACES[:traces]),
        st.sampled_from(SPANS[:spans]),
        st.none() | st.sampled_from(SPANS[:spans]),
        st.integers(0, 6),
        st.integers(0, 40),
        st.sampled_from(("ok", "error", "unset")),
        st.sampled_from(("llm", "llm", "embedding", "tool", "agent")),
        st.none() | st.integers(0, 50),
        st.none() | st.integers(0, 5).map(lambda n: n * 10_000_000),
        st.none() | st.sampled_from(("ann", "bob")),
        st.none() | st.sampled_from(("beta", "vip")),
        st.none() | st.sampled_from(("prod", "dev")),
        st.sampled_from(("refuse", "grant", "check")),
    )


def distinct(found: list[Record]) -> list[Record]:
    """Return *found* with one record for each span, the first."""
    return list({(r.span.trace_id, r.span.span_id): r for r in reversed(found)}.values())
