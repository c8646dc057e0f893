"""The columns of the list of traces: which there are, and which a reader chose, how wide."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

COOKIE: Final = "columns"
NARROWEST: Final = 40
WIDEST: Final = 1_000
_CHOICE: Final = re.compile(r"([a-z]+)(?:-(\d{1,4}))?")


@dataclass(frozen=True, slots=True)
class Column:
    """One column that the list can have."""

    key: str
    title: str
    classes: str
    sort: str = ""
    """What it sorts by, empty where it does not."""
    default: bool = True


#: Every column, in the order in which they stand.
COLUMNS: Final[dict[str, Column]] = {
    column.key: column
    for column in (
        Column("time", "Time", "c-time", "time"),
        Column("name", "Name", "c-name", "name"),
        Column("input", "Input", "c-in", "input"),
        Column("output", "Output", "c-out", "output"),
        Column("model", "Model", "c-model", "model"),
        Column("tokens", "Tokens", "c-tok n", "tokens"),
        Column("cost", "Cost", "c-cost n", "cost"),
        Column("latency", "Latency", "c-lat n", "latency"),
        Column("ttft", "First token", "c-ttft n", "ttft"),
        Column("spans", "Spans", "c-spans n", "spans", default=False),
        Column("errors", "Errors", "c-errors n", "errors", default=False),
        Column("env", "Environment", "c-env", "env", default=False),
        Column("prompt", "Prompt", "c-prompt", "prompt", default=False),
        Column("tags", "Tags", "c-tags", "tags", default=False),
        Column("user", "User", "c-user", "user"),
        Column("session", "Session", "c-sess", "session"),
        Column("labels", "Labels", "c-label", "labels"),
    )
}
#: It holds the link, so it is always there.
KEPT: Final = "name"


@dataclass(frozen=True, slots=True)
class Shown:
    """One column as it is shown; a width of ``None`` is the stylesheet's."""

    column: Column
    width: int | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one list, in order."""

    shown: tuple[Shown, ...]

    @property
    def chosen(self) -> bool:
        """Whether they differ from what a new reader sees, so that none may give way to a narrow window."""
        return self != DEFAULT

    @property
    def titles(self) -> list[tuple[str, str]]:
        """What the list sorts by, and the title of each: of the columns that are shown."""
        return [(one.column.sort, one.column.title) for one in self.shown if one.column.sort]

    @property
    def text(self) -> str:
        """What a URL or a cookie says of them, empty for the default: ``time.name-240.cost``."""
        if not self.chosen:
            return ""
        return ".".join(s.column.key if s.width is None else f"{s.column.key}-{s.width}" for s in self.shown)

    def width_of(self, key: str) -> int | None:
        """Return how wide the reader made a column."""
        return next((s.width for s in self.shown if s.column.key == key), None)

    def has(self, key: str) -> bool:
        """Return whether a column is shown."""
        return any(s.column.key == key for s in self.shown)


def columns_of(keys: Iterable[str], widths: dict[str, int | None]) -> Columns:
    """Return the columns with these keys, in the order of the table."""
    wanted = {*keys, KEPT}
    return Columns(tuple(Shown(c, _within(widths.get(c.key))) for c in COLUMNS.values() if c.key in wanted))


def columns_in(text: str) -> Columns:
    """Return the columns that *text* names; what is not understood is left out, nothing at all is the default."""
    found = {m[1]: m[2] for part in text[:500].split(".") if (m := _CHOICE.fullmatch(part)) and m[1] in COLUMNS}
    if not found:
        return DEFAULT
    return columns_of(found, {key: int(width) if width else None for key, width in found.items()})


def _within(width: int | None) -> int | None:
    return None if width is None else min(max(width, NARROWEST), WIDEST)


DEFAULT: Final = Columns(tuple(Shown(column) for column in COLUMNS.values() if column.default))
