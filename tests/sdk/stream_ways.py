"""Every way in which a stream can end, and how a client's then does."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Iterator
from typing import Any

from fake_provider import Answer, FakeProvider

from .client import Client

NONE = "-"
"""Where a client's stream has no such way to end."""
NO_CALL = "no call"
"""Where the client asks only once its stream is read."""
WORDS = "one two three four five six seven eight nine ten eleven twelve " * 4
SLOW = Answer(text=WORDS, chunk_delay_s=0.002)
#: So slow that even a busy machine is in the middle of it when it is cancelled.
LASTING = Answer(text=WORDS, chunk_delay_s=0.08)
CUT = Answer(text=WORDS, cut_after=8)
FAR = 7
"""How many chunks are read before it ends: so many that text was among them, at every provider."""


class Boom(Exception):
    """What the application raises itself."""


class Lacking(Exception):
    """The client's stream has no such way to end."""


def _needs(stream: Any, *names: str) -> None:
    # What the client itself has counts; ours have every method.
    own = type(getattr(stream, "__wrapped__", stream))
    if not any(hasattr(own, name) for name in names):
        raise Lacking


def some_of(stream):
    """Read so far that text has come, and no further."""
    loop = iter(stream)
    for _ in range(FAR):
        next(loop)


async def async_some_of(stream):
    loop = aiter(stream)
    for _ in range(FAR):
        await loop.__anext__()


def read_all(stream):
    for _ in stream:
        pass


def break_off(stream):
    for number, _ in enumerate(stream, 1):
        if number == FAR:
            break


def fail_in_loop(stream):
    with contextlib.suppress(Boom):
        for number, _ in enumerate(stream, 1):
            if number == FAR:
                raise Boom


def close(stream):
    _needs(stream, "close")
    some_of(stream)
    stream.close()


def leave_block(stream):
    _needs(stream, "__exit__")
    with stream as entered:
        some_of(entered)


def fail_in_block(stream):
    _needs(stream, "__exit__")
    with contextlib.suppress(Boom), stream as entered:
        some_of(entered)
        raise Boom


def read_in_closed_generator(stream):
    def reading():
        with contextlib.closing(stream) if hasattr(stream, "close") else contextlib.nullcontext():
            yield from stream

    generator = reading()
    some_of(generator)
    generator.close()


def never_read(_stream):
    pass


def read_until_cut(stream):
    with contextlib.suppress(Exception):
        read_all(stream)


async def async_read_all(stream):
    async for _ in stream:
        pass


async def async_break_off(stream):
    number = 0
    async for _ in stream:
        number += 1
        if number == FAR:
            break


async def async_fail_in_loop(stream):
    number = 0
    with contextlib.suppress(Boom):
        async for _ in stream:
            number += 1
            if number == FAR:
                raise Boom


async def async_close(stream):
    _needs(stream, "close", "aclose")
    await async_some_of(stream)
    closing = (stream.close if hasattr(type(getattr(stream, "__wrapped__", stream)), "close") else stream.aclose)()
    if closing is not None:  # some close at once
        await closing


async def async_leave_block(stream):
    _needs(stream, "__aexit__")
    async with stream as entered:
        await async_some_of(entered)


async def async_fail_in_block(stream):
    _needs(stream, "__aexit__")
    with contextlib.suppress(Boom):
        async with stream as entered:
            await async_some_of(entered)
            raise Boom


async def async_cancel(stream):
    await async_some_of(stream)
    reading = asyncio.ensure_future(async_read_all(stream))
    await asyncio.sleep(0.01)
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading


async def async_never_read(_stream):
    pass


async def async_read_until_cut(stream):
    with contextlib.suppress(Exception):
        await async_read_all(stream)


#: Each way: its column, what the application does, what the provider sends, whether the stream is dropped then.
SYNC = {
    "read to the end": (read_all, SLOW, False),
    "`break`": (break_off, SLOW, False),
    "`break`, dropped": (break_off, SLOW, True),
    "exception in the loop": (fail_in_loop, SLOW, False),
    "`close()`": (close, SLOW, False),
    "`with` left": (leave_block, SLOW, False),
    "exception in `with`": (fail_in_block, SLOW, False),
    "`GeneratorExit`": (read_in_closed_generator, SLOW, False),
    "never read": (never_read, SLOW, True),
    "cut": (read_until_cut, CUT, False),
}
ASYNC = {
    "read to the end": (async_read_all, SLOW, False),
    "`break`": (async_break_off, SLOW, False),
    "`break`, dropped": (async_break_off, SLOW, True),
    "exception in the loop": (async_fail_in_loop, SLOW, False),
    "`close()`, `aclose()`": (async_close, SLOW, False),
    "`async with` left": (async_leave_block, SLOW, False),
    "exception in `async with`": (async_fail_in_block, SLOW, False),
    "task cancelled": (async_cancel, LASTING, False),
    "never read": (async_never_read, SLOW, True),
    "cut": (async_read_until_cut, CUT, False),
}


@contextlib.contextmanager
def only_what_is_new_is_collected() -> Iterator[None]:
    """Spare the collector the modules of all clients, which are most of what a collection takes."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def end_of(client: Client, way: str, provider: FakeProvider, recorded: Any) -> str:
    """Return how the only span tells that the stream ended, with a mark where it is an error."""
    finish, answer, drop = SYNC[way]
    provider.answer = lambda _: answer
    with client.opened(provider.url) as made, only_what_is_new_is_collected():
        held = [client.stream(made)]
        try:
            finish(held[0])
        except Lacking:
            held.clear()
            return NONE
        if drop:
            held.clear()
            gc.collect()
        found = _told(recorded, way)
        held.clear()
        # What lies in a cycle goes now: collected while another client holds the lock of its connections, it would wait
        # for that very lock, since a stream that is thrown away gives its connection back.
        gc.collect()
    return found


def async_end_of(client: Client, way: str, provider: FakeProvider, recorded: Any) -> str:
    """Return the same of an asynchronous stream."""
    finish, answer, drop = ASYNC[way]
    provider.answer = lambda _: answer

    async def go() -> str:
        async with client.opened_async(provider.url) as made:
            held = [await client.stream_async(made)]
            try:
                await finish(held[0])
            except Lacking:
                held.clear()
                return NONE
            if drop:
                held.clear()
                gc.collect()
            found = _told(recorded, way)
            if held:
                await _aclosed(held.pop())
            return found

    with only_what_is_new_is_collected():
        return asyncio.run(go())


async def _aclosed(stream: Any) -> None:
    """Close what is still open before its loop ends."""
    for name in ("aclose", "close"):
        if closing := getattr(stream, name, None):
            with contextlib.suppress(Exception):
                await closing()
            return


def _told(recorded: Any, way: str) -> str:
    """Return how the stream ended, having looked that what had arrived is told, and when the first of it came."""
    if not recorded.all():
        return NO_CALL
    span = recorded.one()
    said = span.attributes
    failed = not span.status.is_ok
    assert failed is ("error.type" in said)
    if way != "never read":
        assert "one two three" in said["gen_ai.output.messages"], said
        assert said["gen_ai.response.time_to_first_chunk"] > 0
    return f"`{said['spanwise.stream.end']}`" + (" (error)" if failed else "")
