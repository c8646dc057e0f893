"""Send bytes to the server over one kept-alive connection, and say what came of it."""

from __future__ import annotations

import http.client
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from ._version import __version__
from .config import Config
from .vocabulary import PROJECT_HEADER

#: Answers that the same request may get rid of: overload, a gateway without a server, a server that is starting.
_RETRYABLE: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_TIMEOUT_S: Final = 10.0
NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request: taken, refused for good, or worth another try."""

    status: int | None
    """HTTP status; ``None`` where no answer came."""
    body: bytes = b""
    retry_after_s: float | None = None
    problem: str = ""
    etag: str = ""
    left_out: str = ""
    """What a file has no place for, as the server says it: how many, and why."""

    @property
    def taken(self) -> bool:
        """Whether the server has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def retryable(self) -> bool:
        """Whether the same request may do later."""
        return self.status is None or self.status in _RETRYABLE


class Transport:
    """One connection to the server, opened when first needed and again when it was lost; for one thread."""

    def __init__(self, config: Config, timeout_s: float = _TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        parts = urlsplit(config.endpoint)
        self._host = parts.hostname or ""
        self._port = parts.port
        self._tls = parts.scheme == "https"
        self._prefix = parts.path.rstrip("/")
        self._headers = {"user-agent": f"spanwise/{__version__}"}
        if config.api_key:
            self._headers["authorization"] = f"Bearer {config.api_key}"
        if config.project:
            self._headers[PROJECT_HEADER] = config.project
        self._connection: http.client.HTTPConnection | None = None

    def post(
        self, path: str, body: bytes, content_type: str, encoding: str = "", more: Mapping[str, str] = NOTHING
    ) -> Outcome:
        """Send *body* once; a kept-alive connection that the server has closed meanwhile is opened again."""
        headers = {**self._headers, **more, "content-type": content_type}
        if encoding:
            headers["content-encoding"] = encoding
        return self._ask("POST", path, body, headers)

    def get(self, path: str, etag: str = "") -> Outcome:
        """Ask for what is at *path*; status 304 says that it is still what *etag* was given for."""
        return self._ask("GET", path, None, {**self._headers, **({"if-none-match": etag} if etag else {})})

    def ask(self, method: str, path: str, body: bytes | None = None) -> Outcome:
        """Send one request whose body, if any, is JSON."""
        said = {} if body is None else {"content-type": "application/json"}
        return self._ask(method, path, body, {**self._headers, **said})

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Outcome:
        timeout_s = self._timeout_s
        kept_alive = self._connection is not None
        try:
            return self._send(method, path, body, headers, timeout_s)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if not (kept_alive and isinstance(error, (http.client.RemoteDisconnected, ConnectionError))):
                return Outcome(None, problem=repr(error))
        try:
            return self._send(method, path, body, headers, timeout_s)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Outcome(None, problem=repr(error))

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def forget(self) -> None:
        """Let go of the connection without a word: after a fork it is the parent's."""
        self._connection = None

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str], timeout_s: float) -> Outcome:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._open()
        connection.timeout = timeout_s
        if connection.sock is not None:
            connection.sock.settimeout(timeout_s)
        connection.request(method, self._prefix + path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.will_close:
            self.close()
        retry_after_s = _retry_after(answer.headers.get("retry-after"))
        etag, why = (answer.headers.get(name, "") for name in ("etag", "x-spanwise-left-out-why"))
        return Outcome(answer.status, content, retry_after_s, etag=etag, left_out=why)

    def _open(self) -> http.client.HTTPConnection:
        proxy = self._proxy()
        host, port = (proxy[0], proxy[1]) if proxy else (self._host, self._port)
        connection: http.client.HTTPConnection
        if self._tls:
            connection = http.client.HTTPSConnection(host, port, context=ssl.create_default_context())
        else:
            connection = http.client.HTTPConnection(host, port)
        if proxy:
            connection.set_tunnel(self._host, self._port)
        return connection

    def _proxy(self) -> tuple[str, int | None] | None:
        """Return host and port of the proxy that the environment names for the server, if any."""
        named = urllib.request.getproxies().get("https" if self._tls else "http")
        if not named or urllib.request.proxy_bypass(self._host) or self._host in ("localhost", "127.0.0.1", "::1"):
            return None
        parts = urlsplit(named if "://" in named else f"http://{named}")
        return (unquote(parts.hostname), parts.port) if parts.hostname else None


def _retry_after(header: str | None) -> float | None:
    try:
        return None if header is None else max(0.0, float(header))
    except ValueError:  # a date: our own waiting will do
        return None
