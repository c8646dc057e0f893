"""Runs over datasets, in the background of the server: within bounds, stopped at once, and resumed after an end."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ..datasets.example import Example
from ..errors import NotFound
from ..experiments.experiment import Result, State
from ..store.experiments import Experiments
from ..store.sessions import Sessions
from .row_run import Line, ask_about

logger = logging.getLogger("spanwise.server")

#: Runs at the same time; others wait for one of them to end.
MOST_RUNS: Final = 2
_BEAT_S: Final = 15.0
#: So many rows without an answer, one after the other, end a run: the key is wrong, or the provider is down.
_HOPELESS: Final = 10


@dataclass(slots=True)
class Task:
    """One run, as it was asked for."""

    experiment_id: int
    rows: Iterator[Example]
    """Those that are left."""
    line: Line
    spent_nusd: int = 0
    """What the run had cost before."""
    why: str = ""
    """Why it is to end before its end."""
    state: State = "stopped"
    """How it ends where it is stopped."""
    in_a_row: int = 0
    """Rows without an answer since the last one with."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_row(self) -> Example | None:
        """Return the next row, for whichever thread comes first."""
        with self.lock:
            return None if self.line.stop.is_set() else next(self.rows, None)

    def halt(self, state: State, why: str) -> None:
        """Have the run end; what was said first counts."""
        with self.lock:
            if not self.line.stop.is_set():
                self.state, self.why = state, why
        self.line.stop.set()

    def note(self, result: Result) -> None:
        """End the run where it goes nowhere, or has cost enough."""
        with self.lock:
            self.spent_nusd += result.cost_nusd or 0
            self.in_a_row = self.in_a_row + 1 if result.error else 0
            spent, most = self.spent_nusd, self.line.plan.most_nusd
        if most is not None and spent >= most:
            self.halt("stopped", f"It has cost ${spent / 1e9:.4f}, as much as it may.")
        elif self.in_a_row >= _HOPELESS:
            self.halt("failed", f"{_HOPELESS} rows in a row had no answer: {result.error}")


class DatasetRuns:
    """The runs of one server."""

    def __init__(self, store: Sessions, *, alone: bool) -> None:
        self._experiments = Experiments(store)
        self._changed = threading.Condition()
        self._waiting: deque[Task] = deque()
        self._running: dict[int, Task] = {}
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        if alone:  # no other server is at them: those that were under way when this one ended are cut off
            self._experiments.cut_off()

    def start(self, task: Task) -> None:
        """Run *task* as soon as another one has ended, or at once."""
        with self._changed:
            if not self._threads:
                names = [*(f"spanwise-runs-{n}" for n in range(MOST_RUNS))]
                self._threads = [threading.Thread(target=self._work, name=name, daemon=True) for name in names]
                self._threads.append(threading.Thread(target=self._beat, name="spanwise-runs-beat", daemon=True))
                for thread in self._threads:
                    thread.start()
            self._waiting.append(task)
            self._changed.notify_all()

    def has(self, experiment_id: int) -> bool:
        """Return whether this server is at a run."""
        with self._changed:
            return experiment_id in self._running or any(t.experiment_id == experiment_id for t in self._waiting)

    def stop(self, experiment_id: int) -> bool:
        """Stop a run: no call begins, those under way are hung up on; return whether it was under way here."""
        with self._changed:
            task = self._running.get(experiment_id)
            waiting = next((t for t in self._waiting if t.experiment_id == experiment_id), None)
            if waiting is not None:
                self._waiting.remove(waiting)
        if waiting is not None:
            self._experiments.end(experiment_id, "stopped")
        elif task is not None:
            task.halt("stopped", "")
            self.wait_for(experiment_id)
        return waiting is not None or task is not None

    def wait_for(self, experiment_id: int, timeout_s: float = 10.0) -> bool:
        """Wait for a run to end; return whether it did."""
        with self._changed:
            return self._changed.wait_for(
                lambda: (
                    experiment_id not in self._running
                    and all(task.experiment_id != experiment_id for task in self._waiting)
                ),
                timeout_s,
            )

    def close(self) -> None:
        """Cut every run off, and end."""
        self._closed.set()
        with self._changed:
            waiting, self._waiting = list(self._waiting), deque()
            running = list(self._running.values())
            self._changed.notify_all()
        for task in running:
            task.halt("cut_off", "The server was ended.")
        for thread in self._threads:
            thread.join(30)
        for task in waiting:
            self._experiments.end(task.experiment_id, "cut_off", "The server was ended.")

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed.is_set())
                if self._closed.is_set():
                    return
                task = self._waiting.popleft()
                self._running[task.experiment_id] = task
            try:
                self._run(task)
            finally:
                with self._changed:
                    del self._running[task.experiment_id]
                    self._changed.notify_all()

    def _run(self, task: Task) -> None:
        try:
            self._experiments.begin(task.experiment_id)
            rows = [
                threading.Thread(target=self._rows, args=(task,), name=f"spanwise-rows-{n}", daemon=True)
                for n in range(task.line.plan.at_once)
            ]
            for thread in rows:
                thread.start()
            for thread in rows:
                thread.join()
            stopped = task.line.stop.is_set()
            self._experiments.end(task.experiment_id, task.state if stopped else "done", task.why)
        except Exception:
            logger.exception("the run %d over a dataset ended", task.experiment_id)

    def _rows(self, task: Task) -> None:
        """Ask about one row after the other, until there is none left."""
        try:
            while (example := task.next_row()) is not None:
                result = ask_about(example, task.line)
                if result is None:
                    return
                self._experiments.add_result(task.experiment_id, result)
                task.note(result)
        except NotFound:
            task.halt("stopped", "It was deleted.")
        except Exception as error:
            logger.exception("the run %d over a dataset failed", task.experiment_id)
            task.halt("failed", f"The server failed on a row: {type(error).__name__}.")

    def _beat(self) -> None:
        """Say now and then that this server is at its runs."""
        while not self._closed.wait(_BEAT_S):
            with self._changed:
                mine = [*self._running, *(task.experiment_id for task in self._waiting)]
            try:
                if mine:
                    self._experiments.beat(mine)
            except Exception:
                logger.exception("could not note that runs go on")
