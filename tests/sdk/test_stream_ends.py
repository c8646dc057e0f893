"""The published table: however a stream ends, at every provider, its span ends, once, and says how.

`web/docs/sdk.md` shows this table; the test fails where the two differ.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from pathlib import Path

import anthropic
import openai
import pytest

import spanwise
from fake_provider import Answer

USER = [{"role": "user", "content": "Go on"}]
OPENERS = {
    "openai chat": lambda client: client.chat.completions.create(model="m", messages=USER, stream=True),
    "openai responses": lambda client: client.responses.create(model="m", input="Go on", stream=True),
    "anthropic": lambda client: client.messages.create(model="m", messages=USER, max_tokens=9, stream=True),
}
SLOW = Answer(text="one two three four five six seven eight nine", chunk_delay_s=0.002)
#: So slow that even a busy machine is in the middle of it when it is cancelled.
LASTING = Answer(text="one two three four five six seven eight nine", chunk_delay_s=0.2)
CUT = Answer(text="one two three four five six seven eight nine", cut_after=5)


class Boom(Exception):
    """What the application raises itself."""


def read_all(stream):
    for _ in stream:
        pass


def break_off(stream):
    for _ in stream:
        break


def break_and_drop(stream):
    break_off(stream)
    del stream
    gc.collect()


def close(stream):
    next(stream)
    stream.close()


def leave_block(stream):
    with stream as entered:
        next(entered)


def fail_in_block(stream):
    with contextlib.suppress(Boom), stream as entered:
        next(entered)
        raise Boom


def read_in_closed_generator(stream):
    def reading():
        with stream:
            yield from stream

    generator = reading()
    next(generator)
    generator.close()


def never_read(stream):
    del stream


def read_until_cut(stream):
    with contextlib.suppress(openai.APIConnectionError, Exception):
        read_all(stream)


async def async_read_all(stream):
    async for _ in stream:
        pass


async def async_break_off(stream):
    async for _ in stream:
        break


async def async_close(stream):
    await stream.__anext__()
    await stream.close()


async def async_aclose(stream):
    await stream.__anext__()
    await (stream.aclose if hasattr(stream, "aclose") else stream.close)()


async def async_leave_block(stream):
    async with stream as entered:
        await entered.__anext__()


async def async_cancel(stream):
    await stream.__anext__()
    reading = asyncio.ensure_future(async_read_all(stream))
    await asyncio.sleep(0.003)
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading


async def async_read_until_cut(stream):
    with contextlib.suppress(Exception):
        await async_read_all(stream)


#: How it ends: what the application does, what the provider does, `spanwise.stream.end`, whether it is an error.
SYNC = {
    "read to the end": (read_all, SLOW, "exhausted", False),
    "`break`, stream still held": (break_off, SLOW, "abandoned", False),
    "`break`, stream dropped": (break_and_drop, SLOW, "abandoned", False),
    "`close()`": (close, SLOW, "closed", False),
    "`with` block left": (leave_block, SLOW, "closed", False),
    "the application's own exception in the block": (fail_in_block, SLOW, "closed", False),
    "`GeneratorExit` while read in a generator": (read_in_closed_generator, SLOW, "closed", False),
    "never read": (never_read, SLOW, "abandoned", False),
    "cut by the provider": (read_until_cut, CUT, "error", True),
}
ASYNC = {
    "read to the end, async": (async_read_all, SLOW, "exhausted", False),
    "`break`, stream still held, async": (async_break_off, SLOW, "abandoned", False),
    "`close()`, async": (async_close, SLOW, "closed", False),
    "`aclose()`": (async_aclose, SLOW, "closed", False),
    "`async with` block left": (async_leave_block, SLOW, "closed", False),
    "task cancelled while reading": (async_cancel, LASTING, "cancelled", True),
    "cut by the provider, async": (async_read_until_cut, CUT, "error", True),
}


def check(spans, end: str, *, error: bool) -> None:
    span = spans.one()
    assert span.attributes["spanwise.stream.end"] == end
    assert (not span.status.is_ok) is error
    assert ("error.type" in span.attributes) is error


@pytest.mark.parametrize("how", SYNC)
@pytest.mark.parametrize("api", OPENERS)
def test_the_span_ends(spans, provider, openai_client, anthropic_client, api, how):
    finish, answer, end, error = SYNC[how]
    provider.answer = lambda _: answer
    held = [OPENERS[api](anthropic_client if api == "anthropic" else openai_client)]
    finish(held.pop() if "dropped" in how or how == "never read" else held[0])
    check(spans, end, error=error)
    for stream in held:
        stream.close()


@pytest.mark.parametrize("how", ASYNC)
@pytest.mark.parametrize("api", OPENERS)
def test_the_span_of_an_async_stream_ends(spans, provider, api, how):
    finish, answer, end, error = ASYNC[how]
    provider.answer = lambda _: answer

    async def go() -> None:
        async with (
            anthropic.AsyncAnthropic(api_key="k", base_url=provider.url, max_retries=0) as claude,
            openai.AsyncOpenAI(api_key="k", base_url=provider.openai_url, max_retries=0) as gpt,
        ):
            stream = await OPENERS[api](claude if api == "anthropic" else gpt)
            await finish(stream)
            check(spans, end, error=error)
            await stream.close()

    asyncio.run(go())


def test_the_table_in_the_documentation_is_this_one():
    text = (Path(__file__).parents[2] / "web/docs/sdk.md").read_text()
    for how, (_, _, end, error) in {**SYNC, **ASYNC}.items():
        assert f"| {how} | `{end}` | {'error' if error else 'unset'} |" in text


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
    break_off(stream)
    left = time.time_ns()
    deadline = time.monotonic() + 5
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
        read_all(stream)
    assert format(spans.named("chat m").parent.span_id, "016x") == outer.span_id
