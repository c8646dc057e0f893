"""Every Python block of the quick start and the README runs, and what it sends arrives."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fake_provider import FakeProvider
from server_process import ServerProcess, clean_environment

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]


def blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("web/docs/quickstart.md", {"chat gpt-4o-mini", "answer", "search"}),
        ("README.md", {"chat gpt-4o-mini", "answer"}),
    ],
)
def test_every_block_runs_and_what_it_sends_arrives(name, names, tmp_path) -> None:
    found = blocks(name)
    assert found
    with FakeProvider() as provider, ServerProcess(tmp_path) as server:
        done = subprocess.run(
            [sys.executable, "-c", "\n".join(found)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=clean_environment(
                OPENAI_BASE_URL=provider.openai_url,
                OPENAI_API_KEY="sk-test",
                SPANWISE_ENDPOINT=server.url,
            ),
        )
        assert done.returncode == 0, done.stderr
        projects = ("my-app", "default")
        spans = [span for project in projects for span in server.every(f"/api/v1/spans?project={project}")]
    assert {span["name"] for span in spans} >= names
