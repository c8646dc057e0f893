"""Where alerts go: e-mail addresses or a webhook, and how a webhook is signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from email.headerregistry import Address
from typing import Final, Literal
from urllib.parse import urlsplit

from ..errors import SpanwiseError

Kind = Literal["email", "webhook"]
LONGEST_NAME: Final = 80
_LONGEST_URL: Final = 2_000
MOST_ADDRESSES: Final = 50


@dataclass(frozen=True, slots=True)
class Channel:
    """One place that is told."""

    id: int
    project: str
    kind: Kind
    name: str
    target: str
    """Addresses with commas between, or a URL."""
    salt: str
    """Makes the secret that signs what goes to it; another one makes another secret."""
    created_ns: int

    def secret(self, server_secret: bytes) -> str:
        """Return the secret that its receiver checks signatures with, as Standard Webhooks writes one."""
        return f"whsec_{base64.b64encode(self._key(server_secret)).decode()}"

    def signature(self, server_secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
        """Return the signature over id, time and body that Standard Webhooks asks for."""
        signed = f"{message_id}.{timestamp}.".encode() + body
        made = hmac.new(self._key(server_secret), signed, hashlib.sha256).digest()
        return f"v1,{base64.b64encode(made).decode()}"

    def _key(self, server_secret: bytes) -> bytes:
        return hmac.new(server_secret, f"webhook:{self.id}:{self.salt}".encode(), hashlib.sha256).digest()


def checked_name(name: str) -> str:
    """Return the name of a channel; what is none is refused."""
    said = " ".join(name.split())
    if not 0 < len(said) <= LONGEST_NAME or not said.isprintable():
        raise SpanwiseError(f"A channel's name has 1 to {LONGEST_NAME} characters.", "Choose another name.")
    return said


def checked_target(kind: str, target: str) -> str:
    """Return the target of a channel as it is kept; what nothing could be sent to is refused."""
    if kind == "email":
        return ", ".join(dict.fromkeys(_address(one) for one in _listed(target)))
    if kind == "webhook":
        return _url(target.strip())
    raise SpanwiseError(f"There is no channel of kind {kind[:20]!r}.", "There are email and webhook.")


def _listed(target: str) -> list[str]:
    found = [one.strip() for one in target.replace(";", ",").split(",") if one.strip()]
    if not 0 < len(found) <= MOST_ADDRESSES:
        raise SpanwiseError(f"There are 1 to {MOST_ADDRESSES} addresses.", "Write them with commas between.")
    return found


def _address(text: str) -> str:
    try:
        found = Address(addr_spec=text)
    except (ValueError, IndexError, LookupError):
        found = Address()
    known = found.domain == "localhost" or "." in found.domain.strip(".")
    if not found.username or not known or not text.isascii():
        raise SpanwiseError(f"{text[:80]!r} is no e-mail address.", "Write it as ana@example.com.")
    return found.addr_spec


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port_known = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_known = urlsplit(""), False
    fits = len(text) <= _LONGEST_URL and text.isascii() and text.isprintable() and " " not in text
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_known or not fits:
        raise SpanwiseError("A webhook has an address such as https://example.com/hook.", "Correct it.")
    if parts.username is not None or parts.password is not None:
        raise SpanwiseError("There is a password in this address.", "Have the receiver check the signature instead.")
    return text
