"""Steps, the spans of one name and kind, of which rollups are kept: which ones these are, and their numbers.

A page of one step asks for all spans of a name, which no key of the series tells; to look at each of them takes seconds
where there are a million. So the writer counts them in the transaction that writes them, as it does for the series:
whatever changes afterwards (late spans, deletions, retention, reading or pricing again) changes the counts with them.
What was kept in memory instead would be gone with a restart, and today's part with every commit.

Names can be of any number, such as with ids in them. Therefore a project's first ``MOST_NAMES`` are counted, from their
first spans on, and no other name ever is: of those the spans themselves are asked. A name that is there is counted
whole, so that nobody has to know since when. A recount chooses anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from .connection import Connection
from .step_hours import Step, is_step

#: So many names of a project are counted.
MOST_NAMES: Final = 1_000
_ASKED_AT_ONCE: Final = 400
_FIND: Final = "SELECT id FROM steps WHERE project_id = ? AND name = ? AND kind = ?"
_MAKE: Final = "INSERT INTO steps (project_id, name, kind) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_COUNT: Final = "SELECT count(*) FROM steps WHERE project_id = ? AND kind = ''"
_NAMED: Final = "SELECT name FROM steps WHERE project_id = ? AND kind = '' AND name IN ({})"


class StepBook:
    """The numbers of the steps that are counted, as far as they were asked for."""

    def __init__(self) -> None:
        self.ids: dict[Step, int] = {}
        self._full: set[int] = set()
        """Projects that have all the names that are counted, which all are among ``ids``."""

    def forget(self) -> None:
        """Forget everything: what was looked up may not be there any more."""
        self.ids.clear()
        self._full.clear()

    def unknown(self, steps: Iterable[Step]) -> list[Step]:
        """Return those of *steps* that have to be looked up."""
        ids, full = self.ids, self._full
        return sorted(
            step for step in steps
            if step not in ids and (step[0] not in full or (step[0], step[1], "") in ids)
        )  # fmt: skip

    def learn(self, connection: Connection, steps: Iterable[Step]) -> None:
        """Look up *steps*, and make those that are new and to be counted; nobody else may be doing so."""
        by_project: defaultdict[int, dict[str, None]] = defaultdict(dict)
        unknown = self.unknown(steps)
        for project_id, name, _ in unknown:
            by_project[project_id][name] = None
        counted: set[tuple[int, str]] = set()
        for project_id, names in by_project.items():
            counted.update((project_id, name) for name in self._counted(connection, project_id, list(names)))
        for step in unknown:
            if step[:2] in counted:
                self._number(connection, step)

    def _counted(self, connection: Connection, project_id: int, names: Sequence[str]) -> set[str]:
        """Return those of *names* that are counted, from now on or before."""
        found = names_counted(connection, project_id, names)
        room = MOST_NAMES - _names(connection, project_id)
        new = [name for name in names if name not in found]
        found.update(new[: max(room, 0)])
        for name in found:
            self._number(connection, (project_id, name, ""))
        if len(new) > room:
            rows = connection.execute("SELECT name, kind, id FROM steps WHERE project_id = ?", (project_id,))
            self.ids.update(((project_id, name, kind), number) for name, kind, number in rows)
            self._full.add(project_id)
        return found

    def _number(self, connection: Connection, step: Step) -> None:
        found = connection.execute(_FIND, step).fetchone()
        if found is None:
            connection.execute(_MAKE, step)
            found = connection.execute(_FIND, step).fetchone()
        self.ids[step] = int(found[0])


def names_counted(connection: Connection, project_id: int, names: Sequence[str]) -> set[str]:
    """Return those of *names* of which there are rollups."""
    found: set[str] = set()
    for at in range(0, len(names), _ASKED_AT_ONCE):
        asked = names[at : at + _ASKED_AT_ONCE]
        rows = connection.execute(_NAMED.format(", ".join("?" * len(asked))), (project_id, *asked))
        found.update(name for (name,) in rows)
    return found


def are_told(connection: Connection, project_id: int, names: Collection[str]) -> bool:
    """Return whether rollups tell everything of the spans of these *names*."""
    if not names or not all(map(is_step, names)):
        return False
    lacking = len(set(names)) - len(names_counted(connection, project_id, list(names)))
    return lacking == 0 or _names(connection, project_id) < MOST_NAMES


def _names(connection: Connection, project_id: int) -> int:
    return int(connection.execute(_COUNT, (project_id,)).fetchone()[0])
