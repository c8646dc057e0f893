"""A thread begins inside of what starts it, and is not held there: what comes later is a trace of its own."""

from __future__ import annotations

import functools
import queue
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

import pytest
from opentelemetry import baggage, trace
from opentelemetry import context as otel_context

import spanwise
from spanwise.instrument import threads

START = threading.Thread.start
context_module = sys.modules["spanwise.context"]


@spanwise.observe(name="work")
def work(number=0):
    return number


@pytest.fixture
def without_grace(monkeypatch):
    monkeypatch.setattr(threads, "GRACE_NS", 0)
    monkeypatch.setattr(context_module, "GRACE_NS", 0)


def run(thread):
    thread.start()
    thread.join()


def parent_of(spans, span):
    by_id = {each.context.span_id: each.name for each in spans.all()}
    return by_id.get(span.parent.span_id) if span.parent else None


class Worker(threading.Thread):
    """A thread with a ``run`` of its own."""

    def run(self):
        work(1)


class Deep(Worker):
    def run(self):
        super().run()


MAKE = {
    "a target": lambda: threading.Thread(target=work, args=[1]),
    "a part of a function": lambda: threading.Thread(target=functools.partial(work, 1)),
    "a subclass": Worker,
    "a subclass of one": Deep,
    "a timer": lambda: threading.Timer(0.001, work, [1]),
    "a daemon": lambda: threading.Thread(target=work, daemon=True),
}


@pytest.mark.parametrize("kind", MAKE)
def test_a_thread_is_inside_of_what_starts_it(spans, kind):
    with spanwise.span("root"), spanwise.context(user_id="ann"):
        thread = MAKE[kind]()
        run(thread)
    assert "run" not in vars(thread)
    assert parent_of(spans, spans.named("work")) == "root"
    assert spans.named("work").attributes["user.id"] == "ann"


def test_a_thread_in_a_thread_is_inside_too(spans):
    def inner():
        with spanwise.span("inner"):
            run(threading.Thread(target=work))

    with spanwise.span("root"):
        run(threading.Thread(target=inner))
    assert parent_of(spans, spans.named("inner")) == "root"
    assert parent_of(spans, spans.named("work")) == "inner"


def test_calls_of_clients_are_inside_too(spans, openai_client):
    def ask():
        openai_client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Go on"}])

    with spanwise.span("root"):
        run(threading.Thread(target=ask))
    assert parent_of(spans, spans.named("chat m")) == "root"


class Idle:
    """A thread that works when it is told to, as a pool's does."""

    def __init__(self):
        self.tasks = queue.Queue()
        self.thread = threading.Thread(target=self._loop)

    def _loop(self):
        while (task := self.tasks.get()) is not None:
            task()
            self.tasks.task_done()

    def do(self, task):
        self.tasks.put(task)
        self.tasks.join()

    def end(self):
        self.tasks.put(None)
        self.thread.join()


def test_what_begins_after_its_span_has_ended_is_a_trace_of_its_own(spans, without_grace):
    idle = Idle()
    with spanwise.span("first request") as first, spanwise.context(user_id="ann"):
        idle.thread.start()
        idle.do(work)
    with spanwise.span("second request"), spanwise.context(user_id="bob"):
        idle.do(work)
        idle.do(work)
    idle.end()
    one, *later = [span for span in spans.all() if span.name == "work"]
    assert format(one.context.trace_id, "032x") == first.trace_id
    assert one.attributes["user.id"] == "ann"
    assert len({span.context.trace_id for span in [one, *later]}) == 3
    assert [span.parent for span in later] == [None, None]
    assert all("user.id" not in span.attributes for span in later)


def test_what_begins_just_as_its_span_ends_belongs_to_it(spans):
    gate = threading.Event()

    def late():
        gate.wait()
        work()

    with spanwise.span("root"), spanwise.context(user_id="ann"):
        thread = threading.Thread(target=late)
        thread.start()
    gate.set()
    thread.join()
    assert parent_of(spans, spans.named("work")) == "root"
    assert spans.named("work").attributes["user.id"] == "ann"


def test_work_that_goes_on_keeps_its_trace(spans, without_grace):
    began, gate = threading.Event(), threading.Event()

    def long():
        with spanwise.span("long"):
            began.set()
            gate.wait()
            work()

    with spanwise.span("root"):
        thread = threading.Thread(target=long)
        thread.start()
        began.wait()
    gate.set()
    thread.join()
    assert parent_of(spans, spans.named("work")) == "long"
    assert parent_of(spans, spans.named("long")) == "root"


def test_what_a_block_hides_stays_hidden_in_the_threads_it_started(spans, without_grace):
    gate = threading.Event()

    def late():
        gate.wait()
        work(7)

    with spanwise.context(capture_content=False, user_id="ann"):
        thread = threading.Thread(target=late)
        thread.start()
    gate.set()
    thread.join()
    assert "spanwise.input" not in spans.attributes()
    assert "user.id" not in spans.attributes()


def test_a_block_alone_goes_along(spans):
    with spanwise.context(user_id="ann", tags=["a"]):
        run(threading.Thread(target=work))

        def inside():
            with spanwise.context(tags=["b"]), spanwise.span("more"):
                pass

        run(threading.Thread(target=inside))
    assert spans.named("work").attributes["user.id"] == "ann"
    assert spans.named("more").attributes["spanwise.tags"] == ("a", "b")


def test_a_timer_does_its_one_thing_inside_however_late_and_what_it_rearms_does_not(spans, without_grace):
    done = threading.Event()

    def again(left):
        work(left)
        if left:
            threading.Timer(0.001, again, [left - 1]).start()
        else:
            done.set()

    with spanwise.span("root"):
        threading.Timer(0.05, again, [2]).start()
    assert done.wait(60)
    found = [parent_of(spans, span) for span in spans.all() if span.name == "work"]
    assert found == ["root", None, None]


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, ThreadPool], ids=["executor", "multiprocessing"])
def test_a_pools_workers_belong_to_nobody(spans, pool):
    with pool(1) as workers:
        submit = workers.submit if hasattr(workers, "submit") else workers.apply_async
        with spanwise.span("first"), spanwise.context(user_id="ann"):
            submit(work).result() if hasattr(workers, "submit") else submit(work).get()
        assert spans.named("work").parent is None
        assert "user.id" not in spans.named("work").attributes


def test_a_wrapped_pool_is_inside_all_the_same(spans):
    with ThreadPoolExecutor(1) as inner:
        pool = spanwise.wrap_executor(inner)
        for name in ("first", "second"):
            with spanwise.span(name):
                pool.submit(work).result()
    assert [parent_of(spans, span) for span in spans.all() if span.name == "work"] == ["first", "second"]


def test_a_thread_started_outside_begins_with_nothing(spans):
    run(threading.Thread(target=work))
    assert spans.named("work").parent is None


def test_a_thread_goes_on_where_it_is_carried(spans, without_grace):
    gate = threading.Event()
    with spanwise.span("root"):
        thread = threading.Thread(target=spanwise.carry(lambda: (gate.wait(), work())))
        thread.start()
    gate.set()
    thread.join()
    assert parent_of(spans, spans.named("work")) == "root"


def test_a_thread_that_is_started_twice_is_refused_as_ever(spans):
    with spanwise.span("root"):
        thread = threading.Thread(target=work)
        run(thread)
        with pytest.raises(RuntimeError, match="once"):
            thread.start()
    assert "run" not in vars(thread)


def test_a_thread_that_cannot_start_is_left_as_it_was(spans, monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("can't start new thread")

    name = "_start_joinable_thread" if hasattr(threading, "_start_joinable_thread") else "_start_new_thread"
    monkeypatch.setattr(threading, name, refuse)
    with spanwise.span("root"):
        thread = threading.Thread(target=work)
        with pytest.raises(RuntimeError, match="can't start"):
            thread.start()
    assert "run" not in vars(thread)


def test_what_a_thread_raises_is_its_own(spans, monkeypatch):
    seen = []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    with spanwise.span("root"):
        run(threading.Thread(target=lambda: 1 / 0))
    assert seen[0].exc_type is ZeroDivisionError


def test_a_context_that_the_program_gives_itself_holds(spans):
    """As from Python 3.14; before, a thread has no such thing, and what is given here goes by the same name."""
    with spanwise.span("root"):
        thread = threading.Thread(target=work)
        thread._context = object()
        assert threads._inside(thread) is None
        del thread._context


def test_what_else_the_context_says_goes_along_as_long(spans, without_grace):
    began, gate, seen = threading.Event(), threading.Event(), []

    def look():
        seen.append(baggage.get_baggage("plan"))
        began.set()
        gate.wait()
        copied = otel_context.set_value("x", 1)
        seen.append(baggage.get_baggage("plan", copied))
        seen.append(trace.get_current_span().get_span_context().is_valid)

    with spanwise.span("root"):
        token = otel_context.attach(baggage.set_baggage("plan", "pro"))
        thread = threading.Thread(target=look)
        thread.start()
        otel_context.detach(token)
        began.wait()
    gate.set()
    thread.join()
    assert seen == ["pro", None, False]


REMOTE = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
UNSAMPLED = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-00"}


def test_a_thread_is_inside_of_the_trace_that_a_request_tells_of(spans):
    with spanwise.extract(REMOTE):
        run(threading.Thread(target=work))
        with spanwise.span("step"):
            run(threading.Thread(target=work, args=[1]))
    one, two = sorted((span for span in spans.all() if span.name == "work"), key=lambda span: span.start_time)
    assert {one.context.trace_id, two.context.trace_id} == {int("a" * 32, 16)}
    assert one.parent.span_id == int("b" * 16, 16)
    assert two.parent.span_id == spans.named("step").context.span_id


def test_a_thread_of_a_trace_that_is_not_sampled_is_not_sampled_either(spans):
    with spanwise.extract(UNSAMPLED):
        run(threading.Thread(target=work))
        run(threading.Thread(target=lambda: run(threading.Thread(target=work))))
    assert spans.all() == []


@pytest.mark.parametrize("headers", [REMOTE, UNSAMPLED])
def test_what_begins_after_such_a_request_is_a_trace_of_its_own(spans, without_grace, headers):
    idle = Idle()
    with spanwise.extract(headers):
        idle.thread.start()
        idle.do(work)
    idle.do(work)
    idle.end()
    *_, later = spans.all()
    assert len(spans.all()) == (2 if headers is REMOTE else 1)
    assert later.parent is None


def test_what_is_held_by_mistake_keeps_no_thread_inside_for_good(spans, without_grace, monkeypatch):
    monkeypatch.setattr(threads, "_LONGEST_NS", 0)
    idle = Idle()
    held = trace.NonRecordingSpan(trace.SpanContext(1, 1, is_remote=True))
    with trace.use_span(held):
        idle.thread.start()
    idle.do(work)
    idle.end()
    assert spans.named("work").parent is None


def test_a_span_that_is_none_is_not_handed_on(spans):
    with trace.use_span(trace.INVALID_SPAN):
        run(threading.Thread(target=work))
    assert spans.named("work").parent is None


def test_it_can_be_left_out(recorder):
    spanwise.init(span_exporter=recorder.exporter, exclude=["threads"])
    with spanwise.span("root"):
        run(threading.Thread(target=work))
    assert recorder.named("work").parent is None
    spanwise.instrument("threads")
    recorder.clear()
    with spanwise.span("root"):
        run(threading.Thread(target=work))
    assert recorder.named("work").parent is not None


def test_it_holds_whichever_clients_are_chosen(recorder):
    spanwise.init(span_exporter=recorder.exporter, instrument="none")
    with spanwise.span("root"):
        run(threading.Thread(target=work))
    assert recorder.named("work").parent is not None


@pytest.fixture
def recorder():
    from .recorded import Recorded

    yield Recorded()
    spanwise.shutdown()
    assert threading.Thread.start is START


def test_it_is_taken_off(spans):
    assert threading.Thread.start is not START
    assert threading.Thread.start.__name__ == "start"
    spanwise.uninstrument()
    assert threading.Thread.start is START


def test_somebody_elses_wrapping_stays_and_ours_falls_silent(spans, monkeypatch):
    ours = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", functools.partialmethod(ours))
    spanwise.uninstrument("threads")
    with spanwise.span("root"):
        run(threading.Thread(target=work))
    assert spans.named("work").parent is None


def test_importing_touches_no_thread():
    program = (
        "import threading; before = threading.Thread.start; import spanwise; print(threading.Thread.start is before)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
