"""Twenty people on one queue of a thousand, with the server killed in the middle: nothing twice, skipped or lost."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from server_process import ServerProcess
from shop_traces import shop_trace, span_id, trace_id
from spanwise_server.labelling.desk import Desk
from spanwise_server.labelling.queue import NewQueue, People, Target
from spanwise_server.store.sqlite import SqliteStore

pytestmark = pytest.mark.e2e

PEOPLE = 20
ITEMS = 1_000
#: Of the items, these many are labelled by a second person.
SHARE = 0.15
WITHIN_S = 900.0


class Annotator:
    """One person's browser: takes items, labels them, and sends again what was not answered, with the same key."""

    def __init__(self, server: ServerProcess, queue: int, who: str) -> None:
        self._server, self._queue, self._who = server, queue, who
        self.ticked: list[int] = []
        self.ends = time.monotonic() + WITHIN_S  # a bound for the broken, no measure

    def work(self, start: threading.Barrier) -> list[int]:
        start.wait()
        while items := self._call("lease", {"annotator": self._who, "limit": 3})["items"]:
            item = items[0]["id"]
            label = {"annotator": self._who, "label": "pass", "key": f"{self._who}-{item:08d}", "ms_on_item": 1_000}
            self._call(f"items/{item}/label", label)
            self.ticked.append(item)
        return self.ticked

    def _call(self, path: str, body: dict[str, Any]) -> Any:
        sent = json.dumps(body).encode()
        while True:
            assert time.monotonic() < self.ends, f"{self._who} could not go on"
            try:
                status, answer = self._server.call(
                    f"/api/v1/queues/{self._queue}/{path}", sent, {"content-type": "application/json"}
                )
            except OSError:
                time.sleep(0.1)
                continue
            assert status in {200, 201}, answer
            return json.loads(answer)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a queue of a thousand, of which some want two labels."""
    folder = tmp_path_factory.mktemp("people")
    store = SqliteStore(folder / "main.db")
    store.open()
    for at in range(0, ITEMS, 100):
        store.write([record for n in range(at, at + 100) for record in shop_trace(n)])
    targets = [Target(trace_id(n), span_id(n)) for n in range(ITEMS)]
    Desk(store).queues.create("default", NewQueue("all", people=People(overlap=2, share=SHARE)), targets)
    store.close()
    return folder


@pytest.mark.timeout(2 * WITHIN_S)
def test_twenty_people_share_a_thousand_items_through_a_kill(data: Path) -> None:
    server = ServerProcess(data, "--port", str(free_port()))
    with server:
        people = [Annotator(server, 1, f"person{n:02d}") for n in range(PEOPLE)]
        start = threading.Barrier(PEOPLE)
        with ThreadPoolExecutor(PEOPLE) as pool:
            working = [pool.submit(person.work, start) for person in people]
            while sum(len(person.ticked) for person in people) < ITEMS // 4:
                assert not any(done.done() and done.exception() for done in working)
                time.sleep(0.01)
            ticked_before = [(person, item) for person in people for item in list(person.ticked)]
            server.end(signal.SIGKILL)
            server.start()
            events = {(e["annotator_id"], e["item_id"]) for e in all_events(server)}
            lost = [item for person, item in ticked_before if (person._who, item) not in events]
            assert lost == [], "a label that showed its tick is gone"
            for done in working:
                done.result(WITHIN_S)
        check_all(server, people)


def all_events(server: ServerProcess) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    before = ""
    while page := server.get(f"/api/v1/queues/1/events?limit=1000{before}")["items"]:
        found += page
        before = f"&before={page[-1]['id']}"
    return found


def check_all(server: ServerProcess, people: list[Annotator]) -> None:
    queue = server.get("/api/v1/queues/1")
    events = all_events(server)
    given = Counter(e["item_id"] for e in events)
    assert queue["progress"]["done"] == ITEMS, "none skipped"
    assert set(given) == {item["id"] for item in queue["items"]}
    assert not any(e["late"] for e in events), "no label beyond those that were wanted"
    assert set(given.values()) == {1, 2}
    assert 0.10 * ITEMS < sum(n == 2 for n in given.values()) < 0.20 * ITEMS
    assert len({(e["item_id"], e["annotator_id"]) for e in events}) == len(events), "nobody labels an item twice"
    assert Counter(e["annotator_id"] for e in events) == {p._who: len(p.ticked) for p in people if p.ticked}
