"""However a stream ends, at every client, its span ends, once, says how, and tells what had arrived.

`web/docs/clients.md` publishes the table; `python -m sdk.stream_ends` writes it, and these tests hold each cell;
`tests/matrix/test_apart.py` those of clients that do not fit beside the others.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import abc

import anthropic
import openai
import pytest

import spanwise
from fake_provider import Answer

from .apart import APART
from .clients import CLIENTS
from .stream_ends import ASYNC_CLIENTS, HEADINGS, published
from .stream_leaving import LAST, left_at_exit
from .stream_ways import ASYNC, SYNC, Boom, async_end_of, end_of

USER = [{"role": "user", "content": "Go on"}]
OPENERS = {
    "openai chat": lambda client: client.chat.completions.create(model="m", messages=USER, stream=True),
    "openai responses": lambda client: client.responses.create(model="m", input="Go on", stream=True),
    "anthropic": lambda client: client.messages.create(model="m", messages=USER, max_tokens=9, stream=True),
}
#: Some clients leave connections open where a stream is left, with us and without.
LEFT_OPEN = (
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::RuntimeWarning",
    "ignore::DeprecationWarning", "ignore::UserWarning",
)  # fmt: skip


@pytest.mark.parametrize("heading", HEADINGS)
def test_the_published_table_has_every_client_and_every_way(heading):
    ways = HEADINGS[heading]
    rows = published(heading)
    assert list(rows) == [*(CLIENTS if ways is SYNC else ASYNC_CLIENTS), *APART]
    assert all(list(cells) == [*ways, LAST] for cells in rows.values())


@pytest.mark.filterwarnings(*LEFT_OPEN)
@pytest.mark.parametrize("name", CLIENTS)
def test_the_span_ends_as_published(spans, provider, name):
    row = published("Streams")[name]
    for way in SYNC:
        assert (way, end_of(CLIENTS[name], way, provider, spans)) == (way, row[way])
        spans.clear()


@pytest.mark.filterwarnings(*LEFT_OPEN)
@pytest.mark.parametrize("name", ASYNC_CLIENTS)
def test_the_span_of_an_async_stream_ends_as_published(spans, provider, name):
    row = published("Asynchronous streams")[name]
    for way in ASYNC:
        assert (way, async_end_of(CLIENTS[name], way, provider, spans)) == (way, row[way])
        spans.clear()


def test_streams_that_are_open_when_the_interpreter_exits_end_as_published():
    for heading, told in zip(HEADINGS, left_at_exit(tuple(APART)).ends, strict=True):
        assert told == {name: cells[LAST] for name, cells in published(heading).items() if name not in APART}


@pytest.mark.parametrize("api", OPENERS)
def test_a_cancelled_call_is_an_error(spans, provider, api):
    provider.answer = lambda _: Answer(text="late", delay_s=0.3)

    async def go() -> None:
        async with (
            anthropic.AsyncAnthropic(api_key="k", base_url=provider.url, max_retries=0) as claude,
            openai.AsyncOpenAI(api_key="k", base_url=provider.openai_url, max_retries=0) as gpt,
        ):
            call = OPENERS[api](claude if api == "anthropic" else gpt)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(call, 0.05)

    asyncio.run(go())
    assert spans.one().attributes["error.type"] == "CancelledError"


#: What a program, or a framework, may ask of a stream.
SORTS = (
    abc.Iterator, abc.Iterable, abc.Generator, abc.AsyncIterator, abc.AsyncIterable, abc.AsyncGenerator, abc.Awaitable,
    contextlib.AbstractContextManager, contextlib.AbstractAsyncContextManager,
)  # fmt: skip


def check_sorts(stream):
    found, own = ([sort.__name__ for sort in SORTS if isinstance(each, sort)] for each in (stream, stream.__wrapped__))
    assert set(own) <= set(found)
    # What the proxy's own base has is there whatever the stream is: a loop over it, or a block, fails all the same.
    by_the_proxy = {"Iterable", "AbstractContextManager", "AbstractAsyncContextManager"}
    assert set(found) - set(own) <= by_the_proxy | ({"Iterator"} if "Iterable" in own else set())


@pytest.mark.filterwarnings(*LEFT_OPEN)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_stream_is_of_the_same_sort(spans, provider, name):
    client = CLIENTS[name]

    async def go() -> None:
        async with client.opened_async(provider.url) as made:
            stream = await client.stream_async(made)
            check_sorts(stream)
            async for _ in stream:
                pass

    with client.opened(provider.url) as made:
        stream = client.stream(made)
        check_sorts(stream)
        for _ in stream:
            pass
    if client.make_async:
        asyncio.run(go())


def test_a_peek_does_not_end_the_span(spans, openai_client):
    stream = OPENERS["openai chat"](openai_client)
    first = next(iter(stream))
    rest = list(stream)
    assert first not in rest
    assert spans.attributes()["spanwise.stream.end"] == "exhausted"
    assert spans.said()[0]["content"] == "You said: Go on. That is all I know."


def test_a_loop_that_was_left_ends_the_span_when_it_was_left(spans, openai_client):
    import time

    stream = OPENERS["openai chat"](openai_client)
    next(iter(stream))
    left = time.time_ns()
    deadline = time.monotonic() + 60
    while not spans.exporter.get_finished_spans() and time.monotonic() < deadline:
        time.sleep(0.05)  # nobody flushes: the exporter's thread sees to it
    (span,) = spans.exporter.get_finished_spans()
    assert span.end_time <= left
    stream.close()


def test_the_application_sees_its_own_exception_object(spans, openai_client):
    mine = Boom()
    with pytest.raises(Boom) as raised, OPENERS["openai chat"](openai_client):
        raise mine
    assert raised.value is mine


def test_a_stream_keeps_every_method_of_the_original(spans, openai_client):
    stream = OPENERS["openai chat"](openai_client)
    assert isinstance(stream, openai.Stream)
    assert stream.response.status_code == 200
    assert stream.response.headers["x-request-id"].startswith("req_")
    assert not hasattr(stream, "aclose")
    stream.response.close()
    assert spans.attributes()["spanwise.stream.end"] == "closed"


def test_iterators_of_a_stream_can_be_closed_as_generators_can(spans, openai_client):
    stream = OPENERS["openai chat"](openai_client)
    loop = iter(stream)
    assert iter(loop) is loop
    next(loop)
    loop.close()
    assert spans.attributes()["spanwise.stream.end"] == "abandoned"
    stream.close()


def test_the_parent_of_a_stream_is_where_it_was_opened(spans, openai_client):
    with spanwise.span("outer") as outer:
        stream = OPENERS["openai chat"](openai_client)
    with spanwise.span("elsewhere"):
        list(stream)
    assert format(spans.named("chat m").parent.span_id, "016x") == outer.span_id
