"""How a queue came out: who agrees with whom, what is disagreed on, and what the labels say of all traces. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Any, Final

from ..store.label_events import LabelEvent
from .agreement import DRAWS, Figure, Level, Unit, Value, alpha, cohen, fleiss, percent
from .answers import NO_STEP
from .overlap import SAME, UNSCALED, overlap
from .queue import Item
from .rates import Rates, Weighed, rates
from .rubric import Kind, Question, Rubric

#: Kinds whose answers can be held against each other -> the scale they are on.
COMPARED: Final[Mapping[Kind, Level]] = {
    "binary": "nominal",
    "category": "nominal",
    "number": "interval",
    "first_bad_step": "nominal",
    "pairwise": "nominal",
}
#: Why people disagreed, as whoever settles it says.
REASONS: Final[Mapping[str, str]] = {
    "ambiguous": "The item can be read both ways",
    "guideline_gap": "The rubric does not say",
    "annotator_error": "A slip",
    "edge_case": "A case of its own",
    "subjective": "A matter of taste",
    "other": "Something else",
}
#: Faster than this nobody reads.
TOO_FAST_MS: Final = 500


@dataclass(frozen=True, slots=True)
class Vote:
    """One label of one person, as an event tells it."""

    item_id: int
    annotator: str
    answers: Mapping[str, Any]
    settles: bool = False
    revealed: bool = False
    ms: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """How far two people agree on one question."""

    one: str
    other: str
    percent: Figure
    kappa: Figure


@dataclass(frozen=True, slots=True)
class QuestionAgreement:
    """How far people agree on one question."""

    question: Question
    percent: Figure
    fleiss: Figure
    alpha: Figure
    pairs: tuple[PairAgreement, ...]

    @property
    def same(self) -> str:
        """What the part that is the same is a part of, in words."""
        return SAME.get(self.question.kind, "of pairs of labels; high where one answer is common")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An item on which people said different things, and how it was settled, if it was."""

    item_id: int
    question: str
    said: tuple[tuple[str, str, str], ...]
    """Who, what, why."""
    agreement: float
    settled: str = ""
    """The reason given."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One person's work in a queue."""

    name: str
    labels: int
    median_ms: float | None
    too_fast: int


def votes_of(events: Iterable[LabelEvent]) -> list[Vote]:
    """Return the labels that stand, as votes."""
    return [
        Vote(
            item_id=e.item_id or 0,
            annotator=e.annotator_id,
            answers=e.answers or {},
            settles=e.action == "settle",
            revealed=bool(e.revealed),
            ms=e.ms_on_item,
            note=(e.note or "").partition(":")[0],
        )
        for e in events
    ]


def comparable(question: Question, answers: Mapping[str, Any]) -> Value | None:
    """Return the answer to a question as something that can equal another's, ``None`` where there is none."""
    value = (answers.get(question.name) or {}).get("value")
    if value is None or question.kind not in COMPARED:
        return None
    if question.kind == "pairwise":
        return str(value["choice"])
    if question.kind == "first_bad_step":
        return NO_STEP if value == NO_STEP else str(value["span_id"])
    return float(value) if question.kind == "number" else str(value)


def current(votes: Iterable[Vote], *, first: bool = False) -> dict[int, dict[str, Vote]]:
    """Return each person's label of each item: the latest, or with *first* the latest before others' were shown."""
    found: dict[int, dict[str, Vote]] = {}
    for vote in votes:
        if not vote.settles and not (first and vote.revealed):
            found.setdefault(vote.item_id, {})[vote.annotator] = vote
    return found


def agreement(rubric: Rubric, votes: Sequence[Vote], *, draws: int = DRAWS) -> list[QuestionAgreement]:
    """Return how far people agree on each question that can be compared, by what they said before they saw others."""
    by_item = current(votes, first=True)
    found = []
    for question in rubric.questions:
        if question.kind in UNSCALED:
            found.append(_unscaled(question, by_item))
            continue
        units = _units(question, by_item)
        people = sorted({who for unit in units for who in unit})
        pairs = tuple(
            PairAgreement(one, other, percent(_of_both(units, one, other)), cohen(units, one, other))
            for one, other in combinations(people, 2)
            if any(one in unit and other in unit for unit in units)
        )
        level = COMPARED[question.kind]
        measured = alpha(units, level, draws=draws)
        found.append(QuestionAgreement(question, percent(units), fleiss(units), measured, pairs))
    return found


def _unscaled(question: Question, by_item: Mapping[int, Mapping[str, Vote]]) -> QuestionAgreement:
    """Return how far answers without a scale are the same, and why nothing more is said of them."""
    units = []
    for by_person in by_item.values():
        said = {who: (vote.answers.get(question.name) or {}).get("value") for who, vote in by_person.items()}
        units.append({who: value for who, value in said.items() if value is not None})
    people = sorted({who for unit in units for who in unit})
    why = Figure(None, UNSCALED[question.kind])
    pairs = tuple(
        PairAgreement(one, other, overlap(question.kind, both), why)
        for one, other in combinations(people, 2)
        if (both := _of_both(units, one, other))
    )
    return QuestionAgreement(question, overlap(question.kind, units), why, why, pairs)


def disagreements(rubric: Rubric, votes: Sequence[Vote]) -> list[Disagreement]:
    """Return the items on which people differ, the least agreed on first, those that were settled last."""
    settled = {vote.item_id: vote.note or "settled" for vote in votes if vote.settles}
    found = []
    for item_id, by_person in current(votes).items():
        for question in rubric.questions:
            said = {who: comparable(question, vote.answers) for who, vote in sorted(by_person.items())}
            values = Counter(value for value in said.values() if value is not None)
            if len(values) > 1:
                told = tuple(
                    (who, shown(question, by_person[who].answers), _why(question, by_person[who]))
                    for who, value in said.items()
                    if value is not None
                )
                share = max(values.values()) / values.total()
                found.append(Disagreement(item_id, question.name, told, share, settled.get(item_id, "")))
                break
    return sorted(found, key=lambda one: (bool(one.settled), one.agreement, one.item_id))


def rates_of(rubric: Rubric, items: Sequence[Item], votes: Sequence[Vote]) -> Rates:
    """Return how common each answer to the leading question is among all that the queue was drawn from."""
    lead = rubric.lead
    settled = {vote.item_id: vote for vote in votes if vote.settles}
    by_item = current(votes)
    weighed = []
    for item in items:
        said = [settled[item.id]] if item.id in settled else list(by_item.get(item.id, {}).values())
        values = Counter(str(v) for vote in said if (v := comparable(lead, vote.answers)) is not None)
        if values:
            weighed.append(Weighed({v: n / values.total() for v, n in values.items()}, item.p_incl))
    return rates(weighed)


def workers(votes: Iterable[Vote]) -> list[Worker]:
    """Return what each person did, whoever did most first."""
    times: dict[str, list[int]] = {}
    items: dict[str, set[int]] = {}
    for vote in votes:
        if not vote.settles:
            items.setdefault(vote.annotator, set()).add(vote.item_id)
            times.setdefault(vote.annotator, []).extend([] if vote.ms is None else [vote.ms])
    found = [
        Worker(who, len(mine), median(times[who]) if times[who] else None, sum(ms < TOO_FAST_MS for ms in times[who]))
        for who, mine in items.items()
    ]
    return sorted(found, key=lambda one: (-one.labels, one.name))


def shown(question: Question, answers: Mapping[str, Any]) -> str:
    """Return an answer in words."""
    value = (answers.get(question.name) or {}).get("value")
    if isinstance(value, Mapping):
        return str(
            value.get("name") or {"first": "the first", "second": "the second"}.get(value.get("choice", ""), "=")
        )
    words = {option.value: option.said for option in question.options}
    return f"{value:g}" if isinstance(value, float) else words.get(str(value), str(value))


def _why(question: Question, vote: Vote) -> str:
    return str((vote.answers.get(question.name) or {}).get("critique") or "")


def _units(question: Question, by_item: Mapping[int, Mapping[str, Vote]]) -> list[Unit]:
    units: list[Unit] = []
    for by_person in by_item.values():
        said = {who: comparable(question, vote.answers) for who, vote in by_person.items()}
        units.append({who: value for who, value in said.items() if value is not None})
    return units


def _of_both(units: Iterable[Mapping[str, Any]], one: str, other: str) -> list[dict[str, Any]]:
    return [{one: unit[one], other: unit[other]} for unit in units if one in unit and other in unit]
