"""Pages go before the spans that arrive: Python runs one thread at a time, and somebody looks at a screen."""

from __future__ import annotations

from contextlib import ExitStack

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..auth.current import server_of


class Precedence:
    """ASGI middleware: what works through spans lets a request that reads pass, until its answer begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        with ExitStack() as made:
            made.enter_context(server_of(Request(scope)).store.turns.pages)

            async def send_on(message: Message) -> None:
                if message["type"] == "http.response.start":
                    made.close()  # an answer without an end, such as a page's changes, holds nobody up
                await send(message)

            await self._app(scope, receive, send_on)
