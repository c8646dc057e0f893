"""Projects: named by whoever sends to them first, known inside by a number."""

from __future__ import annotations

import time

from .connection import Connection

_PUT = "INSERT INTO projects (name, created_ns) VALUES (?, ?) ON CONFLICT DO NOTHING"


def project_id_of(connection: Connection, name: str) -> int:
    """Return the number of the project *name*, which is made where there is none."""
    connection.execute(_PUT, (name, time.time_ns()))
    return int(connection.execute("SELECT id FROM projects WHERE name = ?", (name,)).fetchone()[0])


def find_project(connection: Connection, name: str) -> int | None:
    """Return the number of the project *name*, or ``None`` where there is none."""
    found = connection.execute("SELECT id FROM projects WHERE name = ?", (name,)).fetchone()
    return None if found is None else int(found[0])


def project_names(connection: Connection) -> tuple[str, ...]:
    """Return the names of the projects there are, in order."""
    return tuple(sorted(name for (name,) in connection.execute("SELECT name FROM projects")))
