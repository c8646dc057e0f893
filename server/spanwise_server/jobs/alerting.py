"""Looks at the rules that are due, and sends what is to be said; of several servers one does each at a time."""

from __future__ import annotations

import logging
import time
from typing import Final

from ..alerts.message import body
from ..alerts.rule import Last, Rule
from ..errors import SpanwiseError
from ..store.alert_firings import Firings, Reading
from ..store.alert_outbox import Outbox
from ..store.alerts import Alerts
from ..store.engine import Store
from ..store.figures_asked import figures
from .deliveries import Sender
from .housekeeping import Repeated

logger = logging.getLogger("spanwise.alerts")

EVERY_S: Final = 10.0
_FORGET_S: Final = 3_600.0


def read(store: Store, rule: Rule, now_ns: int) -> tuple[Reading, ...]:
    """Return what each series of a rule is now."""
    by = [rule.said.by] if rule.said.by else []
    measure = rule.measure
    return tuple(
        Reading(
            None if not by or one.key[0] is None else str(one.key[0]),
            measure.value(one) if one.sums.calls >= rule.said.min_spans else None,
        )
        for one in figures(store, rule.query(now_ns), by, [measure])
    )


def look(store: Store, rule: Rule, now_ns: int, base: str) -> None:
    """Look at one rule, and keep what follows: what fires, what resolves, and the messages that say so."""
    try:
        readings = read(store, rule, now_ns)
    except SpanwiseError as error:
        Alerts(store).keep_last(rule, Last(now_ns, error=f"{error.message} {error.hint}".strip()))
        return
    Firings(store).take(rule, readings, now_ns, lambda event, told: body(event, rule, told, now_ns, base))


def peek(store: Store, rule: Rule, now_ns: int) -> Last:
    """Return what a look at a rule would find now, without anything following from it."""
    try:
        readings = read(store, rule, now_ns)
    except SpanwiseError as error:
        return Last(now_ns, error=f"{error.message} {error.hint}".strip())
    return Firings.found(rule, readings, now_ns)


class Lookout(Repeated):
    """Looks at rules when they are due."""

    name = "spanwise-alerts"

    def __init__(self, store: Store, base: str, *, every_s: float = EVERY_S) -> None:
        self._store, self._base = store, base
        self._forgot_s = time.monotonic()
        super().__init__(every_s, every_s)

    def _do(self) -> None:
        for rule in Alerts(self._store).due(time.time_ns()):
            try:
                look(self._store, rule, time.time_ns(), self._base)
            except Exception:
                logger.exception("rule %d could not be looked at", rule.id)
            if self._closing.is_set():
                return
        if time.monotonic() - self._forgot_s > _FORGET_S:
            self._forgot_s = time.monotonic()
            for forget in (Firings(self._store).forget, Outbox(self._store).forget):
                forget(time.time_ns())


class Alerter(Repeated):
    """Sends messages of alerts when they are due; beside it rules are looked at, which no slow receiver delays."""

    name = "spanwise-deliveries"

    def __init__(self, store: Store, sender: Sender, base: str, *, every_s: float = EVERY_S) -> None:
        self._lookout = Lookout(store, base, every_s=every_s)
        self._sender = sender
        super().__init__(every_s, every_s)

    def close(self) -> None:
        """Finish what is under way, and end; the looking too."""
        self._lookout.close()
        super().close()

    def _do(self) -> None:
        self._sender.send_waiting(self._closing.is_set)
