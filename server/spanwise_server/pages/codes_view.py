"""The codes page as its URL holds it, and its figures as plain numbers for the template to draw. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ..labelling.codes import Counted, Critique, Scope
from ..labelling.codes_desk import Analysis
from ..labelling.codes_steps import Cell, Transitions
from ..labelling.rates import Rate
from ..query.numbers import whole
from ..store.code_change import CodeEvent
from .format import Clock, plural
from .listing import DEFAULT_RANGE, PRESETS, Listing, read
from .urls import url

PATH: Final = "/label/codes"
#: Critiques on one page.
PAGE: Final = 100
#: What the list can show, besides one code: in words.
VIEWS: Final[Mapping[str, str]] = {"open": "To code", "all": "All critiques", "aside": "Name no failure"}
GROUPS: Final = "groups"
#: Codes that a key gives.
QUICK: Final = 9
CURVE: Final = (240, 48)
#: Shades of a cell of the matrix, from some to all.
SHADES: Final = 5
_ACTS: Final[Mapping[str, str]] = {
    "create": "added {0}",
    "code": "coded {n} {0}",
    "uncode": "took {0} off {n}",
    "aside": "set {n} aside",
    "rename": "renamed {0} to {1}",
    "merge": "merged {0} into {1}",
    "split": "split {n} off {1} as {0}",
    "delete": "deleted {0}",
    "undo": "undid an act",
}


@dataclass(frozen=True, slots=True)
class CodesState:
    """What the page shows; every link of it is this with something changed."""

    listing: Listing
    queue: int | None = None
    rubric: int | None = None
    view: str = "open"
    """One of :data:`VIEWS`, :data:`GROUPS`, or the number of a code."""
    offset: int = 0
    show: bool = False
    """Whether what others wrote in blind queues is shown all the same."""

    @property
    def code_id(self) -> int | None:
        """The code that is looked at."""
        return whole(self.view)

    def link(self, path: str = PATH, **changes: Any) -> str:
        """Return the URL of the page with *changes*; whatever moves the list goes back to its first page."""
        own = {name: changes.pop(name) for name in ("queue", "rubric", "view", "show") if name in changes}
        offset = changes.pop("offset", 0)
        state = replace(self, listing=replace(self.listing, **changes), offset=offset, **own)
        return url(path, self.listing.project, state.params())

    def params(self) -> dict[str, object]:
        """Return the parameters that say this page, defaults left out."""
        said = self.listing.params()
        whole = self.listing.range == "all" and not self.listing.absolute
        return {
            "queue": self.queue,
            "rubric": self.rubric,
            "view": None if self.view == "open" else self.view,
            "range": None if whole else None if self.listing.absolute else self.listing.range,
            "from": said["from"],
            "to": said["to"],
            "offset": self.offset or None,
            "show": "1" if self.show else None,
        }

    def scope(self, now_ns: int) -> Scope:
        """Return which critiques the page speaks of."""
        return Scope(self.listing.project, self.queue, self.rubric, *self.listing.bounds(now_ns))


def state_of(project: str, params: Mapping[str, str], clock: Clock) -> CodesState:
    """Return the page that the URL's parameters ask for; what is not understood falls back."""
    asked = {name: value for name, value in params.items() if name in {"from", "to"}}
    chosen = params.get("range", "all")
    listing = read(project, {**asked, "range": chosen if chosen in PRESETS else "all"}, clock)
    view = params.get("view", "open")
    return CodesState(
        replace(listing, range=listing.range or DEFAULT_RANGE),
        queue=_number(params.get("queue")),
        rubric=_number(params.get("rubric")),
        view=view if view in VIEWS or view == GROUPS or _number(view) is not None else "open",
        offset=_number(params.get("offset")) or 0,
        show=params.get("show") == "1",
    )


def shown(analysis: Analysis, state: CodesState) -> list[Critique]:
    """Return the critiques that the list shows, whatever page of it."""
    if state.code_id is not None:
        return [one for one in analysis.critiques if state.code_id in one.code_ids]
    if state.view == "open":
        return [one for one in analysis.critiques if one.open]
    if state.view == "aside":
        return [one for one in analysis.critiques if one.aside]
    return list(analysis.critiques)


@dataclass(frozen=True, slots=True)
class CodeLine:
    """One code in the list of codes."""

    counted: Counted
    rate: Rate | None
    key: str
    """The key that gives it, empty where it has none."""

    @property
    def interval(self) -> tuple[float, float]:
        """Where the bar of its interval begins and how wide it is, in percent."""
        if self.rate is None:
            return 0.0, 0.0
        return round(self.rate.low * 100, 2), round(max(self.rate.high - self.rate.low, 0.01) * 100, 2)


def code_lines(analysis: Analysis) -> list[CodeLine]:
    """Return the codes, the commonest first, the first ones with keys."""
    return [
        CodeLine(one, analysis.rates.by_code.get(one.code.id), str(at) if at <= QUICK else "")
        for at, one in enumerate(analysis.counted, 1)
    ]


def curve(values: Sequence[int]) -> str:
    """Return how many codes had been seen after each critique as the points of a line."""
    if len(values) < 2 or not values[-1]:
        return ""
    width, height = CURVE
    step = width / (len(values) - 1)
    # A long line is drawn by its turns: where nothing new came it goes straight on.
    turns = [at for at in range(len(values)) if at in {0, len(values) - 1} or values[at] != values[at - 1]]
    places = sorted({place for at in turns for place in (at - 1, at) if place >= 0})
    return " ".join(f"{at * step:.1f},{height - 2 - (height - 4) * values[at] / values[-1]:.1f}" for at in places)


def told(event: CodeEvent) -> str:
    """Return an act in words."""
    names = [f"“{name}”" for name in event.names] or ["a code"]
    return _ACTS[event.action].format(names[0], names[-1], n=plural(event.critiques, "critique"))


def shade(cell: Cell) -> int:
    """Return how strong a cell of the matrix is coloured: 0 where nothing went wrong there."""
    return -(-cell.bad * SHADES // cell.times) if cell.bad else 0


def worst(matrix: Transitions) -> list[tuple[str, Cell]]:
    """Return the steps that are first bad most often, with how often they were taken."""
    return [(step, matrix.of_step(step)) for step in matrix.steps]


def _number(text: str | None) -> int | None:
    return whole(text)
