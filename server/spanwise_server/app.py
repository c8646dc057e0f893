"""The only place where a server is put together."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute

from spanwise._version import __version__

from .api import alerts as alerts_api
from .api import annotations as annotations_api
from .api import codes as codes_api
from .api import datasets as datasets_api
from .api import experiment_runs as experiment_runs_api
from .api import experiments as experiments_api
from .api import health, media, metrics, otlp, prompt_examples, spans, traces
from .api import measures as measures_api
from .api import playground as playground_api
from .api import prompts as prompts_api
from .api import queues as queues_api
from .api import sessions as sessions_api
from .api.errors import error_json
from .api.otlp_grpc import open_grpc
from .auth.current import Server
from .auth.guard import INGEST_PATHS, PROGRAM_PATHS, Guard, anybody_can_log_in
from .errors import ConfigError, NotFound, SpanwiseError, TooLargeNumber
from .ingest.changes import Changes
from .ingest.intake import Intake
from .ingest.pipeline import Pipeline
from .ingest.span_limits import MB, SpanLimits
from .ingest.writer import Writer
from .jobs.alerting import Alerter
from .jobs.deliveries import Sender
from .jobs.housekeeping import Housekeeper
from .jobs.mail import mail_server
from .jobs.prompts_seen import PromptsSeen
from .pages import (
    alert_channels,
    alerts,
    annotate,
    calls,
    chosen,
    compare,
    compare_spans,
    completion,
    dashboard,
    dataset_acts,
    experiment_compare,
    experiments,
    ingest_health,
    label,
    list_files,
    live,
    login,
    queues,
    search,
    sessions,
    static,
    step_spans,
    steps,
    views,
)
from .pages import datasets as datasets_page
from .pages import help as help_page
from .pages import playground as playground_page
from .pages import playground_rows as playground_rows_page
from .pages import prompts as prompts_page
from .pages import trace as trace_page
from .pages import traces as traces_page
from .pages.errors import error_page
from .pages.precedence import Precedence
from .playground.dataset_runs import DatasetRuns
from .pricing.price import Prices
from .settings import Settings
from .store.base import AccessStore
from .store.engine import Options, Store, folder_of, make_store
from .store.span_logs import HOUR_NS, LogLimits

logger = logging.getLogger("spanwise.server")

#: The busiest first: they are asked one after another whether a request is theirs.
ROUTERS: Final = (
    otlp.router, static.router, live.router, completion.router, traces_page.router, chosen.router,
    trace_page.router, dashboard.router, sessions.router, traces.router, spans.router,
    health.router, metrics.router, prompts_api.router, sessions_api.router,
    annotations_api.router, queues_api.router, codes_api.router, datasets_api.router, experiment_runs_api.router,
    experiments_api.router, media.router, prompts_page.router, playground_api.router,
    playground_page.router, playground_rows_page.router, measures_api.router,
    login.router, views.router, annotate.router, compare.router, calls.router,
    queues.router, label.router, dataset_acts.router, datasets_page.router, experiment_compare.router,
    experiments.router, ingest_health.router, help_page.router, steps.router, step_spans.router, compare_spans.router,
    prompt_examples.router, alerts_api.router, alerts.router, alert_channels.router, search.router, list_files.router,
)  # fmt: skip
SECRET_SETTING: Final = "secret"  # noqa: S105 - the name of a setting, not a secret
_BEYOND_64_BITS: Final = re.compile(r"(?<!\d)\d{19,}(?!\d)")


class BadInput(SpanwiseError):
    """Input that is not of the shape the documentation says."""

    status = 422
    code = "bad_input"


def create_app(settings: Settings) -> FastAPI:
    """Return the application for *settings*: it opens its store when it starts and closes it when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        server = open_server(settings)
        app.state.server = server
        grpc = None
        housekeeper = Housekeeper(server.store)
        alerter = Alerter(server.store, server.sender, settings.base_url)
        try:
            grpc = open_grpc(server)
            app.state.grpc = None if grpc is None else grpc.address
            yield
        finally:
            if grpc is not None:
                grpc.close()
            alerter.close()
            housekeeper.close()
            server.runs.close()
            server.writer.close()
            server.seen.close()
            server.store.close()

    app = FastAPI(
        title="Spanwise",
        version=__version__,
        summary="See every LLM call, label it, turn it into tests.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # both pages load scripts from another site
        redoc_url=None,
        lifespan=lifespan,
    )
    app.add_middleware(Precedence)
    app.add_middleware(Guard, error_answer=error_answer, scripts=[static.assets().script_source(static.INLINE)])
    app.add_exception_handler(SpanwiseError, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_bad_input)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(OverflowError, _on_too_large)
    app.add_exception_handler(Exception, _on_bug)
    app.router.routes.extend(_included())
    return app


@cache
def _included() -> tuple[BaseRoute, ...]:
    """Return the routes of all routers, which every application of this process shares.

    FastAPI works them out at the first request, which takes as long as all else that an application is made of.
    """
    every = APIRouter()
    for router in ROUTERS:
        every.include_router(router)
    return tuple(every.routes)


def open_server(settings: Settings) -> Server:
    """Open the store and start the writer; a server that strangers could reach without a password is refused."""
    limits = _span_limits(settings)
    mail = mail_server(settings.smtp, settings.smtp_from)
    store = make_store(settings.store, Options(settings.data, _log_limits(settings), full_text=settings.full_text))
    pipeline = Pipeline(Prices(), store.turns, limits=limits, media=store.media)
    store.open()
    try:
        _refuse_strangers(settings, store)
        secret = _secret(store)
    except BaseException:
        store.close()
        raise
    writer = Writer(store, max_queued_spans=settings.max_queued_spans)
    seen = PromptsSeen(store)
    changes = Changes()
    return Server(
        settings=settings,
        store=store,
        writer=writer,
        pipeline=pipeline,
        intake=Intake(
            pipeline,
            writer,
            store,
            limits,
            max_unpacked_bytes=settings.max_unpacked_mb * MB,
            max_queued_bytes=settings.max_queued_mb * MB,
            on_taken=seen.note,
            on_written=changes.note,
        ),
        changes=changes,
        seen=seen,
        secret=secret,
        runs=DatasetRuns(store, alone=folder_of(settings.store, settings.data) is not None),
        sender=Sender(store, secret, mail, allow_private=settings.allow_private),
    )


def _log_limits(settings: Settings) -> LogLimits:
    return LogLimits(
        of_span=settings.max_span_logs,
        waiting_bytes=settings.max_waiting_logs_mb * MB,
        wait_ns=settings.log_wait_hours * HOUR_NS,
    )


def _span_limits(settings: Settings) -> SpanLimits:
    return SpanLimits(
        spans=settings.max_request_spans,
        attributes=settings.max_span_attributes,
        attribute_bytes=settings.max_attribute_mb * MB,
        depth=settings.max_depth,
    )


def _refuse_strangers(settings: Settings, store: Store) -> None:
    if settings.on_loopback or settings.password or anybody_can_log_in(store):
        return
    raise ConfigError(
        f"Spanwise will not listen on {settings.host} without a password: anyone who reaches it could read every "
        "prompt and answer.",
        "Set one with `spanwise users password` or SPANWISE_PASSWORD, or make accounts with `spanwise users add`, "
        "then start again; programs then need a key from `spanwise keys create`.",
    )


def _secret(store: AccessStore) -> bytes:
    secret = store.setting(SECRET_SETTING) or store.settled(SECRET_SETTING, secrets.token_hex(32))
    return bytes.fromhex(secret)


def error_answer(request: Request, error: SpanwiseError) -> Response:
    """Return *error* as OTLP to exporters, as JSON to programs, as a page to people."""
    if request.url.path.startswith(INGEST_PATHS):
        return otlp.turned_away(request, error)
    if request.url.path.startswith(PROGRAM_PATHS):
        return error_json(request, error)
    return error_page(request, error)


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, SpanwiseError)  # noqa: S101 - what it was registered for
    return error_answer(request, error)


async def _on_bad_input(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it was registered for
    first = error.errors()[0]
    if first["loc"][0] == "path":  # such as a word where a number stands: no page has that address
        return error_answer(request, NotFound(f"There is nothing at {request.url.path}.", "Start from /traces."))
    where = ".".join(str(part) for part in first["loc"])
    hint = "See /api/openapi.json for what is expected."
    return error_answer(request, BadInput(f"{where}: {first['msg']}", hint))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it was registered for
    path = request.url.path
    refusal: SpanwiseError = NotFound(f"There is nothing at {path}.", "Start from /traces.")
    if error.status_code != refusal.status:
        allowed = (error.headers or {}).get("Allow")
        refusal = SpanwiseError(
            f"{request.method} is not what {path} answers to.", f"It answers to {allowed}." if allowed else ""
        )
        refusal.status = error.status_code
        refusal.code = "method_not_allowed" if error.status_code == 405 else "refused"
    answer = error_answer(request, refusal)
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


async def _on_too_large(request: Request, error: Exception) -> Response:
    """Answer a number that no row can have, in the address or in what was sent; SQLite takes none so large."""
    if _BEYOND_64_BITS.search(f"{request.url.path}?{request.url.query}") is not None:
        return error_answer(request, NotFound(f"There is nothing at {request.url.path}.", "Start from /traces."))
    if "SQLite INTEGER" not in str(error):
        return await _on_bug(request, error)
    return error_answer(request, TooLargeNumber())


async def _on_bug(request: Request, error: Exception) -> Response:
    request_id = getattr(request.state, "request_id", "")
    logger.error("request %s to %s failed", request_id, request.url.path, exc_info=error)
    bug = SpanwiseError(
        "The server failed on this request.", f"Its log says why; look there for {request_id}. Nothing else was lost."
    )
    bug.status, bug.code = 500, "internal_error"
    return error_answer(request, bug)
