"""Our bugs are ours: they reach the application only where the suite asks for it."""

from __future__ import annotations

import dataclasses

import pytest

import spanwise
from spanwise.instrument import engine, stream
from spanwise.providers.openai import PROVIDER, ROUTES
from spanwise.safety import guard

USER = [{"role": "user", "content": "Go on"}]


def broken(*_args):
    raise ZeroDivisionError("our bug")


@pytest.fixture
def broken_readers(spans, monkeypatch):
    """Every reader of the provider fails."""
    from openai._base_client import SyncAPIClient

    spanwise.uninstrument("openai")
    routes = {
        path: dataclasses.replace(route, request=broken, response=broken, chunk=broken, surplus=broken)
        for path, route in ROUTES.items()
    }

    def recognise(instance, args, kwargs):
        asked = PROVIDER.methods["SyncAPIClient.request"](instance, args, kwargs)
        asked.route = routes[args[1].url]
        return asked

    restore = engine.wrap_method(SyncAPIClient, "request", recognise, stream.arrive)
    yield
    restore()


@pytest.mark.usefixtures("quiet", "broken_readers")
def test_our_bug_never_breaks_the_call(spans, openai_client):
    assert openai_client.chat.completions.create(model="m", messages=USER).choices
    assert len(list(openai_client.chat.completions.create(model="m", messages=USER, stream=True))) > 2
    assert openai_client.embeddings.create(model="m", input="x").data
    assert len(spans.all()) == 3


@pytest.mark.usefixtures("broken_readers")
def test_in_the_suite_our_bug_is_heard(spans, openai_client):
    with pytest.raises(ZeroDivisionError):
        openai_client.chat.completions.create(model="m", messages=USER)


@pytest.mark.usefixtures("quiet")
def test_a_call_that_we_cannot_recognise_goes_through(spans, openai_client):
    from openai._base_client import SyncAPIClient

    spanwise.uninstrument("openai")
    restore = engine.wrap_method(SyncAPIClient, "request", broken, stream.arrive)
    try:
        assert openai_client.chat.completions.create(model="m", messages=USER).choices
    finally:
        restore()
    assert spans.all() == []


@pytest.mark.usefixtures("quiet")
def test_values_that_break_when_looked_at_break_nothing(spans):
    class Hostile:
        def __repr__(self):
            raise ZeroDivisionError

    @spanwise.observe
    def work(value):
        return value

    hostile = Hostile()
    assert work(hostile) is hostile
    with spanwise.context(metadata={"x": hostile}):
        pass
    assert spans.one().name.endswith("work")


@pytest.mark.usefixtures("quiet")
def test_a_guard_swallows_only_exceptions():
    with guard():
        raise ValueError
    with pytest.raises(KeyboardInterrupt), guard():
        raise KeyboardInterrupt
