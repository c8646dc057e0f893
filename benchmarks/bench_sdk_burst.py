"""50,000 calls in a burst while the server is up, hangs, answers 503 or is down: what is lost, and what the app feels.

Each run is a program of its own with a spool of its own, beside a sink that is a process of its own and out of order
for its first ten seconds.  What the program could not send goes with ``spanwise spool send`` afterwards; then the sink
must have every call.  Throughput is the median of the rounds, beside that of the runs whose sink is up, before and
after: one run alone says little, since the threads of a program take turns as it happens.  A sink that is up takes its
part of the machine, so a program whose sink is not may well be quicker; what it may not be is slower.  Whether it works
more for a call is told apart, by the processor time of all of its threads while it makes them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

CALLS = 50_000
THREADS = 4
OUTAGE_S = 10.0
THROUGHPUT_LIMIT = 0.95
MEMORY_LIMIT_MB = 128 + 32
"""What may be queued (``max_queued_mb``), and the process's own in the air."""
MODES = ("up", "hang", "503", "down", "up")
ROUNDS = 5

SINK = """
import gzip, socket, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
mode, port, outage = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
begun, seen, calls, lock = time.monotonic(), set(), [0], threading.Lock()
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        left = begun + outage - time.monotonic()
        if left > 0 and mode == "hang":
            time.sleep(left)
            return self.connection.close()
        if left > 0 and mode == "503":
            return self.answer(503)
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        request = ExportTraceServiceRequest.FromString(body)
        with lock:
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        pending = any(one.key == "spanwise.pending" for one in span.attributes)
                        if not pending:
                            calls[0] += 1
                            seen.add(span.span_id)
        self.answer(200)
    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
print("ready", flush=True)
if mode == "down":
    time.sleep(outage)
server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
print(len(seen), calls[0], flush=True)
"""

APP = """
import json, resource, sys, threading, time
import spanwise
calls, threads = int(sys.argv[1]), int(sys.argv[2])
spanwise.init()
asked = "the quick brown fox jumps over the lazy dog " * 23

@spanwise.observe(kind="llm")
def call(text):
    return sum(ord(letter) for letter in text)  # as much as a client does for a call, without its noise

def work(count):
    for _ in range(count):
        call(asked)
work(100)
spanwise.flush()
before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begun, worked = time.perf_counter(), time.process_time()
running = [threading.Thread(target=work, args=(calls // threads,)) for _ in range(threads)]
for thread in running: thread.start()
for thread in running: thread.join()
took, worked = time.perf_counter() - begun, time.process_time() - worked
peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
said = spanwise.status()
spanwise.shutdown()
print(json.dumps({"took_s": took, "worked_s": worked, "mb": (peak_kb - before_kb) / 1024, "dropped": said.dropped}))
"""


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    import socket

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def run(mode: str) -> dict[str, float]:
    """Return what one run took, and what of it arrived."""
    port = free_port()
    with tempfile.TemporaryDirectory() as spool:
        sink_command = [sys.executable, "-c", SINK, mode, str(port), str(OUTAGE_S)]
        with subprocess.Popen(sink_command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sink:
            assert sink.stdout is not None
            sink.stdout.readline()
            surroundings = {**os.environ, "SPANWISE_ENDPOINT": f"http://127.0.0.1:{port}", "SPANWISE_SPOOL": spool}
            app = [sys.executable, "-c", APP, str(CALLS), str(THREADS)]
            ran = subprocess.run(app, env=surroundings, check=True, capture_output=True, text=True)
            found: dict[str, float] = json.loads(ran.stdout)
            command = [sys.executable, "-m", "spanwise_server", "spool", "send"]
            given_up = time.monotonic() + OUTAGE_S + 60
            while time.monotonic() < given_up:  # until the sink is there again
                sent = subprocess.run(command, env=surroundings, check=False, capture_output=True, text=True)
                if sent.returncode == 0:
                    break
                time.sleep(0.5)
            arrived, carried = sink.communicate("")[0].split()
    found.update(lost=CALLS + 100 - int(arrived), twice=int(carried) - int(arrived))
    return found


def _ends(runs: list[dict[str, float]]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the slowest and the quickest of *runs*."""
    ordered = sorted(runs, key=lambda one: -one["took_s"])
    return ordered[0], ordered[-1]


def main() -> int:
    """Print a line a mode; return 1 where a call is lost, memory or throughput is beyond its limit."""
    runs: dict[str, list[dict[str, float]]] = {}
    for _ in range(ROUNDS):
        for mode in MODES:
            runs.setdefault(mode, []).append(run(mode))
    usual_s = statistics.median(one["took_s"] for one in runs["up"])
    holds = True
    spread = " to ".join(f"{CALLS / one['took_s']:,.0f}" for one in _ends(runs["up"]))
    print(f"with the sink up, single runs made {spread} calls/s")
    print(f"{CALLS:,} calls of 1 KB in {THREADS} threads; the sink is out of order for {OUTAGE_S:.0f} s")
    for mode, each in runs.items():
        took_s = statistics.median(one["took_s"] for one in each)
        worked_us = statistics.median(one["worked_s"] for one in each) / CALLS * 1e6
        ratio, lost = usual_s / took_s, max(one["lost"] for one in each)
        grown, again = max(one["mb"] for one in each), max(one["twice"] for one in each)
        good = lost == 0 and grown <= MEMORY_LIMIT_MB and ratio >= THROUGHPUT_LIMIT
        holds = holds and good
        print(
            f"sink {mode:>4}: {CALLS / took_s:>8,.0f} calls/s, {ratio:.2f} of up (limit {THROUGHPUT_LIMIT}), "
            f"{worked_us:.0f} us of CPU a call, "
            f"lost {lost:.0f}, sent again {again:.0f}, +{grown:.0f} MB (limit {MEMORY_LIMIT_MB})"
        )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
