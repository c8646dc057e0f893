"""Which addresses the playground may reach: looked at after the name was resolved, for every connection it opens."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

import httpcore2
import httpx2

from .stop import OnLine

_NAT64: Final = ip_network("64:ff9b::/96")
_TIMEOUT: Final = httpx2.Timeout(120.0, connect=10.0)


class NotAllowed(httpcore2.ConnectError):
    """An address inside the operator's own network."""


class PublicOnly(httpcore2.SyncBackend):
    """Opens connections to public addresses alone, and to the very address that was looked at."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to *host* where every address it has is public."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore2.ConnectError(f"{host} has no address: {error}") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            if not is_public(address):
                raise NotAllowed(
                    f"{host} is {address}, which is not a public address; the operator may allow it with "
                    "SPANWISE_ALLOW_PRIVATE=on"
                )
        return super().connect_tcp(addresses[0], port, timeout, local_address, socket_options)

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore2.NetworkStream:
        """Refuse: there is nothing public in a file."""
        raise NotAllowed("A socket file is not a public address")


class _Noting(httpcore2.NetworkBackend):
    """Tells of every connection that another backend opens, so that it can be hung up on from elsewhere."""

    def __init__(self, inner: httpcore2.NetworkBackend, on_line: OnLine) -> None:
        self._inner = inner
        self._on_line = on_line

    def connect_tcp(self, *asked: Any, **more: Any) -> httpcore2.NetworkStream:
        """Connect, and tell of it."""
        stream = self._inner.connect_tcp(*asked, **more)
        self._on_line(stream.get_extra_info("socket"))
        return stream

    def connect_unix_socket(self, *asked: Any, **more: Any) -> httpcore2.NetworkStream:
        """Connect as the other does."""
        return self._inner.connect_unix_socket(*asked, **more)


class _Transport(httpx2.HTTPTransport):
    """A transport whose connections, redirected ones too, all go through *backend*."""

    def __init__(self, backend: httpcore2.NetworkBackend) -> None:
        super().__init__(trust_env=False)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False), network_backend=backend
        )


def is_public(address: str) -> bool:
    """Return whether an address is outside of every private, local and reserved network, however it is written."""
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in _NAT64:
            inner = IPv4Address(int(found) & 0xFFFF_FFFF)
        if inner is not None:
            found = inner
    return found.is_global and not found.is_multicast


def client(on_line: OnLine | None = None, *, allow_private: bool) -> httpx2.Client:
    """Return the client that `make_http` says."""
    backend: httpcore2.NetworkBackend = httpcore2.SyncBackend() if allow_private else PublicOnly()
    if on_line is not None:
        backend = _Noting(backend, on_line)
    return httpx2.Client(transport=_Transport(backend), timeout=_TIMEOUT, trust_env=False)
