"""Rows of datasets as values: versions and what they hold, frozen and read back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func, or_
from sqlmodel import Session, col, select

from ..datasets.example import Example
from ..datasets.version import Change, Dataset, Version, change, manifest_hash
from ..errors import Conflict
from .dataset_tables import DatasetRow, DatasetVersionRow, ExampleRow, VersionExampleRow
from .sessions import known


@dataclass(frozen=True, slots=True)
class Member:
    """One example of a version: its content hash and the number of its row."""

    content: str
    row: int
    forgotten: bool = False


#: Example id -> which row holds it, in order.
Members = Mapping[str, Member]


def manifest(members: Members) -> dict[str, str]:
    """Return the content hash of each example."""
    return {example: member.content for example, member in members.items()}


def members(session: Session, version_id: int) -> dict[str, Member]:
    """Return what a version holds, in order."""
    rows = session.exec(
        select(ExampleRow.example_id, ExampleRow.content_hash, ExampleRow.id, ExampleRow.forgotten_ns)
        .join(VersionExampleRow, col(VersionExampleRow.example_row_id) == col(ExampleRow.id))
        .where(VersionExampleRow.version_id == version_id)
        .order_by(col(VersionExampleRow.position))
    )
    return {example: Member(content, known(row), forgotten is not None) for example, content, row, forgotten in rows}


def freeze(
    session: Session, dataset_id: int, before: Version | None, held: Members, kept: Members, *, note: str, by: str
) -> Version | None:
    """Keep a version with *kept* in place of *held*; ``None`` where that is the same."""
    was, now = manifest(held), manifest(kept)
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
        VersionExampleRow(version_id=version_id, example_row_id=member.row, position=position)
        for position, member in enumerate(kept.values(), 1)
    )
    session.flush()
    return version_of(row)


def put(session: Session, dataset_id: int, example: Example) -> Member:
    """Return the row that keeps this very example, which is made where there is none."""
    content = example.content_hash
    found = session.exec(
        select(ExampleRow).where(
            ExampleRow.dataset_id == dataset_id,
            ExampleRow.example_id == example.id,
            ExampleRow.content_hash == content,
            col(ExampleRow.forgotten_ns).is_(None),
        )
    ).first()
    if found is not None:
        return Member(content, known(found.id))
    row = ExampleRow(
        dataset_id=dataset_id,
        example_id=example.id,
        content_hash=content,
        body=example.as_json(),
        trace_id=(example.source or {}).get("trace_id"),
        split=example.split,
        created_ns=time.time_ns(),
    )
    session.add(row)
    session.flush()
    return Member(content, known(row.id))


def newest(session: Session, dataset_id: int) -> Version | None:
    """Return the newest version of a dataset, ``None`` where it has none."""
    row = session.exec(
        select(DatasetVersionRow)
        .where(DatasetVersionRow.dataset_id == dataset_id)
        .order_by(col(DatasetVersionRow.number).desc())
    ).first()
    return None if row is None else version_of(row)


def refuse_taken(session: Session, number: int, name: str) -> None:
    """Refuse a name that another dataset of the project has."""
    taken = session.exec(
        select(func.count()).where(col(DatasetRow.project_id) == number, col(DatasetRow.name) == name)
    ).one()
    if taken:
        raise Conflict(f"There is a dataset {name!r} already.", "Add to that one, or choose another name.")


def version_of(row: DatasetVersionRow, *, forgotten: int = 0) -> Version:
    """Return a version as a value."""
    return Version(
        id=known(row.id),
        number=row.number,
        content_hash=row.content_hash,
        examples=row.examples,
        change=Change(row.added, row.changed, row.removed),
        note=row.note,
        created_by=row.created_by,
        created_ns=row.created_ns,
        forgotten=forgotten,
    )


def dataset_of(row: DatasetRow, project: str, last: Version | None) -> Dataset:
    """Return a dataset as a value."""
    fields: dict[str, Any] = {"id": known(row.id), "name": row.name, "description": row.description}
    return Dataset(**fields, project=project, created_ns=row.created_ns, newest=last, splits=row.splits)


def forgotten_of(session: Session, version_ids: Iterable[int]) -> dict[int, int]:
    """Return how many examples of each version were forgotten, for those that lost any."""
    counted = session.exec(
        select(VersionExampleRow.version_id, func.count())
        .join(ExampleRow, col(ExampleRow.id) == col(VersionExampleRow.example_row_id))
        .where(col(VersionExampleRow.version_id).in_(list(version_ids)), col(ExampleRow.forgotten_ns).is_not(None))
        .group_by(col(VersionExampleRow.version_id))
    )
    return dict(counted.all())


@dataclass(frozen=True, slots=True)
class Shown:
    """Which examples of a version are shown: those with these words somewhere in them, and of this split."""

    words: str = ""
    split: str = ""

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what has to hold of a row of examples."""
        found: list[ColumnElement[bool]] = [col(ExampleRow.forgotten_ns).is_(None)]
        if self.split:
            found.append(col(ExampleRow.split) == self.split)
        text = cast(col(ExampleRow.body), Text)
        for word in self.words.split():
            # Kept JSON has letters beyond ASCII escaped, so their cases have to be asked for one by one.
            forms = {json.dumps(form)[1:-1] for form in (word, word.lower(), word.upper(), word.capitalize())}
            found.append(or_(*(text.icontains(form, autoescape=True) for form in sorted(forms))))
        return found
