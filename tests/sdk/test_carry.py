"""The context goes along into threads, pools, tasks of any loop, and over HTTP; and only what is asked for goes out."""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context

import anyio
import anyio.lowlevel
import httpx
import pytest

import spanwise
from spanwise.context import current_attributes


@spanwise.observe(name="work")
def work(number):
    return spanwise.current_span().trace_id, number


def parents(spans):
    root = spans.named("root")
    return {span.parent and span.parent.span_id == root.context.span_id for span in spans.all() if span is not root}


def test_a_pool_of_threads_works_inside_of_who_submits(spans):
    with ThreadPoolExecutor(2) as threads:
        pool = spanwise.wrap_executor(threads)
        with spanwise.span("root") as root, spanwise.context(session_id="s-1"):
            found = [*pool.map(work, range(5)), pool.submit(work, 5).result()]
    assert [number for _, number in found] == list(range(6))
    assert {trace_id for trace_id, _ in found} == {root.trace_id}
    assert {span.attributes["session.id"] for span in spans.all() if span.name == "work"} == {"s-1"}


def test_a_wrapped_pool_is_a_pool(spans):
    pool = spanwise.wrap_executor(ThreadPoolExecutor(2))
    with pool:
        failing = pool.submit(lambda: 1 / 0)
        assert isinstance(failing.exception(), ZeroDivisionError)
    with pytest.raises(RuntimeError):
        pool.submit(work, 1)


def test_an_event_loop_takes_a_wrapped_pool(spans):
    async def go():
        pool = spanwise.wrap_executor(ThreadPoolExecutor(1))
        with spanwise.span("root"):
            await asyncio.get_running_loop().run_in_executor(pool, work, 1)
            await asyncio.to_thread(work, 2)
        pool.shutdown()

    asyncio.run(go())
    assert parents(spans) == {True}


def test_a_carried_function_runs_where_it_was_made_in_many_threads_at_once(spans):
    gate = threading.Barrier(3)

    def meet():
        gate.wait(10)
        work(1)

    with spanwise.span("root"):
        carried = spanwise.carry(meet)
    threads = [threading.Thread(target=carried) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(spans.all()) == 4
    assert parents(spans) == {True}


def named_session():
    with spanwise.span("child") as span:
        pass
    return span.trace_id, dict(current_attributes() or {})


def test_a_pool_of_processes_goes_on_in_the_trace():
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spanwise.init(span_exporter=InMemorySpanExporter())
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("fork")) as processes:
            pool = spanwise.wrap_executor(processes)
            with spanwise.span("root") as root, spanwise.context(session_id="s-1", tags=["a", "b"]):
                trace_id, said = pool.submit(named_session).result(30)
    finally:
        spanwise.shutdown()
    assert trace_id == root.trace_id
    assert said["session.id"] == "s-1"
    assert said["spanwise.tags"] == ("a", "b")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tasks_of_any_loop_are_inside_of_who_starts_them(spans, backend):
    @spanwise.observe(name="work")
    async def step(number):
        await anyio.lowlevel.checkpoint()
        return number

    async def go():
        with spanwise.span("root"):
            async with anyio.create_task_group() as group:
                for number in range(3):
                    group.start_soon(step, number)
            await anyio.to_thread.run_sync(work, 9)

    anyio.run(go, backend=backend)
    assert len(spans.all()) == 5
    assert parents(spans) == {True}


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        with spanwise.extract(self.headers), spanwise.span("served") as span:
            body = json.dumps({"trace": span.trace_id, "said": dict(current_attributes() or {})}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def service():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_another_service_goes_on_in_the_trace_and_knows_whose_it_is(spans, service):
    about = {"session_id": "s, 1", "user_id": "änn=%", "tags": ["a", "b,c"], "metadata": {"plan": "pro", "n": 1}}
    with spanwise.span("root") as root, spanwise.context(**about):
        told = httpx.get(service, headers=spanwise.inject({"accept": "*/*"})).json()
    assert told["trace"] == root.trace_id
    assert told["said"]["session.id"] == "s, 1"
    assert told["said"]["user.id"] == "änn=%"
    assert told["said"]["spanwise.tags"] == ["a", "b,c"]
    assert json.loads(told["said"]["spanwise.metadata"]) == {"plan": "pro", "n": 1}
    assert spans.named("served").parent.span_id == spans.named("root").context.span_id
    assert spans.named("served").attributes["session.id"] == "s, 1"


def test_nothing_goes_along_unasked(spans, service):
    with spanwise.span("root"), spanwise.context(user_id="ann"):
        told = httpx.get(service).json()
    assert told["said"] == {}
    assert spans.named("served").parent is None


@pytest.mark.parametrize(
    "headers",
    [{}, {"traceparent": "nonsense"}, {"baggage": "=,;"}, {"baggage": "session.id"}, {"traceparent": "00-0-0-0"}],
)
def test_headers_that_say_nothing_change_nothing(spans, headers):
    with spanwise.span("root"):
        with spanwise.extract(headers):
            work(1)
        assert (current_attributes() or {}) == {}
    assert parents(spans) == {True}


def test_too_much_baggage_stays_at_home(spans):
    with spanwise.span("root"), spanwise.context(metadata={"book": "x" * 9_000}):
        assert "baggage" not in spanwise.inject()
        assert "traceparent" in spanwise.inject()


def test_a_copied_context_is_no_way_around(spans):
    with spanwise.span("root"):
        copied = contextvars.copy_context()
    copied.run(work, 1)
    assert parents(spans) == {True}
