"""The form that makes a queue: what it asks, of which items, and who answers."""

from __future__ import annotations

import time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ..labelling.picking import MOST_ITEMS
from ..labelling.queue import DEFAULT_ANNOTATION, DEFAULT_QUESTION, MOST_OVERLAP, NewQueue, People, Unit
from ..labelling.recipe import Recipe, read_recipe
from ..labelling.rule import Rule

DEFAULT_LIMIT = 100


class Asked(BaseModel):
    """How to label what was chosen; every field has a default, so that one click makes a queue."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)
    name: str = Field("", max_length=200)
    question: str = Field("", max_length=2_000)
    annotation_name: str = Field("", max_length=200)
    rubric: int = 0
    unit: Unit = "span"
    shown: bool = False
    """Whether model, prompt and other labels are shown, so that it is not blind."""
    assisted: bool = False
    overlap: int = Field(1, ge=1, le=MOST_OVERLAP)
    share: float = Field(100, ge=0, le=100)
    """Percent of the items that the overlap holds for."""
    people: str = Field("", max_length=2_000)
    """Names, with commas between."""
    deal: bool = False
    queue_id: int = 0
    """The queue that takes what was chosen; 0 makes one."""

    def queue(self, name: str, *, reason: str, filter_text: str = "", by: str = "") -> NewQueue:
        """Return the queue asked for; *name* is what it is called unless the form says otherwise."""
        names = tuple(dict.fromkeys(filter(None, (" ".join(one.split()) for one in self.people.split(",")))))
        return NewQueue(
            name=self.name.strip() or name,
            question=self.question.strip() or DEFAULT_QUESTION,
            annotation_name=self.annotation_name.strip() or DEFAULT_ANNOTATION,
            filter=filter_text,
            reason=reason,
            blind=not self.shown,
            created_by=by,
            rubric_id=self.rubric,
            unit=self.unit,
            people=People(self.overlap, self.share / 100, names, self.deal and bool(names)),
            assisted=self.assisted,
        )


class AskedFilter(Asked):
    """A queue of what a filter finds: sampled now, by a rule from now on, or both."""

    filter: str = ""
    range: str = ""
    from_time: str = Field("", alias="from")
    to_time: str = Field("", alias="to")
    order: Literal["", "newest", "random"] = ""
    recipe: str = ""
    by: str = "model"
    seed: str = Field("", max_length=200)
    limit: int = Field(DEFAULT_LIMIT, ge=0, le=MOST_ITEMS)
    rule: bool = False
    rule_share: float = Field(10, gt=0, le=100)
    """Percent of the new traces that match."""

    @property
    def recipe_name(self) -> str:
        """The recipe asked for; one that there is not is refused when it is read."""
        return self.recipe or self.order or "newest"

    def sampling(self, filter_text: str) -> Recipe:
        """Return the recipe; the seed is the filter unless one is given: asked again it picks the same."""
        said = {"name": self.recipe_name, "by": self.by, "seed": self.seed or filter_text, "limit": self.limit}
        return read_recipe(said)

    def rule_for(self, filter_text: str) -> dict[str, object] | None:
        """Return which new traces the queue takes from now on."""
        if not self.rule:
            return None
        return Rule(filter_text, self.rule_share / 100, self.seed or filter_text, since_ns=time.time_ns()).as_json()


class AskedTraces(Asked):
    """A queue of chosen traces, or a queue that they are added to."""

    trace_id: list[str] = Field(min_length=1, max_length=MOST_ITEMS)


class AskedSessions(Asked):
    """A queue of chosen sessions, or a queue that they are added to."""

    session_id: list[str] = Field(min_length=1, max_length=MOST_ITEMS)


class AskedSpan(Asked):
    """A queue of one span, or a queue that it is added to."""

    trace_id: str
    span_id: str
