"""When each day of a project changed last in ClickHouse, noted in the small tables, whichever process changed it.

What was read of a day can be kept for as long as the note stays, and followed afterwards: the note is the version of
what was written last, and versions grow with every write. A write is noted once it is in ClickHouse, in the transaction
of the small tables that nobody else writes meanwhile: what is read after a note has all that was written up to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from .clickhouse_server import Server
from .conditions import Sql
from .connection import Connection
from .rollups import HOUR_NS, HOURS_A_DAY

DAY_NS: Final = HOUR_NS * HOURS_A_DAY
ProjectDay = tuple[int, int]
"""A project and a day since 1970."""

#: Stands for the day of a project on which traces last left one of its days: no new version tells of that.
_LEFT: Final = -(1 << 30)
_VERSION: Final = "clickhouse_version"
_NOTE: Final = (
    "INSERT INTO rollup_days (project_id, day, changes) VALUES (?, ?, ?) "
    "ON CONFLICT (project_id, day) DO UPDATE SET changes = excluded.changes"
)
_NOTE_VERSION: Final = (
    "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_DAYS: Final = "SELECT day, changes FROM rollup_days WHERE project_id = ?"
_THERE: Final = "SELECT DISTINCT project_id, intDiv(start_ns, ?) FROM {} SETTINGS final = 0"


@dataclass(frozen=True, slots=True)
class Changes:
    """What is noted of one project."""

    days: Mapping[int, int]
    """The version of what was written last to each day that ever had a span."""
    left: int
    """The version that the last deletion had, or the last trace that went from one day to another."""


def note_changes(connection: Connection, days: Iterable[ProjectDay], version: int, *, left: bool) -> None:
    """Note that *days* changed, up to a version; *left* says that traces are no longer where they were."""
    noted = set(days)
    if left:
        noted |= {(project_id, _LEFT) for project_id, _ in noted}
    connection.executemany(_NOTE, [(*day, version) for day in sorted(noted)])
    connection.execute(_NOTE_VERSION, (_VERSION, str(version)))


def note_change_of_all(connection: Connection, server: Server, version: int) -> None:
    """Note that every day changed that there is, those too that a release wrote to which did not note it."""
    days = {(project_id, day) for project_id, day in connection.execute("SELECT project_id, day FROM rollup_days")}
    for table in ("traces",) if days else ("traces", "spans"):  # most often each day of spans is one of traces
        days |= {(project_id, day) for project_id, day in server.rows(Sql(_THERE.format(table), (DAY_NS,)))}
    note_changes(connection, days, version, left=True)


def noted_version(connection: Connection) -> int:
    """Return the newest version that was noted, 0 where none was."""
    found = connection.execute("SELECT value FROM settings WHERE name = ?", (_VERSION,)).fetchone()
    return 0 if found is None else int(found[0])


def changes_of(connection: Connection, project_id: int) -> Changes:
    """Return what is noted of a project."""
    days = dict(connection.execute(_DAYS, (project_id,)).fetchall())
    return Changes(days, days.pop(_LEFT, 0))
