"""Which failures of a provider are worth another try, and after how long, whichever client raised them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, Final

#: Answers of a provider that the same call may get rid of: too many at once, overload, a gateway without a server.
_RETRYABLE: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
#: So many tries in all.
MOST_TRIES: Final = 6
_FIRST_S: Final = 1.0
_LONGEST_S: Final = 60.0


def pause_s(error: Exception, tries: int, draw: Callable[[], float] = random.random) -> float | None:
    """Return how long to wait after the *tries*-th try failed so; ``None`` where another would not help.

    What the provider asks for counts, up to a minute; else the wait doubles, with chance in it, so that calls that were
    turned away together do not come back together.
    """
    status = status_of(error)
    lost = status is None and _is_lost(error)
    if tries >= MOST_TRIES or not (lost or status in _RETRYABLE):
        return None
    asked = _asked_s(error)
    if asked is not None:
        return min(asked, _LONGEST_S)
    doubled: float = _FIRST_S * 2 ** (tries - 1)
    return min(doubled, _LONGEST_S) * (0.5 + draw() / 2)


def status_of(error: Exception) -> int | None:
    """Return the HTTP status that a client's exception is about, ``None`` where no answer came."""
    for name in ("status_code", "code"):
        found = getattr(error, name, None)
        if isinstance(found, int):
            return found
    answer = getattr(error, "response", None)
    if isinstance(answer, Mapping):  # botocore
        found = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return found if isinstance(found, int) else None
    return None


def _asked_s(error: Exception) -> float | None:
    answer = getattr(error, "response", None)
    said = answer.get("ResponseMetadata", {}).get("HTTPHeaders") if isinstance(answer, Mapping) else None
    headers: Any = said if said is not None else getattr(answer, "headers", None)
    try:
        return max(0.0, float(headers.get("retry-after")))
    except (AttributeError, TypeError, ValueError):  # none, or a date: our own waiting will do
        return None


def _is_lost(error: Exception) -> bool:
    """Return whether the connection failed; one to an address that is not allowed will not be any better."""
    found: BaseException | None = error
    lost = False
    while found is not None:
        if type(found).__name__ == "NotAllowed":
            return False
        lost = lost or isinstance(found, OSError) or any("Timeout" in n or "Connect" in n for n in _names(found))
        found = found.__cause__ or found.__context__
    return lost


def _names(error: BaseException) -> list[str]:
    return [kind.__name__ for kind in type(error).__mro__]
