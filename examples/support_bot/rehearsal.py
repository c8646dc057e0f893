"""Fills a scripted turn in from the order it is about, so that tools, answers and dates agree."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from fake_provider import ToolCall

from .conversations import Turn
from .plan import Session
from .script import Cue, Mishap
from .shop import Order, Shop, euros

_OF_AN_ORDER = frozenset(
    {"lookup_order", "track_parcel", "list_charges", "create_refund", "open_return", "change_order"}
)


def place_order(shop: Shop, session: Session) -> Order | None:
    """Return the order that the session is about, placed in time, or ``None`` where it is about none."""
    story = session.conversation
    if story.item is None:
        return None
    order = shop.place(
        session.customer.id,
        story.item,
        session.began - timedelta(days=story.days_ago),
        status=story.status,
        carrier=story.carrier,
        charges=story.charges,
    )
    if session.mishap == "payments_down":
        shop.payments_down_for.add(order.number)
    return order


def rehearse(turn: Turn, session: Session, order: Order | None, mishap: Mishap, draw: random.Random) -> Cue:
    """Return the turn with every name filled in, and with the poor answer where an older prompt is live."""
    facts = _facts(order)
    poor = turn.poor is not None and draw.random() < _poor_share(session, turn)
    said = turn.poor if poor and turn.poor is not None else turn.answer
    return Cue(
        says=turn.says.format(**facts),
        answer=said.format(**facts),
        intent=turn.intent,
        calls=() if poor else tuple(_tool_call(call.tool, call.arguments, order) for call in turn.calls),
        thought=turn.gist,
        poor=poor,
        mishap=mishap,
    )


def _poor_share(session: Session, turn: Turn) -> float:
    """Return how often a poor answer comes: the newer the prompt and the larger the model, the rarer."""
    if turn.intent == "refund":
        return 0.7 if session.rollout.refund == "2" else 0.15
    share = {"5": 0.8, "6": 0.55, "7": 0.12}[session.rollout.support]
    return share if session.rollout.model == "gpt-4o" else min(0.9, share + 0.2)


def _facts(order: Order | None) -> dict[str, str]:
    if order is None:
        return {}
    return {
        "order": str(order.number),
        "item": order.product.name,
        "price": euros(order.product.price_cents),
        "carrier": order.carrier,
        "tracking": order.tracking,
        "placed": f"{order.placed.day} {order.placed:%B}",
        "due": f"{order.due:%A} {order.due.day} {order.due:%B}",
    }


def _tool_call(name: str, arguments: Any, order: Order | None) -> ToolCall:
    filled = dict(arguments)
    if order is not None and name in _OF_AN_ORDER:
        filled = {"order": order.number, **filled}
        if filled.get("amount") == "price":
            filled["amount"] = order.product.price_cents / 100
    return ToolCall(name, filled)
