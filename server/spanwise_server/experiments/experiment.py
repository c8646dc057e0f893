"""An experiment: one run over one version of a dataset."""

from __future__ import annotations

from dataclasses import dataclass

from spanwise.interval import lower_bound


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one example."""

    example_id: str
    passed: bool
    duration_ms: float | None = None
    message: str = ""
    """Why it failed, in the words of the test."""
    trace_id: str | None = None


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
    created_by: str
    created_ns: int

    @property
    def bound(self) -> float:
        """The lower confidence bound of the pass rate."""
        return lower_bound(self.passed, self.trials, self.confidence)

    @property
    def good(self) -> bool:
        """Whether the pass rate is high enough and not by chance; a perfect run is, of however few examples."""
        return self.bound >= self.threshold or self.passed == self.trials > 0
