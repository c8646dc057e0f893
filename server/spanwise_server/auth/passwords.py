"""Login passwords: hashed with Argon2, guessed at slowly."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ..errors import ConfigError, SpanwiseError

SHORTEST = 8
_HASHER = PasswordHasher()


@cache
def nobodys() -> str:
    """Return the hash of a password that nobody knows: whoever has no account is checked against it."""
    return _HASHER.hash(secrets.token_urlsafe(32))


class TooManyTries(SpanwiseError):
    """Too many wrong passwords in the last minute."""

    status = 429
    code = "too_many_tries"


def hashed(password: str) -> str:
    """Return the Argon2 hash to keep; a password under 8 characters is refused."""
    if len(password) < SHORTEST:
        raise ConfigError(
            f"The password has {len(password)} characters; it needs at least {SHORTEST}.", "Choose a longer one."
        )
    return _HASHER.hash(password)


def matches(password: str, kept: str) -> bool:
    """Return whether *password* is the one whose hash was kept."""
    try:
        return _HASHER.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


class Tries:
    """Wrong passwords of the last minute by address, so that nobody tries thousands and nobody locks others out."""

    def __init__(self, most: int = 10, within_s: float = 60.0, addresses: int = 10_000) -> None:
        self._most = most
        self._within_s = within_s
        self._addresses = addresses
        self._failed: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def check(self, address: str) -> None:
        """Refuse another try while too many from *address* have failed."""
        with self._lock:
            failed = self._failed.get(address)
            if failed is None:
                return
            now = time.monotonic()
            while failed and now - failed[0] > self._within_s:
                failed.popleft()
            if not failed:
                del self._failed[address]
            elif len(failed) >= self._most:
                raise TooManyTries("Too many wrong passwords.", f"Wait {self._within_s:.0f} seconds, then try again.")

    def failed(self, address: str) -> None:
        """Count one wrong password from *address*."""
        with self._lock:
            if address not in self._failed and len(self._failed) >= self._addresses:
                self._failed.pop(next(iter(self._failed)))
            self._failed.setdefault(address, deque(maxlen=self._most)).append(time.monotonic())
