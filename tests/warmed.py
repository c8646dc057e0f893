"""Everything that a server does once, done before others are forked from this process: see ``forked_process.py``.

Its routes are laid out, its tables known to SQLAlchemy, its templates loaded and its statements in words when it is
asked for the first time, which takes longer than all that a small test wants of it.
"""

from __future__ import annotations

import gc
import threading
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from starlette.testclient import TestClient

from spanwise_server.app import create_app
from spanwise_server.cli.entry import parser
from spanwise_server.settings import Settings
from stores_once import migrated_once, worded_once

_ASKED = ("/traces", "/dashboard", "/label", "/datasets", "/prompts", "/playground", "/api/v1/traces")


def _warm() -> None:
    parser()
    with TemporaryDirectory() as folder:
        app = create_app(Settings(data=Path(folder)))
        with TestClient(app, base_url="http://127.0.0.1:4318") as client:
            for path in _ASKED:
                client.get(path).raise_for_status()
        uvicorn.Config(app).load()
    assert threading.active_count() == 1, "a fork takes no other thread along"


_kept = ExitStack()  # for as long as this process lives, and those that it is forked into
_kept.enter_context(migrated_once())
_kept.enter_context(worded_once())
_warm()
# A server goes through all that is in memory when it starts, and each page of memory that it goes through is copied.
gc.collect()
gc.freeze()
