"""The demo, run once for all the tests that look at what it sent or said."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from server_process import run_cli


@dataclass(frozen=True, slots=True)
class ShopDemo:
    """A run of ``spanwise demo --once``: its data folder (copy it, others read it too), its exit code and its words."""

    data: Path
    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def shop_demo(tmp_path_factory: pytest.TempPathFactory) -> ShopDemo:
    """The demo as its command line runs it by itself, once, however many processes run the tests."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    data, told = root / "shop-demo", root / "shop-demo.json"
    with (root / "shop-demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            done = run_cli("demo", "--once", "--port", "0", "--data", str(data), timeout_s=180, fresh=True)
            told.write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
    return ShopDemo(data, *json.loads(told.read_text()))
