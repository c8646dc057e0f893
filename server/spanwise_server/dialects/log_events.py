"""Log records that tell what a span said: each becomes an event of its span, and dialects read it there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..record import Event

#: Where a log record names its event, when not in the field for it.
NAME: Final = "event.name"
#: The attribute under which an event keeps the body of its log record.
BODY: Final = "body"
#: What the names of events begin with that dialects read; other log records are nobody's content.
HEADS: Final = ("gen_ai.",)


def log_event(time_ns: int, name: str, attributes: Mapping[str, Any], body: Any) -> Event | None:
    """Return the event of one log record, or ``None`` where no dialect reads its kind.

    Older conventions keep an event's name in an attribute; the body, text or an object, goes into the attribute
    ``body``, from which the dialects take messages.
    """
    if not name:
        said = attributes.get(NAME)
        name = said if isinstance(said, str) else ""
    if not name.startswith(HEADS):
        return None
    return Event(time_ns, name, attributes if body is None else {**attributes, BODY: body})
