"""``spanwise run`` and ``spanwise spool``, and ``SPANWISE_AUTO``: real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

import spanwise
from server_process import clean_environment

from .receiver import Receiver
from .test_export import free_port, work

SPANWISE = Path(sysconfig.get_path("scripts")) / "spanwise"
APP = """
    import openai
    client = openai.OpenAI(max_retries=0)
    print(client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}]).choices[0].index)
"""


def call(*command, **variables):
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True, text=True, timeout=60, check=False, env=clean_environment(**variables),
    )  # fmt: skip


@pytest.fixture
def app(tmp_path):
    path = tmp_path / "app.py"
    path.write_text(textwrap.dedent(APP))
    return path


@pytest.fixture
def openai_variables(provider):
    return {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": provider.openai_url}


def test_a_program_that_knows_nothing_is_recorded(app, openai_variables):
    with Receiver() as receiver:
        done = call(
            SPANWISE, "run", "--endpoint", receiver.url, "--project", "shop", "--", sys.executable, app,
            **openai_variables,
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
        assert receiver.names() == ["chat m"]
        assert receiver.headers[0]["x-spanwise-project"] == "shop"


def test_one_variable_is_enough(app, openai_variables):
    with Receiver() as receiver:
        done = call(sys.executable, app, SPANWISE_AUTO="1", SPANWISE_ENDPOINT=receiver.url, **openai_variables)
        assert done.stdout == "0\n"
        assert receiver.names() == ["chat m"]


@pytest.mark.parametrize("value", ["", "0", "no"])
def test_without_it_nothing_is_loaded(value):
    done = call(sys.executable, "-c", "import sys; print('opentelemetry' in sys.modules)", SPANWISE_AUTO=value)
    assert done.stdout == "False\n"


def test_programs_started_by_it_are_recorded_too(app, openai_variables):
    starter = f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, {str(app)!r}]))"
    with Receiver() as receiver:
        done = call(SPANWISE, "run", "--endpoint", receiver.url, sys.executable, "-c", starter, **openai_variables)
        assert done.returncode == 0
        assert receiver.names() == ["chat m"]


def test_a_setting_without_sense_stops_run_but_not_a_program_that_nobody_changed():
    done = call(SPANWISE, "run", "--endpoint", "nonsense", "--", sys.executable, "-c", "print(1)")
    assert done.returncode == 2
    assert "not a URL" in done.stderr
    done = call(sys.executable, "-c", "print(1)", SPANWISE_AUTO="1", SPANWISE_ENDPOINT="nonsense")
    assert done.stdout == "1\n"
    assert done.stderr.startswith("spanwise: nothing is recorded: endpoint is 'nonsense'")


def test_run_ends_as_the_program_does():
    assert call(SPANWISE, "run", "--", sys.executable, "-c", "raise SystemExit(7)").returncode == 7
    missing = call(SPANWISE, "run", "--", "no-such-program-anywhere")
    assert missing.returncode == 127
    assert "no-such-program-anywhere cannot be run" in missing.stderr
    assert call(SPANWISE, "run").returncode == 2


def leave(folder, url, count=5, **settings):
    spanwise.init(endpoint=url, spool=str(folder), **settings)
    work(count)
    assert not spanwise.shutdown(0.5)


def test_what_waits_is_listed_and_sent(tmp_path):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    leave(tmp_path, url, project="shop", api_key="secret")
    said = {"SPANWISE_SPOOL": str(tmp_path), "SPANWISE_ENDPOINT": url}
    listed = call(SPANWISE, "spool", "list", **said)
    assert f"{url}  project shop  key " in listed.stdout
    assert "secret" not in listed.stdout
    assert "nothing" not in listed.stdout.lower()
    down = call(SPANWISE, "spool", "send", "--project", "shop", SPANWISE_API_KEY="secret", **said)
    assert (down.returncode, down.stdout) == (1, f"0 sent, 5 left for {url}\n")
    with Receiver(port=port) as receiver:
        other = call(SPANWISE, "spool", "send", "--project", "another", **said)
        assert (other.returncode, receiver.names()) == (0, [])
        assert "1 destinations are not these settings'" in other.stdout
        sent = call(SPANWISE, "spool", "send", "--project", "shop", SPANWISE_API_KEY="secret", **said)
        assert (sent.returncode, sent.stdout) == (0, f"5 sent, 0 left for {url}\n")
        assert receiver.names() == ["work"] * 5
        assert receiver.headers[0]["authorization"] == "Bearer secret"
    assert call(SPANWISE, "spool", "list", **said).stdout == "Nothing waits.\n"


def test_after_a_move_or_a_new_key_all_can_be_sent(tmp_path):
    leave(tmp_path, f"http://127.0.0.1:{free_port()}", api_key="old")
    with Receiver() as receiver:
        done = call(SPANWISE, "spool", "send", "--all", "--spool", tmp_path, "--endpoint", receiver.url)
        assert done.returncode == 0, done.stderr
        assert len(receiver.names()) == 5


#: Lets nothing be imported that comes with the server alone, as where it is not installed.
ALONE = """
import sys

HERE = {"spanwise", "spanwise_server", "opentelemetry", "orjson", "wrapt", "typing_extensions"}


class Alone:
    def __init__(self, finder):
        self._finder = finder

    def find_spec(self, name, path=None, target=None):
        package = name.partition(".")[0]
        known = package in sys.stdlib_module_names or package in HERE or package.startswith("_sysconfig")
        return self._finder.find_spec(name, path, target) if known else None


sys.meta_path[:] = map(Alone, sys.meta_path)
from spanwise_server.cli import main

sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("command", "code"),
    [(["spool", "list", "--spool", os.devnull], 0), (["version"], 0), (["run"], 2), (["serve"], 2), (["migrate"], 2)],
    ids=["spool list", "version", "run", "serve", "migrate"],
)
def test_the_sdk_alone_offers_its_commands(command, code):
    done = call(sys.executable, "-c", ALONE, *command)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert ("pip install" in done.stderr) == (command[0] in ("serve", "migrate"))
