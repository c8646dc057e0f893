"""Whether more critiques still bring new failure modes, and what is left to be found if they do not. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .codes import Critique

#: The latest critiques that the meter looks at.
LATELY: Final = 20
#: Fewer critiques than this say nothing of what is left.
ENOUGH: Final = 20
#: The meter says that reading may stop once so many were read, and the latest brought nothing new.
MANY: Final = 100


@dataclass(frozen=True, slots=True)
class Saturation:
    """How many new codes critiques brought, in the order that they were written."""

    read: int
    """Critiques that were coded or set aside."""
    codes: int
    """Codes that they carry."""
    lately: int
    """Critiques that the meter looks at: the latest of them."""
    new: int
    """Codes that were first seen among those."""
    curve: tuple[int, ...]
    """After each critique, how many codes had been seen."""
    unseen: float | None
    """The share of critiques that would bring a new code, as estimated; ``None`` where too few were read."""
    at_most: float | None
    """Its upper bound of 95 %, where the latest critiques brought nothing new (the rule of three, exactly)."""

    @property
    def words(self) -> str:
        """What it says, in a sentence."""
        if not self.read:
            return "Nothing is coded yet."
        said = f"The last {self.lately} critiques brought {_number(self.new, 'new code')}."
        if self.read < ENOUGH:
            return f"{said} {ENOUGH - self.read} more tell whether there are more to find."
        if self.new:
            return f"{said} Read on: there are more to find."
        if self.read < MANY:
            return f"{said} Read on until {MANY} are read."
        return f"{said} More reading would find little."


def saturation(critiques: Sequence[Critique], lately: int = LATELY) -> Saturation:
    """Return the meter of some critiques; those that nobody has coded yet are left out."""
    read = sorted((one for one in critiques if one.read), key=lambda one: (one.created_ns, one.id))
    seen: set[int] = set()
    curve = []
    for critique in read:
        seen.update(critique.code_ids)
        curve.append(len(seen))
    last = min(lately, len(read))
    before = curve[-last - 1] if len(curve) > last else 0
    new = (curve[-1] if curve else 0) - before
    return Saturation(
        read=len(read),
        codes=len(seen),
        lately=last,
        new=new,
        curve=tuple(curve),
        unseen=_unseen(read) if len(read) >= ENOUGH else None,
        at_most=1 - 0.05 ** (1 / last) if len(read) >= ENOUGH and not new else None,
    )


def _unseen(read: Sequence[Critique]) -> float:
    """Return Good and Turing's estimate: the share of critiques that carry a code which no other one does."""
    times = Counter(code_id for critique in read for code_id in set(critique.code_ids))
    return sum(any(times[code_id] == 1 for code_id in critique.code_ids) for critique in read) / len(read)


def _number(n: int, what: str) -> str:
    return f"no {what}" if n == 0 else f"{n} {what}" if n == 1 else f"{n} {what}s"
