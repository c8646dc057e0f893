"""Processes that end without a word, as those of multiprocessing do, send what they recorded."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.request

import pytest

from .receiver import Receiver

PROGRAM = """
    import multiprocessing, sys
    import spanwise

    spanwise.init()


    def work(number):
        with spanwise.span(f"work {number}", kind="chain"):
            return number


    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        child = context.Process(target=work, args=(0,))
        child.start()
        child.join(60)
        with context.Pool(2) as pool:
            assert pool.map(work, range(1, 5), chunksize=1) == [1, 2, 3, 4]
            pool.close()
            pool.join()
"""


APP = """
    import spanwise

    spanwise.init()


    async def app(scope, receive, send):
        with spanwise.span("answer", kind="chain"):
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})
"""


@pytest.mark.parametrize("how", ["fork", "forkserver", "spawn"])
def test_what_a_child_records_is_sent_before_it_ends(tmp_path, how):
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM), encoding="utf-8")
    with Receiver() as receiver:
        environ = {**os.environ, "SPANWISE_ENDPOINT": receiver.url}
        subprocess.run([sys.executable, str(program), how], env=environ, check=True, timeout=120)
        assert sorted(receiver.names()) == [f"work {number}" for number in range(5)]


FORKED = """
    import concurrent.futures, os
    import spanwise
    from opentelemetry import trace

    spanwise.init(span_exporter=object())
    before = trace.get_tracer_provider().resource
    concurrent.futures.ThreadPoolExecutor.submit = lambda *_: os._exit(9)
    child = os.fork()
    if child == 0:
        after = trace.get_tracer_provider().resource
        instance = "service.instance.id"
        same = before.attributes.get(instance) == after.attributes.get(instance)
        os._exit(8 if same and instance in before.attributes else 0)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_fork_starts_no_threads_and_is_an_instance_of_its_own(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(FORKED), encoding="utf-8")
    assert subprocess.run([sys.executable, str(program)], check=False, timeout=120).returncode == 0


def test_what_uvicorn_has_answered_is_sent_before_its_signal_ends_it(tmp_path):
    (tmp_path / "served.py").write_text(textwrap.dedent(APP), encoding="utf-8")
    with Receiver() as receiver, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        environ = {**os.environ, "SPANWISE_ENDPOINT": receiver.url, "SPANWISE_EXPORT_INTERVAL_MS": "600000"}
        command = [sys.executable, "-m", "uvicorn", "--lifespan", "off", "--fd", str(listening.fileno()), "served:app"]
        server = subprocess.Popen(command, cwd=tmp_path, env=environ, pass_fds=[listening.fileno()])
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{listening.getsockname()[1]}/", timeout=60) as answer:
                assert answer.status == 204
            assert receiver.names() == []
        finally:
            server.terminate()
            server.wait(60)
        assert server.returncode == -signal.SIGTERM
        assert receiver.names() == ["answer"]
