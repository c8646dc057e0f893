"""Alerts: what fires and what did, the rules, and the channels that are told."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from ..alerts.rule import ALERT_KEYS, NO_DATA, Rule
from ..auth.csrf import Csrf
from ..auth.current import CurrentActor, CurrentProject, CurrentServer, Server
from ..errors import SpanwiseError
from ..jobs.alerting import peek
from ..query.figures import MEASURES
from ..store.alert_firings import Firings
from ..store.alerts import Alerts
from .alert_form import EXAMPLES, WINDOWS, AskedRule, prefilled, typed
from .alert_lines import budget_lines, firing_lines, rule_lines, values_of
from .flash import redirected, undone
from .render import render
from .urls import url

router = APIRouter(include_in_schema=False)

PATH: Final = "/dashboard/alerts"
_PAGE: Final = 50


@router.get("/alerts")
def alerts_short(project: CurrentProject) -> Response:
    """Go to the page of alerts."""
    return RedirectResponse(url(PATH, project), status_code=303)


@router.get(PATH)
def alerts_page(
    request: Request, server: CurrentServer, project: CurrentProject, before: int | None = None
) -> Response:
    """Show what fires, the rules, and page by page what has resolved."""
    firings = Firings(server.store)
    now, past = firings.open(project), firings.history(project, before, _PAGE + 1)
    rules = Alerts(server.store).rules(project)
    return render(
        request,
        "pages/alerts.html",
        firing=firing_lines(now),
        rules=rule_lines(rules, now),
        budgets=budget_lines(rules),
        history=firing_lines(past[:_PAGE]),
        older=past[_PAGE - 1].id if len(past) > _PAGE else None,
        before=before,
    )


@router.get(f"{PATH}/new")
def new_rule(request: Request, server: CurrentServer, project: CurrentProject) -> Response:
    """Show the form of a new rule, with what the link says already in it."""
    return _form(request, server, project, prefilled(request.query_params))


@router.post(f"{PATH}/new", dependencies=[Csrf])
def create_rule(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    asked: Annotated[AskedRule, Form()],
) -> Response:
    """Keep a new rule; what cannot be one comes back in the form with the reason."""
    try:
        rule = Alerts(server.store).create(project, asked.rule(), actor.name)
    except SpanwiseError as wrong:
        return _form(request, server, project, asked, wrong=wrong)
    _look_first(server, rule)
    return redirected(request, url(PATH, project), f"Rule {rule.name} is kept")


@router.get(PATH + "/rules/{rule_id}")
def rule_page(request: Request, server: CurrentServer, project: CurrentProject, rule_id: int) -> Response:
    """Show one rule in its form, what it is now, and what it fired."""
    rule = Alerts(server.store).rule(project, rule_id)
    return _form(request, server, project, typed(rule), rule=rule)


@router.post(PATH + "/rules/{rule_id}", dependencies=[Csrf])
def change_rule(
    request: Request,
    server: CurrentServer,
    project: CurrentProject,
    rule_id: int,
    asked: Annotated[AskedRule, Form()],
) -> Response:
    """Have a rule say something else."""
    alerts = Alerts(server.store)
    rule = alerts.rule(project, rule_id)
    try:
        changed = alerts.change(project, rule_id, replace(asked.rule(), enabled=rule.said.enabled))
    except SpanwiseError as wrong:
        return _form(request, server, project, asked, rule=rule, wrong=wrong)
    if changed.last is None:
        _look_first(server, changed)
    return redirected(request, url(PATH, project), f"Rule {changed.name} is kept")


@router.post(PATH + "/rules/{rule_id}/pause", dependencies=[Csrf])
def pause_rule(
    request: Request,
    server: CurrentServer,
    project: CurrentProject,
    rule_id: int,
    on: Annotated[bool, Form()] = True,  # noqa: FBT002 - a field of the form
) -> Response:
    """Have a rule rest, or look again."""
    alerts = Alerts(server.store)
    rule = alerts.rule(project, rule_id)
    alerts.change(project, rule_id, replace(rule.said, enabled=not on))
    return redirected(request, url(PATH, project), f"Rule {rule.name} {'rests' if on else 'looks again'}")


@router.post(PATH + "/rules/{rule_id}/delete", dependencies=[Csrf])
def delete_rule(request: Request, server: CurrentServer, project: CurrentProject, rule_id: int) -> Response:
    """Delete a rule; it can be had back."""
    gone = Alerts(server.store).delete(project, rule_id)
    undo = url(f"{PATH}/rules/{rule_id}/restore", project)
    return redirected(request, url(PATH, project), f"Rule {gone.name} deleted", undo)


@router.post(PATH + "/rules/{rule_id}/restore", dependencies=[Csrf])
def restore_rule(request: Request, server: CurrentServer, project: CurrentProject, rule_id: int) -> Response:
    """Have a deleted rule back."""
    Alerts(server.store).restore(project, rule_id)
    return undone(request, url(PATH, project))


@router.post(PATH + "/firings/{firing_id}/acknowledge", dependencies=[Csrf])
def acknowledge(
    request: Request,
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    firing_id: int,
    on: Annotated[bool, Form()] = True,  # noqa: FBT002 - a field of the form
) -> Response:
    """Note that somebody looks after what fires, or no longer."""
    firing = Firings(server.store).acknowledge(project, firing_id, actor.name, on=on)
    said = "acknowledged" if on else "open again"
    return redirected(request, url(PATH, project), f"{firing.rule_name} {said}")


def _look_first(server: Server, rule: Rule) -> None:
    """Have the page say at once what a new rule finds; firing is left to the job."""
    Alerts(server.store).keep_last(rule, peek(server.store, rule, time.time_ns()))


def _form(
    request: Request,
    server: Server,
    project: str,
    asked: AskedRule,
    *,
    rule: Rule | None = None,
    wrong: SpanwiseError | None = None,
) -> Response:
    fired = () if rule is None else Firings(server.store).of_rule(project, rule.id)
    measure = MEASURES.get(asked.measure) or MEASURES["cost_usd"]
    context: dict[str, Any] = {
        "rule": rule,
        "line": None if rule is None else rule_lines([rule], [one for one in fired if one.resolved_ns is None])[0],
        "fired": firing_lines(fired),
        "values": () if rule is None else values_of(rule),
        "asked": asked,
        "wrong": wrong,
        "measures": MEASURES.values(),
        "keys": ALERT_KEYS,
        "no_data": NO_DATA,
        "windows": WINDOWS,
        "example": EXAMPLES[measure.unit],
        "channels": Alerts(server.store).channels(project),
    }
    return render(request, "pages/alert_rule.html", status=200 if wrong is None else 422, **context)
