"""Two runs over the same examples, row by row: what newly fails, what newly passes, and whether that is chance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Final, Literal

from ..errors import SpanwiseError
from ..prompts.statistics import Rate, mcnemar
from .experiment import Experiment, Result

Change = Literal["newly failing", "newly passing", "still failing", "still passing", "not judged"]
#: What is looked at first comes first.
CHANGES: Final[Sequence[Change]] = ("newly failing", "newly passing", "still failing", "still passing", "not judged")


@dataclass(frozen=True, slots=True)
class Paired:
    """One example in both runs."""

    before: Result
    after: Result

    @property
    def change(self) -> Change:
        """How its verdict changed."""
        was, now = self.before.passed, self.after.passed
        if was is None or now is None:
            return "not judged"
        if was == now:
            return "still passing" if now else "still failing"
        return "newly passing" if now else "newly failing"


@dataclass(frozen=True, slots=True)
class Delta:
    """One figure before and after; ``None`` where it is not known."""

    before: float | None
    after: float | None

    @property
    def by(self) -> float | None:
        """How much more it is."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def share(self) -> float | None:
        """How much more it is, as a share of what it was."""
        return None if self.by is None or not self.before else self.by / self.before


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, over the examples that are in both."""

    pairs: tuple[Paired, ...]
    """What newly fails first."""
    only_before: int
    only_after: int

    def count(self, change: Change) -> int:
        """Return how many examples changed so."""
        return sum(pair.change == change for pair in self.pairs)

    @property
    def newly_failing(self) -> int:
        """How many examples passed and fail now."""
        return self.count("newly failing")

    @property
    def newly_passing(self) -> int:
        """How many examples failed and pass now."""
        return self.count("newly passing")

    @property
    def p_value(self) -> float:
        """How likely a split at least as uneven would be if neither run were better: McNemar's exact test."""
        return mcnemar(self.newly_failing, self.newly_passing)

    @property
    def rates(self) -> tuple[Rate, Rate]:
        """The pass rates of both, over the examples that both judged."""
        judged = [pair for pair in self.pairs if pair.change != "not judged"]
        of = len(judged)
        return Rate(sum(p.before.passed is True for p in judged), of), Rate(
            sum(p.after.passed is True for p in judged), of
        )

    @property
    def cost_nusd(self) -> Delta:
        """What a call costs, over the examples with a price in both."""
        both = [(_each(p.before, "cost_nusd"), _each(p.after, "cost_nusd")) for p in self.pairs]
        known = [(old, new) for old, new in both if old is not None and new is not None]
        return Delta(_mean(old for old, _ in known), _mean(new for _, new in known))

    @property
    def output_tokens(self) -> Delta:
        """Tokens of an answer."""
        return Delta(*(_mean(_each(one, "output_tokens") for one in side) for side in self._sides))

    def latency_ms(self, percent: int) -> Delta:
        """Return a percentile of what an example took."""
        return Delta(*(_percentile([r.duration_ms for r in side], percent) for side in self._sides))

    @property
    def _sides(self) -> tuple[list[Result], list[Result]]:
        return [pair.before for pair in self.pairs], [pair.after for pair in self.pairs]


def compared(before: Iterable[Result], after: Iterable[Result]) -> Comparison:
    """Return two runs example by example."""
    old, new = ({one.example_id: one for one in results} for results in (before, after))
    pairs = [Paired(old[name], new[name]) for name in old if name in new]
    pairs.sort(key=lambda pair: CHANGES.index(pair.change))
    return Comparison(tuple(pairs), len(old.keys() - new.keys()), len(new.keys() - old.keys()))


def refuse_unlike(old: Experiment, new: Experiment) -> None:
    """Refuse two runs that no row of one could be the row of the other."""
    if old.dataset_id != new.dataset_id or old.project != new.project:
        raise SpanwiseError(
            f"These runs are over {old.dataset!r} and {new.dataset!r}.", "Compare two runs over one dataset."
        )


def _each(result: Result, name: str) -> float | None:
    """Return the sum over an example's calls as it is for one of them."""
    total = getattr(result, name)
    return None if total is None else total / max(result.answers, 1)


def _mean(found: Iterable[float | None]) -> float | None:
    said = [one for one in found if one is not None]
    return sum(said) / len(said) if said else None


def _percentile(found: Iterable[float | None], percent: int) -> float | None:
    said = [one for one in found if one is not None]
    if len(said) < 2:
        return said[0] if said else None
    return quantiles(said, n=100, method="inclusive")[percent - 1]
