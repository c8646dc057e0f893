"""How the viewer feels: the largest paint and the shifts of every page, what it weighs, and how a large trace scrolls.

    python benchmarks/bench_viewer.py [--spans 30000] [--data FOLDER]

A real server on loopback and a real Chromium. FOLDER holds what `spanwise demo --once --data FOLDER` sent; without it
that is done first. A page is loaded three times as by a new visitor and three times again; the middle one counts. The
largest paint is wall time as people feel it: on a machine that is busy elsewhere it says that as well. Of scrolling
the CPU time of the page's main thread counts, which is the same on a busy machine: a frame has 16.7 ms of it. What all
of it is held against is the paint of a page that has one heading and nothing else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from playwright.sync_api import Browser, Page, Request, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from server_process import ServerProcess
from spanwise import vocabulary as v
from spanwise_server.dialects import read
from spanwise_server.record import Record, Span
from spanwise_server.store.sqlite import SqliteStore

PROJECT = "acme-support"
LARGE = "f" * 32
PAGES = (
    "/traces",
    "/sessions",
    "/dashboard",
    "/dashboard/calls",
    "/steps",
    "/prompts",
    "/label",
    "/datasets",
    "/settings",
)
GOAL_PAINT_MS = 500.0
GOAL_FIRST_BYTES = 100_000
GOAL_LATER_BYTES = 30_000
GOAL_OPEN_MS = 300.0
LOADS = 3
PAINT = """() => new Promise(done => {
  let paint = 0, moved = 0;
  new PerformanceObserver(list => { for (const one of list.getEntries()) paint = one.startTime; })
    .observe({ type: "largest-contentful-paint", buffered: true });
  new PerformanceObserver(list => { for (const one of list.getEntries()) if (!one.hadRecentInput) moved += one.value; })
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done([paint, moved]), 120);
})"""
SCROLL = """async ([frames, step]) => {
  let tree = document.querySelector(".tree");
  const scrolls = (e) => e.scrollHeight > e.clientHeight * 4 && getComputedStyle(e).overflowY !== "visible";
  while (!scrolls(tree)) tree = tree.parentElement;
  let bare = 0;
  for (let n = 0; n < frames; n += 1) {
    tree.scrollTop += step;
    await new Promise(requestAnimationFrame);
    const box = tree.getBoundingClientRect();
    bare += !document.elementFromPoint(box.left + 40, (box.top + box.bottom) / 2)?.closest("[data-n]");
  }
  return [tree.scrollTop, bare];
}"""
#: Half a screen a frame, which is faster than any hand.
STEP_PX = 400
FRAMES = 300
FRAME_MS = 1000 / 60


@dataclass(frozen=True, slots=True)
class Load:
    """One loading of a page."""

    paint_ms: float
    moved: float
    bytes: int


class Bare(BaseHTTPRequestHandler):
    """Answers every request with a page that has nothing but a heading."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Bare</title><h1>A heading</h1>")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def bare_server() -> Iterator[str]:
    """Serve the bare page, and give its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bare)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def demo(folder: Path) -> None:
    """Send the example app's week to a store in *folder*."""
    command = [sys.executable, "-m", "spanwise_server", "demo", "--once", "--port", "0", "--data", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def add_large(folder: Path, spans: int) -> None:
    """Add a trace of so many spans: an agent, its turns, and in each some calls and tools."""
    store = SqliteStore(folder / "main.db")
    store.open()
    there = store.extent(PROJECT, LARGE)
    if there is not None and there.spans == spans:
        store.close()
        return
    start, step = 1_790_000_000_000_000_000, 1_000_000
    made: list[Record] = []
    for n in range(spans):
        turn = n // 20 * 20 + 1
        parent = None if n == 0 else 1 if n + 1 == turn or n < 20 else turn
        kind = ("llm", "tool", "chain")[n % 3]
        said = {v.KIND: "agent" if n == 0 else kind}
        span = Span(
            LARGE, f"{n + 1:016x}", None if parent is None else f"{parent:016x}", f"step {n}", start + n * step,
            start + (spans if n == 0 else n + 1) * step, "ok", None, said,
        )  # fmt: skip
        made.append(Record(PROJECT, span, read(span)))
    for at in range(0, spans, 5_000):
        store.write(made[at : at + 5_000])
    store.close()


def load(page: Page, url: str) -> Load:
    """Load a page and return what the browser says of it."""
    came: list[Request] = []

    def note(request: Request) -> None:
        came.append(request)

    page.on("requestfinished", note)
    page.goto(url)
    page.wait_for_load_state("networkidle")
    page.remove_listener("requestfinished", note)
    paint, moved = page.evaluate(PAINT)
    # What the browser has kept is told with a size below nothing.
    return Load(paint, moved, sum(max(request.sizes()["responseBodySize"], 0) for request in came))


def measured(browser: Browser, url: str) -> tuple[Load, Load]:
    """Return the middle of several first loads, and of several later ones."""
    first, later = [], []
    for _ in range(LOADS):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        first.append(load(page, url))
        later.append(load(page, url))
        context.close()

    def middle(loads: list[Load]) -> Load:
        return Load(
            statistics.median(one.paint_ms for one in loads),
            max(one.moved for one in loads),
            round(statistics.median(one.bytes for one in loads)),
        )

    return middle(first), middle(later)


def scrolled(browser: Browser, url: str) -> tuple[float, int, list[float]]:
    """Return when a large trace was painted, and of scrolling it the frames without rows and the CPU of each task."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    paint = statistics.median(load(page, url).paint_ms for _ in range(LOADS))
    browser.start_tracing(page=page, categories=["toplevel", "disabled-by-default-devtools.timeline"])
    reached, bare = page.evaluate(SCROLL, [FRAMES, STEP_PX])
    tasks = of_main_thread(json.loads(browser.stop_tracing()))
    assert reached >= FRAMES * STEP_PX * 0.9, "the tree did not scroll"
    return paint, bare, tasks


def of_main_thread(trace: dict[str, Any]) -> list[float]:
    """Return how much CPU each task of the page's main thread took, in milliseconds, whatever else the machine did."""
    events = trace["traceEvents"]
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks = [
        event for event in events
        if event.get("name") in ("RunTask", "ThreadControllerImpl::RunTask") and (event["pid"], event["tid"]) in mains
    ]  # fmt: skip
    names = {event["name"] for event in tasks}
    name = "RunTask" if "RunTask" in names else "ThreadControllerImpl::RunTask"
    return [event["tdur"] / 1000 for event in tasks if event["name"] == name and "tdur" in event]


def main() -> int:
    """Print what was measured; return 1 where a goal is missed."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--spans", type=int, default=30_000)
    options.add_argument("--data", type=Path)
    options.add_argument("--large-only", action="store_true", help="leave the other pages out")
    options.add_argument("--chromium", default="/usr/bin/chromium")
    asked = options.parse_args()
    missed = []
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        folder = asked.data or Path(made)
        if asked.data is None:
            demo(folder)
        add_large(folder, asked.spans)
        browser = playwright.chromium.launch(executable_path=asked.chromium, args=["--no-sandbox"])
        with bare_server() as bare:
            first, later = measured(browser, bare)
            nothing_ms = first.paint_ms
        with ServerProcess(folder) as server:
            print(f"{'page':<18}{'first paint':>13}{'of bare':>9}{'later':>9}{'shift':>8}{'first':>10}{'later':>10}")
            print(f"{'a bare one':<18}{nothing_ms:>10.0f} ms{'':>9}{later.paint_ms:>6.0f} ms")
            for path in () if asked.large_only else PAGES:
                first, later = measured(browser, f"{server.url}{path}?project={PROJECT}&range=all")
                print(
                    f"{path:<18}{first.paint_ms:>10.0f} ms{first.paint_ms / nothing_ms:>8.1f}x{later.paint_ms:>6.0f} ms"
                    f"{first.moved:>8.3f}"
                    f"{first.bytes / 1000:>7.1f} kB{later.bytes / 1000:>7.1f} kB"
                )
                if first.paint_ms > GOAL_PAINT_MS:
                    missed.append(f"{path} is painted after {first.paint_ms:.0f} ms")
                if first.bytes > GOAL_FIRST_BYTES or later.bytes > GOAL_LATER_BYTES:
                    missed.append(f"{path} weighs {first.bytes} bytes, later {later.bytes}")
                if max(first.moved, later.moved) > 0:
                    missed.append(f"{path} moves by {max(first.moved, later.moved):.3f}")
            paint, bare, tasks = scrolled(browser, f"{server.url}/traces/{LARGE}?project={PROJECT}")
        browser.close()
    frame_ms = sum(tasks) / FRAMES
    long = [task for task in tasks if task > FRAME_MS]
    print(
        f"{asked.spans:,} spans: painted after {paint:.0f} ms; scrolled by {STEP_PX} px a frame it takes "
        f"{frame_ms:.1f} ms of CPU a frame; {len(long)} of {len(tasks):,} tasks are longer than a frame, "
        f"the longest {max(tasks):.1f} ms; in {bare} of {FRAMES} frames the rows were not there yet"
    )
    if paint > GOAL_OPEN_MS:
        missed.append(f"the large trace is painted after {paint:.0f} ms")
    if frame_ms > FRAME_MS or len(long) > FRAMES * 0.05:
        missed.append(f"a frame takes {frame_ms:.1f} ms, {len(long)} tasks more than {FRAME_MS:.1f} ms")
    for words in missed:
        print(f"MISSED: {words}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
