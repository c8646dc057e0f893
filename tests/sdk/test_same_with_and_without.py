"""The application sees exactly what it would see without us, whatever the provider sends: at every client there is.

Each answer is spoiled once, and the very same bytes are then given to the client alone and to the client observed.
"""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fake_provider import FakeProvider
from fuzzing import tries
from spanwise.registry import PROVIDERS

from .apart import APART
from .clients import CLIENTS, EVERY
from .seen import FULL, asynchronous, difference, forms, streamed, whole
from .spoil import HOWS, ODD, Spoiling

#: Some clients leave connections open where an answer is none, with us and without.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
#: How many ways to spoil each client's answers are tried.
EXAMPLES = tries(10)
FUZZ = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
SPOILINGS = st.builds(
    Spoiling,
    how=st.sampled_from(HOWS),
    where=st.integers(0, 40),
    which=st.integers(0, 400),
    odd=st.sampled_from(ODD),
)
#: The providers of models; the others are stores.
MODELS = {name for name, path in PROVIDERS.items() if path.startswith("spanwise.providers.")}
ASYNC = [name for name, client in EVERY.items() if client.make_async]


def test_every_provider_is_driven_here_or_in_the_matrix():
    assert {client.provider for client in EVERY.values()} | set(APART) == MODELS


@pytest.fixture
def both(spans, quiet):
    """Compares two runs of the same, without us and with us, and gives what is different."""
    with FakeProvider(lambda _: FULL) as provider:
        yield lambda spoiling, once: difference(provider, spans, spoiling, once)


def compare(both, spoiling: Spoiling | None, once) -> None:
    assert both(spoiling, once) is None


@pytest.mark.parametrize("name", EVERY)
def test_a_sound_answer_is_the_same(both, name):
    for once in forms(EVERY[name]):
        compare(both, None, once)


@pytest.mark.parametrize("name", EVERY)
@FUZZ
@given(spoiling=SPOILINGS)
def test_a_spoiled_answer_is_the_same(both, name, spoiling):
    compare(both, spoiling, whole(EVERY[name]))


@pytest.mark.parametrize("name", CLIENTS)
@FUZZ
@given(spoiling=SPOILINGS)
def test_a_spoiled_stream_is_the_same(both, name, spoiling):
    compare(both, spoiling, streamed(CLIENTS[name]))


@pytest.mark.parametrize("name", ASYNC)
@settings(FUZZ, max_examples=max(4, EXAMPLES // 3))
@given(spoiling=SPOILINGS)
def test_async_the_same(both, name, spoiling):
    client = EVERY[name]
    compare(both, spoiling, asynchronous(client, stream=client.stream is not None and spoiling.where % 2 == 0))


@pytest.mark.parametrize("name", EVERY)
def test_a_server_that_is_not_there_is_the_same(both, name):
    with contextlib.ExitStack() as stack:
        gone = stack.enter_context(FakeProvider())
        url = gone.url
    compare(both, None, lambda _: whole(EVERY[name])(url))
