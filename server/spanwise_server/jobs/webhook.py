"""One POST to a webhook, signed as Standard Webhooks says: to public addresses alone, no redirect followed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

from spanwise._version import __version__

from ..playground.http import make_http

TIMEOUT_S: Final = 10.0
#: The longest that one attempt takes, however slowly its receiver answers.
LONGEST_S: Final = 30.0
GONE: Final = 410


class HookRefused(Exception):
    """A message that did not arrive; ``for_good`` where trying again would not help."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good


def post(url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool) -> None:
    """Post *body*; HookRefused where anything but 2xx comes back, or nothing."""
    import httpx2  # noqa: PLC0415  # as in make_http

    sent = {"content-type": "application/json", "user-agent": f"Spanwise/{__version__}", **headers}
    client = make_http(allow_private=allow_private)
    watch = threading.Timer(LONGEST_S, client.close)
    watch.daemon = True
    watch.start()
    try:
        with client, client.stream("POST", url, content=body, headers=sent, timeout=TIMEOUT_S) as answer:
            status = answer.status_code  # what else it says nobody reads
    except httpx2.HTTPError as error:
        raise HookRefused(str(error) or type(error).__name__, for_good=_not_allowed(error)) from error
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise HookRefused(f"This is no address: {error}", for_good=True) from error
    except RuntimeError as error:  # the client was closed while it waited
        raise HookRefused(f"It took more than {LONGEST_S:.0f} s.") from error
    finally:
        watch.cancel()
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise HookRefused(f"It answered {status}; redirects are not followed.", for_good=True)
    raise HookRefused(f"It answered {status}.", for_good=status == GONE)


def _not_allowed(error: BaseException | None) -> bool:
    from ..playground.addresses import NotAllowed  # noqa: PLC0415  # as in make_http

    while error is not None:
        if isinstance(error, NotAllowed):
            return True
        error = error.__cause__ or error.__context__
    return False
