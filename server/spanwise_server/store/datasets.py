"""Datasets, their examples and their frozen versions."""

from __future__ import annotations

import re
import time
from collections.abc import Container, Iterable, Iterator
from dataclasses import replace
from typing import Final

from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from ..datasets.difference import Difference, difference
from ..datasets.example import Example
from ..datasets.splits import Shares, assigned, shares_text
from ..datasets.version import Dataset, Version
from ..errors import NotFound, SpanwiseError
from ..query.numbers import whole
from .dataset_rows import (
    Member,
    Members,
    Shown,
    dataset_of,
    forgotten_of,
    freeze,
    manifest,
    members,
    newest,
    put,
    refuse_taken,
    version_of,
)
from .dataset_tables import DatasetRow, DatasetTagRow, DatasetVersionRow, ExampleRow, VersionExampleRow
from .sessions import Sessions, known, project_id, project_id_made
from .small_tables import ProjectRow

EVERY_EXAMPLE: Final = Shown()
_AT_ONCE: Final = 200
_TAG: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,39}")
_NUMBER: Final = re.compile(r"v?[0-9]+")
_SHORTEST_HASH: Final = 6


class Datasets:
    """The datasets of one store. A version never changes: every act that changes a dataset makes a new one."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def create(self, project: str, name: str, description: str = "") -> Dataset:
        """Keep a dataset without a version yet; a name that is taken is refused."""
        with self._sessions.transaction() as session:
            number = project_id_made(session, project)
            refuse_taken(session, number, name)
            row = DatasetRow(project_id=number, name=name, description=description, created_ns=time.time_ns())
            session.add(row)
            session.flush()
            return dataset_of(row, project, None)

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
            return dataset_of(row, project, newest(session, known(row.id)))

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
            return dataset_of(row, project, newest(session, known(row.id)))

    def all(self, project: str) -> list[Dataset]:
        """Return the datasets of a project, the newest first."""
        with self._sessions.session() as session:
            number = project_id(session, project)
            if number is None:
                return []
            rows = session.exec(
                select(DatasetRow).where(DatasetRow.project_id == number).order_by(col(DatasetRow.id).desc())
            ).all()
            return [dataset_of(row, project, newest(session, known(row.id))) for row in rows]

    def names(self, project: str) -> list[str]:
        """Return the names of a project's datasets, the newest first."""
        return list(self._sessions.remembered(("datasets", project), lambda: self._names(project)))

    def _names(self, project: str) -> tuple[str, ...]:
        with self._sessions.session() as session:
            asked = select(DatasetRow.name).where(DatasetRow.project_id == project_id(session, project))
            return tuple(session.exec(asked.order_by(col(DatasetRow.id).desc())))

    def add(self, dataset_id: int, examples: Iterable[Example], *, note: str = "", by: str = "") -> Version | None:
        """Freeze a version with *examples* added, each in place of one with its id; ``None`` if nothing changed.

        Where the dataset is split, an example without a split falls into one; those that are there stay in theirs.
        """
        new = {example.id: example for example in examples}
        with self._sessions.transaction() as session:
            row = session.get(DatasetRow, dataset_id)
            if row is None:
                raise NotFound("This dataset was deleted.", "Choose another one.")
            last, held = _newest_held(session, dataset_id)
            if row.splits is not None:
                others = (example for example in _bodies(session, held) if example.id not in new)
                before = {example.id: example for example in _bodies(session, held, new)}
                kept_splits = (_with_split_of(example, before.get(example.id)) for example in new.values())
                new = {example.id: example for example in assigned(kept_splits, others, row.splits)}
            kept = {example: member for example, member in held.items() if not member.forgotten}
            for example in new.values():
                kept[example.id] = put(session, dataset_id, example)
            return freeze(session, dataset_id, last, held, kept, note=note, by=by)

    def split(self, dataset_id: int, shares: Shares, *, by: str = "") -> Version | None:
        """Have every example fall into a split from now on, and those that are of none at once, in a new version."""
        with self._sessions.transaction() as session:
            row = session.get(DatasetRow, dataset_id)
            if row is None:
                raise NotFound("This dataset was deleted.", "Choose another one.")
            row.splits = dict(shares)
            session.add(row)
            last, held = _newest_held(session, dataset_id)
            examples = list(_bodies(session, held))
            done = assigned(examples, [example for example in examples if example.split], shares)
            kept = {example: member for example, member in held.items() if not member.forgotten}
            kept |= {example.id: put(session, dataset_id, example) for example in done}
            return freeze(session, dataset_id, last, held, kept, note=f"Split: {shares_text(shares)}", by=by)

    def remove(self, dataset_id: int, example_ids: Iterable[str], *, by: str = "") -> Version | None:
        """Freeze a version without these examples; ``None`` if it held none of them."""
        gone = set(example_ids)
        with self._sessions.transaction() as session:
            last, held = _newest_held(session, dataset_id)
            kept = {name: member for name, member in held.items() if name not in gone and not member.forgotten}
            return freeze(session, dataset_id, last, held, kept, note="", by=by)

    def put_back(self, dataset_id: int, number: int, *, by: str = "") -> Version | None:
        """Freeze a version with what version *number* took out of the one before it, each where it was."""
        before, after = self.version(dataset_id, number - 1), self.version(dataset_id, number)
        if before is None or after is None:
            return None
        with self._sessions.transaction() as session:
            last, held = _newest_held(session, dataset_id)
            was, then = members(session, before.id), members(session, after.id)
            kept = {name: held.get(name, member) for name, member in was.items() if name in held or name not in then}
            kept = {name: member for name, member in (kept | held).items() if not member.forgotten}
            note = f"Put back what v{number} took out"
            return freeze(session, dataset_id, last, held, kept, note=note, by=by)

    def forget(self, project: str, trace_ids: Iterable[str]) -> int:
        """Take away the contents of examples made of these traces; versions that held them say how many are gone."""
        wanted, forgotten = sorted(set(trace_ids)), 0
        with self._sessions.transaction() as session:
            datasets = select(DatasetRow.id).where(DatasetRow.project_id == project_id(session, project))
            for at in range(0, len(wanted), _AT_ONCE):
                rows = session.exec(
                    select(ExampleRow).where(
                        col(ExampleRow.trace_id).in_(wanted[at : at + _AT_ONCE]),
                        col(ExampleRow.dataset_id).in_(datasets),
                        col(ExampleRow.forgotten_ns).is_(None),
                    )
                ).all()
                for row in rows:
                    row.body, row.forgotten_ns = {"id": row.example_id}, time.time_ns()
                    session.add(row)
                forgotten += len(rows)
        return forgotten

    # --- versions ----------------------------------------------------------------------------------------------------

    def versions(self, dataset_id: int) -> list[Version]:
        """Return every version of a dataset, the newest first."""
        with self._sessions.session() as session:
            rows = session.exec(
                select(DatasetVersionRow)
                .where(DatasetVersionRow.dataset_id == dataset_id)
                .order_by(col(DatasetVersionRow.number).desc())
            ).all()
            gone = forgotten_of(session, [known(row.id) for row in rows])
            return [version_of(row, forgotten=gone.get(known(row.id), 0)) for row in rows]

    def version(self, dataset_id: int, number: int | None = None) -> Version | None:
        """Return one version, the newest where no number is asked for; ``None`` where there is no version at all."""
        versions = self.versions(dataset_id)
        if number is None:
            return versions[0] if versions else None
        found = next((version for version in versions if version.number == number), None)
        if found is None:
            raise NotFound(f"There is no version {number} of this dataset.", "Leave it out for the newest.")
        return found

    def version_named(self, dataset_id: int, name: str) -> Version | None:
        """Return the version that *name* means: a number with or without ``v``, a tag, or how a content hash begins.

        Nothing and ``latest`` mean the newest; ``None`` is there where there is no version at all.
        """
        if name in {"", "latest"}:
            return self.version(dataset_id)
        number = whole(name.removeprefix("v"))
        if number is not None:
            return self.version(dataset_id, number)
        tagged = self.tags(dataset_id).get(name)
        if tagged is not None:
            return self.version(dataset_id, tagged)
        hashed = name if name.startswith("b2:") else f"b2:{name}"
        found = [version for version in self.versions(dataset_id) if version.content_hash.startswith(hashed)]
        if len(name) < _SHORTEST_HASH or not found:
            raise NotFound(f"There is no version {name!r} of this dataset.", "Give a number, a tag or a content hash.")
        return found[0]

    def tags(self, dataset_id: int) -> dict[str, int]:
        """Return the number of the version that each tag is on."""
        with self._sessions.session() as session:
            rows = session.exec(
                select(DatasetTagRow.tag, DatasetVersionRow.number)
                .join(DatasetVersionRow, col(DatasetVersionRow.id) == col(DatasetTagRow.version_id))
                .where(DatasetTagRow.dataset_id == dataset_id)
                .order_by(col(DatasetTagRow.tag))
            )
            return dict(rows.all())

    def tag(self, dataset_id: int, tag: str, version: Version, *, by: str = "") -> None:
        """Put a tag on a version, off the one that has it; a tag that reads as a version's number is refused."""
        if not _TAG.fullmatch(tag) or tag == "latest" or _NUMBER.fullmatch(tag):
            raise SpanwiseError(
                f"{tag!r} is no tag.", "Use up to 40 letters, digits, dots and dashes; not latest, nor a number."
            )
        with self._sessions.transaction() as session:
            row = session.get(DatasetTagRow, (dataset_id, tag)) or DatasetTagRow(dataset_id=dataset_id, tag=tag)
            row.version_id, row.created_by, row.created_ns = version.id, by, time.time_ns()
            session.add(row)

    def untag(self, dataset_id: int, tag: str) -> bool:
        """Take a tag away; return whether it was there."""
        with self._sessions.transaction() as session:
            row = session.get(DatasetTagRow, (dataset_id, tag))
            if row is not None:
                session.delete(row)
            return row is not None

    def difference(self, before: Version, after: Version) -> Difference:
        """Return which examples *after* adds to *before*, changes in it and removes from it."""
        with self._sessions.session() as session:
            return difference(manifest(members(session, before.id)), manifest(members(session, after.id)))

    # --- examples ----------------------------------------------------------------------------------------------------

    def example(self, version_id: int, example_id: str) -> Example | None:
        """Return one example of a version, or ``None``."""
        return self.chosen(version_id, [example_id]).get(example_id)

    def chosen(self, version_id: int, example_ids: Iterable[str]) -> dict[str, Example]:
        """Return these examples of a version by their ids, without those that it does not hold."""
        wanted, found = sorted(set(example_ids)), dict[str, Example]()
        for at in range(0, len(wanted), _AT_ONCE):
            with self._sessions.session() as session:
                bodies = session.exec(
                    select(ExampleRow.body)
                    .join(VersionExampleRow, col(VersionExampleRow.example_row_id) == col(ExampleRow.id))
                    .where(
                        VersionExampleRow.version_id == version_id,
                        col(ExampleRow.example_id).in_(wanted[at : at + _AT_ONCE]),
                        col(ExampleRow.forgotten_ns).is_(None),
                    )
                ).all()
            found |= {example.id: example for example in map(Example.from_json, bodies)}
        return found

    def count(self, version_id: int, shown: Shown) -> int:
        """Return how many examples of a version are *shown*."""
        with self._sessions.session() as session:
            found: int = session.exec(
                select(func.count())
                .select_from(ExampleRow)
                .join(VersionExampleRow, col(VersionExampleRow.example_row_id) == col(ExampleRow.id))
                .where(VersionExampleRow.version_id == version_id, *shown.conditions())
            ).one()
            return found

    def examples(
        self, version_id: int, *, offset: int = 0, limit: int | None = None, shown: Shown = EVERY_EXAMPLE
    ) -> Iterator[Example]:
        """Yield the examples of a version that are *shown*, in the order they were added, some at a time."""
        end = None if limit is None else offset + limit
        while end is None or offset < end:
            wanted = _AT_ONCE if end is None else min(_AT_ONCE, end - offset)
            with self._sessions.session() as session:
                bodies = session.exec(
                    select(ExampleRow.body)
                    .join(VersionExampleRow, col(VersionExampleRow.example_row_id) == col(ExampleRow.id))
                    .where(VersionExampleRow.version_id == version_id, *shown.conditions())
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
                refuse_taken(session, row.project_id, name)
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
            session.exec(delete(DatasetTagRow).where(col(DatasetTagRow.dataset_id) == dataset_id))
            session.exec(delete(VersionExampleRow).where(col(VersionExampleRow.version_id).in_(versions)))
            session.exec(delete(DatasetVersionRow).where(col(DatasetVersionRow.dataset_id) == dataset_id))
            session.exec(delete(ExampleRow).where(col(ExampleRow.dataset_id) == dataset_id))
            session.delete(row)
            return True


def _newest_held(session: Session, dataset_id: int) -> tuple[Version | None, dict[str, Member]]:
    last = newest(session, dataset_id)
    return last, {} if last is None else members(session, last.id)


def _bodies(session: Session, held: Members, only: Container[str] | None = None) -> Iterator[Example]:
    """Yield the examples of *held* whole, some at a time; *only* those whose id is in it."""
    rows = [m.row for name, m in held.items() if not m.forgotten and (only is None or name in only)]
    for at in range(0, len(rows), _AT_ONCE):
        some = session.exec(
            select(ExampleRow.body).where(col(ExampleRow.id).in_(rows[at : at + _AT_ONCE])).order_by(col(ExampleRow.id))
        )
        yield from (Example.from_json(body) for body in some)


def _with_split_of(example: Example, before: Example | None) -> Example:
    """Return *example* in the split that it was in before, unless it names one itself."""
    if example.split is not None or before is None or before.split is None:
        return example
    return replace(example, split=before.split)
