"""The playground: any recorded call or version of a prompt, changed and made again, several side by side."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from ..auth.csrf import Csrf
from ..auth.current import CurrentActor, CurrentProject, CurrentServer, Server
from ..errors import NotFound
from ..experiments.checks import KINDS
from ..playground.bedrock import is_region
from ..playground.call import BadCall
from ..playground.plan import MOST_AT_ONCE
from ..playground.providers import PROVIDERS, provider_named
from ..playground.replay import Start, of_content, of_example, of_record
from ..playground.rows import INPUTS
from ..playground.run import MOST_REPEATS
from ..playground.secrets import Vault, from_environment
from ..query.filters import And, Query, Term
from ..store.datasets import Datasets
from ..store.prompts import Prompts
from ..store.prompts_keys import ProviderKeys
from .label import annotator_of
from .playground_rows import picker
from .render import render
from .urls import url

router = APIRouter(include_in_schema=False)


@router.get("/playground")
def playground_page(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    *,
    prompt: str = "",
    version: int | None = None,
    trace: str = "",
    span: str = "",
    dataset: int | None = None,
    example: str = "",
) -> Response:
    """Show the playground with what the URL names."""
    if trace and not span and not prompt:
        span = _last_call(server, project, trace.lower())
        return RedirectResponse(url("/playground", project, {"trace": trace.lower(), "span": span}), status_code=303)
    number: int | None = None
    values = _values(server, project, dataset, example)
    if prompt:
        found = Prompts(server.store).version(project, prompt, "latest" if version is None else str(version))
        number, start = found.number, of_content(found.content, values)
    elif span:
        record = server.store.span(project, span.lower(), trace.lower() or None)
        if record is None:
            raise NotFound(f"There is no span {span}.", "Its trace may have been deleted.")
        start = of_record(record)
    else:
        start = Start(variables=values)
    stored = ProviderKeys(server.store).stored(project, PROVIDERS)
    return render(
        request,
        "pages/playground.html",
        start=start,
        extras=[_extra(asdict(message)) for message in start.messages],
        pretty=_pretty,
        prompt=prompt,
        version=number,
        providers=PROVIDERS,
        stored=stored,
        may_keep_keys="admin" in actor.rights,
        usable={name for name in PROVIDERS if name in stored or from_environment(name) is not None},
        most_repeats=MOST_REPEATS,
        datasets=Datasets(server.store).all(project),
        picker=None if dataset is None else picker(server, project, dataset),
        inputs=INPUTS,
        checks=KINDS,
        most_at_once=MOST_AT_ONCE,
        start_key=f"{prompt}@{number}" if prompt else f"{trace} {span}".strip(),
    )


@router.post("/playground/keys", dependencies=[Csrf])
def keep_key(
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    *,
    provider: Annotated[str, Form()],
    key: Annotated[str, Form(max_length=2_000)] = "",
    base_url: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Store a provider's key, encrypted, in place of the one before; without a key, forget the stored one."""
    known = provider_named(provider)
    keys, address = ProviderKeys(server.store), base_url.strip().rstrip("/")
    if not key.strip():
        keys.drop(project, provider)
        return RedirectResponse(url("/playground", project), status_code=303)
    fits = address.startswith(("https://", "http://")) or (known.takes_region and is_region(address))
    if address and not fits:
        also = ", or a region such as eu-central-1" if known.takes_region else ""
        raise BadCall(f"{address!r} is no base URL.", f"Such as https://api.example.com/v1{also}.")
    secret = Vault(server.settings.data).lock(key.strip())
    keys.keep(project, provider, address, secret, by=annotator_of(actor).id)
    return RedirectResponse(url("/playground", project), status_code=303)


def _last_call(server: Server, project: str, trace_id: str) -> str:
    """Return the last model call of a trace, which as a rule is the one that answered."""
    calls = And((Term("trace", "=", (trace_id,)), Term("kind", "=", ("llm",))))
    found = server.store.find_spans(Query(project, calls, limit=1)).items
    if not found:
        raise NotFound(f"No call of a model in trace {trace_id[:40]} can be made again.", "Open one of its spans.")
    return found[0].span.span_id


def _values(server: Server, project: str, dataset_id: int | None, example_id: str) -> dict[str, Any]:
    if dataset_id is None:
        return {}
    datasets = Datasets(server.store)
    dataset = datasets.find(dataset_id)
    if dataset is None or dataset.project != project or dataset.newest is None:
        raise NotFound(f"There is no dataset {dataset_id} here.", "/datasets lists those there are.")
    found = datasets.example(dataset.newest.id, example_id) if example_id else None
    row = found or next(datasets.examples(dataset.newest.id, limit=1), None)
    return {} if row is None else of_example(row)


def _extra(message: dict[str, Any]) -> str:
    """Return what a message has beside its role and text, for the browser to hand back."""
    kept = {name: message[name] for name in ("tool_calls", "tool_call_id") if message[name]}
    return json.dumps(kept) if kept else ""


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=dict) if value else ""
