"""Sampling recipes: seeded orders of a population, of which a queue takes the first so many. Pure.

Every recipe is an order that does not depend on how many are taken, so a larger sample holds the smaller one; it
follows from seed, ids and what is known of the traces alone, so it is the same on every machine and on every store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from ..errors import SpanwiseError
from .diversity import spread
from .queue import Chosen, Target
from .sampling import sampling_key

Name = Literal["newest", "random", "stratified", "errors", "slow", "costly", "low_score", "disagreement", "diverse"]
#: Recipe -> what it takes, in words: the form, the documentation and the API loop over this table.
RECIPES: Final[Mapping[Name, str]] = {
    "random": "at random",
    "newest": "the newest",
    "stratified": "at random, some of each value of a field",
    "errors": "what failed",
    "slow": "the slowest",
    "costly": "the most expensive",
    "low_score": "the lowest judge scores",
    "disagreement": "where labels disagree",
    "diverse": "as different from each other as can be",
}
#: What a stratified sample can be split by.
STRATA: Final = ("name", "model", "env", "user", "status", "tag", "prompt", "day")
#: Recipes by chance: only their items say anything of the rate among all that was asked for.
BY_CHANCE: Final[frozenset[Name]] = frozenset({"random", "stratified"})
#: Diversity compares each with each: it is sought among this many, chosen by chance.
MOST_COMPARED: Final = 3_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a recipe knows of one thing that can be chosen."""

    target: Target
    start_ns: int = 0
    latency_ms: float = 0.0
    cost_usd: float | None = None
    failed: bool = False
    text: str = ""
    asked: str = ""
    """What was asked, by which pairs are found."""
    strata: Mapping[str, str] = field(default_factory=dict)
    score: float | None = None
    """The lowest that a judge or a program gave it."""
    quarrel: str = ""
    """Who said what, where labels of one name disagree."""

    @property
    def id(self) -> str:
        """What it goes by in the order."""
        return self.target.session_id or "/".join(filter(None, (self.target.trace_id, self.target.span_id)))


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to sample: kept with the queue, so that it can be done again."""

    name: Name = "random"
    seed: str = ""
    limit: int = 100
    by: str = "model"
    """The field that a stratified sample is split by."""

    def as_json(self) -> dict[str, Any]:
        """Return the recipe as plain JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A sample, and what it was drawn from."""

    chosen: tuple[Chosen, ...]
    population: int
    strata: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Value -> how many there are, how many were taken."""


def draw(recipe: Recipe, candidates: Sequence[Candidate]) -> Drawn:
    """Return the first of *candidates* in the order of the recipe, each with the reason and its probability."""
    if recipe.name == "stratified":
        return _stratified(recipe, candidates)
    shuffled = shuffle(candidates, recipe.seed)
    if recipe.name == "diverse":
        compared = shuffled[:MOST_COMPARED]
        order = [compared[at] for at in spread([one.text for one in compared], recipe.limit)]
    else:
        order = _ORDERS[recipe.name](shuffled)[: recipe.limit]
    p_incl = len(order) / len(candidates) if recipe.name == "random" and candidates else None
    chosen = tuple(Chosen(one.target, _reason(recipe, one), p_incl) for one in order)
    return Drawn(chosen, len(candidates))


def shuffle(candidates: Sequence[Candidate], seed: str) -> list[Candidate]:
    """Return the candidates in the order that *seed* shuffles them into, whatever order they come in."""
    return sorted(candidates, key=lambda one: (sampling_key(seed, one.id), one.id))


def read_recipe(said: Mapping[str, Any]) -> Recipe:
    """Return the recipe that :meth:`Recipe.as_json` wrote, or a program asks for; an unknown one is refused."""
    name = said.get("name", "random")
    if name not in RECIPES:
        raise SpanwiseError(f"{name!r} is no recipe.", f"There are: {', '.join(RECIPES)}.")
    by = str(said.get("by") or "model")
    if by not in STRATA:
        raise SpanwiseError(f"A sample cannot be split by {by!r}.", f"Use one of: {', '.join(STRATA)}.")
    return Recipe(name, str(said.get("seed", "")), int(said.get("limit", 100)), by)


def _stratified(recipe: Recipe, candidates: Sequence[Candidate]) -> Drawn:
    strata: dict[str, list[Candidate]] = {}
    for one in shuffle(candidates, recipe.seed):
        strata.setdefault(one.strata.get(recipe.by, ""), []).append(one)
    sizes = {value: len(found) for value, found in strata.items()}
    taken = dict.fromkeys(sizes, 0)
    order: list[tuple[str, Candidate]] = []
    for value in _seats(sizes):
        if len(order) == recipe.limit:
            break
        order.append((value, strata[value][taken[value]]))
        taken[value] += 1
    chosen = tuple(
        Chosen(one.target, f"at random of {recipe.by}:{value or 'none'}", taken[value] / sizes[value])
        for value, one in order
    )
    return Drawn(chosen, len(candidates), {value: (sizes[value], taken[value]) for value in sizes})


def _seats(sizes: Mapping[str, int]) -> Iterator[str]:
    """Yield whose turn it is: each stratum once, the largest first, then in proportion (Webster's divisors).

    Divisors never take a seat back when there are more, as the method of largest remainders can.
    """
    order = sorted(sizes, key=lambda value: (-sizes[value], value))
    taken = dict.fromkeys(order, 0)
    for turn in range(sum(sizes.values())):
        if turn < len(order):
            value = order[turn]
        else:
            open_ = [v for v in order if taken[v] < sizes[v]]
            value = max(open_, key=lambda v: (sizes[v] / (2 * taken[v] + 1), sizes[v], v))
        taken[value] += 1
        yield value


def _by(key: Callable[[Candidate], float], keep: Callable[[Candidate], bool]) -> Callable[..., list[Candidate]]:
    return lambda shuffled: sorted((one for one in shuffled if keep(one)), key=key)  # stable: ties stay shuffled


_ORDERS: Final[Mapping[str, Callable[[list[Candidate]], list[Candidate]]]] = {
    "random": list,
    "newest": _by(lambda one: -one.start_ns, lambda _: True),
    "errors": _by(lambda _: 0, lambda one: one.failed),
    "slow": _by(lambda one: -one.latency_ms, lambda _: True),
    "costly": _by(lambda one: -(one.cost_usd or 0.0), lambda one: one.cost_usd is not None),
    "low_score": _by(lambda one: one.score or 0.0, lambda one: one.score is not None),
    "disagreement": _by(lambda _: 0, lambda one: bool(one.quarrel)),
}
_REASONS: Final[Mapping[str, Callable[[Candidate], str]]] = {
    "random": lambda _: "at random",
    "newest": lambda _: "among the newest",
    "errors": lambda _: "it failed",
    "slow": lambda one: f"slow: {one.latency_ms / 1000:.1f} s",
    "costly": lambda one: f"costly: ${one.cost_usd or 0:.4f}",
    "low_score": lambda one: f"a judge gave {one.score or 0:.2g}",
    "disagreement": lambda one: one.quarrel,
    "diverse": lambda _: "unlike those before",
}


def _reason(recipe: Recipe, one: Candidate) -> str:
    return _REASONS[recipe.name](one)
