"""Codes: the failure modes that critiques are grouped into, and what they come to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..errors import SpanwiseError
from .queue import Target
from .rubric import refusal

LONGEST_NAME: Final = 120
LONGEST_DESCRIPTION: Final = 2_000
#: Critiques that are read at once; the newest, where there are more.
MOST_CRITIQUES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Code:
    """One failure mode of a project."""

    id: int
    name: str
    description: str = ""
    created_by: str = ""
    created_ns: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """One code on one critique: who put it there, and when."""

    code_id: int | None
    """``None`` says that the critique names no failure."""
    by: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Critique:
    """What a person wrote of a span or a trace, with the codes that it carries; a fail may have no words."""

    id: str
    """Of the annotation."""
    target: Target
    name: str
    label: str | None
    text: str
    annotator: str
    created_ns: int
    updated_ns: int
    queue_id: int | None = None
    marks: tuple[Mark, ...] = ()

    @property
    def code_ids(self) -> tuple[int, ...]:
        """The codes it carries."""
        return tuple(mark.code_id for mark in self.marks if mark.code_id is not None)

    @property
    def aside(self) -> bool:
        """Whether somebody said that it names no failure."""
        return any(mark.code_id is None for mark in self.marks)

    @property
    def read(self) -> bool:
        """Whether it was coded, or set aside."""
        return bool(self.marks)

    @property
    def open(self) -> bool:
        """Whether it wants a code: it has none yet, and is no praise."""
        return not self.marks and self.label != "pass"

    @property
    def reworded(self) -> bool:
        """Whether it was written anew after it was coded."""
        return bool(self.marks) and self.updated_ns > max(mark.at_ns for mark in self.marks)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which critiques are looked at: those of a queue, of all queues of a rubric, of a time, or all of a project."""

    project: str
    queue_id: int | None = None
    rubric_id: int | None = None
    from_ns: int | None = None
    """When they were written."""
    to_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """One code and how much of it there is among some critiques."""

    code: Code
    critiques: int
    targets: int
    """Spans and traces that have it, each once."""
    share: float
    """Of the critiques that were read."""


def counted(codes: Iterable[Code], critiques: Sequence[Critique]) -> list[Counted]:
    """Return every code with its counts, the commonest first."""
    read = sum(critique.read for critique in critiques)
    times = Counter(code_id for critique in critiques for code_id in critique.code_ids)
    targets: dict[int, set[Target]] = {}
    for critique in critiques:
        for code_id in critique.code_ids:
            targets.setdefault(code_id, set()).add(critique.target)
    found = [
        Counted(code, times[code.id], len(targets.get(code.id, ())), times[code.id] / read if read else 0.0)
        for code in codes
    ]
    return sorted(found, key=lambda one: (-one.critiques, one.code.id))


def named(codes: Mapping[int, Code], critique: Critique) -> list[str]:
    """Return the names of the codes that a critique carries."""
    return [codes[code_id].name for code_id in critique.code_ids if code_id in codes]


def code_name(text: str) -> str:
    """Return a name as it is kept: one line without outer blank space; one that cannot be kept is refused."""
    name = " ".join(text.split())
    if not name:
        raise refusal("This code has no name.", "Say what went wrong in a few words.")
    if len(name) > LONGEST_NAME:
        raise refusal("This name is too long.", f"At most {LONGEST_NAME} characters; the description takes more.")
    if "\x00" in name:
        raise refusal("This name has a character that cannot be kept.", "Write it anew.")
    return name


def description_of(text: str) -> str:
    """Return a description as it is kept; one that is too long is refused."""
    plain = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if len(plain) > LONGEST_DESCRIPTION:
        raise refusal("This description is too long.", f"At most {LONGEST_DESCRIPTION:,} characters.")
    return plain


def same_name(one: str, other: str) -> bool:
    """Return whether two names are the same but for upper and lower case."""
    return one.casefold() == other.casefold()


def nothing_chosen() -> SpanwiseError:
    """Return the refusal of an act on no critique."""
    return refusal("No critique was chosen.", "Tick at least one, then code it.")
