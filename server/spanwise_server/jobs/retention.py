"""How long the traces of a project are kept, and deleting those that are kept no longer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Final

import orjson

from ..query.filters import Query
from ..query.parse import parse
from ..store.base import Kept
from ..store.engine import Store
from .deletion import Pause, delete_found

DAY_NS: Final = 86_400_000_000_000
_SETTING: Final = "retention/{}"
#: Between two steps, so that requests come first.
_REST_S: Final = 0.05
_UNLABELLED: Final = "-has:label"
MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of a project; ``None`` sets no bound."""

    days: int | None = None
    """Traces that began longer ago are deleted."""
    max_mb: int | None = None
    """The oldest traces are deleted until the project takes no more than this."""
    labelled: bool = False
    """Whether traces that were labelled are deleted too."""

    @property
    def bounded(self) -> bool:
        """Whether anything is ever deleted."""
        return self.days is not None or self.max_mb is not None


def retention_of(store: Store, project: str) -> Retention:
    """Return what is kept of a project: everything, unless said otherwise."""
    kept = store.setting(_SETTING.format(project))
    return Retention() if kept is None else Retention(**orjson.loads(kept))


def keep_retention(store: Store, project: str, retention: Retention) -> None:
    """Have a project keep so much from now on; a running server takes it up within ten minutes."""
    store.keep_setting(_SETTING.format(project), orjson.dumps(asdict(retention)).decode())


def enforce_all(store: Store, now_ns: int, pause: Pause | None = None) -> Iterator[int]:
    """Delete what each project keeps no longer; yield how many traces each step took away."""
    yield store.drop_days(_kept(store, now_ns))
    for project in store.projects():
        yield from enforce(store, project, now_ns, pause)


def _kept(store: Store, now_ns: int) -> dict[str, Kept]:
    """Return what the projects keep that keep their traces for so many days."""
    found = {project: retention_of(store, project) for project in store.projects()}
    return {
        project: Kept(now_ns - retention.days * DAY_NS, labelled=not retention.labelled)
        for project, retention in found.items()
        if retention.days is not None
    }


def enforce(store: Store, project: str, now_ns: int, pause: Pause | None = None) -> Iterator[int]:
    """Delete what a project keeps no longer, the oldest first; yield how many traces each step took away."""
    retention = retention_of(store, project)
    oldest_first = Query(project, parse("" if retention.labelled else _UNLABELLED), sort="time")
    if retention.days is not None:
        until = replace(oldest_first, to_ns=now_ns - retention.days * DAY_NS)
        yield from delete_found(store, until, pause=pause, rest_s=_REST_S, with_examples=False)
    most = None if retention.max_mb is None else retention.max_mb * MB
    while most is not None and (used := store.used(project)).bytes > most:
        too_many = max(used.spans * (used.bytes - most) // used.bytes, 1)
        deleted = list(
            delete_found(store, oldest_first, most_spans=too_many, pause=pause, rest_s=_REST_S, with_examples=False)
        )
        yield from deleted
        if not sum(deleted) or (pause is not None and pause(0.0)):
            return  # what is left is labelled, or it is time to stop
