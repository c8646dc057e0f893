"""Streams that a client hands out in a block: ``with client.stream(...) as response``, read as ``response.data``."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

import wrapt
from opentelemetry import context as otel_context

from .engine import Flight
from .left import land_block
from .stream import arrive

if TYPE_CHECKING:
    _Proxy = wrapt.ObjectProxy[Any]
else:
    _Proxy = wrapt.ObjectProxy


class ObservedBlock(_Proxy):
    """The client's own block: the call is made when it is entered, and over when it is left."""

    def __init__(self, block: Any, flight: Flight) -> None:
        super().__init__(block)
        self._self_flight = flight

    def __enter__(self) -> Any:
        before = otel_context.get_current()
        otel_context.attach(self._self_flight.context)
        try:
            response = self.__wrapped__.__enter__()
        except BaseException as error:
            self._self_flight.fail(error)
            raise
        finally:
            otel_context.attach(before)
        return _ObservedResponse(response, self._self_flight)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Any:
        land_block(self._self_flight, error)
        return self.__wrapped__.__exit__(kind, error, traceback)

    async def __aenter__(self) -> Any:
        before = otel_context.get_current()
        otel_context.attach(self._self_flight.context)
        try:
            response = await self.__wrapped__.__aenter__()
        except BaseException as error:
            self._self_flight.fail(error)
            raise
        finally:
            if otel_context.get_current() is self._self_flight.context:
                otel_context.attach(before)
        return _ObservedResponse(response, self._self_flight)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Any:
        land_block(self._self_flight, error)
        return await self.__wrapped__.__aexit__(kind, error, traceback)

    def __del__(self) -> None:
        self._self_flight.land("abandoned")


class _ObservedResponse(_Proxy):
    """The response inside of the block, whose ``data`` is the stream."""

    def __init__(self, response: Any, flight: Flight) -> None:
        super().__init__(response)
        self._self_data = arrive(flight, response.data)

    @property
    def data(self) -> Any:
        """The stream, seen as it is read."""
        return self._self_data
