"""Lets a week of requests be made in half a minute: each request is told when it is to have happened."""

from __future__ import annotations

import json
import time
from datetime import datetime

from spanwise import Outgoing
from spanwise.vocabulary import METADATA


class Clock:
    """When each request is to have happened; spans of the others stay as they are."""

    def __init__(self) -> None:
        self._back_ns: dict[str, int] = {}

    def set_back(self, request: str, to: datetime) -> None:
        """Let *request*, which begins now, have begun at *to*."""
        self._back_ns[request] = time.time_ns() - int(to.timestamp() * 1e9)

    def before_send(self, span: Outgoing) -> Outgoing:
        """Move a span and its events by as much as its request is set back; durations stay as measured."""
        metadata = json.loads(span.attributes.get(METADATA, "{}"))
        back_ns = self._back_ns.get(metadata.get("request", ""), 0)
        span.start_ns -= back_ns
        span.end_ns -= back_ns
        span.events = [(name, at - back_ns, attributes) for name, at, attributes in span.events]
        return span
