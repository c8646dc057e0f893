"""A copy of a ClickHouse store made while servers run: ClickHouse's own backup, and the small tables beside it.

ClickHouse goes first: whatever its rows name, such as a project, is then in the small tables. Its tables are caught one
after another while spans come in, so after putting them back the sums are held against the spans, and are counted anew
where they differ.
"""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from typing import Final
from uuid import uuid4

from clickhouse_connect.driver.exceptions import Error

from ..errors import ConfigError
from .backup import back_up, restore
from .clickhouse import ClickHouseStore
from .clickhouse_server import Place, Server, place_of
from .clickhouse_small import SMALL_FILE
from .engine import Copier
from .examine_clickhouse import sums

_NOTE: Final = "clickhouse.json"
_SMALL_ELSEWHERE: Final = "The small tables are in PostgreSQL: copy them next, with pg_dump --format=custom."
_ALLOWED: Final = (
    "ClickHouse writes it into the folder that backups.allowed_path in its configuration names; look there for room."
)


def _back_up(url: str, data: Path, to: Path) -> str:
    """Copy the store; the note in *to* names ClickHouse's part once that and the small tables are whole."""
    place = _of_one_server(url)
    name = f"{place.database}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{uuid4().hex[:8]}"
    _run(place, f"BACKUP DATABASE `{place.database}` TO File('{name}')", _ALLOWED)
    media = 0
    if place.small is None:
        media = back_up(data, to, name=SMALL_FILE)
    to.mkdir(parents=True, exist_ok=True)
    unfinished = to / f"{_NOTE}.part"
    unfinished.write_text(json.dumps({"backup": name, "database": place.database}), "utf-8")
    unfinished.replace(to / _NOTE)
    rest = _SMALL_ELSEWHERE if place.small else f"The small tables are in {to}; {media:,} media files are new there."
    return f"The spans are in {name}, where ClickHouse keeps its backups. {rest}"


def _restore(url: str, data: Path, backup: Path) -> str:
    """Put a copy back where neither the database nor the small tables are."""
    place = _of_one_server(url)
    note = backup / _NOTE
    if not note.is_file():
        raise ConfigError(f"There is no backup in {backup}.", f"Name the folder that holds its {_NOTE}.")
    said = json.loads(note.read_text("utf-8"))
    with closing(Server(place)) as server:
        if server.exists():
            hint = "Name another database in --store; a restore that was cut off is begun anew after DROP DATABASE."
            raise ConfigError(f"There are tables in the database {place.database} already.", hint)
    if place.small is None and not (data / SMALL_FILE).exists():
        restore(backup, data, name=SMALL_FILE)
    _run(
        place,
        f"RESTORE DATABASE `{said['database']}` AS `{place.database}` FROM File('{said['backup']}')",
        "Have ClickHouse's part of the backup in the folder that backups.allowed_path names.",
    )
    store = ClickHouseStore(url, data)
    store.open()
    with closing(store):
        again = sums(store.server).state != "ok"
        if again:
            store.recount()
        return f"{sums(store.server).sentence} They are from {said['backup']}{', counted anew' if again else ''}."


def _of_one_server(url: str) -> Place:
    place = place_of(url)
    if place.cluster is not None:
        raise ConfigError(
            "A cluster is copied by ClickHouse to a disk that all its servers reach.",
            f"BACKUP DATABASE {place.database} ON CLUSTER {place.cluster} TO Disk('backups', 'NAME')",
        )
    return place


def _run(place: Place, statement: str, hint: str) -> None:
    server = Server(place)
    with closing(server):
        try:
            server.command_at_server(statement)
        except Error as error:
            raise ConfigError(f"ClickHouse says: {str(error).strip().splitlines()[0]}", hint) from error


COPIER: Final = Copier(_back_up, _restore)
