"""How quick a store of many spans answers: list, filters, text, facets, totals, histogram, a trace, deep pages.

    python benchmarks/bench_query.py [--spans 100000] [--store FOLDER]

With ``--store`` the folder is kept and used again when it is there. Each question is asked a few times; the median and
the slowest are printed in milliseconds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import itertools

import bench_ingest
from bench_ingest import PROSE

from spanwise_server.ingest.pipeline import Pipeline, Request
from spanwise_server.pricing.price import Prices
from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.store.sqlite import SqliteStore

AT_ONCE = 40_960
#: What a page of the viewer may take, for the slowest of the questions it asks.
GOAL_MS = 50
FACETS = ("status", "env", "model", "kind", "prompt", "label", "provider", "user", "tag")


def fill(store: SqliteStore, spans: int) -> None:
    pipeline = Pipeline(Prices())
    done = store.totals(Query("default")).traces.n and spans
    while done < spans:
        bodies = bench_ingest.requests(min(AT_ONCE, spans - done), 4_096)
        for body in bodies:
            store.write(pipeline.run(Request(body, "protobuf")).records)
        done += min(AT_ONCE, spans - done)
        print(f"  {done:,} spans written", file=sys.stderr)
    store.wait_until_searchable(3_600)


def deep_cursor(store: SqliteStore, query: Query, pages: int) -> str | None:
    cursor = None
    for _ in range(pages):
        page = store.find_traces(replace(query, cursor=cursor, limit=1_000))
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    return cursor


def timed(ask: Callable[[], object], times: int = 7) -> tuple[float, float]:
    ask()
    took = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1e3)
    return statistics.median(took), max(took)


def questions(store: SqliteStore) -> dict[str, Callable[[], object]]:
    everything = Query("default")
    newest = store.find_traces(everything).items
    middle = newest[0].start_ns - 600 * 10**9
    by_use = [word for word, _ in Counter(PROSE).most_common() if len(word) > 4 and word.isalpha()]
    common, rare = by_use[0], by_use[-1]
    phrase = " ".join(next(pair for pair in itertools.pairwise(PROSE) if all(map(str.isalpha, pair))))
    deep = deep_cursor(store, everything, 10)

    def find(text: str, **more: object) -> Callable[[], object]:
        query = replace(Query("default", parse(text)), **more)
        return lambda: store.find_traces(query)

    asked = {
        "newest 50 traces": find(""),
        "errors only": find("status:error"),
        "one model, slow": find("model:gpt-4o latency>2s"),
        "one model, slow, last ten minutes": find("model:gpt-4o latency>2s", from_ns=middle),
        "one user": find("user:user-17"),
        "a session": find(f"session:{newest[9].session_id}"),
        "a pattern": find("session:session-17-*"),
        "two common terms, one negated": find("kind:tool provider:openai -user:user-1"),
        "either of two": find("user:user-17 OR cost>$0.02"),
        "nothing matches": find("user:nobody"),
        "costs more than any": find("cost>$1000"),
        "costliest": find("", sort="-cost"),
        "slowest of the last ten minutes": find("", sort="-latency", from_ns=middle),
        "a common word": find(common),
        "a rare word": find(rare),
        "a common phrase": find(f'"{phrase}"'),
        "a common word of one user": find(f"{common} user:user-17"),
        "page after the ten thousandth": lambda: store.find_traces(replace(everything, cursor=deep)),
        "totals": lambda: store.totals(everything),
        "totals of one model": lambda: store.totals(Query("default", parse("model:gpt-4o"))),
        "histogram": lambda: store.histogram(everything, 60),
        "histogram of one model": lambda: store.histogram(Query("default", parse("model:gpt-4o")), 60),
        "facets": lambda: store.facets(everything, FACETS),
        "facets of one model": lambda: store.facets(Query("default", parse("model:gpt-4o")), FACETS),
        "values to complete": lambda: store.values("default", "user", "user-1"),
        "a trace with its spans": lambda: store.trace("default", newest[3].trace_id),
        "newest 50 model calls, whole": lambda: store.find_spans(Query("default", parse("kind:llm"))),
        "newest 50 failed spans, whole": lambda: store.find_spans(Query("default", parse("status:error"))),
    }
    return dict(asked)


def main() -> None:
    parser = argparse.ArgumentParser(description="Milliseconds for each question of the viewer.")
    parser.add_argument("--spans", type=int, default=100_000)
    parser.add_argument("--store", type=Path, default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.store or Path(name)
        store = SqliteStore(folder / "main.db")
        store.open()
        fill(store, given.spans)
        print(f"{given.spans:,} spans, {sum(f.stat().st_size for f in folder.iterdir()) / given.spans:,.0f} bytes each")
        print(f"{'':<40}{'median':>9}{'slowest':>9}  ms")
        for label, ask in questions(store).items():
            median, slowest = timed(ask)
            print(f"{label:<40}{median:>9.2f}{slowest:>9.2f}{'' if median < GOAL_MS else '  over the goal'}")
        store.close()


if __name__ == "__main__":
    main()
