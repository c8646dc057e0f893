"""Who has which item in hand: taken by compare-and-set, so that no two people ever get the same label to give."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, Final, cast

from sqlalchemy import and_, case, delete, exists, func, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from ..labelling.queue import Item, State, Target
from ..labelling.slot import Slot
from .sessions import Sessions, known
from .small_tables import ItemRow, SlotRow

#: How many candidates are looked at for each item that is wanted, because others may take them meanwhile.
_SPARE: Final = 4


_OTHER: Final = aliased(SlotRow)
_SAME_ITEM: Final = col(_OTHER.item_id) == col(SlotRow.item_id), col(_OTHER.id) != col(SlotRow.id)


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
            asked = _next(queue_id, annotator, after, now, limit * _SPARE)
            found = _one_each(session.exec(asked).all())
        long_enough = now + hold_ns // 2
        if all(_is_held(slot, annotator, long_enough) for _, slot in found[:limit]):
            return [item_from(item) for item, _ in found[:limit]]
        leased: list[Item] = []
        with self._sessions.transaction() as session:
            for item, slot in found:
                held = _is_held(slot, annotator, long_enough)
                if held or take(session, known(slot.id), annotator, now, now + hold_ns):
                    leased.append(item_from(item))
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
                return mine.state != "held" or take(session, known(mine.id), annotator, now, now + hold_ns)
            return any(
                take(session, number, annotator, now, now + hold_ns) for number in _free(session, item_id, annotator)
            )

    def renew(self, queue_id: int, annotator: str, item_ids: Sequence[int], hold_ns: int) -> int:
        """Let what a person holds be theirs for longer; return how many still were."""
        with self._sessions.transaction() as session:
            done: Any = session.exec(
                update(SlotRow)
                .where(*_held_by(queue_id, annotator), col(SlotRow.item_id).in_(item_ids))
                .values(expires_ns=time.time_ns() + hold_ns)
            )
            return int(done.rowcount)

    def release(self, queue_id: int, annotator: str, item_ids: Sequence[int]) -> None:
        """Give items back that a person holds and will not label now."""
        with self._sessions.transaction() as session:
            session.exec(
                update(SlotRow)
                .where(*_held_by(queue_id, annotator), col(SlotRow.item_id).in_(item_ids))
                .values(state="open", annotator_id=None, expires_ns=None)
            )

    def of_items(self, item_ids: Iterable[int]) -> dict[int, list[Slot]]:
        """Return the slots of items, by item, in order."""
        found: dict[int, list[Slot]] = {}
        with self._sessions.session() as session:
            rows = session.exec(
                select(SlotRow).where(col(SlotRow.item_id).in_(list(item_ids))).order_by(col(SlotRow.number))
            )
            for row in rows:
                found.setdefault(row.item_id, []).append(slot_from(row))
        return found

    def done_by(self, queue_id: int) -> dict[str, int]:
        """Return how many items of a queue each person labelled."""
        with self._sessions.session() as session:
            rows = session.exec(
                select(SlotRow.annotator_id, func.count())
                .where(SlotRow.queue_id == queue_id, SlotRow.state == "done")
                .group_by(col(SlotRow.annotator_id))
            )
            return {who or "": number for who, number in rows}

    def open_for(self, queue_id: int, annotator: str) -> int:
        """Return how many items still want this person's label."""
        with self._sessions.session() as session:
            rows = session.exec(_next(queue_id, annotator, 0, time.time_ns(), None)).all()
            return len({item.id for item, _ in rows})

    def wanted(self, queue_id: int) -> tuple[int, int]:
        """Return how many labels a queue wants, and how many of them it has."""
        with self._sessions.session() as session:
            total, done = session.exec(
                select(
                    func.count(), func.coalesce(func.sum(case((col(SlotRow.state) == "done", 1), else_=0)), 0)
                ).where(SlotRow.queue_id == queue_id, col(SlotRow.extra).is_(False))
            ).one()
            return int(total), int(done)


def take(session: Session, slot_id: int, annotator: str, now: int, expires_ns: int) -> bool:
    """Take a slot in hand if it still is free; return whether it was."""
    done: Any = session.exec(
        update(SlotRow)
        .where(col(SlotRow.id) == slot_id, _is_free(annotator, now), ~_has_another(annotator))
        .values(state="held", annotator_id=annotator, expires_ns=expires_ns)
        .execution_options(synchronize_session=False)
    )
    return bool(done.rowcount == 1)


def own_slot(session: Session, item_id: int, annotator: str) -> SlotRow | None:
    """Return the slot of an item that a person has, in whatever state."""
    own = select(SlotRow).where(SlotRow.item_id == item_id, SlotRow.annotator_id == annotator)
    found: SlotRow | None = session.exec(own).first()
    return found


def slot_to_fill(session: Session, item_id: int, queue_id: int, annotator: str) -> SlotRow:
    """Return the slot that a person's label goes to: their own, else a free one, else one beyond what was wanted."""
    now = time.time_ns()
    mine = own_slot(session, item_id, annotator)
    if mine is None:
        for slot_id in _free(session, item_id, annotator, deferred=True):
            if take(session, slot_id, annotator, now, now):
                break
        session.expire_all()
        mine = own_slot(session, item_id, annotator)
    if mine is not None:
        return mine
    extra = add_slot(session, item_id, queue_id, extra=True)
    extra.annotator_id = annotator
    return extra


def add_slot(session: Session, item_id: int, queue_id: int, *, extra: bool = False, assigned_to: str = "") -> SlotRow:
    """Add a slot to an item."""
    last = session.exec(select(func.max(SlotRow.number)).where(SlotRow.item_id == item_id)).one()
    row = SlotRow(
        queue_id=queue_id,
        item_id=item_id,
        number=0 if last is None else last + 1,
        extra=extra,
        assigned_to=assigned_to,
    )
    session.add(row)
    return row


def settle_item(session: Session, item: ItemRow) -> None:
    """Let the state of an item follow from its slots."""
    session.flush()
    slots = session.exec(select(SlotRow).where(SlotRow.item_id == item.id)).all()
    planned = [slot for slot in slots if not slot.extra]
    labels = sorted((slot for slot in slots if slot.state == "done"), key=lambda slot: slot.done_ns or 0)
    states = {slot.state for slot in planned}
    item.state = "done" if states == {"done"} else "todo"
    if states <= {"done", "deferred"} and "deferred" in states:
        item.state = "deferred"
    item.annotation_id = labels[-1].annotation_id if labels else None
    item.done_ns = labels[-1].done_ns if labels and item.state == "done" else None
    session.add(item)


def drop_slots(session: Session, item_ids: Iterable[int]) -> None:
    """Take the slots of items away, before the items go."""
    session.exec(delete(SlotRow).where(col(SlotRow.item_id).in_(list(item_ids))))


def slot_from(row: SlotRow) -> Slot:
    """Return the slot that *row* keeps."""
    return Slot(
        item_id=row.item_id, number=row.number, state=cast("Any", row.state), annotator=row.annotator_id,
        assigned_to=row.assigned_to, extra=row.extra, expires_ns=row.expires_ns, done_ns=row.done_ns,
        annotation_id=row.annotation_id,
    )  # fmt: skip


def item_from(row: ItemRow) -> Item:
    """Return the item that *row* keeps."""
    other = Target(row.other_trace_id, row.other_span_id) if row.other_trace_id else None
    return Item(
        id=known(row.id), queue_id=row.queue_id, position=row.position,
        target=Target(row.trace_id, row.span_id, row.session_id), state=cast("State", row.state),
        annotation_id=row.annotation_id, done_ns=row.done_ns, reason=row.reason, p_incl=row.p_incl, other=other,
    )  # fmt: skip


def _next(queue_id: int, annotator: str, after: int, now: int, limit: int | None) -> Any:
    asked = (
        select(ItemRow, SlotRow)
        .join(SlotRow, col(SlotRow.item_id) == col(ItemRow.id))
        .where(
            SlotRow.queue_id == queue_id,
            col(SlotRow.state).in_(("open", "held")),
            _is_free(annotator, now),
            ~_has_another(annotator),
            ItemRow.position != after,
        )
        .order_by(case((col(ItemRow.position) > after, 0), else_=1), col(ItemRow.position), col(SlotRow.number))
    )
    return asked if limit is None else asked.limit(limit)


def _has_another(annotator: str) -> Any:
    """Return that a person has another slot of the same item."""
    return exists().where(*_SAME_ITEM, col(_OTHER.annotator_id) == annotator)


def _is_free(annotator: str, now: int) -> Any:
    return and_(
        col(SlotRow.extra).is_(False),
        col(SlotRow.assigned_to).in_(("", annotator)),
        or_(
            col(SlotRow.state).in_(("open", "deferred")),
            and_(
                col(SlotRow.state) == "held",
                or_(col(SlotRow.annotator_id) == annotator, col(SlotRow.expires_ns) < now),
            ),
        ),
    )


def _free(session: Session, item_id: int, annotator: str, *, deferred: bool = False) -> Sequence[int]:
    """Return the free slots of one item; what somebody put off is free only where *deferred* says so, and last."""
    states = ("open", "held", "deferred") if deferred else ("open", "held")
    rows = session.exec(
        select(SlotRow.id)
        .where(SlotRow.item_id == item_id, col(SlotRow.state).in_(states), _is_free(annotator, time.time_ns()))
        .order_by(case((col(SlotRow.state) == "deferred", 1), else_=0), col(SlotRow.number))
    )
    return [known(number) for number in rows]


def _held_by(queue_id: int, annotator: str) -> tuple[Any, ...]:
    return col(SlotRow.queue_id) == queue_id, col(SlotRow.annotator_id) == annotator, col(SlotRow.state) == "held"


def _is_held(slot: SlotRow, annotator: str, until_ns: int) -> bool:
    return slot.state == "held" and slot.annotator_id == annotator and (slot.expires_ns or 0) >= until_ns


def _one_each(rows: Iterable[Any]) -> list[tuple[ItemRow, SlotRow]]:
    first: dict[int, tuple[ItemRow, SlotRow]] = {}
    for item, slot in rows:
        first.setdefault(known(item.id), (item, slot))
    return list(first.values())
