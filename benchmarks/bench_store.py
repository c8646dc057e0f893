"""How quickly pages come from a store of very many spans, over real HTTP, while a thousand spans a second arrive.

    python benchmarks/bench_store.py [--size 100k|1m|10m] [--store URL] [--folder FOLDER] [--rate 1000] [--process PID]

A server process is started on FOLDER (a temporary one by default; a folder is kept, and used again when it is as large
as was asked for), filled by posting exports, started anew, and asked for its pages. ``--store`` names another engine.
Printed are the median and the 95th percentile of each page in milliseconds beside the engine's goal, how long the
server takes to start, what memory it holds at rest, and how many bytes of disk a span takes.
"""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from urllib.parse import quote, urlencode

sys.path.insert(0, str(Path(__file__).parent))

import orjson
import psycopg
from bench_ingest import PROSE, cpu_of, free_port, post, requests, start_server
from bench_load import Template, resident_mb
from store_load import LARGE_SPANS, LARGE_TRACE, PER_REQUEST, RARE_WORD, Load

from spanwise_server.store.clickhouse_server import Server as ClickHouse
from spanwise_server.store.clickhouse_server import place_of
from spanwise_server.store.conditions import Sql

#: Milliseconds that the 95th percentile of each page may take, by engine and by whether there are over a million spans.
GOALS_MS = {"sqlite": (50, 200), "postgres": (100, 400), "clickhouse": (300, 300)}
START_GOAL_S, MEMORY_GOAL_MB, BYTES_GOAL = 2.0, 150, 1_600
TIMES = 40
#: How a store that keeps no words of texts answers a search for one.
NO_WORDS = b"does not keep the words"
SENDERS = 3
PER_ARRIVAL = 48


@dataclass(frozen=True, slots=True)
class Answer:
    """One page that was asked for."""

    ms: float
    body: bytes


class Server:
    """A server process on a folder and a store."""

    def __init__(self, folder: Path, store: str | None, engine: int | None = None) -> None:
        self.engine = engine
        self.port = free_port()
        began = time.perf_counter()
        self.process = start_server(folder, self.port, *(("--store", store) if store else ()))
        self.start_s = time.perf_counter() - began

    def get(
        self, path: str, connection: http.client.HTTPConnection | None = None, *, refusable: bool = False
    ) -> Answer:
        own = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        began = time.perf_counter()
        own.request("GET", path)
        answer = own.getresponse()
        body = answer.read()
        took = (time.perf_counter() - began) * 1e3
        if answer.status != 200 and not (refusable and answer.status == 400):
            raise SystemExit(f"{path} answered {answer.status}: {body[:200]!r}")
        if connection is None:
            own.close()
        return Answer(took, body)

    def cpu(self) -> float:
        """Return the CPU seconds that the server has taken, and its engine where that is a process of its own."""
        return cpu_of(self.process.pid) + (0.0 if self.engine is None else cpu_of_all(self.engine))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


def cpu_of_all(pid: int) -> float:
    """Return the CPU seconds of a process, of those that it started, and of those of them that came to their end."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat.parent.name) == pid:
            total += sum(map(int, fields[11:15]))
        elif int(fields[1]) == pid:
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def fill(server: Server, load: Load) -> tuple[float, float]:
    """Post the whole load; return the seconds it took and the server's CPU microseconds a span."""
    queue: Queue[bytes | None] = Queue(maxsize=SENDERS * 2)
    waits: list[float] = []

    def send() -> None:
        post(server.port, iter(queue.get, None), waits)

    threads = [threading.Thread(target=send) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    began, before = time.perf_counter(), server.cpu()
    for n, body in enumerate(load.bodies()):
        queue.put(body)
        if n % 100 == 99:
            print(
                f"  {(n + 1) * PER_REQUEST:,} spans, {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True
            )
    for _ in threads:
        queue.put(None)
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    rest(server)
    return took, (server.cpu() - before) / load.all_spans * 1e6


def rest(server: Server) -> None:
    """Wait until the server has nothing left to do."""
    last = server.cpu()
    for _ in range(1_200):
        time.sleep(1)
        now = server.cpu()
        if now - last < 0.03:
            return
        last = now


def arrive(port: int, rate: int, stop: multiprocessing.synchronize.Event, arrived: Path) -> None:
    """Post *rate* spans a second, each trace with ids of its own, until told to stop; *arrived* adds up how many."""
    templates = [Template(body) for body in requests(PER_ARRIVAL * 8, PER_ARRIVAL)]
    draw = random.Random()

    def bodies() -> Iterator[bytes]:
        began, sent = time.monotonic(), 0
        while not stop.is_set():
            yield templates[sent % len(templates)].another(draw)
            sent += 1
            time.sleep(max(0.0, began + sent * PER_ARRIVAL / rate - time.monotonic()))
        arrived.write_text(str(number_in(arrived) + sent * PER_ARRIVAL))

    post(port, bodies(), [])


def number_in(file: Path) -> int:
    """Return the number that a file holds, 0 where there is none."""
    return int(file.read_text()) if file.exists() else 0


def pages(server: Server) -> dict[str, str]:
    """Return the path of each page by what it is."""
    by_use = [word for word, _ in Counter(PROSE).most_common() if len(word) > 4 and word.isalpha()]
    listed = orjson.loads(server.get("/api/v1/traces?limit=200").body)
    some = next(t for t in listed["items"] if t["span_count"] == 8 and t["session_id"])
    cursor = deep_cursor(server)

    def api(filter_: str = "", **more: object) -> str:
        return "/api/v1/traces?" + urlencode({"filter": filter_, **more})

    def viewer(filter_: str = "", **more: object) -> str:
        return "/traces?" + urlencode({"filter": filter_, "range": "all", **more})

    narrowed = "model:gpt-4o status:error latency>1s"
    return {
        "list: first page": api(),
        "list: model, error and latency": api(narrowed),
        "list: a deep page": api(cursor=cursor),
        "list: slowest first": api(sort="-latency"),
        "list: by user": api(sort="user"),
        "list: by input, of one model": api("model:gpt-4o", sort="input"),
        "list: an attribute equals": api("attr.app.tenant:tenant-7"),
        "list: an attribute that nobody has": api("attr.app.tenant:nobody"),
        "list: an attribute that nobody lacks": api("-attr.app.tenant:*"),
        "list: a rare word": api(RARE_WORD),
        "list: a common word": api(by_use[0]),
        "list: a common phrase": api(f'"{by_use[0]} {by_use[1]}"'),
        "spans: newest": "/api/v1/spans?limit=50",
        "spans: one model failed": "/api/v1/spans?" + urlencode({"filter": "model:gpt-4o status:error"}),
        "spans: a rare attribute": "/api/v1/spans?" + urlencode({"filter": "attr.bench.rare:yes-3"}),
        "spans: none are left": "/api/v1/spans?" + urlencode({"filter": "-attr.app.tenant:*"}),
        "page with facets and histogram": viewer(),
        "  of model, error and latency": viewer(narrowed),
        "  of one model": viewer("model:gpt-4o"),
        "  of an attribute": viewer("attr.app.tenant:tenant-7"),
        "  of a rare word": viewer(RARE_WORD),
        "  of a common word": viewer(by_use[0]),
        "  of the last 7 days": "/traces",
        "completing a value": "/traces/complete?q=" + quote("user:user-1"),
        "dashboard of 30 days": "/dashboard?range=30d",
        "dashboard of 30 days by prompt": "/dashboard?range=30d&by=prompt",
        "dashboard of a model, 30 days": "/dashboard?range=30d&filter=" + quote("model:gpt-4o"),
        "a trace of 8 spans": f"/traces/{some['trace_id']}",
        f"a trace of {LARGE_SPANS:,} spans": f"/traces/{LARGE_TRACE.hex()}",
        "sessions": "/sessions?range=all",
        "sessions: dearest first": "/sessions?range=all&sort=-cost",
        "one session": "/sessions/one?" + urlencode({"id": some["session_id"]}),
    }


def deep_cursor(server: Server) -> str:
    cursor = ""
    for _ in range(20):
        said = f"&cursor={quote(cursor)}" if cursor else ""
        found = orjson.loads(server.get(f"/api/v1/traces?limit=1000{said}").body)
        if found["next_cursor"] is None:
            break
        cursor = found["next_cursor"]
    return cursor


def measured(server: Server, asked: dict[str, str], goal_ms: float, times: int) -> list[str]:
    """Ask for every page *times* times, in turn; print a line of each and return those that missed the goal.

    On a machine that does other things as well only the CPU says how dear a page is.
    """
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    missed = []
    began, before = time.perf_counter(), server.cpu()
    time.sleep(4)
    arrivals = (server.cpu() - before) / (time.perf_counter() - began)
    print(f"{'':<42}{'p50':>9}{'p95':>9}{'CPU':>9}  ms, at most {goal_ms:g}; CPU is without what arrives")
    for name, path in asked.items():
        if NO_WORDS in server.get(path, connection, refusable=True).body:
            print(f"{name:<42}{'':>9}refused: words of texts are not kept without --full-text on", flush=True)
            continue
        took = []
        began, before = time.perf_counter(), server.cpu()
        for _ in range(times):
            took.append(server.get(path, connection).ms)
            if sum(took) > 20_000 and len(took) > 4:
                break
        used = server.cpu() - before - arrivals * (time.perf_counter() - began)
        cpu = max(0.0, used / len(took) * 1e3)
        took.sort()
        p50, p95 = took[len(took) // 2], took[min(len(took) - 1, int(len(took) * 0.95))]
        over = p95 > goal_ms
        missed += [name] if over else []
        print(f"{name:<42}{p50:>9.1f}{p95:>9.1f}{cpu:>9.1f}{'  over' if over else ''}", flush=True)
    connection.close()
    return missed


def filled(folder: Path, store: str | None, load: Load, engine: int | None) -> int:
    """Fill the store unless it was before; return the bytes on disk afterwards."""
    mark = folder / f"filled-{load.spans}"
    if not mark.exists():
        server = Server(folder / "data", store, engine)
        try:
            took, cpu_us = fill(server, load)
        finally:
            server.stop()
        mark.write_text(f"{load.all_spans / took:,.0f} spans a second, {cpu_us:.0f} us of CPU each")
    print(f"filled at {mark.read_text()}")
    settle(store)
    return size_of(folder / "data", store)


def settle(store: str | None) -> None:
    """Have ClickHouse merge each day into one part, as it does by itself once nothing came to a day for an hour."""
    if not (store or "").startswith("clickhouse"):
        return
    server = ClickHouse(place_of(store))
    for table in ("spans", "traces"):
        server.command(f"OPTIMIZE TABLE {table} FINAL SETTINGS optimize_skip_merged_partitions = 1")
    server.close()


def size_of(data: Path, store: str | None) -> int:
    """Return the bytes that a store takes: of its folder, and of its database where there is one."""
    size = sum(f.stat().st_size for f in data.rglob("*") if f.is_file())
    scheme = (store or "").partition(":")[0]
    if scheme.startswith("postgres"):
        with psycopg.connect(store) as database:
            size += database.execute("SELECT pg_database_size(current_database())").fetchone()[0]
    elif scheme.startswith("clickhouse"):
        server = ClickHouse(place_of(store))
        size += server.rows(
            Sql("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()")
        )[0][0]
        server.close()
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description="Milliseconds for each page of a large store.")
    parser.add_argument("--size", default="100k", help="how many spans: 100k, 1m, 10m (narrow)")
    parser.add_argument("--store", default=None, help="URL of another engine than the embedded one")
    parser.add_argument("--folder", type=Path, default=None, help="kept, and used again")
    parser.add_argument("--process", type=int, default=None, help="of the engine: its CPU is counted with the server's")
    parser.add_argument("--rate", type=int, default=1_000, help="spans a second that arrive meanwhile")
    parser.add_argument("--times", type=int, default=TIMES, help="how often each page is asked for")
    parser.add_argument("--only", default="", help="pages whose names have this")
    given = parser.parse_args()
    load = Load.of(given.size)
    engine = "sqlite" if not given.store else given.store.partition(":")[0].partition("+")[0].replace("ql", "")
    goal_ms = GOALS_MS.get(engine, GOALS_MS["sqlite"])[load.narrow]
    with tempfile.TemporaryDirectory() as name:
        folder = given.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        size = filled(folder, given.store, load, given.process)
        spans = load.all_spans + number_in(folder / "arrived")  # what came while an earlier run measured, is there too
        server = Server(folder / "data", given.store, given.process)
        stop = multiprocessing.get_context("spawn").Event()
        try:
            time.sleep(3)
            idle_mb = resident_mb(server.process.pid)
            print(f"{spans:,} spans; {size / spans:,.0f} bytes a span (at most {BYTES_GOAL:,})")
            print(f"started in {server.start_s:.2f} s (at most {START_GOAL_S:g}), at rest {idle_mb:.0f} MB ", end="")
            print(f"(at most {MEMORY_GOAL_MB})", flush=True)
            asked = {name: path for name, path in pages(server).items() if given.only in name}
            arriving = (server.port, given.rate, stop, folder / "arrived")
            sender = multiprocessing.get_context("spawn").Process(target=arrive, args=arriving)
            if given.rate:
                sender.start()
                time.sleep(3)
            missed = measured(server, asked, goal_ms, given.times)
            stop.set()
            if given.rate:
                sender.join(30)
        finally:
            server.stop()
    if missed:
        raise SystemExit(f"Over the goal: {', '.join(map(str.strip, missed))}.")


if __name__ == "__main__":
    main()
