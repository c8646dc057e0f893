"""What the assistant may do in the shop: each tool is an observed function, described once for both model makers."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from typing import Any

import spanwise

from .shop import PRODUCTS, Shop, euros


class Tools:
    """The tools over one shop."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._by_name: dict[str, Callable[..., dict[str, Any]]] = {
            name: getattr(self, name) for name in (description["name"] for description in DESCRIPTIONS)
        }

    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return what the tool answers; a tool that fails answers with its error, so that the model can say so."""
        try:
            return self._by_name[name](**arguments)
        except (KeyError, TimeoutError) as error:
            return {"error": f"{type(error).__name__}: {error.args[0]}"}

    @spanwise.observe(name="lookup_order", kind="tool")
    def lookup_order(self, order: int) -> dict[str, Any]:
        """Look an order up."""
        time.sleep(0.06)
        return self._shop.find(order).as_json()

    @spanwise.observe(name="track_parcel", kind="tool")
    def track_parcel(self, order: int) -> dict[str, Any]:
        """Ask the carrier where a parcel is."""
        time.sleep(0.25)
        found = self._shop.find(order)
        return {
            "tracking": found.tracking,
            "carrier": found.carrier,
            "events": [
                {"at": found.placed.date().isoformat(), "event": "label printed", "place": "Leipzig"},
                {"at": found.due.date().isoformat(), "event": "out for delivery", "place": "local depot"},
            ],
        }

    @spanwise.observe(name="list_charges", kind="tool")
    def list_charges(self, order: int) -> dict[str, Any]:
        """List what was charged for an order."""
        time.sleep(0.12)
        self._shop.reach_payments(order)
        found = self._shop.find(order)
        charge = {"amount": euros(found.product.price_cents), "at": found.placed.date().isoformat(), "method": "card"}
        return {"order": order, "charges": [{"id": f"ch_{order}_{n}", **charge} for n in range(1, found.charges + 1)]}

    @spanwise.observe(name="create_refund", kind="tool")
    def create_refund(self, order: int, amount: float, reason: str) -> dict[str, Any]:
        """Refund money to the card that was charged."""
        time.sleep(0.3)
        self._shop.reach_payments(order)
        return {"refund": f"re_{order}", "amount": euros(round(amount * 100)), "reason": reason, "status": "pending"}

    @spanwise.observe(name="open_return", kind="tool")
    def open_return(self, order: int, reason: str) -> dict[str, Any]:
        """Open a return and send the label."""
        time.sleep(0.15)
        return {"return": f"RT-{order}", "label": "sent by email", "ship_by_days": 14, "reason": reason}

    @spanwise.observe(name="change_order", kind="tool")
    def change_order(self, order: int, change: str) -> dict[str, Any]:
        """Change an order that has not left the warehouse."""
        time.sleep(0.1)
        found = self._shop.find(order)
        if found.status != "packed":
            return {"changed": False, "why": f"the order is already {found.status}"}
        return {"changed": True, "order": order, "change": change}

    @spanwise.observe(name="check_stock", kind="tool")
    def check_stock(self, product: str) -> dict[str, Any]:
        """Say how many of a product are in the warehouse."""
        time.sleep(0.05)
        found = PRODUCTS[product]
        return {
            "sku": found.sku,
            "in_stock": found.stock,
            "price": euros(found.price_cents),
            "next_delivery_days": None if found.stock else 10 + zlib.crc32(found.sku.encode()) % 10,
        }

    @spanwise.observe(name="hand_over", kind="tool")
    def hand_over(self, to: str, summary: str) -> dict[str, Any]:
        """Hand the chat to a person."""
        time.sleep(0.04)
        return {"queue": to, "waiting": 2, "wait_minutes": 2, "summary": summary}


def _describe(name: str, sentence: str, **properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"name": name, "description": sentence, "parameters": schema}


_ORDER = {"type": "integer", "description": "Order number, five digits"}
_TEXT = {"type": "string"}

DESCRIPTIONS: list[dict[str, Any]] = [
    _describe("lookup_order", "Look up an order: status, items, dates, carrier.", order=_ORDER),
    _describe("track_parcel", "Ask the carrier where the parcel of an order is.", order=_ORDER),
    _describe("list_charges", "List the charges made for an order.", order=_ORDER),
    _describe(
        "create_refund",
        "Refund money to the card that was charged. At most the amount charged.",
        order=_ORDER,
        amount={"type": "number", "description": "Euros"},
        reason=_TEXT,
    ),
    _describe("open_return", "Open a return for an order and email the label.", order=_ORDER, reason=_TEXT),
    _describe("change_order", "Change an order that has not been shipped.", order=_ORDER, change=_TEXT),
    _describe("check_stock", "Say how many of a product are in stock, by its exact name.", product=_TEXT),
    _describe("hand_over", "Hand the chat to a person.", to={"enum": ["returns", "payments", "care"]}, summary=_TEXT),
]


def for_openai(*names: str) -> list[dict[str, Any]]:
    """Return the tools as OpenAI's chat completions want them."""
    return [{"type": "function", "function": description} for description in _chosen(names)]


def for_anthropic(*names: str) -> list[dict[str, Any]]:
    """Return the tools as Anthropic's messages want them."""
    return [
        {"name": tool["name"], "description": tool["description"], "input_schema": tool["parameters"]}
        for tool in _chosen(names)
    ]


def _chosen(names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [description for description in DESCRIPTIONS if not names or description["name"] in names]
