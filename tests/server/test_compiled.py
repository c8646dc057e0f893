"""The hot modules compiled: they do what their sources do, and are never those of other sources."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from spanwise_server import compiled
from spanwise_server.compiling import compile_into

ROOT = Path(__file__).parents[2]
#: What goes through the compiled modules, from the bytes of a request to the pages of a store.
SAME_TESTS = (
    "tests/server/dialects/test_corpus.py", "tests/server/dialects/test_gen_ai.py",
    "tests/server/dialects/test_hostile.py", "tests/server/ingest/test_decode.py", "tests/server/ingest/test_wire.py",
    "tests/server/ingest/test_log_join.py", "tests/server/store/test_payload.py", "tests/server/store/test_calls.py",
    "tests/server/store/test_search_words.py", "tests/server/store/test_attribute_words.py",
    "tests/server/store/test_turns.py",
)  # fmt: skip
IS_COMPILED = "from spanwise_server.ingest.wire import COMPILED; print(COMPILED)"


@pytest.fixture(scope="module")
def folder() -> Path:
    """Have the modules compiled where they are not; where there is no compiler they can't be."""
    if not compiled.is_current():
        if shutil.which("cc") is None and "CI" not in os.environ:
            pytest.skip("there is no C compiler")
        # Where they go with the clone, nobody waits for what they do afterwards.
        compile_into(compiled.FOLDER, level="0" if "CI" in os.environ else "2")
    return compiled.FOLDER


def run(*command: str, pure: str = "0") -> str:
    environment = {**os.environ, "SPANWISE_PURE": pure}
    environment.pop("PYTEST_XDIST_WORKER", None)
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
    return done.stdout.strip()


def test_the_compiled_modules_pass_the_tests_of_their_sources(folder):
    assert run("-c", IS_COMPILED) == "True"
    run("-m", "pytest", "-q", "-p", "no:cacheprovider", *SAME_TESTS)


def test_a_span_is_of_the_same_reader_either_way(folder):
    asked = "from spanwise_server.dialects.reader import reader; print(reader())"
    assert run("-c", asked) == run("-c", asked, pure="1")


def test_whoever_asks_for_the_sources_gets_them(folder):
    assert run("-c", IS_COMPILED, pure="1") == "False"


def test_modules_of_other_sources_are_left_alone(folder, tmp_path):
    other = tmp_path / "compiled"
    shutil.copytree(folder, other)
    assert compiled.is_current(other)
    said = json.loads((other / compiled.MANIFEST).read_text())
    said["sources"]["spanwise_server.store.rows"] = "0" * 32
    (other / compiled.MANIFEST).write_text(json.dumps(said))
    assert not compiled.is_current(other)
    assert not compiled.is_current(tmp_path / "nowhere")


def test_a_wheel_has_them_on_demand_and_is_then_of_one_platform(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("SPANWISE_COMPILE", "1")
    wheel = Path(next(iter(WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"]))))
    assert "-any.whl" not in wheel.name
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    inside = f"spanwise_server/{compiled.FOLDER.name}"
    assert {f"{inside}/{compiled.MANIFEST}", f"{inside}/{compiled.LIBRARY}{compiled.SUFFIX}"} <= names
