"""How ingest goes, for people: what came, what was refused and why, and how long the disk takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from ..auth.current import CurrentActor, CurrentProject, CurrentServer, Server
from ..ingest.batch import REASONS
from ..ingest.health import COMMIT_BOUNDS_S, DROPPED, Mishap, State
from . import format as fmt
from .render import render
from .urls import url

router = APIRouter(include_in_schema=False)

PATH: Final = "/settings/ingest"
#: What is counted of each signal, in one word and in several.
WORDS: Final = {"traces": "span", "logs": "log record", "metrics": "data point"}


@dataclass(frozen=True, slots=True)
class Key:
    """One key number: its name, its value, and a few words below."""

    name: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Refused:
    """One reason, how often it was met, and what it means."""

    what: str
    reason: str
    count: int
    meaning: str


@router.get("/settings")
def settings_page(project: CurrentProject) -> Response:
    """Go to the first page of the settings."""
    return RedirectResponse(url(PATH, project), status_code=303)


@router.get(PATH)
def ingest_health_page(request: Request, server: CurrentServer, actor: CurrentActor) -> Response:
    """Show the figures since the server started, and what was refused last; to a key only what is its project's."""
    state = server.intake.health.state()
    shown = [one for one in state.mishaps if actor.project is None or one.project == actor.project]
    return render(
        request,
        "pages/ingest_health.html",
        keys=key_numbers(server, state),
        refused=refusals(state),
        mishaps=[(mishap, meaning(mishap)) for mishap in shown],
        since_ns=state.since_ns,
    )


def key_numbers(server: Server, state: State) -> list[Key]:
    """Return the numbers that stand at the top."""
    writer, waiting = server.writer.stats(), server.store.waiting_logs()
    spans, logs = state.accepted.get("traces", 0), state.accepted.get("logs", 0)
    refused = sum(count for (signal, _), count in state.refused.items() if signal != "metrics")
    away = fmt.plural(sum(state.turned_away.values()), "whole request")
    half, most = bound(state.commit_percentile_s(0.5)), bound(state.commit_percentile_s(0.95))
    return [
        Key("Spans taken", fmt.count(spans), f"{fmt.count(server.store.repeated)} seen before"),
        Key("Log records taken", fmt.count(logs), f"{fmt.count(waiting.records)} wait for a span"),
        Key("Refused", fmt.count(refused), f"and {away}"),
        Key("Lost on the way", fmt.count(state.dropped), "as programs say"),
        Key(
            "Queue", fmt.count(writer.queued), f"spans and log records; {fmt.size(server.intake.room.taken)} under way"
        ),
        Key("Until on disk", most, f"for 95 %; half {half}"),
        Key("Write errors", fmt.count(writer.errors), writer.last_error or "none since the start"),
    ]


def bound(seconds: float | None) -> str:
    """Return an upper bound of a time in words, a dash where nothing was measured."""
    if seconds is None:
        return "—"
    if seconds == float("inf"):
        return f"over {fmt.duration(COMMIT_BOUNDS_S[-1] * 1_000)}"
    return f"≤ {fmt.duration(seconds * 1_000)}"


def refusals(state: State) -> list[Refused]:
    """Return what was refused by reason, the commonest first; whole requests among the rest."""
    found = [
        Refused(WORDS[signal], reason, count, REASONS.get(reason, "Spanwise keeps no metrics"))
        for (signal, reason), count in state.refused.items()
    ]
    found += [
        Refused("request", code, count, f"a whole request to /v1/{signal}")
        for (signal, code), count in state.turned_away.items()
    ]
    if state.dropped:
        found.append(Refused("span", DROPPED, state.dropped, "dropped by the program before it was sent"))
    return sorted(found, key=lambda one: (-one.count, one.reason, one.what))


def meaning(mishap: Mishap) -> str:
    """Return what was refused, in a word."""
    return WORDS[mishap.signal] if mishap.reason in REASONS or mishap.reason == DROPPED else "request"
