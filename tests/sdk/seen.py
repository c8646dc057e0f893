"""What the application sees of a call, to be compared with and without us."""

from __future__ import annotations

import asyncio
import copy
import re
import warnings
from typing import Any

import spanwise
from fake_provider import Answer, FakeProvider, ToolCall
from fake_provider.server import Reply

from .client import Client, plain
from .spoil import Spoiling

FULL = Answer(
    text="In Peru, on the coast.", reasoning="I think.", tool_calls=(ToolCall("weather", {"city": "Lima"}, id="c1"),),
    input_tokens=50, output_tokens=19, cache_read=20, reasoning_tokens=4,
)  # fmt: skip


class Spoiler:
    """Spoils the first reply, and gives the same bytes ever after."""

    def __init__(self, spoiling: Spoiling | None) -> None:
        self.spoiling = spoiling
        self.reply: Reply | None = None

    def __call__(self, _request, reply: Reply) -> Reply:
        if self.reply is None:
            self.reply = self.spoiling(copy.deepcopy(reply)) if self.spoiling else reply
        return self.reply


def told(error: BaseException) -> tuple[str, str]:
    return "raised", type(error).__qualname__ + re.sub(r"0x[0-9a-f]+|\d+\.\d+s|litellm_trace_id\S*", "", str(error))


def seen(do, *, stream: bool) -> tuple:
    """Return what comes of a call: its result, or its exception; of a stream, all before it too."""
    pieces: list = []
    try:
        result = do()
        if not stream:
            return "returned", plain(result)
        for piece in result:
            pieces.append(plain(piece))  # noqa: PERF401  # what came before an exception counts
    except Exception as error:  # noqa: BLE001  # whatever the client raises
        return (*told(error), pieces)
    return "read", pieces


async def seen_async(do, *, stream: bool) -> tuple:
    pieces: list = []
    try:
        result = await do()
        if not stream:
            return "returned", plain(result)
        async for piece in result:
            pieces.append(plain(piece))  # noqa: PERF401
    except Exception as error:  # noqa: BLE001
        return (*told(error), pieces)
    return "read", pieces


#: Names of what changes from one call to the next.
CHANGING = ("created", "created_at")


def blanked(value):
    """Leave out what the client itself makes up anew each time."""
    if isinstance(value, dict):
        return {name: blanked(inner) for name, inner in value.items() if name not in CHANGING}
    if isinstance(value, list | tuple):
        return [blanked(inner) for inner in value]
    return re.sub(r"chatcmpl-[0-9a-f-]{36}|created=\d+", "", value) if isinstance(value, str) else value


def whole(client: Client):
    def once(url: str):
        with client.opened(url) as made:
            return seen(lambda: client.whole(made), stream=False)

    return once


def streamed(client: Client):
    def once(url: str):
        with client.opened(url) as made:
            return seen(lambda: client.stream(made), stream=True)

    return once


def asynchronous(client: Client, *, stream: bool):
    async def go(url: str):
        async with client.opened_async(url) as made:
            do = (lambda: client.stream_async(made)) if stream else (lambda: client.whole_async(made))
            return await seen_async(do, stream=stream)

    return lambda url: asyncio.run(go(url))


def forms(client: Client) -> list:
    """Return every way to ask the client: whole and streamed, sync and async, as far as it goes."""
    found = [whole(client), streamed(client)] if client.stream else [whole(client)]
    if client.make_async:
        found.append(asynchronous(client, stream=False))
        if client.stream:
            found.append(asynchronous(client, stream=True))
    return found


def difference(provider: FakeProvider, recorded: Any, spoiling: Spoiling | None, once) -> str | None:
    """Do the same without us and then with us; return what is different, or what is told wrong, ``None`` if nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # clients warn of what they cannot read, with us and without
        provider.rewrite = Spoiler(spoiling)
        spanwise.uninstrument()
        provider.requests.clear()  # ids are made of the request's number
        without = blanked(once(provider.url))
        spanwise.instrument()
        recorded.clear()
        provider.requests.clear()
        observed = blanked(once(provider.url))
    spans = recorded.all()
    if observed != without:
        return f"{spoiling}\nwithout: {without}\nwith:    {observed}"
    if len(spans) != 1:
        return f"{spoiling}\nspans: {[span.name for span in spans]}"
    fine = spans[0].status.is_ok or observed[0] == "raised" or "error" in str(spans[0].attributes)
    return None if fine else f"{spoiling}\nan error: {spans[0].status.description}, seen: {observed}"
