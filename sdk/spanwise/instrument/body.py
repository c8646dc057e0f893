"""A body that the application reads itself, seen as it goes by beneath."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import wrapt

from .engine import Flight

if TYPE_CHECKING:
    _Proxy = wrapt.ObjectProxy[Any]
else:
    _Proxy = wrapt.ObjectProxy


@dataclass(frozen=True, slots=True)
class Body:
    """What was read of a body, and the headers that came with it."""

    content: bytes
    headers: Mapping[str, str]


class ObservedBody(_Proxy):
    """The connection below a body; when it has been read to its end, the call has landed."""

    def __init__(self, raw: Any, flight: Flight, headers: Mapping[str, str]) -> None:
        super().__init__(raw)
        self._self_flight = flight
        self._self_headers = headers
        self._self_read = bytearray()
        flight.stop_clock()  # it is here; when it is read is the application's affair

    @classmethod
    def put_beneath(cls, body: Any, flight: Flight, headers: Mapping[str, str] | None) -> None:
        """Put one below *body*, a ``StreamingBody``, which itself stays what it is."""
        raw = getattr(body, "_raw_stream", None)
        if raw is None:
            flight.land()
        else:
            body._raw_stream = cls(raw, flight, headers or {})  # noqa: SLF001  # every way of reading goes through it

    def read(self, amt: int | None = None, *args: Any, **kwargs: Any) -> Any:
        """Read as the connection does."""
        try:
            data = self.__wrapped__.read(amt, *args, **kwargs)
        except BaseException as error:
            self._self_flight.fail(error)
            raise
        self._self_read += data
        if amt is None or (amt > 0 and not data):
            self._self_end()
        return data

    def readinto(self, buffer: Any) -> int:
        """Read as the connection does."""
        try:
            count: int = self.__wrapped__.readinto(buffer)
        except BaseException as error:
            self._self_flight.fail(error)
            raise
        self._self_read += bytes(buffer[:count])
        if not count:
            self._self_end()
        return count

    def close(self) -> Any:
        """Close as the connection does, and end the span."""
        self._self_end()
        return self.__wrapped__.close()

    def __del__(self) -> None:
        self._self_end()

    def _self_end(self) -> None:
        flight = self._self_flight
        if flight.landed:
            return
        content, self._self_read = bytes(self._self_read), bytearray()
        if self._self_complete(content):
            flight.whole(Body(content, self._self_headers))
        else:
            flight.land("closed" if content else None)

    def _self_complete(self, content: bytes) -> bool:
        length = self._self_headers.get("content-length")
        return bool(content) and (length is None or len(content) >= int(length))
