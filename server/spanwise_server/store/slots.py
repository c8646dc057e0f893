"""Who has which item in hand: taken by compare-and-set, so that no two people ever get the same label to give."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import and_, bindparam, case, delete, exists, func, insert, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from ..labelling.queue import Item, State, Target
from ..labelling.slot import Slot
from .sessions import Sessions, ask, number_of
from .small_tables import ItemRow, SlotRow

#: How many candidates are looked at for each item that is wanted, because others may take them meanwhile.
_SPARE: Final = 4

_OTHER: Final = aliased(SlotRow)
#: A person has another slot of the same item.
_HAS_ANOTHER: Final = exists().where(
    col(_OTHER.item_id) == col(SlotRow.item_id),
    col(_OTHER.id) != col(SlotRow.id),
    col(_OTHER.annotator_id) == bindparam("who"),
)
_IS_FREE: Final = and_(
    col(SlotRow.extra).is_(False),
    or_(col(SlotRow.assigned_to) == "", col(SlotRow.assigned_to) == bindparam("who")),
    or_(
        col(SlotRow.state) == "open",
        col(SlotRow.state) == "deferred",
        and_(
            col(SlotRow.state) == "held",
            or_(col(SlotRow.annotator_id) == bindparam("who"), col(SlotRow.expires_ns) < bindparam("now")),
        ),
    ),
)
_OPEN_OR_HELD: Final = or_(col(SlotRow.state) == "open", col(SlotRow.state) == "held")
#: The items that want a person's label with their free slots, forward from a position, then from the start.
_NEXT: Final[Any] = (
    select(
        ItemRow,
        col(SlotRow.id).label("slot_id"),
        col(SlotRow.state).label("slot_state"),
        col(SlotRow.annotator_id),
        col(SlotRow.expires_ns),
    )
    .join(SlotRow, col(SlotRow.item_id) == col(ItemRow.id))
    .where(
        col(SlotRow.queue_id) == bindparam("queue"),
        _OPEN_OR_HELD,
        _IS_FREE,
        ~_HAS_ANOTHER,
        col(ItemRow.position) != bindparam("after"),
    )
    .order_by(
        case((col(ItemRow.position) > bindparam("after"), 0), else_=1), col(ItemRow.position), col(SlotRow.number)
    )
)
_FEW_NEXT: Final = _NEXT.limit(bindparam("most"))
_TAKE: Final = (
    update(SlotRow)
    .where(col(SlotRow.id) == bindparam("slot"), _IS_FREE, ~_HAS_ANOTHER)
    .values(state="held", annotator_id=bindparam("who"), expires_ns=bindparam("until"))
)
_FREE: Final = (
    select(col(SlotRow.id), col(SlotRow.state))
    .where(col(SlotRow.item_id) == bindparam("item"), _IS_FREE)
    .order_by(case((col(SlotRow.state) == "deferred", 1), else_=0), col(SlotRow.number))
)
_OWN: Final = select(SlotRow).where(
    col(SlotRow.item_id) == bindparam("item"), col(SlotRow.annotator_id) == bindparam("who")
)
_OF_ITEMS: Final = (
    select(SlotRow).where(col(SlotRow.item_id).in_(bindparam("items", expanding=True))).order_by(col(SlotRow.number))
)
_HELD_AMONG: Final = (
    col(SlotRow.queue_id) == bindparam("queue"),
    col(SlotRow.annotator_id) == bindparam("who"),
    col(SlotRow.state) == "held",
    col(SlotRow.item_id).in_(bindparam("items", expanding=True)),
)
_RENEW: Final = update(SlotRow).where(*_HELD_AMONG).values(expires_ns=bindparam("until"))
_RELEASE: Final = update(SlotRow).where(*_HELD_AMONG).values(state="open", annotator_id=None, expires_ns=None)
_DONE_BY: Final = (
    select(col(SlotRow.annotator_id), func.count().label("number"))
    .where(col(SlotRow.queue_id) == bindparam("queue"), col(SlotRow.state) == "done")
    .group_by(col(SlotRow.annotator_id))
)
_WANTED: Final = select(
    func.count().label("total"),
    func.coalesce(func.sum(case((col(SlotRow.state) == "done", 1), else_=0)), 0).label("done"),
).where(col(SlotRow.queue_id) == bindparam("queue"), col(SlotRow.extra).is_(False))
_LAST: Final = select(func.max(SlotRow.number)).where(col(SlotRow.item_id) == bindparam("item"))
_ADD: Final = insert(SlotRow)
_CHANGE: Final = update(SlotRow).where(col(SlotRow.id) == bindparam("slot"))
_REMOVE: Final = delete(SlotRow).where(col(SlotRow.id) == bindparam("slot"))
_REMOVE_ALL: Final = delete(SlotRow).where(col(SlotRow.item_id).in_(bindparam("items", expanding=True)))
_CHANGE_ITEM: Final = update(ItemRow).where(col(ItemRow.id) == bindparam("item"))


class Slots:
    """The labels that items want, in one store."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def lease(self, queue_id: int, annotator: str, *, after: int = 0, limit: int = 1, hold_ns: int = 0) -> list[Item]:
        """Return the next items for a person, which are theirs until the hold ends: forward first, then from the start.

        What they hold already comes again, in its place.
        """
        now = time.time_ns()
        with self._sessions.session() as session:
            asked = ask(session, _FEW_NEXT, queue=queue_id, who=annotator, now=now, after=after, most=limit * _SPARE)
            found = _one_each(asked.all())
        long_enough = now + hold_ns // 2
        if all(_is_held(row, annotator, long_enough) for row in found[:limit]):
            return [item_from(row) for row in found[:limit]]
        leased: list[Item] = []
        with self._sessions.transaction() as session:
            for row in found:
                held = _is_held(row, annotator, long_enough)
                if held or take(session, row.slot_id, annotator, now, now + hold_ns):
                    leased.append(item_from(row))
                if len(leased) == limit:
                    return leased
        # Others were faster for all that was looked at: look again, unless there was no more to look at.
        if leased or not found:
            return leased
        return self.lease(queue_id, annotator, after=after, limit=limit, hold_ns=hold_ns)

    def lease_item(self, item_id: int, annotator: str, hold_ns: int) -> bool:
        """Take one item in hand; return whether it wants this person's label, or has it already."""
        now = time.time_ns()
        with self._sessions.transaction() as session:
            mine = own_slot(session, item_id, annotator)
            if mine is not None:
                return mine.state != "held" or take(session, mine.id, annotator, now, now + hold_ns)
            return any(
                take(session, number, annotator, now, now + hold_ns) for number in _free(session, item_id, annotator)
            )

    def renew(self, queue_id: int, annotator: str, item_ids: Sequence[int], hold_ns: int) -> int:
        """Let what a person holds be theirs for longer; return how many still were."""
        until = time.time_ns() + hold_ns
        with self._sessions.transaction() as session:
            return ask(session, _RENEW, queue=queue_id, who=annotator, items=item_ids, until=until).rowcount

    def release(self, queue_id: int, annotator: str, item_ids: Sequence[int]) -> None:
        """Give items back that a person holds and will not label now."""
        with self._sessions.transaction() as session:
            ask(session, _RELEASE, queue=queue_id, who=annotator, items=item_ids)

    def of_items(self, item_ids: Iterable[int]) -> dict[int, list[Slot]]:
        """Return the slots of items, by item, in order."""
        found: dict[int, list[Slot]] = {}
        with self._sessions.session() as session:
            for slot in slots_of(session, item_ids):
                found.setdefault(slot.item_id, []).append(slot)
        return found

    def done_by(self, queue_id: int) -> dict[str, int]:
        """Return how many items of a queue each person labelled."""
        with self._sessions.session() as session:
            return {row.annotator_id or "": row.number for row in ask(session, _DONE_BY, queue=queue_id)}

    def open_for(self, queue_id: int, annotator: str) -> int:
        """Return how many items still want this person's label."""
        with self._sessions.session() as session:
            rows = ask(session, _NEXT, queue=queue_id, who=annotator, now=time.time_ns(), after=0)
            return len({row.id for row in rows})

    def wanted(self, queue_id: int) -> tuple[int, int]:
        """Return how many labels a queue wants, and how many of them it has."""
        with self._sessions.session() as session:
            row = ask(session, _WANTED, queue=queue_id).one()
            return int(row.total), int(row.done)


def take(session: Session, slot_id: int, annotator: str, now: int, expires_ns: int) -> bool:
    """Take a slot in hand if it still is free; return whether it was."""
    return ask(session, _TAKE, slot=slot_id, who=annotator, now=now, until=expires_ns).rowcount == 1


def slots_of(session: Session, item_ids: Iterable[int]) -> list[Slot]:
    """Return the slots of items, by their number."""
    return [slot_from(row) for row in ask(session, _OF_ITEMS, items=list(item_ids)).all()]


def own_slot(session: Session, item_id: int, annotator: str) -> Slot | None:
    """Return the slot of an item that a person has, in whatever state."""
    found = ask(session, _OWN, item=item_id, who=annotator).first()
    return None if found is None else slot_from(found)


def slot_to_fill(session: Session, item: Item, annotator: str) -> Slot:
    """Return the slot that a person's label goes to: their own, else a free one, else one beyond what was wanted."""
    now = time.time_ns()
    mine = own_slot(session, item.id, annotator)
    if mine is None:
        for slot_id in _free(session, item.id, annotator, deferred=True):
            if take(session, slot_id, annotator, now, now):
                break
        mine = own_slot(session, item.id, annotator)
    return mine or add_slot(session, item, extra=True, annotator=annotator)


def add_slot(session: Session, item: Item, *, extra: bool = False, annotator: str | None = None) -> Slot:
    """Add a slot to an item, for anyone to take unless it is somebody's."""
    last: int | None = ask(session, _LAST, item=item.id).scalar_one()
    number = 0 if last is None else last + 1
    slot = Slot(item.id, number, "open", annotator, extra=extra)
    done = ask(
        session, _ADD, queue_id=item.queue_id, item_id=item.id, number=slot.number, extra=extra, state=slot.state,
        annotator_id=annotator, assigned_to=slot.assigned_to,
    )  # fmt: skip
    return replace(slot, id=number_of(done))


def change_slot(session: Session, slot: Slot) -> Slot:
    """Keep a slot as it now is, and return it."""
    ask(
        session, _CHANGE, slot=slot.id, state=slot.state, annotator_id=slot.annotator, expires_ns=slot.expires_ns,
        done_ns=slot.done_ns, annotation_id=slot.annotation_id, event_id=slot.event_id,
    )  # fmt: skip
    return slot


def drop_slot(session: Session, slot_id: int) -> None:
    """Take one slot away."""
    ask(session, _REMOVE, slot=slot_id)


def settle_item(session: Session, item: Item, changed: Slot | None) -> Item:
    """Let the state of an item follow from its slots, one of which is about to be *changed*, and return it."""
    slots = [changed if changed and slot.id == changed.id else slot for slot in slots_of(session, [item.id])]
    planned = [slot for slot in slots if not slot.extra]
    labels = sorted((slot for slot in slots if slot.state == "done"), key=lambda slot: slot.done_ns or 0)
    states = {slot.state for slot in planned}
    state: State = "done" if states == {"done"} else "todo"
    if states <= {"done", "deferred"} and "deferred" in states:
        state = "deferred"
    last = labels[-1] if labels else None
    annotation_id = None if last is None else last.annotation_id
    done_ns = last.done_ns if last is not None and state == "done" else None
    settled = replace(item, state=state, annotation_id=annotation_id, done_ns=done_ns)
    if settled != item:
        ask(session, _CHANGE_ITEM, item=item.id, state=state, annotation_id=annotation_id, done_ns=done_ns)
    return settled


def drop_slots(session: Session, item_ids: Iterable[int]) -> None:
    """Take the slots of items away, before the items go."""
    ask(session, _REMOVE_ALL, items=list(item_ids))


def slot_from(row: Any) -> Slot:
    """Return the slot that *row* keeps."""
    return Slot(
        item_id=row.item_id, number=row.number, state=row.state, annotator=row.annotator_id,
        assigned_to=row.assigned_to, extra=row.extra, expires_ns=row.expires_ns, done_ns=row.done_ns,
        annotation_id=row.annotation_id, id=row.id, event_id=row.event_id,
    )  # fmt: skip


def item_from(row: Any) -> Item:
    """Return the item that *row* keeps."""
    other = Target(row.other_trace_id, row.other_span_id) if row.other_trace_id else None
    return Item(
        id=row.id, queue_id=row.queue_id, position=row.position,
        target=Target(row.trace_id, row.span_id, row.session_id), state=row.state,
        annotation_id=row.annotation_id, done_ns=row.done_ns, reason=row.reason, p_incl=row.p_incl, other=other,
    )  # fmt: skip


def _free(session: Session, item_id: int, annotator: str, *, deferred: bool = False) -> list[int]:
    """Return the free slots of one item; what somebody put off is free only where *deferred* says so, and last."""
    rows = ask(session, _FREE, item=item_id, who=annotator, now=time.time_ns())
    return [row.id for row in rows if deferred or row.state != "deferred"]


def _is_held(row: Any, annotator: str, until_ns: int) -> bool:
    return row.slot_state == "held" and row.annotator_id == annotator and (row.expires_ns or 0) >= until_ns


def _one_each(rows: Iterable[Any]) -> list[Any]:
    """Return the first row of each item."""
    first: dict[int, Any] = {}
    for row in rows:
        first.setdefault(row.id, row)
    return list(first.values())
