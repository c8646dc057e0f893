"""What every request needs: the server it came to, the project it speaks of, and who is asking."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from ..errors import Forbidden
from ..exports.trace_download import Runs
from ..ingest.changes import Changes
from ..ingest.intake import Intake
from ..ingest.pipeline import Pipeline
from ..ingest.writer import Writer
from ..jobs.deliveries import Sender
from ..jobs.prompts_seen import PromptsSeen
from ..playground.dataset_runs import DatasetRuns
from ..prompts.answers import Answers
from ..recent import Recent
from ..settings import Settings
from ..store.engine import Store
from .roles import RIGHTS

#: Spans of large traces that are kept laid out: about half a kilobyte each.
SPANS_LAID_OUT: Final = 100_000
#: Steps of large traces, each with what follows and surrounds it, that are kept: some 200 bytes each.
STEPS_TOLD: Final = 50_000


@dataclass(frozen=True, slots=True)
class Server:
    """The parts of one running server, put together in ``app.py``."""

    settings: Settings
    store: Store
    writer: Writer
    pipeline: Pipeline
    intake: Intake
    seen: PromptsSeen
    secret: bytes
    """Signs what browsers hand back, and webhooks; kept in the store, so that it outlives a restart."""
    sender: Sender
    exports: Runs = field(default_factory=Runs)
    changes: Changes = field(default_factory=Changes)
    prompt_answers: Answers = field(default_factory=Answers)
    runs: DatasetRuns = field(kw_only=True)
    """Runs over datasets in the background."""
    laid_out: Recent[Any] = field(default_factory=lambda: Recent(SPANS_LAID_OUT))
    """Trees of large traces, so that scrolling through one does not read it again and again."""
    digests: Recent[Any] = field(default_factory=lambda: Recent(STEPS_TOLD))
    """What large traces say of their steps."""


#: Holds the name that a browser labels under where people have no accounts.
NAME_COOKIE = "spanwise_name"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking: ``key`` a program with an API key, ``login`` a person, ``local`` anyone on an open loopback."""

    kind: str
    name: str = ""
    project: str | None = None
    """The only project that this request may touch; ``None`` for any."""
    rights: frozenset[str] = RIGHTS["admin"]

    account: bool = False
    """Whether the name is of an account, and not one that a browser chose."""
    projects: tuple[str, ...] | None = None
    """The projects it may ask for at all; ``None`` for any."""

    @property
    def may_promote(self) -> bool:
        """Whether protected labels of prompts are theirs to move: an admin's, and no API key's."""
        return self.kind != "key" and "admin" in self.rights


def server_of(connection: HTTPConnection) -> Server:
    """Return the server this request came to."""
    server: Server = connection.app.state.server
    return server


def actor_of(request: Request) -> Actor:
    """Return who is asking, as the guard in ``auth/guard.py`` found."""
    actor: Actor = request.state.actor
    return actor


def speaks_as(actor: Actor, name: str) -> str:
    """Return the name that somebody gives as theirs; a person with an account has only their own."""
    if actor.account and name != actor.name:
        raise Forbidden(f"You are {actor.name}, not {name}.", "Send your own name, or use an API key.")
    return name


def project_sent(actor: Actor, asked: str | None) -> str | None:
    """Return the API key's project, else the one asked for, else ``None``: each resource may name its own."""
    if actor.project is not None and asked and asked != actor.project:
        raise Forbidden(
            f"This API key belongs to project {actor.project!r}, not {asked!r}.",
            "Leave the project out, or use a key of that project.",
        )
    return actor.project if actor.project is not None else asked or None


def project_of(request: Request) -> str:
    """Return the project asked for: the API key's own, else header or query, else ``default``."""
    asked = request.query_params.get("project") or request.headers.get("x-spanwise-project")
    return project_sent(actor_of(request), asked) or "default"


# What is no coroutine FastAPI sends to another thread and back: longer than what these do.


async def _server(connection: HTTPConnection) -> Server:
    return server_of(connection)


async def _actor(request: Request) -> Actor:
    return actor_of(request)


async def _project(request: Request) -> str:
    return project_of(request)


CurrentServer = Annotated[Server, Depends(_server)]
CurrentActor = Annotated[Actor, Depends(_actor)]
CurrentProject = Annotated[str, Depends(_project)]
