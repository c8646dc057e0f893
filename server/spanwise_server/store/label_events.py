"""Label events: every act of labelling, kept for ever; the annotations that stand follow from them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlmodel import Session, col, select

from ..errors import Conflict, Forbidden, NotFound
from ..labelling.queue import Item
from ..labelling.slot import LEAST_HOLD_NS
from ..record import Annotation, Annotator
from .annotations import drop_annotation, put_annotation
from .sessions import Sessions, known, project_id_made
from .slots import add_slot, own_slot, settle_item, slot_to_fill
from .small_tables import AnnotationRow, ItemRow, LabelEventRow, SlotRow

Snapshot = dict[str, Any]
#: Acts that change what stands, and so can be taken back.
CHANGES: Final = ("set", "defer", "remove", "settle", "flag")


@dataclass(frozen=True, slots=True)
class LabelEvent:
    """One act of labelling as it is kept."""

    id: int
    action: str
    """``set``, ``defer``, ``remove``, ``settle``, ``flag``, ``reveal`` or ``undo``."""
    annotation_id: str
    queue_id: int | None
    item_id: int | None
    annotator_id: str
    at_ns: int
    undoes: int | None = None
    rubric_version_id: int | None = None
    answers: Mapping[str, Any] | None = None
    """As :func:`spanwise_server.labelling.answers.answers_json` writes them."""
    blind: bool | None = None
    assisted: bool | None = None
    revealed: bool | None = None
    late: bool | None = None
    note: str | None = None
    ms_on_item: int | None = None
    client_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """What every act of labelling says: whose, in which project, and the key that makes its repeat the same act."""

    project: str
    key: str
    annotator: Annotator
    ms_on_item: int | None = None
    client_ns: int | None = None
    """When it was decided, by the clock of whoever did."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What was asked and answered, and what the annotator knew."""

    rubric_version_id: int | None = None
    answers: Mapping[str, Any] | None = None
    blind: bool | None = None
    assisted: bool | None = None
    revealed: bool | None = None
    late: bool | None = None
    note: str | None = None


class LabelEvents:
    """The label events of one store. Each act is one transaction: event, annotations, slot and item together."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def judge(
        self,
        act: Act,
        annotations: Sequence[Annotation],
        item: Item | None = None,
        how: Circumstances = Circumstances(),
    ) -> LabelEvent:
        """Let *annotations* stand, the leading one first; those that stood before are superseded, never lost.

        The label fills the annotator's slot of the item. Where that has gone to somebody else it is kept all the same.
        """
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            row = None if item is None else _item(session, item.id)
            slot = None if row is None else slot_to_fill(session, known(row.id), row.queue_id, act.annotator.id)
            stale = _left_out(session, slot, annotations)
            before = _snapshot(session, [*(a.id for a in annotations), *stale], row, slot)
            for annotation in annotations:
                _put(session, annotation)
            for annotation_id in stale:
                drop_annotation(session, act.project, annotation_id)
            if row is not None and slot is not None:
                slot.state, slot.expires_ns, slot.done_ns = "done", None, time.time_ns()
                slot.annotation_id = annotations[0].id
                session.add(slot)
                how = replace(how, late=slot.extra)
            return _keep(session, act, "set", annotations[0].id, before, row, slot=slot, how=how)

    def defer(self, act: Act, item: Item) -> LabelEvent:
        """Put an item off until the others are done."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            row = _item(session, item.id)
            slot = slot_to_fill(session, known(row.id), row.queue_id, act.annotator.id)
            before = _snapshot(session, [slot.annotation_id or ""], row, slot)
            slot.state, slot.expires_ns, slot.done_ns = "deferred", None, None
            session.add(slot)
            return _keep(session, act, "defer", slot.annotation_id or "", before, row, slot=slot)

    def settle(self, act: Act, annotations: Sequence[Annotation], item: Item, how: Circumstances) -> LabelEvent:
        """Let *annotations* settle what people disagreed on; their own labels stay as they are."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            row = _item(session, item.id)
            before = _snapshot(session, [a.id for a in annotations], row, None)
            for annotation in annotations:
                _put(session, annotation)
            return _keep(session, act, "settle", annotations[0].id, before, row, how=how)

    def flag(self, act: Act, item: Item) -> LabelEvent:
        """Ask for one more person's label of an item."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            row = _item(session, item.id)
            before = _snapshot(session, [], row, None)
            slot = add_slot(session, known(row.id), row.queue_id)
            session.flush()
            before["added_slot"] = slot.id
            return _keep(session, act, "flag", "", before, row)

    def note_reveal(self, act: Act, item: Item) -> LabelEvent:
        """Note that this person has seen what others said of an item."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            row = _item(session, item.id)
            return _keep(session, act, "reveal", "", _snapshot(session, [], row, None), row)

    def remove(self, act: Act, annotation_id: str) -> LabelEvent:
        """Take a judgement away; the event can be undone."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            stands = session.get(AnnotationRow, annotation_id)
            if stands is None or stands.project_id != project_id_made(session, act.project):
                raise NotFound("There is no such label.", "It may have been removed already; reload the page.")
            slot = session.exec(select(SlotRow).where(SlotRow.annotation_id == annotation_id)).first()
            row = None if slot is None else session.get(ItemRow, slot.item_id)
            before = _snapshot(session, [annotation_id], row, slot)
            drop_annotation(session, act.project, annotation_id)
            if slot is not None:
                _free(session, slot)
            return _keep(session, act, "remove", annotation_id, before, row, slot=slot)

    def undo_in_queue(self, act: Act, queue_id: int) -> LabelEvent | None:
        """Take back this annotator's latest act in a queue that still stands; ``None`` where there is none."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            acts = (
                standing()
                .where(LabelEventRow.queue_id == queue_id, LabelEventRow.annotator_id == act.annotator.id)
                .order_by(col(LabelEventRow.id).desc())
                .limit(1)
            )
            latest = session.exec(acts).first()
            return None if latest is None else _take_back(session, act, latest)

    def undo(self, act: Act, event_id: int, *, own: bool = False) -> LabelEvent:
        """Take back one act; one that a later act builds on is refused, and with *own* one of somebody else."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            event = session.get(LabelEventRow, event_id)
            if event is None or event.project_id != project_id_made(session, act.project) or event.action == "undo":
                raise NotFound("There is nothing to undo.", "Reload the page to see what stands.")
            if own and event.annotator_id != act.annotator.id:
                raise Forbidden("This was done by somebody else.", "Ask them, or an editor, to take it back.")
            later = standing().where(
                LabelEventRow.annotation_id == event.annotation_id, col(LabelEventRow.id) >= event_id
            )
            stands = {row.id for row in session.exec(later)}
            if stands != {event_id}:
                raise Conflict(
                    "This was changed again since, or undone already.", "Reload the page to see what stands."
                )
            return _take_back(session, act, event)


def standing() -> Any:
    """Return a query for the acts that changed something and were not taken back."""
    undone = select(LabelEventRow.undoes).where(col(LabelEventRow.undoes).is_not(None))
    return select(LabelEventRow).where(col(LabelEventRow.action).in_(CHANGES), col(LabelEventRow.id).not_in(undone))


def event_from(row: LabelEventRow) -> LabelEvent:
    """Return the event that *row* keeps."""
    return LabelEvent(
        id=known(row.id), action=row.action, annotation_id=row.annotation_id, queue_id=row.queue_id,
        item_id=row.item_id, annotator_id=row.annotator_id, at_ns=row.at_ns, undoes=row.undoes,
        rubric_version_id=row.rubric_version_id, answers=row.answers, blind=row.blind, assisted=row.assisted,
        revealed=row.revealed, late=row.late, note=row.note, ms_on_item=row.ms_on_item, client_ns=row.client_ns,
    )  # fmt: skip


def _take_back(session: Session, act: Act, event: LabelEventRow) -> LabelEvent:
    """Put annotations, slot and item back as they were before *event*."""
    row = None if event.item_id is None else session.get(ItemRow, event.item_id)
    was: Snapshot = event.before or {}
    stood = _annotations_of(was, event.annotation_id)
    slot = None if row is None else own_slot(session, known(row.id), event.annotator_id)
    now = _snapshot(session, stood, row, slot)
    for annotation_id, said in stood.items():
        if said is not None:
            put_annotation(session, _from_snapshot(act.project, said))
        else:
            drop_annotation(session, act.project, annotation_id)
    if "added_slot" in was:
        _drop_if_open(session, was["added_slot"])
    elif event.action != "settle":
        _put_slot_back(session, event, was, slot, row)
    return _keep(session, act, "undo", event.annotation_id, now, row, undoes=event)


def _put_slot_back(
    session: Session, event: LabelEventRow, was: Snapshot, slot: SlotRow | None, row: ItemRow | None
) -> None:
    """Put the annotator's slot back; what was open or in hand is in hand, because it is about to be labelled again."""
    state, annotation_id, done_ns, event_id = _slot_of(was)
    if slot is None:
        if row is None or state not in {"done", "deferred"}:
            return
        slot = slot_to_fill(session, known(row.id), row.queue_id, event.annotator_id)
    if state in {"done", "deferred"}:
        slot.state, slot.annotation_id, slot.done_ns, slot.expires_ns = state, annotation_id, done_ns, None
        slot.event_id = event_id
        session.add(slot)
    else:
        _free(session, slot)
        if not slot.extra:
            slot.state, slot.annotator_id = "held", event.annotator_id
            slot.expires_ns = time.time_ns() + LEAST_HOLD_NS


def _slot_of(was: Snapshot) -> tuple[str, str | None, int | None, int | None]:
    """Return state, annotation, time and event of the slot before an act; before there were slots it was the item."""
    state, annotation_id, done_ns, *event_id = was.get("slot") or was.get("item") or ["open", None, None]
    return state, annotation_id, done_ns, event_id[0] if event_id else None


def _annotations_of(was: Snapshot, annotation_id: str) -> dict[str, Snapshot | None]:
    """Return what stood before an act, by annotation; acts from before there were rubrics knew of one."""
    if "annotations" in was:
        return dict(was["annotations"])
    return {annotation_id: was.get("annotation")} if annotation_id else {}


def _free(session: Session, slot: SlotRow) -> None:
    if slot.extra:
        session.delete(slot)
        return
    slot.state, slot.annotator_id, slot.annotation_id = "open", None, None
    slot.expires_ns = slot.done_ns = slot.event_id = None
    session.add(slot)


def _drop_if_open(session: Session, slot_id: int) -> None:
    slot = session.get(SlotRow, slot_id)
    if slot is not None and slot.state == "open":
        session.delete(slot)


def _left_out(session: Session, slot: SlotRow | None, annotations: Sequence[Annotation]) -> list[str]:
    """Return the annotations that the slot's last label came to and this one does not."""
    event = None if slot is None or slot.event_id is None else session.get(LabelEventRow, slot.event_id)
    kept = {a.id for a in annotations}
    stood = ((event.after or {}).get("annotations") or {}) if event is not None and event.action == "set" else {}
    return [annotation_id for annotation_id, said in stood.items() if said is not None and annotation_id not in kept]


def _put(session: Session, new: Annotation) -> None:
    """Keep a judgement; one that replaces another is as old as that one."""
    stands = session.get(AnnotationRow, new.id)
    put_annotation(session, new if stands is None else replace(new, created_ns=stands.created_ns))


def _as_snapshot(row: AnnotationRow) -> Snapshot:
    said = row.model_dump(exclude={"project_id", "meta"})
    return {**said, "metadata": row.meta}


def _from_snapshot(project: str, was: Snapshot) -> Annotation:
    said = dict(was)
    annotator = Annotator(said.pop("annotator_kind"), said.pop("annotator_id"))
    return Annotation(**said, project=project, annotator=annotator)


def _with_key(session: Session, act: Act) -> LabelEvent | None:
    found = session.exec(select(LabelEventRow).where(LabelEventRow.key == act.key)).first()
    return None if found is None else event_from(found)


def _item(session: Session, item_id: int) -> ItemRow:
    row = session.get(ItemRow, item_id)
    if row is None:
        raise NotFound("This item is gone: its queue was deleted.", "Choose another queue.")
    return row


def _snapshot(session: Session, annotation_ids: Iterable[str], item: ItemRow | None, slot: SlotRow | None) -> Snapshot:
    """Return what stands now: the annotations by id, the state of the slot, the state of the item."""
    stands = {one: session.get(AnnotationRow, one) for one in annotation_ids if one}
    kept: Snapshot = {
        "annotations": {one: None if row is None else _as_snapshot(row) for one, row in stands.items()},
        "item": None if item is None else [item.state, item.annotation_id, item.done_ns],
    }
    if slot is not None:
        kept["slot"] = [slot.state, slot.annotation_id, slot.done_ns, slot.event_id]
    return kept


def _keep(
    session: Session,
    act: Act,
    action: str,
    annotation_id: str,
    before: Snapshot,
    item: ItemRow | None,
    *,
    slot: SlotRow | None = None,
    how: Circumstances = Circumstances(),
    undoes: LabelEventRow | None = None,
) -> LabelEvent:
    if item is not None:
        settle_item(session, item)
    session.flush()
    kept = slot if slot is not None and slot in session and slot.state in {"done", "deferred"} else None
    row = LabelEventRow(
        project_id=project_id_made(session, act.project),
        key=act.key,
        action=action,
        annotation_id=annotation_id,
        queue_id=None if item is None else item.queue_id,
        item_id=None if item is None else known(item.id),
        before=before,
        after=_snapshot(session, before["annotations"], item, kept),
        annotator_id=act.annotator.id,
        ms_on_item=act.ms_on_item,
        client_ns=act.client_ns,
        at_ns=time.time_ns(),
        undoes=None if undoes is None else undoes.id,
        rubric_version_id=how.rubric_version_id,
        answers=None if how.answers is None else dict(how.answers),
        blind=how.blind,
        assisted=how.assisted,
        revealed=how.revealed,
        late=how.late,
        note=how.note,
    )
    session.add(row)
    session.flush()
    if kept is not None:
        kept.event_id = row.id
        session.add(kept)
    return event_from(row)
