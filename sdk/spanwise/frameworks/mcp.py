"""The Model Context Protocol: what a client asks and a server does are spans of one trace, over any transport."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry import propagate, trace

from .. import vocabulary as v
from ..encode import from_json
from ..instrument.undo import replaced
from ..safety import guard
from ..span import Span
from .framework import framework

#: What each method is called in a span's kind; the rest is ``mcp``.
_KINDS: Final = {"tools/call": "tool"}
_UNWATCHED: Final = ("notifications/", "ping")


class ToolFailed(Exception):
    """What a tool says of its failure, inside an answer."""


# --- the client -------------------------------------------------------------------------------------


def _send_request(original: Any) -> Any:
    @functools.wraps(original)
    async def send_request(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        opened = None
        with guard():
            asked = getattr(request, "root", request)
            opened = _open(str(asked.method), getattr(asked, "params", None))
            if opened is not None:
                _carry(asked)
        if opened is None:
            return await original(self, request, *args, **kwargs)
        return await _inside(opened, original(self, request, *args, **kwargs))

    return send_request


def _carry(asked: Any) -> None:
    """Put the W3C trace context into ``_meta``, as the protocol has it; clients from 2.0 on do it by themselves."""
    params = getattr(asked, "params", None)
    meta_type = getattr(type(params), "Meta", None)
    if params is not None and meta_type is not None:
        carrier: dict[str, Any] = {}
        propagate.inject(carrier)
        present = params.meta.model_dump(by_alias=True, exclude_none=True) if params.meta is not None else {}
        params.meta = meta_type(**{**present, **carrier})


# --- the server -------------------------------------------------------------------------------------


def _handle_request(original: Any) -> Any:
    """Wrap how a server of 1.x handles a request."""

    @functools.wraps(original)
    async def handle_request(self: Any, message: Any, req: Any, *args: Any, **kwargs: Any) -> Any:
        opened = None
        with guard():
            params = getattr(req, "params", None)
            meta = getattr(params, "meta", None)
            carrier = meta.model_dump() if meta is not None else {}
            opened = _open(str(req.method), params, _extracted(carrier))
        if opened is None:
            return await original(self, message, req, *args, **kwargs)
        answered = message.respond

        async def respond(response: Any) -> Any:
            _answer(opened, getattr(response, "root", response))
            return await answered(response)

        message.respond = respond
        return await _inside(opened, original(self, message, req, *args, **kwargs), tells=False)

    return handle_request


def _middleware(original: Any) -> Any:  # noqa: ARG001  # ours takes its place
    """Take the place of the spans that servers from 2.0 on make, which tell neither what was asked nor answered."""

    async def __call__(self: Any, ctx: Any, call_next: Any) -> Any:  # noqa: ARG001, N807  # as it is called
        opened = None
        with guard():
            opened = _open(str(ctx.method), ctx.params, _extracted(ctx.meta or {}))
        return await (call_next(ctx) if opened is None else _inside(opened, call_next(ctx)))

    return __call__


def _extracted(carrier: Mapping[str, Any]) -> otel_context.Context | None:
    found = propagate.extract(carrier)
    return found if trace.get_current_span(found).get_span_context().is_valid else None


# --- both -------------------------------------------------------------------------------------------


def _open(method: str, params: Any, above: otel_context.Context | None = None) -> Span | None:
    """Begin the span of one request, and be inside of it."""
    if method.startswith(_UNWATCHED):
        return None
    said = _plain(params)
    name = said.get("name") or said.get("uri")
    kind = _KINDS.get(method, "mcp")
    opened = Span(f"{method} {name}" if name else method, kind, {v.MCP_METHOD: method})
    token = otel_context.attach(above) if above is not None else None
    try:
        opened.start()
    finally:
        if token is not None:
            otel_context.detach(token)
    if kind == "tool":
        opened.set(v.TOOL_NAME, str(name))
        opened.set_input(said.get("arguments") or {})
    else:
        opened.set_input({key: value for key, value in said.items() if not key.startswith("_")})
    opened.enter()
    return opened


async def _inside(opened: Span, work: Any, *, tells: bool = True) -> Any:
    try:
        result = await work
    except BaseException as error:
        opened.leave()
        opened.end(error)
        raise
    opened.leave()
    if tells:
        _answer(opened, result)
    opened.end()
    return result


def _answer(opened: Span, result: Any) -> None:
    """Say what came of it: the content of a tool's answer, plain where it is one text."""
    with guard():
        said = _plain(result)
        content = said.get("content")
        failed = said.get("isError") or said.get("is_error")
        if isinstance(content, list):
            texts = [part.get("text") for part in content if isinstance(part, Mapping)]
            opened.set_output(from_json(texts[0]) if len(texts) == 1 and texts[0] is not None else content)
            if failed:
                opened.fail(ToolFailed(str(texts[0] if texts else "the tool failed")))
        elif type(result).__name__ == "ErrorData" or {"code", "message"} == said.keys() - {"data"}:
            opened.fail(ToolFailed(str(said.get("message"))))
        else:
            opened.set_output(said)


def _plain(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    dump = getattr(value, "model_dump", None)
    return dump(mode="json", by_alias=True, exclude_none=True) if callable(dump) else {}


@contextmanager
def _no_span(*_args: Any, **_kwargs: Any) -> Iterator[trace.Span]:
    """Stand in for the client's own span, which ours is: its context is what goes along."""
    yield trace.get_current_span()


def _switch_on(module: ModuleType) -> Callable[[], None]:
    """Wrap both sides, whichever of its ways this version of the library has."""
    session = next(each for each in module.ClientSession.__mro__ if "send_request" in vars(each))
    undo = [replaced(session, "send_request", _send_request)]
    dispatcher = sys.modules.get("mcp.shared.jsonrpc_dispatcher")
    if dispatcher is not None and hasattr(dispatcher, "otel_span"):
        undo.append(replaced(dispatcher, "otel_span", lambda _original: _no_span))
    own = sys.modules.get("mcp.server._otel")
    server = sys.modules.get("mcp.server.lowlevel.server")
    if own is not None:
        undo.append(replaced(own.OpenTelemetryMiddleware, "__call__", _middleware))
    elif server is not None and "_handle_request" in vars(server.Server):
        undo.append(replaced(server.Server, "_handle_request", _handle_request))

    def switch_off() -> None:
        for each in undo:
            each()

    return switch_off


FRAMEWORK: Final = framework("mcp", "mcp", _switch_on)
