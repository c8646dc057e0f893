"""A plugin of pytest: a test over the examples of a dataset, which fails when its pass rate is too low to be chance.

    @pytest.mark.spanwise_dataset("support@v3", threshold=0.85)
    def test_answers(example):
        assert grade(answer(example.input), example.expected)

One example that fails is counted, and does not fail the run; the run fails where the lower confidence bound of the pass
rate is below the threshold. What came of each example is recorded on the server as an experiment.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from .config import read_config
from .datasets import DatasetClient, DatasetError, Example, Pulled
from .interval import lower_bound

MARK: Final = "spanwise_dataset"
#: The argument of a test that takes the example.
ARGUMENT: Final = "example"
#: Under this name each report carries what belongs to its run, so that workers of pytest-xdist can tell the controller.
_PROPERTY: Final = "spanwise_dataset"
_LONGEST_MESSAGE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What a mark asks for."""

    dataset: str
    threshold: float
    confidence: float
    split: str | None


@dataclass(slots=True)
class Run:
    """What came of one test over one dataset."""

    test: str
    dataset: str
    version: int
    content_hash: str
    threshold: float
    confidence: float
    results: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def passed(self) -> int:
        """How many examples passed."""
        return sum(result["passed"] for result in self.results.values())

    @property
    def bound(self) -> float:
        """The lower confidence bound of the pass rate."""
        return lower_bound(self.passed, len(self.results), self.confidence)

    @property
    def good(self) -> bool:
        """Whether the pass rate is high enough, and not by chance; a perfect run of few examples is enough."""
        return self.bound >= self.threshold or self.passed == len(self.results) > 0

    @property
    def words(self) -> str:
        """The run in a line."""
        sure = f"at least {self.bound:.1%} at {self.confidence:.0%} confidence"
        return f"{self.test}: {self.dataset}@v{self.version}: {self.passed} of {len(self.results)} passed, {sure}"


class Plugin:
    """Pulls datasets, counts what came of their examples, and judges and records each run at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._pulled: dict[str, Pulled] = {}
        self.runs: dict[str, Run] = {}
        self.notes: list[str] = []

    @pytest.hookimpl
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make a test of each example."""
        mark = metafunc.definition.get_closest_marker(MARK)
        if mark is None:
            return
        asked = _asked(mark)
        if ARGUMENT not in metafunc.fixturenames:
            raise pytest.UsageError(f"{metafunc.function.__name__} is of a dataset and takes no argument {ARGUMENT!r}.")
        pulled = self._pull(asked.dataset)
        examples = [one for one in pulled.examples() if asked.split in {None, one.split}]
        if not examples:
            raise pytest.UsageError(f"{asked.dataset} holds no example{f' of {asked.split}' if asked.split else ''}.")
        metafunc.parametrize(ARGUMENT, examples, ids=[example.id for example in examples])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Count an example that fails instead of failing the run for it."""
        report = yield
        mark = item.get_closest_marker(MARK)
        example = getattr(item, "callspec", None) and item.callspec.params.get(ARGUMENT)  # type: ignore[attr-defined]
        if mark is None or call.when != "call" or not isinstance(example, Example) or report.skipped:
            return report
        asked = _asked(mark)
        pulled = self._pull(asked.dataset)
        message = "" if report.passed else str(call.excinfo.value if call.excinfo else "")[:_LONGEST_MESSAGE]
        said = {
            "test": item.nodeid.partition("[")[0],
            "dataset": pulled.name,
            "version": pulled.version,
            "content_hash": pulled.content_hash,
            "threshold": asked.threshold,
            "confidence": asked.confidence,
            "example_id": example.id,
            "passed": report.passed,
            "duration_ms": round(report.duration * 1e3, 3),
            "message": message,
        }
        report.user_properties.append((_PROPERTY, said))
        if report.failed:
            report.outcome = "skipped"
            report.wasxfail = f"counted in the pass rate: {message.splitlines()[0] if message else 'it failed'}"
        return report

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what came of an example, here or in a worker."""
        for name, said in report.user_properties:
            if name == _PROPERTY and isinstance(said, dict):
                self._note(said)

    @pytest.hookimpl
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail where a pass rate is too low, and record every run."""
        if hasattr(self._config, "workerinput") or not self.runs:
            return
        if not all(run.good for run in self.runs.values()) and session.exitstatus in {0, pytest.ExitCode.OK}:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._record()

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how each run went."""
        if not self.runs:
            return
        terminalreporter.section("spanwise datasets")
        for run in self.runs.values():
            wanted = "" if run.good else f", below {run.threshold:.1%}"
            terminalreporter.write_line(f"{'PASSED' if run.good else 'FAILED'} {run.words}{wanted}", red=not run.good)
        for note in self.notes:
            terminalreporter.write_line(note)

    def _note(self, said: dict[str, Any]) -> None:
        names = ("test", "dataset", "version", "content_hash", "threshold", "confidence")
        run = self.runs.setdefault(said["test"], Run(**{name: said[name] for name in names}))
        # A test that is run again, by another plugin, counts as it went at last.
        run.results[said["example_id"]] = {
            name: said[name] for name in ("example_id", "passed", "duration_ms", "message")
        }

    def _pull(self, dataset: str) -> Pulled:
        if dataset not in self._pulled:
            client = DatasetClient(read_config({}))
            try:
                self._pulled[dataset] = client.pull(dataset)
            except (DatasetError, ValueError) as refusal:
                raise pytest.UsageError(f"{dataset}: {refusal}") from refusal
            finally:
                client.close()
        return self._pulled[dataset]

    def _record(self) -> None:
        client = DatasetClient(read_config({}))
        self.notes += [_recorded(client, run) for run in self.runs.values()]
        client.close()


def _recorded(client: DatasetClient, run: Run) -> str:
    """Keep a run on the server and return where it is; what came of the tests stands, recorded or not."""
    body = {
        "name": run.test,
        "dataset": run.dataset,
        "version": run.version,
        "threshold": run.threshold,
        "confidence": run.confidence,
        "results": list(run.results.values()),
    }
    try:
        return f"recorded: {client.endpoint}{client.record(body)['url']}"
    except DatasetError as refusal:
        return f"not recorded: {refusal}"


def pytest_configure(config: pytest.Config) -> None:
    """Announce the mark and begin to count."""
    config.addinivalue_line(
        "markers",
        f"{MARK}(dataset, threshold=0.8, confidence=0.95, split=None): run over the examples of a dataset, and fail "
        "where the lower confidence bound of the pass rate is below the threshold",
    )
    config.pluginmanager.register(Plugin(config), "spanwise-datasets")


def _asked(mark: pytest.Mark) -> Asked:
    try:
        return _read_mark(*mark.args, **mark.kwargs)
    except TypeError as error:
        raise pytest.UsageError(f"@pytest.mark.{MARK}: {error}") from None


def _read_mark(dataset: str, threshold: float = 0.8, confidence: float = 0.95, split: str | None = None) -> Asked:
    if not 0 < threshold <= 1 or not 0 < confidence < 1:
        raise pytest.UsageError(f"@pytest.mark.{MARK}: threshold and confidence are between 0 and 1.")
    return Asked(dataset, threshold, confidence, split)
