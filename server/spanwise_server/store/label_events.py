"""Label events: every act of labelling, kept for ever; the annotations that stand follow from them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from sqlalchemy import bindparam, insert
from sqlmodel import Session, col, select

from ..errors import Conflict, Forbidden, NotFound
from ..labelling.queue import Item
from ..labelling.slot import LEAST_HOLD_NS, Slot, SlotState
from ..record import Annotation, Annotator
from .annotations import driver_of, drop_annotation, put_annotation, put_over
from .projects import project_id_of
from .sessions import Sessions, ask, number_of
from .slots import add_slot, change_slot, drop_slot, item_from, own_slot, settle_item, slot_from, slot_to_fill
from .small_tables import AnnotationRow, ItemRow, LabelEventRow, SlotRow

Snapshot = dict[str, Any]
#: Acts that change what stands, and so can be taken back.
CHANGES: Final = ("set", "defer", "remove", "settle", "flag")

#: The acts that changed something and were not taken back.
STANDING: Final = select(LabelEventRow).where(
    col(LabelEventRow.action).in_(CHANGES),
    col(LabelEventRow.id).not_in(select(LabelEventRow.undoes).where(col(LabelEventRow.undoes).is_not(None))),
)
_LATEST: Final = (
    STANDING.where(
        col(LabelEventRow.queue_id) == bindparam("queue"), col(LabelEventRow.annotator_id) == bindparam("who")
    )
    .order_by(col(LabelEventRow.id).desc())
    .limit(1)
)
_SINCE: Final = STANDING.where(
    col(LabelEventRow.annotation_id) == bindparam("annotation"), col(LabelEventRow.id) >= bindparam("event")
)
_WITH_KEY: Final = select(LabelEventRow).where(col(LabelEventRow.key) == bindparam("key"))
_EVENT: Final = select(LabelEventRow).where(col(LabelEventRow.id) == bindparam("event"))
_PUT: Final = insert(LabelEventRow)
_ITEM: Final = select(ItemRow).where(col(ItemRow.id) == bindparam("item"))
_SLOT: Final = select(SlotRow).where(col(SlotRow.id) == bindparam("slot"))
_SLOT_WITH: Final = select(SlotRow).where(col(SlotRow.annotation_id) == bindparam("annotation"))
_JUDGED: Final = select(AnnotationRow).where(col(AnnotationRow.id).in_(bindparam("annotations", expanding=True)))


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


_SAID: Final = tuple(field.name for field in fields(LabelEvent) if field.name != "id")


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
            now = None if item is None else _item(session, item.id)
            slot = None if now is None else slot_to_fill(session, now, act.annotator.id)
            stale = _left_out(session, slot, annotations)
            before = _snapshot(session, [*(a.id for a in annotations), *stale], now, slot)
            _put(session, annotations, before)
            for annotation_id in stale:
                drop_annotation(session, act.project, annotation_id)
            if slot is not None:
                slot = replace(
                    slot, state="done", expires_ns=None, done_ns=time.time_ns(), annotation_id=annotations[0].id
                )
                how = replace(how, late=slot.extra)
            return _keep(session, act, "set", annotations[0].id, before, now, slot=slot, how=how)

    def defer(self, act: Act, item: Item) -> LabelEvent:
        """Put an item off until the others are done."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            now = _item(session, item.id)
            slot = slot_to_fill(session, now, act.annotator.id)
            before = _snapshot(session, [slot.annotation_id or ""], now, slot)
            slot = replace(slot, state="deferred", expires_ns=None, done_ns=None)
            return _keep(session, act, "defer", slot.annotation_id or "", before, now, slot=slot)

    def settle(self, act: Act, annotations: Sequence[Annotation], item: Item, how: Circumstances) -> LabelEvent:
        """Let *annotations* settle what people disagreed on; their own labels stay as they are."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            now = _item(session, item.id)
            before = _snapshot(session, [a.id for a in annotations], now, None)
            _put(session, annotations, before)
            return _keep(session, act, "settle", annotations[0].id, before, now, how=how)

    def flag(self, act: Act, item: Item) -> LabelEvent:
        """Ask for one more person's label of an item."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            now = _item(session, item.id)
            before = _snapshot(session, [], now, None)
            before["added_slot"] = add_slot(session, now).id
            return _keep(session, act, "flag", "", before, now)

    def note_reveal(self, act: Act, item: Item) -> LabelEvent:
        """Note that this person has seen what others said of an item."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            now = _item(session, item.id)
            return _keep(session, act, "reveal", "", _snapshot(session, [], now, None), now)

    def remove(self, act: Act, annotation_id: str) -> LabelEvent:
        """Take a judgement away; the event can be undone."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            stands = ask(session, _JUDGED, annotations=[annotation_id]).first()
            if stands is None or stands.project_id != project_id_of(driver_of(session), act.project):
                raise NotFound("There is no such label.", "It may have been removed already; reload the page.")
            found = ask(session, _SLOT_WITH, annotation=annotation_id).first()
            slot = None if found is None else slot_from(found)
            item = None if slot is None else _item(session, slot.item_id)
            before = _snapshot(session, [annotation_id], item, slot)
            drop_annotation(session, act.project, annotation_id)
            if slot is not None:
                slot = _free(session, slot)
            return _keep(session, act, "remove", annotation_id, before, item, slot=slot)

    def undo_in_queue(self, act: Act, queue_id: int) -> LabelEvent | None:
        """Take back this annotator's latest act in a queue that still stands; ``None`` where there is none."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            latest = ask(session, _LATEST, queue=queue_id, who=act.annotator.id).first()
            return None if latest is None else _take_back(session, act, latest)

    def undo(self, act: Act, event_id: int, *, own: bool = False) -> LabelEvent:
        """Take back one act; one that a later act builds on is refused, and with *own* one of somebody else."""
        with self._sessions.transaction() as session:
            if (repeated := _with_key(session, act)) is not None:
                return repeated
            event = ask(session, _EVENT, event=event_id).first()
            project_id = project_id_of(driver_of(session), act.project)
            if event is None or event.project_id != project_id or event.action == "undo":
                raise NotFound("There is nothing to undo.", "Reload the page to see what stands.")
            if own and event.annotator_id != act.annotator.id:
                raise Forbidden("This was done by somebody else.", "Ask them, or an editor, to take it back.")
            since = ask(session, _SINCE, annotation=event.annotation_id, event=event_id)
            if {row.id for row in since} != {event_id}:
                raise Conflict(
                    "This was changed again since, or undone already.", "Reload the page to see what stands."
                )
            return _take_back(session, act, event)


def event_from(row: Any) -> LabelEvent:
    """Return the event that *row* keeps."""
    return LabelEvent(
        id=row.id, action=row.action, annotation_id=row.annotation_id, queue_id=row.queue_id,
        item_id=row.item_id, annotator_id=row.annotator_id, at_ns=row.at_ns, undoes=row.undoes,
        rubric_version_id=row.rubric_version_id, answers=row.answers, blind=row.blind, assisted=row.assisted,
        revealed=row.revealed, late=row.late, note=row.note, ms_on_item=row.ms_on_item, client_ns=row.client_ns,
    )  # fmt: skip


def _take_back(session: Session, act: Act, event: Any) -> LabelEvent:
    """Put annotations, slot and item back as they were before *event*."""
    found = None if event.item_id is None else ask(session, _ITEM, item=event.item_id).first()
    item = None if found is None else item_from(found)
    was: Snapshot = event.before or {}
    stood = _annotations_of(was, event.annotation_id)
    slot = None if item is None else own_slot(session, item.id, event.annotator_id)
    now = _snapshot(session, stood, item, slot)
    for annotation_id, said in stood.items():
        if said is not None:
            put_annotation(session, _from_snapshot(act.project, said))
        else:
            drop_annotation(session, act.project, annotation_id)
    if "added_slot" in was:
        _drop_if_open(session, was["added_slot"])
    elif event.action != "settle":
        _put_slot_back(session, event, was, slot, item)
    return _keep(session, act, "undo", event.annotation_id, now, item, undoes=event.id)


def _put_slot_back(session: Session, event: Any, was: Snapshot, slot: Slot | None, item: Item | None) -> None:
    """Put the annotator's slot back; what was open or in hand is in hand, because it is about to be labelled again."""
    state, annotation_id, done_ns, event_id = _slot_of(was)
    if slot is None:
        if item is None or state not in {"done", "deferred"}:
            return
        slot = slot_to_fill(session, item, event.annotator_id)
    if state in {"done", "deferred"}:
        stood = replace(slot, state=state, annotation_id=annotation_id, done_ns=done_ns, expires_ns=None)
        change_slot(session, replace(stood, event_id=event_id))
    elif (freed := _free(session, slot)) is not None:
        until = time.time_ns() + LEAST_HOLD_NS
        change_slot(session, replace(freed, state="held", annotator=event.annotator_id, expires_ns=until))


def _slot_of(was: Snapshot) -> tuple[SlotState, str | None, int | None, int | None]:
    """Return state, annotation, time and event of the slot before an act; before there were slots it was the item."""
    state, annotation_id, done_ns, *event_id = was.get("slot") or was.get("item") or ["open", None, None]
    return state, annotation_id, done_ns, event_id[0] if event_id else None


def _annotations_of(was: Snapshot, annotation_id: str) -> dict[str, Snapshot | None]:
    """Return what stood before an act, by annotation; acts from before there were rubrics knew of one."""
    if "annotations" in was:
        return dict(was["annotations"])
    return {annotation_id: was.get("annotation")} if annotation_id else {}


def _free(session: Session, slot: Slot) -> Slot | None:
    """Let anyone have a slot, and return it; one beyond what was wanted goes."""
    if slot.extra:
        drop_slot(session, slot.id)
        return None
    return change_slot(
        session,
        replace(slot, state="open", annotator=None, annotation_id=None, expires_ns=None, done_ns=None, event_id=None),
    )


def _drop_if_open(session: Session, slot_id: int) -> None:
    slot = ask(session, _SLOT, slot=slot_id).first()
    if slot is not None and slot.state == "open":
        drop_slot(session, slot_id)


def _left_out(session: Session, slot: Slot | None, annotations: Sequence[Annotation]) -> list[str]:
    """Return the annotations that the slot's last label came to and this one does not."""
    event = None if slot is None or slot.event_id is None else ask(session, _EVENT, event=slot.event_id).first()
    kept = {a.id for a in annotations}
    stood = ((event.after or {}).get("annotations") or {}) if event is not None and event.action == "set" else {}
    return [annotation_id for annotation_id, said in stood.items() if said is not None and annotation_id not in kept]


def _put(session: Session, annotations: Sequence[Annotation], before: Snapshot) -> None:
    """Keep judgements; one that replaces another is as old as that one."""
    for new in annotations:
        stood = before["annotations"][new.id]
        if stood is None:
            put_over(session, new, None)
        else:
            put_over(session, replace(new, created_ns=stood["created_ns"]), stood["trace_id"])


def _as_snapshot(row: Any) -> Snapshot:
    said = dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's way
    said["metadata"] = said.pop("meta")
    del said["project_id"]
    return said


def _from_snapshot(project: str, was: Snapshot) -> Annotation:
    said = dict(was)
    annotator = Annotator(said.pop("annotator_kind"), said.pop("annotator_id"))
    return Annotation(**said, project=project, annotator=annotator)


def _with_key(session: Session, act: Act) -> LabelEvent | None:
    found = ask(session, _WITH_KEY, key=act.key).first()
    return None if found is None else event_from(found)


def _item(session: Session, item_id: int) -> Item:
    found = ask(session, _ITEM, item=item_id).first()
    if found is None:
        raise NotFound("This item is gone: its queue was deleted.", "Choose another queue.")
    return item_from(found)


def _snapshot(session: Session, annotation_ids: Iterable[str], item: Item | None, slot: Slot | None) -> Snapshot:
    """Return what stands now: the annotations by id, the state of the slot, the state of the item."""
    wanted = [one for one in annotation_ids if one]
    stands = {row.id: _as_snapshot(row) for row in ask(session, _JUDGED, annotations=wanted)} if wanted else {}
    kept: Snapshot = {
        "annotations": {one: stands.get(one) for one in wanted},
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
    item: Item | None,
    *,
    slot: Slot | None = None,
    how: Circumstances = Circumstances(),
    undoes: int | None = None,
) -> LabelEvent:
    """Keep an act with what stands after it; *slot* is as it left one, which is written here, with the act."""
    kept = slot if slot is not None and slot.state in {"done", "deferred"} else None
    if item is not None:
        item = settle_item(session, item, kept)
    event = LabelEvent(
        id=0, action=action, annotation_id=annotation_id, queue_id=None if item is None else item.queue_id,
        item_id=None if item is None else item.id, annotator_id=act.annotator.id, at_ns=time.time_ns(), undoes=undoes,
        rubric_version_id=how.rubric_version_id, answers=None if how.answers is None else dict(how.answers),
        blind=how.blind, assisted=how.assisted, revealed=how.revealed, late=how.late, note=how.note,
        ms_on_item=act.ms_on_item, client_ns=act.client_ns,
    )  # fmt: skip
    said = {name: getattr(event, name) for name in _SAID}
    after = _snapshot(session, before["annotations"], item, kept)
    project_id = project_id_of(driver_of(session), act.project)
    done = ask(session, _PUT, **said, project_id=project_id, key=act.key, before=before, after=after)
    event = replace(event, id=number_of(done))
    if kept is not None:
        change_slot(session, replace(kept, event_id=event.id))
    return event
