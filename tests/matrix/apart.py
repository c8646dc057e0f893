"""Run what is tried of a client that does not fit beside the others, in its own environment."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from typing import Any

from .case import Edge
from .cases import CASES
from .environment import ROOT, environment


@cache
def told_apart(name: str, edge: Edge) -> dict[str, Any]:
    """Return what ``sdk.apart`` tells of the client *name*."""
    (case,) = (case for case in CASES if case.name == name)
    paths = os.pathsep.join(str(ROOT / folder) for folder in ("tests", "examples"))
    done = subprocess.run(
        [str(environment(case, edge)), "-W", "ignore", "-m", "sdk.apart", name],
        capture_output=True, text=True, check=False, timeout=600, cwd=ROOT / "tests",
        env={**os.environ, "PYTHONPATH": paths, "SPANWISE_STRICT": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
