"""The conversations that the scripted models know, by topic."""

from . import care, orders, products, refunds, returns
from .turn import Call, Conversation, Turn

CONVERSATIONS = (
    *orders.CONVERSATIONS,
    *refunds.CONVERSATIONS,
    *returns.CONVERSATIONS,
    *products.CONVERSATIONS,
    *care.CONVERSATIONS,
)

__all__ = ["CONVERSATIONS", "Call", "Conversation", "Turn"]
