"""Functions, coroutines and generators of the application, observed."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import logging
import sys

import pytest
from opentelemetry import trace

import spanwise


def test_a_function_tells_what_it_was_given_and_gave(spans):
    @spanwise.observe(name="add up", kind="chain")
    def add(first, /, second, *rest, sign=1):
        """Adds."""
        return (first + second + sum(rest)) * sign

    assert add(1, 2, 3, 4, sign=-1) == -10
    assert add.__doc__ == "Adds."
    span = spans.one()
    assert span.name == "add up"
    assert span.attributes["spanwise.kind"] == "chain"
    assert spans.json("spanwise.input") == {"first": 1, "second": 2, "rest": [3, 4], "sign": -1}
    assert spans.json("spanwise.output") == -10


def test_used_bare_it_takes_the_functions_name(spans):
    @spanwise.observe
    def work():
        return None

    work()
    assert spans.one().name == "work"
    assert spans.json("spanwise.output") is None


def test_methods_leave_themselves_out(spans):
    class Bot:
        @spanwise.observe
        def answer(self, question):
            return question

        @spanwise.observe
        @classmethod
        def make(cls, name):
            return name

        @spanwise.observe
        @staticmethod
        def help(topic):
            return topic

    assert Bot().answer("a") == "a"
    assert Bot.make("b") == "b"
    assert Bot().help("c") == "c"
    told = [json.loads(span.attributes["spanwise.input"]) for span in spans.all()]
    assert told == [{"question": "a"}, {"name": "b"}, {"topic": "c"}]


def test_what_is_not_to_be_captured_is_not(spans):
    @spanwise.observe(capture_input=False, capture_output=False)
    def work(secret):
        return secret

    work("x")
    assert "x" not in str(spans.attributes().values())


def test_nesting_follows_the_calls(spans):
    @spanwise.observe(name="inner")
    def inner():
        return spanwise.current_span().span_id

    @spanwise.observe(name="outer")
    def outer():
        return inner(), spanwise.current_span().span_id

    inner_id, outer_id = outer()
    child = spans.named("inner")
    assert format(child.context.span_id, "016x") == inner_id
    assert format(child.parent.span_id, "016x") == outer_id


def test_an_exception_is_the_same_object_outside_and_told_inside(spans):
    mine = ValueError("no such thing")

    @spanwise.observe
    def work():
        raise mine

    with pytest.raises(ValueError, match="no such thing") as raised:
        work()
    assert raised.value is mine
    span = spans.one()
    assert span.attributes["error.type"] == "ValueError"
    assert span.status.description == "no such thing"
    (event,) = span.events
    assert "raise mine" in event.attributes["exception.stacktrace"]


def test_a_coroutine_is_a_span_of_its_own(spans):
    @spanwise.observe(name="inner")
    async def inner(number):
        await asyncio.sleep(0)
        return number

    @spanwise.observe(name="outer")
    async def outer():
        return await asyncio.gather(inner(1), inner(2))

    assert inspect.iscoroutinefunction(outer)
    assert asyncio.run(outer()) == [1, 2]
    parents = {span.parent.span_id for span in spans.all() if span.name == "inner"}
    assert parents == {spans.named("outer").context.span_id}


def test_a_cancelled_coroutine_ends_its_span(spans):
    @spanwise.observe(name="slow")
    async def slow():
        await asyncio.sleep(10)

    async def go():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(slow(), 0.01)

    asyncio.run(go())
    assert spans.one().attributes["error.type"] == "CancelledError"


def test_a_failing_coroutine_says_so(spans):
    @spanwise.observe
    async def work():
        raise KeyError("gone")

    with pytest.raises(KeyError):
        asyncio.run(work())
    assert spans.attributes()["error.type"] == "KeyError"


def test_a_generator_tells_what_it_yielded(spans):
    @spanwise.observe(name="count")
    def count(to):
        yield from range(to)
        return "done"

    def delegating():
        result = yield from count(3)
        yield result

    assert inspect.isgeneratorfunction(count)
    assert list(delegating()) == [0, 1, 2, "done"]
    assert spans.json("spanwise.input") == {"to": 3}
    assert spans.json("spanwise.output") == [0, 1, 2]


def test_pieces_of_text_are_one_text(spans):
    @spanwise.observe
    def tell():
        yield "In "
        yield "Peru."

    assert "".join(tell()) == "In Peru."
    assert spans.json("spanwise.output") == "In Peru."


def test_a_generator_can_be_sent_to_and_thrown_into(spans):
    @spanwise.observe(name="echo")
    def echo():
        said = yield None
        try:
            yield said
        except KeyError as error:
            yield f"caught {error}"

    talk = echo()
    assert next(talk) is None
    assert talk.send("a") == "a"
    assert talk.throw(KeyError("b")) == "caught 'b'"
    with pytest.raises(ZeroDivisionError):
        talk.throw(ZeroDivisionError())
    assert spans.attributes()["error.type"] == "ZeroDivisionError"


def test_a_generator_left_early_ends_its_span_without_error(spans):
    closed = []

    @spanwise.observe(name="count")
    def count():
        try:
            yield 1
            yield 2
        finally:
            closed.append(trace.get_current_span().get_span_context().span_id)

    for _ in count():
        break
    span = spans.one()
    assert span.status.is_unset
    assert closed == [span.context.span_id], "the generator's own clean-up runs inside its span"


def test_the_body_of_a_generator_is_inside_and_its_consumer_outside(spans):
    @spanwise.observe(name="inner")
    def inner():
        pass

    @spanwise.observe(name="rows")
    def rows():
        inner()
        yield 1
        inner()

    for _ in rows():
        with spanwise.span("consumer"):
            pass
    root = spans.named("rows")
    assert {s.parent.span_id for s in spans.all() if s.name == "inner"} == {root.context.span_id}
    assert spans.named("consumer").parent is None


def test_an_async_generator_does_the_same(spans, caplog):
    @spanwise.observe(name="rows")
    async def rows(to):
        for number in range(to):
            await asyncio.sleep(0)
            try:
                yield number
            except KeyError:
                yield "caught"

    async def go():
        assert [row async for row in rows(3)] == [0, 1, 2]
        assert spans.json("spanwise.output") == [0, 1, 2]
        spans.clear()
        async for _ in rows(3):
            break
        left = rows(3)
        await left.__anext__()
        assert await left.athrow(KeyError()) == "caught"
        await left.aclose()
        failing = rows("x")
        with pytest.raises(TypeError):
            await failing.__anext__()

    assert inspect.isasyncgenfunction(rows)
    with caplog.at_level(logging.DEBUG):
        asyncio.run(go())
    assert [span.status.is_unset for span in spans.all()].count(False) == 1
    assert len(spans.all()) == 3
    assert "detach" not in caplog.text


def test_a_generator_closed_in_another_context_says_nothing(spans, caplog):
    """The well-known "Failed to detach context": a generator that is collected elsewhere than it was started."""
    import contextvars

    @spanwise.observe(name="rows")
    def rows():
        with spanwise.span("held over a yield"), spanwise.context(session_id="s"):
            yield 1

    with caplog.at_level(logging.DEBUG):
        left = rows()
        contextvars.copy_context().run(next, left)
        contextvars.copy_context().run(left.close)
    assert caplog.text == ""
    assert len(spans.all()) == 2
    assert not trace.get_current_span().get_span_context().is_valid


def test_a_tool_is_told_as_a_tool(spans):
    @spanwise.observe(kind="tool", name="weather")
    def weather(city):
        return {"degrees": 21}

    weather("Lima")
    said = spans.attributes()
    assert said["gen_ai.operation.name"] == "execute_tool"
    assert said["gen_ai.tool.name"] == "weather"
    assert spans.json("gen_ai.tool.call.arguments") == {"city": "Lima"}
    assert spans.json("gen_ai.tool.call.result") == {"degrees": 21}


def test_a_retriever_tells_its_documents(spans):
    class Found:
        def __init__(self):
            self.page_content = "Lima is in Peru."
            self.metadata = {"source": "atlas"}

    @spanwise.observe(kind="retriever", name="search")
    def search(query):
        return [Found(), ({"id": 7, "text": "Cusco too."}, 0.5), "plain"]

    search("Where is Lima?")
    assert spans.attributes()["gen_ai.operation.name"] == "retrieval"
    assert spans.attributes()["gen_ai.retrieval.query.text"] == "Where is Lima?"
    assert spans.json("gen_ai.retrieval.documents") == [
        {"content": "Lima is in Peru.", "metadata": {"source": "atlas"}},
        {"id": 7, "content": "Cusco too.", "score": 0.5},
        {"content": "plain"},
    ]


def test_a_retriever_that_finds_something_else_tells_that(spans):
    @spanwise.observe(kind="retriever")
    def search(query):
        return {"hits": 3}

    search("x")
    assert spans.json("spanwise.output") == {"hits": 3}


def test_annotations_may_name_what_is_not_there(spans):
    # From Python 3.14 on they are worked out when they are asked for; before, only what is quoted may be missing.
    named = "Missing" if sys.version_info >= (3, 14) else "'Missing'"
    made = {}
    source = f"def later(a: {named}, *rest: {named}): return a"
    exec(compile(source, __file__, "exec", dont_inherit=True), made)  # without this file's __future__
    assert spanwise.observe(made["later"])(3, 4) == 3
    assert spans.json("spanwise.input") == {"a": 3, "rest": [4]}


def test_callables_without_a_signature_are_observed_too(spans):
    biggest = spanwise.observe(max)
    assert biggest(1, 2) == 2
    assert spans.json("spanwise.input") == {"args": [1, 2]}


def test_without_init_nothing_is_recorded_and_everything_works():
    @spanwise.observe
    def work(number):
        return number + 1

    assert work(1) == 2
    with spanwise.span("x", input=1) as span:
        span.set_output(2)
    assert spanwise.flush()
    assert spanwise.status() == spanwise.Status()


def test_properties_stay_properties(spans):
    class Shop:
        @spanwise.observe
        @property
        def total(self):
            return 7

        @spanwise.observe
        @functools.cached_property
        def found(self):
            return [1]

    shop = Shop()
    assert shop.total == 7
    assert shop.found is shop.found
    assert [span.name.rpartition(".")[2] for span in spans.all()] == ["total", "found"]


def test_a_cached_function_keeps_what_a_cache_can_do(spans):
    @spanwise.observe
    @functools.lru_cache
    def double(number):
        return number * 2

    assert double(2) == double(2) == 4
    assert double.cache_info().hits == 1
    double.cache_clear()
    assert double.cache_info().currsize == 0
    assert len(spans.all()) == 2


def test_what_is_no_function_is_left_as_it_is(spans):
    assert spanwise.observe(7) == 7


def test_a_generator_that_a_function_hands_on_is_no_output(spans):
    made = (number for number in range(3))

    @spanwise.observe
    def numbers():
        return made

    assert numbers() is made
    assert list(made) == [0, 1, 2]
    assert "spanwise.output" not in spans.attributes()
