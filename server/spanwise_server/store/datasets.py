"""Datasets, their examples and their frozen versions."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from ..datasets.example import Example
from ..datasets.version import Change, Dataset, Version, change, manifest_hash
from ..errors import Conflict, NotFound
from .sessions import Sessions, known, project_id, project_id_made
from .small_tables import DatasetRow, DatasetVersionRow, ExampleRow, ProjectRow, VersionExampleRow

_AT_ONCE: Final = 200


class Datasets:
    """The datasets of one store. A version never changes: every act that changes a dataset makes a new one."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def create(self, project: str, name: str, description: str = "") -> Dataset:
        """Keep a dataset without a version yet; a name that is taken is refused."""
        with self._sessions.transaction() as session:
            number = project_id_made(session, project)
            _refuse_taken(session, number, name)
            row = DatasetRow(project_id=number, name=name, description=description, created_ns=time.time_ns())
            session.add(row)
            session.flush()
            return _dataset(row, project, None)

    def named(self, project: str, name: str) -> Dataset:
        """Return the dataset of this name, which is made where there is none."""
        with self._sessions.transaction() as session:
            number = project_id_made(session, project)
            row = session.exec(
                select(DatasetRow).where(DatasetRow.project_id == number, DatasetRow.name == name)
            ).first()
            if row is None:
                row = DatasetRow(project_id=number, name=name, created_ns=time.time_ns())
                session.add(row)
                session.flush()
            return _dataset(row, project, _newest(session, known(row.id)))

    def find(self, dataset_id: int) -> Dataset | None:
        """Return one dataset, or ``None``."""
        with self._sessions.session() as session:
            found = session.exec(
                select(DatasetRow, ProjectRow.name)
                .join(ProjectRow, col(ProjectRow.id) == col(DatasetRow.project_id))
                .where(DatasetRow.id == dataset_id)
            ).first()
            if found is None:
                return None
            row, project = found
            return _dataset(row, project, _newest(session, known(row.id)))

    def all(self, project: str) -> list[Dataset]:
        """Return the datasets of a project, the newest first."""
        with self._sessions.session() as session:
            number = project_id(session, project)
            if number is None:
                return []
            rows = session.exec(
                select(DatasetRow).where(DatasetRow.project_id == number).order_by(col(DatasetRow.id).desc())
            ).all()
            return [_dataset(row, project, _newest(session, known(row.id))) for row in rows]

    def add(self, dataset_id: int, examples: Iterable[Example], *, note: str = "", by: str = "") -> Version | None:
        """Freeze a version with *examples* added, each in place of one with its id; ``None`` if nothing changed."""
        new = {example.id: example for example in examples}
        with self._sessions.transaction() as session:
            if session.get(DatasetRow, dataset_id) is None:
                raise NotFound("This dataset was deleted.", "Choose another one.")
            newest = _newest(session, dataset_id)
            held = {} if newest is None else _members(session, newest.id)
            kept = dict(held)
            for example in new.values():
                kept[example.id] = (example.content_hash, _example_row(session, dataset_id, example))
            return _freeze(session, dataset_id, newest, held, kept, note=note, by=by)

    def remove(self, dataset_id: int, example_ids: Iterable[str], *, by: str = "") -> Version | None:
        """Freeze a version without these examples; ``None`` if it held none of them."""
        gone = set(example_ids)
        with self._sessions.transaction() as session:
            newest = _newest(session, dataset_id)
            held = {} if newest is None else _members(session, newest.id)
            kept = {example: row for example, row in held.items() if example not in gone}
            return _freeze(session, dataset_id, newest, held, kept, note="", by=by)

    def versions(self, dataset_id: int) -> list[Version]:
        """Return every version of a dataset, the newest first."""
        with self._sessions.session() as session:
            rows = session.exec(
                select(DatasetVersionRow)
                .where(DatasetVersionRow.dataset_id == dataset_id)
                .order_by(col(DatasetVersionRow.number).desc())
            )
            return [_version(row) for row in rows]

    def version(self, dataset_id: int, number: int | None = None) -> Version | None:
        """Return one version, the newest where no number is asked for; ``None`` where there is no version at all."""
        versions = self.versions(dataset_id)
        if number is None:
            return versions[0] if versions else None
        found = next((version for version in versions if version.number == number), None)
        if found is None:
            raise NotFound(f"There is no version {number} of this dataset.", "Leave it out for the newest.")
        return found

    def example(self, version_id: int, example_id: str) -> Example | None:
        """Return one example of a version, or ``None``."""
        with self._sessions.session() as session:
            row = session.exec(
                select(ExampleRow)
                .join(VersionExampleRow, col(VersionExampleRow.example_row_id) == col(ExampleRow.id))
                .where(VersionExampleRow.version_id == version_id, ExampleRow.example_id == example_id)
            ).first()
            return None if row is None else Example.from_json(row.body)

    def examples(self, version_id: int, *, offset: int = 0, limit: int | None = None) -> Iterator[Example]:
        """Yield the examples of a version in the order they were added, some at a time."""
        end = None if limit is None else offset + limit
        while end is None or offset < end:
            wanted = _AT_ONCE if end is None else min(_AT_ONCE, end - offset)
            with self._sessions.session() as session:
                bodies = session.exec(
                    select(ExampleRow.body)
                    .join(VersionExampleRow, col(VersionExampleRow.example_row_id) == col(ExampleRow.id))
                    .where(VersionExampleRow.version_id == version_id)
                    .order_by(col(VersionExampleRow.position))
                    .offset(offset)
                    .limit(wanted)
                ).all()
            yield from (Example.from_json(body) for body in bodies)
            if len(bodies) < wanted:
                return
            offset += wanted

    def rename(self, dataset_id: int, name: str, description: str) -> bool:
        """Give a dataset another name and description; return whether it was there."""
        with self._sessions.transaction() as session:
            row = session.get(DatasetRow, dataset_id)
            if row is None:
                return False
            if row.name != name:
                _refuse_taken(session, row.project_id, name)
            row.name, row.description = name, description
            session.add(row)
            return True

    def delete(self, dataset_id: int) -> bool:
        """Take a dataset and all its versions away; return whether it was there."""
        with self._sessions.transaction() as session:
            row = session.get(DatasetRow, dataset_id)
            if row is None:
                return False
            versions = select(DatasetVersionRow.id).where(DatasetVersionRow.dataset_id == dataset_id)
            session.exec(delete(VersionExampleRow).where(col(VersionExampleRow.version_id).in_(versions)))
            session.exec(delete(DatasetVersionRow).where(col(DatasetVersionRow.dataset_id) == dataset_id))
            session.exec(delete(ExampleRow).where(col(ExampleRow.dataset_id) == dataset_id))
            session.delete(row)
            return True


#: Example id -> its content hash and the number of its row, in order.
Members = Mapping[str, tuple[str, int]]


def _freeze(
    session: Session, dataset_id: int, before: Version | None, held: Members, kept: Members, *, note: str, by: str
) -> Version | None:
    was, now = _manifest(held), _manifest(kept)
    if was == now:
        return None
    delta = change(was, now)
    row = DatasetVersionRow(
        dataset_id=dataset_id,
        number=1 if before is None else before.number + 1,
        content_hash=manifest_hash(now),
        note=note,
        examples=len(now),
        added=delta.added,
        changed=delta.changed,
        removed=delta.removed,
        created_by=by,
        created_ns=time.time_ns(),
    )
    session.add(row)
    session.flush()
    version_id = known(row.id)
    session.add_all(
        VersionExampleRow(version_id=version_id, example_row_id=example_row, position=position)
        for position, (_, example_row) in enumerate(kept.values(), 1)
    )
    session.flush()
    return _version(row)


def _manifest(members: Members) -> dict[str, str]:
    return {example: content for example, (content, _) in members.items()}


def _members(session: Session, version_id: int) -> dict[str, tuple[str, int]]:
    rows = session.exec(
        select(ExampleRow.example_id, ExampleRow.content_hash, ExampleRow.id)
        .join(VersionExampleRow, col(VersionExampleRow.example_row_id) == col(ExampleRow.id))
        .where(VersionExampleRow.version_id == version_id)
        .order_by(col(VersionExampleRow.position))
    )
    return {example: (content, known(row)) for example, content, row in rows}


def _example_row(session: Session, dataset_id: int, example: Example) -> int:
    """Return the number of the row that keeps this very example, which is made where there is none."""
    content = example.content_hash
    found = session.exec(
        select(ExampleRow).where(
            ExampleRow.dataset_id == dataset_id,
            ExampleRow.example_id == example.id,
            ExampleRow.content_hash == content,
        )
    ).first()
    if found is not None:
        return known(found.id)
    row = ExampleRow(
        dataset_id=dataset_id,
        example_id=example.id,
        content_hash=content,
        body=example.as_json(),
        created_ns=time.time_ns(),
    )
    session.add(row)
    session.flush()
    return known(row.id)


def _newest(session: Session, dataset_id: int) -> Version | None:
    row = session.exec(
        select(DatasetVersionRow)
        .where(DatasetVersionRow.dataset_id == dataset_id)
        .order_by(col(DatasetVersionRow.number).desc())
    ).first()
    return None if row is None else _version(row)


def _refuse_taken(session: Session, number: int, name: str) -> None:
    taken = session.exec(
        select(func.count()).where(col(DatasetRow.project_id) == number, col(DatasetRow.name) == name)
    ).one()
    if taken:
        raise Conflict(f"There is a dataset {name!r} already.", "Add to that one, or choose another name.")


def _version(row: DatasetVersionRow) -> Version:
    return Version(
        id=known(row.id),
        number=row.number,
        content_hash=row.content_hash,
        examples=row.examples,
        change=Change(row.added, row.changed, row.removed),
        note=row.note,
        created_by=row.created_by,
        created_ns=row.created_ns,
    )


def _dataset(row: DatasetRow, project: str, newest: Version | None) -> Dataset:
    fields: dict[str, Any] = {"id": known(row.id), "name": row.name, "description": row.description}
    return Dataset(**fields, project=project, created_ns=row.created_ns, newest=newest)
