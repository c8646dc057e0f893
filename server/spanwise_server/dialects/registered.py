"""The dialects there are. To add one: one file, one line here, or an entry point of a package."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final

from spanwise.registry import load_all

from ..record import Reading, Span
from .base import Dialect, Draft
from .settle import settle

logger = logging.getLogger(__name__)

#: Where two dialects speak on one span, the earlier one wins, field by field.
DIALECTS: Final[Mapping[str, str]] = {
    "spanwise": "spanwise_server.dialects.spanwise:DIALECT",
    "langfuse": "spanwise_server.dialects.langfuse:DIALECT",
    "mlflow": "spanwise_server.dialects.mlflow:DIALECT",
    "langsmith": "spanwise_server.dialects.langsmith:DIALECT",
    "vercel": "spanwise_server.dialects.vercel:DIALECT",
    "laminar": "spanwise_server.dialects.laminar:DIALECT",
    "google_adk": "spanwise_server.dialects.google_adk:DIALECT",
    "strands": "spanwise_server.dialects.strands:DIALECT",
    "semantic_kernel": "spanwise_server.dialects.semantic_kernel:DIALECT",
    "mastra": "spanwise_server.dialects.mastra:DIALECT",
    "openlit": "spanwise_server.dialects.openlit:DIALECT",
    "litellm": "spanwise_server.dialects.litellm:DIALECT",
    "haystack": "spanwise_server.dialects.haystack:DIALECT",
    "gen_ai": "spanwise_server.dialects.gen_ai:DIALECT",
    "pydantic_ai": "spanwise_server.dialects.pydantic_ai:DIALECT",
    "logfire": "spanwise_server.dialects.logfire:DIALECT",
    "openinference": "spanwise_server.dialects.openinference:DIALECT",
    "traceloop": "spanwise_server.dialects.traceloop:DIALECT",
    "otel": "spanwise_server.dialects.otel:DIALECT",
}
#: Entry-point group in which another package announces its dialects; they come before ``otel``.
DIALECT_GROUP: Final = "spanwise.dialects"
#: The failures that have been logged: one line for each sort, however many spans are sent.
_reported: set[tuple[str, str]] = set()


@cache
def dialects() -> tuple[Dialect, ...]:
    """Return every dialect there is, in order of precedence."""
    found: list[Dialect] = [dialect for _, dialect in load_all(DIALECTS, DIALECT_GROUP)]
    return tuple(sorted(found, key=lambda dialect: _rank(dialect.name)))


@lru_cache(maxsize=1_000)
def candidates(heads: frozenset[str], scope: str) -> tuple[Dialect, ...]:
    """Return the dialects that a span with these first words of attribute names and this scope may speak."""
    return tuple(dialect for dialect in dialects() if dialect.may_be_spoken(heads, scope))


def _rank(name: str) -> int:
    names = tuple(DIALECTS)
    return names.index(name) * 2 if name in DIALECTS else len(names) * 2 - 3


def read(span: Span) -> Reading:
    """Return what *span* says in every dialect it speaks; a dialect that fails is logged once and passed over."""
    draft = Draft(span)
    for dialect in candidates(draft.heads, span.scope.name):
        draft.dialect = dialect.name
        try:
            if dialect.speaks(draft):
                if dialect.names_the_span:
                    draft.speakers.append(dialect.name)
                dialect.read(draft)
        except Exception as error:
            if os.environ.get("SPANWISE_STRICT") == "1":
                raise
            _report((dialect.name, type(error).__name__), str(error))
    settle(draft)
    try:
        return draft.reading()
    except TypeError:
        if os.environ.get("SPANWISE_STRICT") == "1":
            raise
        return _without_what_cannot_be(draft)


def _without_what_cannot_be(draft: Draft) -> Reading:
    """Return what was said without fields that there are not, and values that no such field has."""
    for field in list(draft.said):
        try:
            Reading(**{field: draft.said[field]})
        except TypeError as error:  # noqa: PERF203  # it is each field that is tried
            del draft.said[field]
            dialect, _, _ = draft.mapped_by.pop(field, draft.dialect).partition(": ")
            _report((dialect, type(error).__name__), str(error))
    return draft.reading()


def _report(failure: tuple[str, str], message: str) -> None:
    """Log a failure, named by its dialect and error, the first time it happens."""
    if failure not in _reported:
        _reported.add(failure)
        logger.error("dialect %s could not read a span (%s: %s); said once", *failure, message)
