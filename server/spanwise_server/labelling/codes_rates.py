"""How common each failure mode is among all that a queue was drawn from, or why that cannot be said. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..record import Annotator
from .answers import annotation_id
from .codes import Critique, Scope
from .outcome import Vote, current
from .queue import Item
from .rates import Rate, Rates, Weighed, rates

#: Stands for items without any failure mode: their share is what is left.
NONE: Final = ""


@dataclass(frozen=True, slots=True)
class CodeRates:
    """The weighted rate of each code, or why there are none."""

    by_code: Mapping[int, Rate]
    none: Rate | None
    """Of what has no failure mode at all."""
    used: int
    left_out: int
    refused: str = ""


def refusal_of(scope: Scope, queues: Sequence[int]) -> str:
    """Return why no rate can be given of a scope as a whole; nothing where its critiques come from one sample."""
    if scope.from_ns is not None or scope.to_ns is not None:
        return "No rate: a range of time takes a part of the sample that was not drawn by chance. Choose all time."
    if len(queues) > 1:
        return f"No rate: these critiques come from {len(queues)} queues, each a sample of its own. Choose one queue."
    return "" if queues else "No rate: these critiques come from no queue, so nothing says what they are a sample of."


def code_rates(
    project: str, items: Sequence[Item], votes: Sequence[Vote], critiques: Iterable[Critique], codes: Iterable[int]
) -> CodeRates:
    """Return how common each code is among all that a queue was drawn from: of an item, as its labels say it.

    A code that no item has is at zero, with an upper bound. An item that was settled counts as it was settled.
    Critiques of items chosen by chance that nobody has coded yet would make every rate too low: they are refused.
    """
    known = {critique.id: critique for critique in critiques}
    settled = {vote.item_id: vote for vote in votes if vote.settles}
    labels = current(votes)
    every = {str(code_id): 0.0 for code_id in codes}
    weighed: list[Weighed] = []
    uncoded = 0
    for item in items:
        said = [settled[item.id]] if item.id in settled else list(labels.get(item.id, {}).values())
        written = [_written(project, item, vote, known) for vote in said]
        if not written:
            continue
        if item.p_incl is not None:
            uncoded += sum(critique.open for mine in written for critique in mine)
        weighed.append(Weighed({**every, **_shares(written)}, item.p_incl))
    found = rates(weighed)
    if found.refused:
        return CodeRates({}, None, found.used, found.left_out, found.refused)
    if uncoded:
        many = "1 critique of an item" if uncoded == 1 else f"{uncoded} critiques of items"
        return CodeRates(
            {}, None, found.used, found.left_out,
            f"No rate yet: {many} chosen by chance {'has' if uncoded == 1 else 'have'} no code, "
            "so every rate would be too low. Code them, or set them aside.",
        )  # fmt: skip
    return _told(found)


def _shares(written: Sequence[Sequence[Critique]]) -> dict[str, float]:
    """Return the share of an item's labels that name each code, and of those that name none."""
    times: Counter[str] = Counter()
    for mine in written:
        codes = {str(code_id) for critique in mine for code_id in critique.code_ids}
        times.update(codes or {NONE})
    return {code: n / len(written) for code, n in times.items()}


def _told(found: Rates) -> CodeRates:
    by_code = {int(rate.answer): rate for rate in found.rates if rate.answer != NONE}
    none = next((replace(rate, answer="none") for rate in found.rates if rate.answer == NONE), None)
    return CodeRates(by_code, none, found.used, found.left_out)


def _written(project: str, item: Item, vote: Vote, known: Mapping[str, Critique]) -> list[Critique]:
    """Return the critiques of one label: the annotations that its answers came to."""
    who = Annotator("human", vote.annotator)
    ids = (annotation_id(project, item.target, name, who, settled=vote.settles) for name in vote.answers)
    return [known[one] for one in ids if one in known]
