"""Environments of their own for each library and version, made from locked lists of packages."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

from .case import Case, Edge

ROOT: Final = Path(__file__).parents[2]
LOCKS: Final = Path(__file__).with_name("locks")
#: What the SDK itself needs, and nothing else of ours.
SDK: Final = ("opentelemetry-sdk>=1.30", "orjson>=3.10", "wrapt>=1.16")
_RESOLUTIONS: Final = {"oldest": "lowest-direct", "newest": "highest"}


def lock_path(case: Case, edge: Edge) -> Path:
    """Return where the list of a case's packages lies."""
    return LOCKS / f"{case.name}-{edge}.txt"


def locked(case: Case, edge: Edge) -> dict[str, str]:
    """Return every package of a case with its version."""
    lines = lock_path(case, edge).read_text(encoding="utf-8").splitlines()
    found = [re.match(r"([A-Za-z0-9._-]+)==([^ ;]+)", line) for line in lines]
    return {match[1]: match[2] for match in found if match}


def lock(case: Case, edge: Edge) -> None:
    """Find out which versions fit and are the oldest, or the newest, that there are."""
    LOCKS.mkdir(exist_ok=True)
    command = (
        "pip",
        "compile",
        "-",
        "--quiet",
        "--no-header",
        "--no-annotate",
        "--universal",
        "--python-version",
        "3.10",
    )
    wanted = "\n".join((*case.packages, *SDK))
    era = ("--exclude-newer", case.era) if case.era and edge == "oldest" else ()
    done = uv(*command, "--resolution", _RESOLUTIONS[edge], *era, wanted=wanted)
    lock_path(case, edge).write_text(done, encoding="utf-8")


def environment(case: Case, edge: Edge) -> Path:
    """Return the Python of an environment with exactly what is locked, and the SDK as it lies here."""
    folder = Path(os.environ.get("SPANWISE_MATRIX", ROOT / ".matrix")) / f"{case.name}-{edge}"
    python = folder / "bin" / "python"
    stamp = folder / "made-from"
    sign = hashlib.sha256(lock_path(case, edge).read_bytes() + sys.version.encode()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != sign:
        uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        uv("pip", "install", "--quiet", "--python", str(python), "-r", str(lock_path(case, edge)))
        (packages,) = folder.glob("lib/python*/site-packages")
        (packages / "a_spanwise.pth").write_text(f"{ROOT / 'sdk'}\n", encoding="utf-8")
        loader = (ROOT / "sdk" / "spanwise_auto.pth").read_text(encoding="utf-8")
        (packages / "spanwise_auto.pth").write_text(loader, encoding="utf-8")
        stamp.write_text(sign, encoding="utf-8")
    return python


@cache
def uv_path() -> str:
    """Return the program; first asked for before there are threads, which it is not made for."""
    from uv import find_uv_bin

    return find_uv_bin()


@cache
def _index() -> dict[str, str]:
    """Return where pip is told to find packages, if anywhere: uv reads none of pip's settings."""
    asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    told = os.environ.get("PIP_INDEX_URL") or subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    return {"UV_DEFAULT_INDEX": told.strip()} if told.strip() else {}


def uv(*command: str, wanted: str | None = None) -> str:
    """Run uv, which takes seconds for what takes pip minutes."""
    environ = {**_index(), **os.environ}
    done = subprocess.run(
        [uv_path(), *command], input=wanted, capture_output=True, text=True, check=False, cwd=ROOT, env=environ
    )
    assert done.returncode == 0, f"uv {' '.join(command)}\n{done.stderr}"
    return done.stdout
