"""What the writer remembers between transactions: ids and texts that it would else look up again and again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from mypy_extensions import mypyc_attr

from ..dialects.reader import reader
from .change import Change, TraceAtWrite
from .connection import Connection
from .payload import PLAIN, pack_text
from .projects import project_id_of
from .rollup_change import RollupChange, Series
from .running_kept import RunningSummaries
from .step_hours import Step
from .steps import StepBook
from .text_owners import drop_texts_of
from .words import WordBook

_MOST_TEXTS_REMEMBERED: Final = 200_000


@mypyc_attr(allow_interpreted_subclasses=True)
class WriterMemory:
    """What one writer remembers, and forgets where it may not be so any more."""

    def __init__(self) -> None:
        self.packing = PLAIN
        """How spans are packed."""
        self._words = WordBook()
        self._projects: dict[str, int] = {}
        self._series: dict[Series, int] = {}
        self._steps = StepBook()
        self._origins: dict[bytes, int] = {}
        self._texts: dict[bytes, int] = {}
        """The texts that are there, each with a trace of which is kept that it needs it."""
        self._prefix = b""
        self.changes = 0
        """Goes up whenever spans that were there may say something else than before."""
        self.repeated = 0
        """How many spans came whose ids were there already, or came twice in one batch."""
        self._reader: int | None = None
        self._last_row = 0
        self._running = RunningSummaries()

    def forget(self) -> None:
        """Forget everything: after a transaction was taken back, or rows were deleted, some of it may not exist."""
        self.changes += 1
        self._words.forget()
        self._texts.clear()
        self._running.clear()
        self._steps.forget()
        self._reader = None
        for remembered in (self._projects, self._series, self._origins):
            remembered.clear()

    def count(self, connection: Connection, rollups: RollupChange) -> None:
        """Write a change of the rollups."""
        self._learn_steps(connection, self._steps.unknown(rollups.steps))
        rollups.apply(connection, self._series, self._steps.ids)

    def _learn_steps(self, connection: Connection, unknown: Sequence[Step]) -> None:
        """Look up steps, and make those that are new and to be counted."""
        if unknown:
            self._steps.learn(connection, unknown)

    def _drop_texts(self, connection: Connection, row: int) -> None:
        """Take away the texts that only the trace with this row needs."""
        for name in drop_texts_of(connection, row):
            self._texts.pop(name, None)

    def _keep_texts(
        self, trace: TraceAtWrite, names: Iterable[bytes], texts: Mapping[bytes, bytes], change: Change
    ) -> None:
        row = trace.row
        for name in names:
            owner = self._texts.get(name)
            if owner is None:
                owner = change.owners.get(name)
            if owner is None:
                change.owners[name] = row
                change.texts[name] = pack_text(texts[name], self.packing.dictionary)
            elif owner != row:
                change.uses.add((row, name))

    def _remember_texts(self, change: Change) -> None:
        """Remember that the texts that were put in are there."""
        if len(self._texts) > _MOST_TEXTS_REMEMBERED or self._prefix != self.packing.prefix:
            self._texts.clear()  # no text that comes has a name of another time any more
            self._prefix = self.packing.prefix
        self._texts.update(change.owners)

    def reader_id(self, connection: Connection) -> int:
        """Return the number of today's reader."""
        if self._reader is None:
            connection.execute("INSERT INTO readers (name) VALUES (?) ON CONFLICT DO NOTHING", (reader(),))
            found = connection.execute("SELECT id FROM readers WHERE name = ?", (reader(),)).fetchone()
            self._reader = int(found[0])
        return self._reader

    def _project(self, connection: Connection, name: str) -> int:
        known = self._projects.get(name)
        if known is None:
            known = self._projects[name] = project_id_of(connection, name)
        return known

    def _origin(self, connection: Connection, origin: tuple[bytes, bytes]) -> int:
        name, body = origin
        known = self._origins.get(name)
        if known is None:
            connection.execute("INSERT INTO origins (hash, body) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, body))
            found = connection.execute("SELECT id FROM origins WHERE hash = ?", (name,)).fetchone()
            known = self._origins[name] = int(found[0])
        return known
