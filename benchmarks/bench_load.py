"""What a server holds in memory while very many spans arrive, and how long many small requests at once wait.

    python benchmarks/bench_load.py [--spans 100000] [--small 4000]

The first load goes over 4 connections at 512 spans a request, the second over 16 connections at 16 a request. Every
request has traces and texts of its own.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

from bench_ingest import free_port, post, requests, start_server
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

#: What the server may hold at most while spans arrive, and what the slowest hundredth of small requests may wait.
MOST_MB = 400
MOST_P99_MS = 500
SENDERS, PER_REQUEST = 4, 512
SMALL_SENDERS, PER_SMALL_REQUEST = 16, 16
STEPS = 10
#: Where a message's text begins, in JSON; eight letters there can be changed for others.
SESSION = re.compile(rb"session-\d+-\d+")
TEXT = re.compile(rb'"content": "(?=[\w ]{8})')


class Template:
    """One request that gives many: the same but for trace ids, sessions, times and the first letters of every text."""

    def __init__(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        spans = [span for scope in request.resource_spans[0].scope_spans for span in scope.spans]
        self._body = bytearray(body)
        self._ids = [at for at in map(body.find, {span.trace_id for span in spans}) if at >= 0]
        self._places = {
            at: [found.start() for found in re.finditer(re.escape(body[at : at + 16]), body)] for at in self._ids
        }
        self._texts = [found.end() for found in TEXT.finditer(body)]
        self._sessions: dict[bytes, list[int]] = {}
        for found in SESSION.finditer(body):
            self._sessions.setdefault(found[0], []).append(found.start())
        times = {ns for span in spans for ns in (span.start_time_unix_nano, span.end_time_unix_nano)}
        self._newest = max(times)
        self._times = [
            (found.start(), ns) for ns in times for found in re.finditer(re.escape(ns.to_bytes(8, "little")), body)
        ]

    def another(self, draw: Random) -> bytes:
        """Return a request with ids and texts that no other has, which ends now."""
        later = time.time_ns() - self._newest
        for at, ns in self._times:
            self._body[at : at + 8] = (ns + later).to_bytes(8, "little")
        for session, places in self._sessions.items():
            drawn = re.sub(rb"\d", lambda _: b"%d" % draw.randrange(10), session)
            for at in places:
                self._body[at : at + len(drawn)] = drawn
        for places in self._places.values():
            made = draw.randbytes(16)
            for at in places:
                self._body[at : at + 16] = made
        word = f"{draw.getrandbits(32):08x}".encode()
        for at in self._texts:
            self._body[at : at + 8] = word
        return bytes(self._body)


def others(templates: list[Template], seed: int) -> Iterator[bytes]:
    draw = Random(seed)
    while True:
        for template in templates:
            yield template.another(draw)


def resident_mb(pid: int, name: str = "VmRSS") -> float:
    said = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", said)[1]) / 1024


def send(port: int, per_request: int, senders: int, count: int, *, seed: int = 0) -> list[float]:
    """Send *count* requests over *senders* connections; return how long each waited, in seconds."""
    pools = [[Template(body) for body in requests(per_request * 4, per_request)] for _ in range(senders)]
    waits: list[float] = []

    def one(at: int) -> None:
        post(port, islice(others(pools[at], seed * senders + at), count // senders), waits)

    threads = [threading.Thread(target=one, args=(at,)) for at in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(waits)


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory while spans arrive, and how long small requests wait.")
    parser.add_argument("--spans", type=int, default=100_000)
    parser.add_argument("--small", type=int, default=4_000, help="how many small requests")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        port = free_port()
        process = start_server(Path(name) / "data", port)
        try:
            print(f"memory at the start        {resident_mb(process.pid):7.0f} MB")
            for step in range(1, STEPS + 1):
                send(port, PER_REQUEST, SENDERS, given.spans // PER_REQUEST // STEPS, seed=step)
                print(
                    f"after {given.spans * step // STEPS:>9,} spans      {resident_mb(process.pid):7.0f} MB", flush=True
                )
            most = resident_mb(process.pid, "VmHWM")
            print(f"the most it ever was       {most:7.0f} MB  (at most {MOST_MB})")
            waits = send(port, PER_SMALL_REQUEST, SMALL_SENDERS, given.small)
            p50, p99 = waits[len(waits) // 2] * 1e3, waits[len(waits) * 99 // 100] * 1e3
            print(f"{len(waits):,} requests of 16 spans over 16 connections: half within {p50:.0f} ms, ", end="")
            print(f"99 % within {p99:.0f} ms (at most {MOST_P99_MS})")
        finally:
            process.terminate()
            process.wait(30)
    if most > MOST_MB or p99 > MOST_P99_MS:
        raise SystemExit("Over a limit.")


if __name__ == "__main__":
    main()
