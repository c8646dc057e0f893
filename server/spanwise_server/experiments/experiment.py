"""An experiment: one run over one version of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from spanwise.interval import lower_bound

#: ``waiting`` for another run to end, ``cut_off`` by the end of the server; ``failed`` where no call would answer.
State = Literal["waiting", "running", "done", "stopped", "failed", "cut_off"]
UNDER_WAY: Final = frozenset({"waiting", "running"})
#: A run whose server has said nothing for so long is cut off.
SILENT_NS: Final = 60 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one example."""

    example_id: str
    passed: bool | None
    """``None`` where there was nothing to judge the answer by."""
    duration_ms: float | None = None
    message: str = ""
    """Why it failed, in the words of the test or the check."""
    trace_id: str | None = None
    output: str = ""
    """The answer; of several, the commonest."""
    error: str = ""
    """Why there is no answer; such an example fails."""
    answers: int = 1
    passes: int | None = None
    """How many of the answers passed, ``None`` where none was judged."""
    flip_rate: float | None = None
    """The share of answers that differ from the commonest, ``None`` of fewer than two."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_nusd: int | None = None
    """``None`` where a call has no price."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """One run; its results are asked for on their own."""

    id: int
    project: str
    name: str
    dataset_id: int
    dataset: str
    version: int
    threshold: float
    confidence: float
    passed: int
    trials: int
    """How many examples were judged."""
    created_by: str
    created_ns: int
    state: State = "done"
    plan: Mapping[str, Any] | None = None
    """What was run over the examples; ``None`` of a test, whose program is elsewhere."""
    planned: int = 0
    """How many examples there are to run."""
    done: int = 0
    """How many of them were run."""
    errors: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_nusd: int | None = None
    unpriced: int = 0
    """Of how many examples the cost is not known."""
    flip_rate: float | None = None
    """The mean of its examples' flip rates."""
    why: str = ""
    """Why it ended before its end."""
    ended_ns: int | None = None

    @property
    def bound(self) -> float:
        """The lower confidence bound of the pass rate."""
        return lower_bound(self.passed, self.trials, self.confidence)

    @property
    def good(self) -> bool:
        """Whether the pass rate is high enough and not by chance; a perfect run is, of however few examples."""
        return self.bound >= self.threshold or self.passed == self.trials > 0

    @property
    def under_way(self) -> bool:
        """Whether it is waiting or running."""
        return self.state in UNDER_WAY

    @property
    def resumable(self) -> bool:
        """Whether the server can run what is left of it."""
        return self.state in {"stopped", "failed", "cut_off"} and "provider" in (self.plan or {})

    @property
    def what(self) -> str:
        """What was run: the version of a prompt, a model, a function; empty of a test."""
        plan = self.plan or {}
        prompt = f"{plan['prompt']}@{plan['version']}" if plan.get("prompt") and plan.get("version") else ""
        return " · ".join(filter(None, (prompt, plan.get("model") or plan.get("function") or "")))


def state_now(state: State, beat_ns: int, now_ns: int) -> State:
    """Return the state of a run whose server was last heard of at *beat_ns*."""
    return "cut_off" if state in UNDER_WAY and now_ns - beat_ns > SILENT_NS else state
