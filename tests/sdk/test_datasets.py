"""Datasets pulled and pushed by command, and run over by pytest, against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from server_process import ServerProcess
from spanwise.interval import lower_bound

SPANWISE = [sys.executable, "-c", "import sys; from spanwise_server.cli import main; sys.exit(main(sys.argv[1:]))"]
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "spanwise.testing"]
HEAD = "question,answer,split\n"
ROWS = "".join(f"question {n},answer {n},{'test' if n % 2 else 'train'}\n" for n in range(40))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ServerProcess(tmp_path_factory.mktemp("data")) as running:
        yield running


def run(server, arguments, *, environ=(), **kwargs):
    environ = {**os.environ, "SPANWISE_ENDPOINT": server.url, "SPANWISE_PROJECT": "", **dict(environ)}
    return subprocess.run(arguments, capture_output=True, text=True, env=environ, timeout=120, check=False, **kwargs)


def spanwise(server, *arguments):
    return run(server, [*SPANWISE, *arguments])


@pytest.fixture(scope="module")
def support(server, tmp_path_factory):
    """A dataset of forty examples, tagged prod, and a second version of it with one more."""
    file = tmp_path_factory.mktemp("files") / "support.csv"
    file.write_text(HEAD + ROWS)
    first = spanwise(server, "datasets", "push", "support", str(file))
    assert first.returncode == 0, first.stderr
    assert "40 taken, 0 there already, 0 left out: support@v1" in first.stdout
    tag = urllib.request.Request(f"{server.url}/api/v1/datasets/1/tags/prod", b"", method="PUT")
    urllib.request.urlopen(tag).close()
    file.write_text(HEAD + ROWS + "another,one,test\n")
    second = spanwise(server, "datasets", "push", "support", str(file))
    assert "1 taken, 40 there already, 0 left out: support@v2" in second.stdout
    return server


def get(server, path):
    with urllib.request.urlopen(server.url + path) as answer:
        return json.load(answer)


def test_a_version_is_pulled_by_name_to_a_file(support, tmp_path: Path) -> None:
    out = tmp_path / "golden.jsonl"
    pulled = spanwise(support, "datasets", "pull", "support@prod", "--out", str(out))
    assert pulled.returncode == 0, pulled.stderr
    assert "support@v1, b2:" in pulled.stderr
    assert len(out.read_text().splitlines()) == 40
    assert list(tmp_path.iterdir()) == [out]
    csv = spanwise(support, "datasets", "pull", "support", "--format", "csv")
    assert len(csv.stdout.splitlines()) == 42
    assert "left out" not in csv.stderr
    preferences = spanwise(support, "datasets", "pull", "support", "--format", "openai-dpo")
    assert "left out, since openai-dpo has no place for them: 41 " in preferences.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pull", "nobody"), "has no dataset 'nobody'"),
        (("pull", "support@v9"), "no version"),
        (("pull", "support", "--format", "xml"), "no export format"),
        (("push", "support", "/nowhere.csv"), "No such file"),
        (("pull", "support", "--endpoint", "http://127.0.0.1:9"), "cannot be reached"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(support, arguments, words: str) -> None:
    done = spanwise(support, "datasets", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_rows_left_out_are_named_and_the_exit_code_tells(support, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("question,answer\na,b\n,c\n")
    done = spanwise(support, "datasets", "push", "bad", str(file))
    assert done.returncode == 1
    assert "Row 2: It has no input." in done.stderr
    assert "1 taken, 0 there already, 1 left out: bad@v1" in done.stdout


# --- pytest


TEST = """
import pytest

@pytest.mark.spanwise_dataset({mark})
def test_answers(example):
    number = int(example.input.rpartition(" ")[2])
    assert example.expected == f"answer {{number}}"
    assert number not in {bad}, "a wrong answer"

def test_beside():
    pass
"""


def run_over(server, folder: Path, mark: str, bad, *options: str):
    (folder / "test_it.py").write_text(TEST.format(mark=mark, bad=list(bad)))
    return run(server, [*PYTEST, *options, "test_it.py"], cwd=folder, environ={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})


def test_one_flake_does_not_fail_the_run_and_is_recorded(support, tmp_path: Path) -> None:
    done = run_over(support, tmp_path, '"support@prod", threshold=0.8', [7])
    assert done.returncode == 0, done.stdout
    assert "40 passed, 1 xfailed" in done.stdout
    assert "support@v1: 39 of 40 passed, at least 89.5% at 95% confidence" in done.stdout
    (kept, *_) = get(support, "/api/v1/experiments")["items"]
    assert (kept["passed"], kept["trials"], kept["version"], kept["good"]) == (39, 40, 1, True)
    assert f"recorded: {support.url}{kept['url']}" in done.stdout
    results = get(support, f"/api/v1/experiments/{kept['id']}")["results"]
    assert [result["passed"] for result in results] == [False, *[True] * 39]
    assert "a wrong answer" in results[0]["message"]


def test_a_rate_that_is_too_low_fails_the_run_also_across_workers(support, tmp_path: Path) -> None:
    for options in ((), ("-p", "xdist", "-n", "2")):
        done = run_over(support, tmp_path, '"support@v1", threshold=0.8', range(9), *options)
        assert done.returncode == 1, done.stdout
        assert "31 of 40 passed" in done.stdout
        assert "below 80.0%" in done.stdout
    kept = get(support, "/api/v1/experiments")["items"][0]
    assert (kept["passed"], kept["trials"], kept["good"]) == (31, 40, False)


def test_a_split_is_run_alone_and_a_perfect_run_is_enough(support, tmp_path: Path) -> None:
    done = run_over(support, tmp_path, '"support@prod", split="test", threshold=0.99', [])
    assert done.returncode == 0, done.stdout
    assert "20 of 20 passed" in done.stdout


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ('"nobody"', "has no dataset 'nobody'"),
        ('"support", threshold=2', "between 0 and 1"),
        ("", "missing 1 required positional argument"),
        ('"support", split="unheard"', "holds no example of unheard"),
    ],
)
def test_a_mark_without_sense_says_what_is_wrong(support, tmp_path: Path, mark: str, words: str) -> None:
    done = run_over(support, tmp_path, mark, [])
    assert done.returncode != 0
    assert words in done.stdout + done.stderr


def test_a_run_without_the_mark_is_as_it_was(server, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_beside():\n    assert False\n")
    done = run(server, [*PYTEST, "test_it.py"], cwd=tmp_path, environ={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    assert done.returncode == 1
    assert "spanwise datasets" not in done.stdout


@pytest.mark.parametrize(
    ("passed", "trials", "bound"),
    [(9, 10, 0.60), (18, 20, 0.70), (27, 30, 0.74), (45, 50, 0.79), (90, 100, 0.83), (180, 200, 0.85), (0, 10, 0)],
)
def test_the_bound_is_that_of_wilsons_interval(passed: int, trials: int, bound: float) -> None:
    """The lower ends of two-sided intervals of 95 %, as tables have them: 97.5 % on one side."""
    assert lower_bound(passed, trials, 0.975) == pytest.approx(bound, abs=0.005)
    assert lower_bound(passed, trials, 0.5) == pytest.approx(passed / trials, abs=0.001)
    assert lower_bound(0, 0) == 0.0
