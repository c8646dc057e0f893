"""The shop's own data: what it sells, who ordered what, and what was paid; kept in memory."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any


class PaymentsError(TimeoutError):
    """The payment provider did not answer in time."""


@dataclass(frozen=True, slots=True)
class Product:
    """One thing the shop sells; the price is in euro cents."""

    sku: str
    name: str
    price_cents: int
    stock: int


PRODUCTS = {
    product.name: product
    for product in (
        Product("TNT-FJ3", "Fjell 3-season tent", 34_900, 18),
        Product("TNT-TR2", "Trail 2 tent", 18_900, 41),
        Product("TNT-FLY", "Trail 2 rain fly", 5_900, 7),
        Product("BAG-KE4", "Kestrel 400 sleeping bag", 27_900, 12),
        Product("BAG-KE8", "Kestrel 800 sleeping bag", 38_900, 0),
        Product("PCK-LO4", "Lofoten 40 L pack", 14_900, 33),
        Product("PCK-LO6", "Lofoten 60 L pack", 18_900, 9),
        Product("JKT-SKA", "Skarv shell jacket", 22_900, 25),
        Product("JKT-DUN", "Dunlin down jacket", 19_900, 14),
        Product("BSE-MER", "Merino 180 base layer", 7_900, 88),
        Product("STV-EMB", "Ember gas stove", 6_900, 52),
        Product("POT-EMB", "Ember pot set", 5_900, 37),
        Product("FLT-BRK", "Brook water filter", 4_900, 61),
        Product("POL-RID", "Ridge trekking poles", 8_900, 29),
        Product("BOT-VID", "Vidda hiking boots", 19_900, 16),
        Product("SHO-STI", "Sti trail shoes", 12_900, 44),
        Product("LMP-POL", "Polaris head torch", 5_400, 73),
        Product("MAT-TUS", "Tussock sleeping mat", 9_900, 21),
        Product("GFT-CRD", "gift card", 5_000, 10_000),
    )
}


@dataclass(frozen=True, slots=True)
class Order:
    """One order of one product by one customer."""

    number: int
    customer: str
    product: Product
    placed: datetime
    status: str
    carrier: str
    charges: int = 1
    """How many times the card was charged."""

    @property
    def due(self) -> datetime:
        """When the carrier said that it would arrive."""
        return self.placed + timedelta(days=5)

    @property
    def tracking(self) -> str:
        """The carrier's number of the parcel."""
        return f"{self.carrier[:2].upper()}{self.number * 7919:010d}DE"

    def as_json(self) -> dict[str, Any]:
        """Return the order as the tools show it to the model."""
        return {
            "order": self.number,
            "status": self.status,
            "placed": self.placed.date().isoformat(),
            "due": self.due.date().isoformat(),
            "carrier": self.carrier,
            "tracking": self.tracking,
            "items": [
                {
                    "sku": self.product.sku,
                    "name": self.product.name,
                    "quantity": 1,
                    "price": euros(self.product.price_cents),
                }
            ],
        }


@dataclass(slots=True)
class Shop:
    """The orders there are, and what was refunded, returned or changed."""

    orders: dict[int, Order] = field(default_factory=dict)
    payments_down_for: set[int] = field(default_factory=set)
    """Orders whose payments cannot be reached just now."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _next_number: int = 47_211

    def place(
        self,
        customer: str,
        product: str,
        placed: datetime,
        *,
        status: str = "shipped",
        carrier: str = "DHL",
        charges: int = 1,
    ) -> Order:
        """Keep a new order and return it."""
        with self._lock:
            self._next_number += 13
            order = Order(self._next_number, customer, PRODUCTS[product], placed, status, carrier, charges)
            self.orders[order.number] = order
        return order

    def find(self, number: int) -> Order:
        """Return the order, or raise KeyError with a sentence."""
        try:
            return self.orders[number]
        except KeyError:
            raise KeyError(f"there is no order {number}") from None

    def reach_payments(self, number: int) -> None:
        """Raise where the payments of this order cannot be reached."""
        if number in self.payments_down_for:
            raise PaymentsError("payments did not answer in 5 s")


def euros(cents: int) -> str:
    """Return an amount of money as the shop writes it."""
    return f"€{cents / 100:.2f}"
