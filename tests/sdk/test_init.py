"""Starting, starting again, and what importing costs."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spanwise
from spanwise.config import SETTINGS, Config, read_config


@pytest.fixture(autouse=True)
def shut_down():
    yield
    spanwise.shutdown()


def run(program: str, **environ: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True, text=True, timeout=60, check=True, env={**os.environ, "SPANWISE_STRICT": "1", **environ},
    ).stdout  # fmt: skip


def test_importing_and_init_load_no_client_and_no_server():
    loaded = run(
        """
        import sys, spanwise
        spanwise.init(endpoint="http://127.0.0.1:9")
        print(" ".join(sorted({name.partition(".")[0] for name in sys.modules})))
        """
    ).split()
    unwanted = {
        "fastapi",
        "starlette",
        "openai",
        "anthropic",
        "httpx",
        "httpx2",
        "requests",
        "pydantic",
        "asyncio",
        "importlib.metadata",
        "wrapt",
        "spanwise_server",
    }
    assert unwanted.isdisjoint(loaded)
    assert "spanwise" in loaded


def test_a_client_imported_later_is_instrumented_then():
    told = run(
        """
        import spanwise
        spanwise.init(endpoint="http://127.0.0.1:9")
        import openai._base_client
        print(hasattr(openai._base_client.SyncAPIClient.request, "__wrapped__"))
        spanwise.uninstrument()
        print(hasattr(openai._base_client.SyncAPIClient.request, "__wrapped__"))
        spanwise.instrument("openai")
        print(hasattr(openai._base_client.SyncAPIClient.request, "__wrapped__"))
        """
    )
    assert told.split() == ["True", "False", "True"]


def test_a_client_that_is_loaded_anew_is_instrumented_anew_and_its_loader_is_its_own():
    told = run(
        """
        import importlib.util, importlib.machinery, sys, spanwise
        spanwise.init(endpoint="http://127.0.0.1:9")
        spec = importlib.util.find_spec("openai._base_client")
        print(isinstance(spec.loader, importlib.machinery.SourceFileLoader), bool(spec.loader.get_source(spec.name)))
        import openai._base_client as client
        print(type(client.__loader__).__name__, client.__spec__.loader is client.__loader__)
        importlib.reload(client)
        print(hasattr(client.SyncAPIClient.request, "__wrapped__"))
        print(hasattr(client.SyncAPIClient.request.__wrapped__, "__wrapped__"))
        del sys.modules["openai._base_client"]
        again = importlib.import_module("openai._base_client")
        print(again is not client, hasattr(again.SyncAPIClient.request, "__wrapped__"))
        spanwise.uninstrument()
        print(hasattr(again.SyncAPIClient.request, "__wrapped__"))
        """
    )
    assert told.splitlines() == ["True True", "SourceFileLoader True", "True", "False", "True True", "False"]


def test_what_another_tool_wraps_after_us_is_not_wrapped_again():
    told = run(
        """
        import functools, openai, openai._base_client as client, spanwise
        spanwise.init(endpoint="http://127.0.0.1:9")
        ours = client.SyncAPIClient.request
        @functools.wraps(ours)
        def theirs(*args, **kwargs):
            return ours(*args, **kwargs)
        client.SyncAPIClient.request = theirs
        spanwise.instrument("openai")
        print(client.SyncAPIClient.request is theirs)
        """
    )
    assert told.splitlines() == ["True"]


def test_hooks_of_others_and_a_lazy_loader_get_along_with_ours():
    told = run(
        """
        import importlib.util, sys, wrapt, spanwise
        wrapt.register_post_import_hook(lambda module: print("theirs", module.__name__), "openai._base_client")
        spanwise.init(endpoint="http://127.0.0.1:9")
        wrapt.register_post_import_hook(lambda module: print("theirs too", module.__name__), "botocore.client")
        import openai._base_client
        print(hasattr(openai._base_client.SyncAPIClient.request, "__wrapped__"))
        spec = importlib.util.find_spec("groq")
        spec.loader = importlib.util.LazyLoader(spec.loader)
        sys.modules["groq"] = lazy = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(lazy)
        print("groq._client" in sys.modules)
        lazy.Groq
        import botocore.client, groq._base_client
        print(hasattr(groq._base_client.SyncAPIClient.request, "__wrapped__"))
        print(hasattr(botocore.client.BaseClient._make_api_call, "__wrapped__"))
        """
    )
    heard = ["theirs openai._base_client", "True", "False", "theirs too botocore.client", "True", "True"]
    assert told.splitlines() == heard


def test_nothing_is_loaded_for_a_client_that_the_program_does_not_import():
    told = run(
        """
        import sys, spanwise
        spanwise.init(endpoint="http://127.0.0.1:9")
        import cohere.client
        print("spanwise.providers.cohere" in sys.modules, "spanwise.providers.openai" in sys.modules)
        """
    )
    assert told.split() == ["True", "False"]


def test_a_client_that_is_not_wanted_is_left_alone():
    told = run(
        """
        import spanwise
        spanwise.init(endpoint="http://127.0.0.1:9", instrument=["bedrock"])
        import openai._base_client, botocore.client
        print(hasattr(openai._base_client.SyncAPIClient.request, "__wrapped__"))
        print(hasattr(botocore.client.BaseClient._make_api_call, "__wrapped__"))
        """
    )
    assert told.split() == ["False", "True"]


def test_a_client_that_is_excluded_is_left_alone():
    told = run(
        """
        import spanwise
        spanwise.init(endpoint="http://127.0.0.1:9", exclude="openai")
        import openai._base_client, botocore.client
        print(hasattr(openai._base_client.SyncAPIClient.request, "__wrapped__"))
        print(hasattr(botocore.client.BaseClient._make_api_call, "__wrapped__"))
        """
    )
    assert told.split() == ["False", "True"]


def test_a_provider_that_nobody_knows_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"There is no provider 'opnai'; there are .*anthropic, .*openai"):
        spanwise.init(instrument=["opnai"], span_exporter=InMemorySpanExporter())


def test_init_again_with_the_same_does_nothing(caplog):
    exporter = InMemorySpanExporter()
    spanwise.init(span_exporter=exporter)
    with spanwise.span("before"):
        pass
    spanwise.init(span_exporter=exporter)
    with spanwise.span("after"):
        pass
    spanwise.flush()
    assert [span.name for span in exporter.get_finished_spans()] == ["before", "after"]
    assert caplog.text == ""


def test_init_again_with_other_settings_says_so_and_obeys(caplog):
    first, second = InMemorySpanExporter(), InMemorySpanExporter()
    spanwise.init(span_exporter=first, service="one")
    with spanwise.span("before"):
        pass
    spanwise.init(span_exporter=second, service="two")
    assert "other settings" in caplog.text
    with spanwise.span("after"):
        pass
    spanwise.flush()
    assert [span.name for span in first.get_finished_spans()] == ["before"]
    (after,) = second.get_finished_spans()
    assert after.resource.attributes["service.name"] == "two"


def test_disabled_it_records_nothing():
    exporter = InMemorySpanExporter()
    spanwise.init(span_exporter=exporter, enabled=False)
    with spanwise.span("work") as span:
        assert span.trace_id == "0" * 32
    assert spanwise.flush()
    assert exporter.get_finished_spans() == ()


def test_after_shutdown_nothing_is_recorded_until_the_next_init():
    first, second = InMemorySpanExporter(), InMemorySpanExporter()
    spanwise.init(span_exporter=first)
    assert spanwise.shutdown()
    with spanwise.span("between"):
        pass
    spanwise.init(span_exporter=second)
    with spanwise.span("again"):
        pass
    spanwise.flush()
    assert first.get_finished_spans() == ()
    assert [span.name for span in second.get_finished_spans()] == ["again"]


EXISTING = """
    import sys
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    import spanwise
    theirs, ours = InMemorySpanExporter(), InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "their-app"}))
    provider.add_span_processor(SimpleSpanProcessor(theirs))
    trace.set_tracer_provider(provider)
    spanwise.init(span_exporter=ours, environment="test", export="all")
    spanwise.init(span_exporter=ours, environment="test", export="all", service="x")
    with trace.get_tracer("their.lib").start_as_current_span("theirs"):
        with spanwise.span("mine"):
            pass
    with spanwise.context(environment="other"), spanwise.span("elsewhere"):
        pass
    spanwise.flush()
    assert trace.get_tracer_provider() is provider
    for exporter in (theirs, ours):
        print([s.name for s in exporter.get_finished_spans()])
    first, second, third = ours.get_finished_spans()
    print(first.parent.span_id == second.context.span_id, first.resource.attributes["service.name"])
    print(first.attributes["deployment.environment.name"], third.attributes["deployment.environment.name"])
"""


def test_a_tracer_provider_of_the_application_stays_and_shares():
    told = run(
        EXISTING.replace('    spanwise.init(span_exporter=ours, environment="test", export="all", service="x")\n', "")
    )
    assert told.splitlines() == [
        "['mine', 'theirs', 'elsewhere']",
        "['mine', 'theirs', 'elsewhere']",
        "True their-app",
        "test other",
    ]


def test_a_tracer_provider_of_another_make_is_left_alone():
    told = run(
        """
        from opentelemetry import trace
        trace.set_tracer_provider(trace.NoOpTracerProvider())
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        import spanwise
        ours = InMemorySpanExporter()
        spanwise.init(span_exporter=ours)
        with spanwise.span("mine"):
            pass
        trace.get_tracer_provider().get_tracer("x").start_span("theirs").end()
        spanwise.flush()
        print([s.name for s in ours.get_finished_spans()])
        """
    )
    assert told.strip() == "['mine']"


def test_unsampled_spans_are_not_sent():
    told = run(
        """
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        import spanwise
        ours = InMemorySpanExporter()
        spanwise.init(span_exporter=ours)
        with spanwise.span("mine"):
            pass
        spanwise.flush()
        print(len(ours.get_finished_spans()))
        """,
        OTEL_TRACES_SAMPLER="always_off",
    )
    assert told.strip() == "0"


def test_the_providers_own_flush_sends_ours_too():
    from opentelemetry import trace

    exporter = InMemorySpanExporter()
    spanwise.init(span_exporter=exporter)
    with spanwise.span("work"):
        pass
    assert trace.get_tracer_provider().force_flush()
    assert len(exporter.get_finished_spans()) == 1


# --- settings --------------------------------------------------------------------------------------


def test_the_defaults_of_the_table_are_the_defaults():
    assert read_config({}, {}) == Config()
    said = {setting.name: setting.default for setting in SETTINGS if setting.variable}
    assert read_config(said, {}) == Config()


def test_every_setting_is_an_argument_of_init():
    import inspect

    assert list(inspect.signature(spanwise.init).parameters) == [setting.name for setting in SETTINGS]


def test_code_wins_over_environment_and_environment_over_default():
    environ = {
        "SPANWISE_PROJECT": "env", "SPANWISE_CAPTURE_CONTENT": "No", "SPANWISE_INSTRUMENT": "openai, anthropic",
        "SPANWISE_EXIT_TIMEOUT_S": "1.5", "SPANWISE_RELEASE": "", "SPANWISE_STREAM_USAGE": "never",
    }  # fmt: skip
    config = read_config({"project": "code"}, environ)
    assert config.project == "code"
    assert read_config({}, environ).project == "env"
    assert config.capture_content is False
    assert config.instrument == ("openai", "anthropic")
    assert config.exit_timeout_s == 1.5
    assert config.stream_usage == "never"
    assert read_config({"instrument": "none"}, {}).instrument == ()
    assert read_config({"instrument": []}, {}).instrument == ()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"endpoint": "localhost:4318"}, "endpoint is 'localhost:4318', not a URL such as"),
        ({"endpoint": "ftp://x"}, "not a URL"),
        ({"project": 7}, "project is 7, not text"),
        ({"enabled": "maybe"}, "enabled is 'maybe', neither true nor false"),
        ({"max_queued_mb": 0}, "max_queued_mb is 0, not a whole number above 0"),
        ({"spool_after_ms": -1}, "spool_after_ms is -1, not a whole number above 0"),
        ({"exit_timeout_s": "soon"}, "exit_timeout_s is 'soon', not a number of seconds"),
        ({"exit_timeout_s": -1}, "not a number of seconds"),
        ({"instrument": 7}, "instrument is 7, not a list of provider names"),
        ({"instrument": [7]}, "not a list of provider names"),
        ({"export": "some"}, "export is 'some', neither llm nor all"),
        ({"exclude": "all"}, "exclude is 'all', not a list of names"),
        ({"stream_usage": "often"}, "stream_usage is 'often', not auto, always or never"),
    ],
)
def test_a_setting_without_sense_is_refused_in_a_sentence(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        spanwise.init(**given)
