"""Experiments of the server: started, watched, stopped and compared; what ``spanwise eval`` speaks with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from .datasets import DatasetClient, DatasetError

UNDER_WAY: Final = frozenset({"waiting", "running"})
_POLL_S: Final = 0.5
#: Questions without an answer, one after the other, after which the server is taken for gone.
_MOST_SILENT: Final = 60

Json = dict[str, Any]
OnProgress = Callable[[Json], None]


class ExperimentClient(DatasetClient):
    """The experiments of one server and project, and the datasets that they are runs over."""

    def estimate(self, run: Mapping[str, Any]) -> Json:
        """Return what a run would come to, and what that rests on; nothing is called."""
        return self._sent("POST", "/api/v1/experiments/estimate", run)

    def start(self, run: Mapping[str, Any]) -> Json:
        """Have the server run something over a dataset; return the experiment that it becomes."""
        return self._sent("POST", "/api/v1/experiments/run", run)

    def experiment(self, number: int) -> Json:
        """Return one experiment with its results."""
        return self._sent("GET", f"/api/v1/experiments/{number}")

    def stop(self, number: int) -> Json:
        """Stop an experiment that the server is running."""
        return self._sent("POST", f"/api/v1/experiments/{number}/stop", {})

    def finished(self, number: int, on_progress: OnProgress | None = None) -> Json:
        """Wait for an experiment to end and return it, telling *on_progress* of it meanwhile."""
        silent = 0
        while True:
            try:
                found = next((one for one in self.all() if one["id"] == number), None)
                silent = 0
            except DatasetError:
                silent += 1  # the run goes on while nobody can be asked about it
                if silent == _MOST_SILENT:
                    raise
            else:
                if found is None or found["state"] not in UNDER_WAY:
                    return self.experiment(number)
                if on_progress is not None:
                    on_progress(found)
            time.sleep(_POLL_S)

    def all(self, dataset_id: int | None = None) -> list[Json]:
        """Return the newest experiments, or those over one dataset."""
        asked = "" if dataset_id is None else f"?dataset_id={dataset_id}"
        return list(self._sent("GET", f"/api/v1/experiments{asked}")["items"])

    def before(self, experiment: Mapping[str, Any]) -> Json | None:
        """Return the finished run of the same name over the same dataset before *experiment*, ``None`` of the first."""
        for one in self.all(int(experiment["dataset_id"])):
            if one["id"] < experiment["id"] and one["name"] == experiment["name"] and one["state"] == "done":
                return one
        return None

    def compare(self, before: int, after: int) -> Json:
        """Return two experiments over one dataset row by row."""
        return self._sent("GET", f"/api/v1/experiments/compare?before={before}&after={after}&changed=true")

    def _sent(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
        packed = None if body is None else orjson.dumps(dict(body))
        return dict(self._json(self._transport.ask(method, path, packed)))
