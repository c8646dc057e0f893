"""An app whose Spanwise server is away neither slows nor breaks."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

from server_process import ServerProcess, clean_environment

pytestmark = pytest.mark.e2e

APP = textwrap.dedent(
    """
    import json, sys, time
    import spanwise
    from fake_provider import FakeProvider
    from openai import OpenAI

    endpoint, calls = sys.argv[1], int(sys.argv[2])
    with FakeProvider() as provider:
        client = OpenAI(base_url=provider.openai_url, api_key="sk-test", max_retries=0)

        def ask():
            return client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "hello"}])

        ask()
        began = time.perf_counter()
        for _ in range(calls):
            ask()
        bare = time.perf_counter() - began
        spanwise.init(endpoint=endpoint, project="app", exit_timeout_s=2)
        ask()
        began = time.perf_counter()
        answers = {ask().choices[0].message.content for _ in range(calls)}
        watched = time.perf_counter() - began
        status = spanwise.status()
        print(json.dumps({"bare": bare, "watched": watched, "answers": len(answers), "dropped": status.dropped,
                          "waiting": status.queued}))
    """
)


def run_app(endpoint: str, calls: int = 60) -> tuple[dict, str]:
    done = subprocess.run(
        [sys.executable, "-c", APP, endpoint, str(calls)],
        capture_output=True,
        text=True,
        timeout=120,
        env=clean_environment(PYTHONPATH="examples"),
        check=True,
    )
    return json.loads(done.stdout), done.stderr


def test_nobody_listening_costs_the_app_nothing_it_notices(unused_tcp_port) -> None:
    told, said = run_app(f"http://127.0.0.1:{unused_tcp_port}")
    assert told["answers"] == 1
    assert told["waiting"] > 0
    per_call_ms = (told["watched"] - told["bare"]) / 60 * 1_000
    assert per_call_ms < 250  # a call that waited for the network would take longer on any machine
    assert "Traceback" not in said


def test_a_server_that_was_away_gets_what_was_queued(tmp_path) -> None:
    """The server is started after the app's first calls, on the port that the app was told."""
    server = ServerProcess(tmp_path).start()
    port = server.url.rpartition(":")[2]
    server.end()
    app = subprocess.Popen(
        [sys.executable, "-c", LATE_APP, server.url],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        env=clean_environment(PYTHONPATH="examples"),
    )
    assert app.stdout is not None
    assert app.stdout.readline().strip() == "called"
    with ServerProcess(tmp_path, "--port", port) as back:
        app.communicate("go\n", timeout=120)
        assert app.returncode == 0
        spans = back.wait_for("/api/v1/spans?project=app", 5)
    assert len(spans) == 5


LATE_APP = textwrap.dedent(
    """
    import sys
    import spanwise

    spanwise.init(endpoint=sys.argv[1], project="app")
    for number in range(5):
        with spanwise.span(f"step {number}"):
            pass
    print("called", flush=True)
    sys.stdin.readline()
    sys.exit(0 if spanwise.flush(20) else 1)
    """
)
