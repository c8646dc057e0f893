"""Files stay small enough to read, pages small enough to load, the SDK light enough to import."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CODE = [
    path
    for folder in ("sdk", "server", "web", "migrations", "tests", "examples", "benchmarks")
    for suffix in ("*.py", "*.js", "*.css", "*.html")
    for path in sorted((ROOT / folder).rglob(suffix))
    if "vendor" not in path.parts and "node_modules" not in path.parts
]


def test_no_file_has_over_600_lines() -> None:
    lines = {path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in CODE}
    assert lines
    assert {path: count for path, count in lines.items() if count > 600} == {}


def test_the_sdk_imports_neither_the_server_nor_any_client() -> None:
    seen = (
        "import sys, spanwise; "
        "heavy = ('fastapi', 'starlette', 'sqlalchemy', 'spanwise_server', 'openai', 'anthropic', 'pydantic'); "
        "print([m for m in heavy if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


#: Fetched by a page only when it draws a graph.
ON_DEMAND = {"dagre.min.js"}


def test_style_and_scripts_are_under_100_kb_compressed() -> None:
    static = ROOT / "web" / "static"
    style = b"\n".join(path.read_bytes() for path in sorted((static / "css").glob("*.css")))  # served as one file
    files = [path for suffix in ("*.js", "*.svg") for path in static.rglob(suffix)]
    assert {path.name for path in files} > ON_DEMAND
    files = [path for path in files if path.name not in ON_DEMAND]
    assert sum(len(gzip.compress(octets)) for octets in (style, *(path.read_bytes() for path in files))) < 100_000
