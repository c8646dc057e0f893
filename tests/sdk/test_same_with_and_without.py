"""The application sees exactly what it would see without us, whatever the provider sends: at every client there is.

Each answer is spoiled once, and the very same bytes are then given to the client alone and to the client observed.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import os
import re
import warnings

import pytest
from hypothesis import HealthCheck, given, settings

import spanwise
from fake_provider import Answer, FakeProvider, ToolCall
from fake_provider.server import Reply
from spanwise.registry import PROVIDERS

from .clients import CLIENTS, Client, plain
from .spoil import SPOILINGS, Spoiling

#: Some clients leave connections open where an answer is none, with us and without.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
FULL = Answer(
    text="In Peru, on the coast.", reasoning="I think.", tool_calls=(ToolCall("weather", {"city": "Lima"}, id="c1"),),
    input_tokens=50, output_tokens=19, cache_read=20, reasoning_tokens=4,
)  # fmt: skip
#: How many ways to spoil each client's answers are tried; more by hand.
EXAMPLES = int(os.environ.get("SPANWISE_FUZZ_EXAMPLES", "10"))
FUZZ = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
#: The providers of models whose clients are light enough to be here; the others are stores.
MODELS = {name for name, path in PROVIDERS.items() if path.startswith("spanwise.providers.")} - {"vertexai"}
ASYNC = [name for name, client in CLIENTS.items() if client.make_async]


def test_every_provider_is_driven_here():
    assert {client.provider for client in CLIENTS.values()} == MODELS


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


@pytest.fixture
def both(spans, quiet):
    """Two runs of the same, first without us and then with us; gives what each saw and how many spans there are."""
    with FakeProvider(lambda _: FULL) as provider:

        def run(client: Client, spoiling: Spoiling | None, once):
            provider.rewrite = Spoiler(spoiling)
            spanwise.uninstrument()
            provider.requests.clear()  # ids are made of the request's number
            without = once(provider.url)
            spanwise.instrument()
            spans.clear()
            provider.requests.clear()
            observed = once(provider.url)
            return without, observed, spans.all()

        yield run


#: Names of what changes from one call to the next.
CHANGING = ("created", "created_at")


def blanked(value):
    """Leave out what the client itself makes up anew each time."""
    if isinstance(value, dict):
        return {name: blanked(inner) for name, inner in value.items() if name not in CHANGING}
    if isinstance(value, list | tuple):
        return [blanked(inner) for inner in value]
    return re.sub(r"chatcmpl-[0-9a-f-]{36}|created=\d+", "", value) if isinstance(value, str) else value


def compare(both, name: str, spoiling: Spoiling | None, once) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # clients warn of what they cannot read, with us and without
        without, observed, spans = both(CLIENTS[name], spoiling, once)
    assert blanked(observed) == blanked(without)
    assert len(spans) == 1, [span.name for span in spans]
    assert bool(spans[0].status.is_ok) or observed[0] == "raised" or "error" in str(spans[0].attributes)


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


@pytest.mark.parametrize("name", CLIENTS)
def test_a_sound_answer_is_the_same(both, name):
    compare(both, name, None, whole(CLIENTS[name]))
    compare(both, name, None, streamed(CLIENTS[name]))
    if name in ASYNC:
        compare(both, name, None, asynchronous(CLIENTS[name], stream=False))
        compare(both, name, None, asynchronous(CLIENTS[name], stream=True))


@pytest.mark.parametrize("name", CLIENTS)
@FUZZ
@given(spoiling=SPOILINGS)
def test_a_spoiled_answer_is_the_same(both, name, spoiling):
    compare(both, name, spoiling, whole(CLIENTS[name]))


@pytest.mark.parametrize("name", CLIENTS)
@FUZZ
@given(spoiling=SPOILINGS)
def test_a_spoiled_stream_is_the_same(both, name, spoiling):
    compare(both, name, spoiling, streamed(CLIENTS[name]))


@pytest.mark.parametrize("name", ASYNC)
@settings(FUZZ, max_examples=max(4, EXAMPLES // 3))
@given(spoiling=SPOILINGS)
def test_async_the_same(both, name, spoiling):
    compare(both, name, spoiling, asynchronous(CLIENTS[name], stream=spoiling.where % 2 == 0))


@pytest.mark.parametrize("name", CLIENTS)
def test_a_server_that_is_not_there_is_the_same(both, name):
    with contextlib.ExitStack() as stack:
        gone = stack.enter_context(FakeProvider())
        url = gone.url
    compare(both, name, None, lambda _: whole(CLIENTS[name])(url))
