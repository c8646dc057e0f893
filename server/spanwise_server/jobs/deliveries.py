"""Sends what waits in the outbox of alerts: by e-mail or to webhooks, tried again where it does not arrive."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from ..alerts.channel import Channel
from ..alerts.message import subject, text
from ..store.alert_outbox import Delivery, Outbox
from ..store.sessions import Sessions
from .mail import MailRefused, MailServer
from .webhook import HookRefused, post

logger = logging.getLogger("spanwise.alerts")

NO_MAIL: Final = "This server sends no mail: its operator sets SPANWISE_SMTP."
_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Sender:
    """What a server sends with."""

    sessions: Sessions
    secret: bytes
    mail: MailServer | None
    allow_private: bool
    clock: Callable[[], int] = time.time_ns

    def send_waiting(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Send what is to be sent now, until it is time to *stop*; return how many messages arrived.

        One is claimed at a time: a claim must outlast the sending, and an end waits for one receiver at most.
        """
        outbox, arrived = Outbox(self.sessions), 0
        while not stop() and (claimed := outbox.claim(self.clock(), most=1)):
            arrived += self.send(outbox, claimed[0])
        return arrived

    def try_out(self, channel: Channel, message: Mapping[str, Any]) -> Delivery:
        """Send one message now and once, and return what came of it."""
        outbox = Outbox(self.sessions)
        one = outbox.put(channel, message, self.clock(), mine=True)
        self.send(outbox, one, once=True)
        return outbox.find(one)

    def send(self, outbox: Outbox, one: Delivery, *, once: bool = False) -> bool:
        """Send one message, note what came of it, and return whether it arrived."""
        try:
            self._hand_over(one)
        except (MailRefused, HookRefused) as refused:
            again = outbox.failed(one, str(refused), self.clock(), for_good=once or refused.for_good)
            logger.warning(
                "An alert did not arrive at %s: %s %s", one.channel.name, refused,
                "It is tried again." if again else "It is given up.",
            )  # fmt: skip
            return False
        outbox.sent(one.id, self.clock())
        return True

    def _hand_over(self, one: Delivery) -> None:
        if one.channel.kind == "email":
            if self.mail is None:
                raise MailRefused(NO_MAIL, for_good=True)
            self.mail.send(one.channel.target, subject(one.body), text(one.body), one.message_id)
            return
        body, now_s = orjson.dumps(one.body), self.clock() // _S
        headers = {
            "webhook-id": one.message_id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": one.channel.signature(self.secret, one.message_id, now_s, body),
        }
        post(one.channel.target, body, headers, allow_private=self.allow_private)
