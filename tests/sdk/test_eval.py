"""``spanwise eval run`` as CI runs it: another process, a real server, a provider on loopback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_provider import FakeProvider
from fake_provider.answer import Answer, Request
from server_process import ServerProcess, clean_environment
from spanwise.commands.eval_report import comparison_lines

DOCS = Path(__file__).parents[2] / "web" / "docs" / "experiments.md"
SPANWISE = [sys.executable, "-c", "import sys; from spanwise_server.cli import main; sys.exit(main(sys.argv[1:]))"]
ROWS = "question,answer\nWhere is Lima?,Peru\nWhere is Quito?,Ecuador\nWhere is Bonn?,Germany\n"
LANDS = {"Lima": "Peru", "Quito": "Ecuador", "Bonn": "France"}


def model(request: Request) -> Answer:
    """Know two countries; the larger model knows none."""
    land = next(land for city, land in LANDS.items() if city in request.text)
    return Answer(text="Atlantis" if request.model == "gpt-4o" else f"In {land}.")


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider(model) as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, provider: FakeProvider) -> Iterator[ServerProcess]:
    with ServerProcess(
        tmp_path_factory.mktemp("data"),
        SPANWISE_ALLOW_PRIVATE="on",
        OPENAI_API_KEY="sk-of-the-server",
        OPENAI_BASE_URL=provider.openai_url,
    ) as running:
        headers = {"content-type": "application/json"}
        template = [{"role": "system", "content": "Name the country."}, {"role": "user", "content": "{{question}}"}]
        prompt = {"name": "geo", "template": template, "model": "gpt-4o-mini"}
        for path, body in (("datasets", {"name": "capitals"}), ("prompts", prompt)):
            assert running.call(f"/api/v1/{path}", json.dumps(body).encode(), headers)[0] == 201
        assert running.call("/api/v1/datasets/1/import", ROWS.encode())[0] == 201
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the function of the documentation."""
    (code,) = re.findall(r"```python\n(# bot\.py\n.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "bot.py").write_text(code)
    return tmp_path


def evaluate(server: ServerProcess, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(SPANWISE_ENDPOINT=server.url)
    return subprocess.run(
        [*SPANWISE, "eval", "run", *arguments],
        capture_output=True, text=True, env=environment, timeout=120, check=False, cwd=cwd,
    )  # fmt: skip


def test_a_model_that_is_worse_fails_the_build_and_the_rows_are_shown(server: ServerProcess) -> None:
    asked = ("capitals", "--prompt", "geo", "--check", "contains", "--name", "swap", "--fail-on-regression")
    first = evaluate(server, *asked)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "passed 2 of 3 (66.7%" in first.stdout
    assert "this is the first of its name" in first.stdout
    assert re.search(r"estimate: \$\S+ for 3 calls", first.stderr)
    worse = evaluate(server, *asked, "--model", "gpt-4o")
    assert worse.returncode == 1, worse.stdout + worse.stderr
    assert re.search(r"passed before +0 +2\n", worse.stdout)
    assert "2 newly failing, 0 newly passing; McNemar's exact test p = 0.5: may be chance" in worse.stdout
    assert "Where is Lima?" in worse.stdout
    assert "was: In Peru." in worse.stdout
    assert "is:  Atlantis" in worse.stdout
    assert f"{server.url}/experiments/compare?before=" in worse.stdout
    lenient = evaluate(server, *asked, "significant", "--model", "gpt-4o", "--against", first_id(first.stdout))
    assert lenient.returncode == 0, "two rows may be chance"
    low = evaluate(server, *asked, "--threshold", "0.9", "--against", "none")
    assert low.returncode == 1


def first_id(text: str) -> str:
    found = re.search(r"/experiments/(\d+)\s*$", text)
    assert found is not None
    return found[1]


def test_the_function_of_the_documentation_runs_by_its_command(server: ServerProcess, folder: Path) -> None:
    page = DOCS.read_text(encoding="utf-8")
    (command,) = re.findall(r"^spanwise eval run (capitals --function .*)$", page, re.MULTILINE)
    good = evaluate(server, *command.split(), cwd=folder)
    assert good.returncode == 0, good.stdout + good.stderr
    assert "passed 3 of 3" in good.stdout
    code = (folder / "bot.py").read_text()
    (folder / "bot.py").write_text(code.replace('"Bonn": "Germany"', '"Bonn": "France"'))
    bad = evaluate(server, *command.split(), cwd=folder)
    assert bad.returncode == 1, bad.stdout + bad.stderr
    assert "why: wanted Germany" in bad.stdout
    spans = server.wait_for("/api/v1/spans?filter=env:eval", 6)
    assert len(spans) >= 6
    assert spans[0]["environment"] == "eval"


def test_a_function_may_be_async_take_the_example_and_raise(server: ServerProcess, folder: Path) -> None:
    (folder / "later.py").write_text(
        "async def answer(example):\n"
        "    if 'Bonn' in example.input:\n"
        "        raise KeyError('Bonn')\n"
        "    return {'land': example.expected}\n"
    )
    asked = ("capitals", "--function", "later:answer", "--check", "contains", "--at-once", "3", "--json")
    done = evaluate(server, *asked, cwd=folder)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)["run"]
    assert (run["passed"], run["trials"], run["errors"]) == (2, 3, 1)
    (failed,) = [result for result in run["results"] if result["error"]]
    assert failed["error"] == "KeyError: 'Bonn'"
    assert all(result["trace_id"] for result in run["results"])


def test_an_estimate_alone_runs_nothing(server: ServerProcess, provider: FakeProvider) -> None:
    before = len(provider.requests)
    done = evaluate(server, "capitals", "--prompt", "geo", "--estimate")
    assert done.returncode == 0, done.stderr
    assert "for 3 calls" in done.stdout
    assert "At the published price of gpt-4o-mini" in done.stdout
    assert len(provider.requests) == before


def test_a_run_that_ends_before_its_end_says_so(server: ServerProcess) -> None:
    asked = ("capitals", "--prompt", "geo", "--most-usd", "0.0000001", "--at-once", "1", "--against", "none")
    done = evaluate(server, *asked)
    assert done.returncode == 3, done.stderr
    assert "ended before its end: stopped. It has cost" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody", "--prompt", "geo"), "There is no dataset 'nobody'"),
        (("capitals", "--prompt", "nobody"), "nobody"),
        (("capitals", "--prompt", "geo", "--check", "magic"), "There is no check 'magic'"),
        (("capitals", "--prompt", "geo", "--provider", "anthropic"), "There is no key for anthropic"),
        (("capitals", "--prompt", "geo", "--map", "question"), "is not of the form VARIABLE=COLUMN"),
        (("capitals", "--prompt", "geo", "--endpoint", "http://127.0.0.1:9"), "cannot be reached"),
        (("capitals", "--function", "nowhere:answer"), "No module named 'nowhere'"),
        (("capitals", "--function", "json:nothing"), "nothing"),
        (("capitals", "--function", "json:dumps", "--repeats", "2"), "are for runs of the server"),
        (("capitals", "--function", "json:dumps", "--split", "test"), "has no row in its split 'test'"),
        (("capitals", "--function", "json:dumps", "--against", "best"), "neither the number of a run"),
    ],
)
def test_what_cannot_be_run_is_refused_with_a_sentence(server: ServerProcess, arguments: Any, said: str) -> None:
    done = evaluate(server, *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_table_is_cut_where_many_rows_changed() -> None:
    side = {"output": "word " * 60, "error": "", "message": ""}
    rows = [{"example_id": f"ex_{n}", "change": "newly failing", "before": side, "after": side} for n in range(30)]
    figure = {"before": None, "after": None}
    found = {
        "before": {"id": 1, "what": ""}, "after": {"id": 2, "what": ""}, "rows": rows, "p_value": 1e-9,
        "counts": {"still_passing": 0, "newly_failing": 30, "newly_passing": 0, "still_failing": 0},
        "newly_failing": 30, "newly_passing": 0, "only_before": 1, "only_after": 0,
        "cost_usd_per_call": figure, "latency_p50_ms": figure, "latency_p95_ms": figure,
    }  # fmt: skip
    lines = list(comparison_lines(found, {}))
    assert sum(line.startswith("  ex_") for line in lines) == 20
    assert "  ..." in lines
    assert max(map(len, lines)) <= 112
    assert any("more than chance explains" in line for line in lines)
