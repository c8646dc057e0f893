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
    import json, socket, sys, threading
    import spanwise
    from fake_provider import FakeProvider
    from openai import OpenAI

    endpoint, calls = sys.argv[1], int(sys.argv[2])
    connecting, connect = [], socket.socket.connect

    def noted(self, address):
        if address[1] == int(endpoint.rpartition(":")[2]):
            connecting.append(threading.current_thread() is threading.main_thread())
        return connect(self, address)

    socket.socket.connect = noted
    with FakeProvider() as provider:
        client = OpenAI(base_url=provider.openai_url, api_key="sk-test", max_retries=0)

        def ask():
            return client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "hello"}])

        bare = ask().choices[0].message.content
        spanwise.init(endpoint=endpoint, project="app", exit_timeout_s=2)
        answers = {ask().choices[0].message.content for _ in range(calls)}
        spanwise.flush(1)
        status = spanwise.status()
        print(json.dumps({"same": answers == {bare}, "dropped": status.dropped, "waiting": status.queued,
                          "tried": len(connecting), "by_the_app": sum(connecting)}))
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


def test_nobody_listening_is_no_matter_of_the_threads_that_call(unused_tcp_port) -> None:
    told, said = run_app(f"http://127.0.0.1:{unused_tcp_port}")
    assert told["same"]
    assert told["waiting"] > 0
    assert told["tried"] > 0
    assert told["by_the_app"] == 0  # how long a call takes is for the benchmarks
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
