"""Alerts as JSON: what fires and what did, the rules, and the channels that are told."""

from __future__ import annotations

import time
from dataclasses import fields
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from ..alerts.budget import Budget, budgets
from ..alerts.channel import Channel
from ..alerts.firing import Firing
from ..alerts.message import traces_path, trial_body
from ..alerts.rule import ALERT_KEYS, NewRule, NoData, Rule
from ..auth.current import CurrentActor, CurrentProject, CurrentServer
from ..exports.contract import rfc3339
from ..query.figures import MEASURES
from ..store.alert_firings import Firings
from ..store.alert_outbox import Delivery, Outbox
from ..store.alerts import Alerts
from .traces import answer

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])


class AskedRule(BaseModel):
    """A rule to keep."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=200)
    measure: str = Field(description=f"Any of {', '.join(MEASURES)}, or label_fail_rate.NAME")
    threshold: float = Field(allow_inf_nan=False)
    window: str = Field(description="15m, 1h, 24h, 7d and so on, or day or month for the calendar's, in UTC")
    filter: str = ""
    by: str = Field("", description=f"Fires for each of these by itself: {', '.join(ALERT_KEYS)}")
    above: bool = Field(default=True, description="Whether it fires above the threshold; else below")
    resolve_at: float | None = Field(None, allow_inf_nan=False, description="Fine again; else a tenth short")
    hold_minutes: int = Field(0, description="So long has it to be beyond before it fires")
    calm_minutes: int = Field(5, description="So long has it to be fine before it resolves")
    min_spans: int = Field(0, description="With fewer spans there are no data")
    no_data: NoData = "ok"
    channels: list[int] = Field(default_factory=list)
    enabled: bool = True

    def rule(self) -> NewRule:
        """Return it as rules are kept."""
        return NewRule(**self.model_dump() | {"channels": tuple(dict.fromkeys(self.channels))})


class AskedChannel(BaseModel):
    """A channel to keep."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["email", "webhook"]
    name: str = Field(max_length=200)
    target: str = Field(description="Addresses with commas between, or a URL")


@router.get("")
def list_alerts(
    server: CurrentServer,
    project: CurrentProject,
    state: Annotated[Literal["firing", "resolved"], Query()] = "firing",
    limit: Annotated[int, Query(ge=1, le=1_000)] = 50,
    before: Annotated[int | None, Query(description="next of the page before")] = None,
) -> Response:
    """Return what fires now, or page by page what has resolved, the newest first."""
    firings = Firings(server.store)
    if state == "firing":
        found: tuple[Firing, ...] = firings.open(project)
        return answer({"items": [firing_json(one) for one in found], "next": None})
    found = firings.history(project, before, limit + 1)
    after = found[limit - 1].id if len(found) > limit else None
    return answer({"items": [firing_json(one) for one in found[:limit]], "next": after})


@router.get("/budgets")
def list_budgets(server: CurrentServer, project: CurrentProject) -> Response:
    """Return what of each month's budget is used and left, and where the month will end at this pace."""
    found = [one for rule in Alerts(server.store).rules(project) for one in budgets(rule)]
    return answer({"items": [budget_json(one) for one in found]})


@router.get("/rules")
def list_rules(server: CurrentServer, project: CurrentProject) -> Response:
    """Return the rules of a project."""
    return answer({"items": [rule_json(rule) for rule in Alerts(server.store).rules(project)]})


@router.post("/rules", status_code=201)
def create_rule(server: CurrentServer, actor: CurrentActor, project: CurrentProject, asked: AskedRule) -> Response:
    """Keep a rule; it is looked at within seconds."""
    kept = Alerts(server.store).create(project, asked.rule(), actor.name or actor.kind)
    return answer(rule_json(kept), status=201)


@router.get("/rules/{rule_id}")
def one_rule(server: CurrentServer, project: CurrentProject, rule_id: int) -> Response:
    """Return one rule, what it is now, and what it fired."""
    rule = Alerts(server.store).rule(project, rule_id)
    fired = Firings(server.store).of_rule(project, rule_id)
    return answer({**rule_json(rule), "firings": [firing_json(one) for one in fired]})


@router.put("/rules/{rule_id}")
def change_rule(server: CurrentServer, project: CurrentProject, rule_id: int, asked: AskedRule) -> Response:
    """Have a rule say something else."""
    return answer(rule_json(Alerts(server.store).change(project, rule_id, asked.rule())))


@router.delete("/rules/{rule_id}", status_code=204)
def delete_rule(server: CurrentServer, project: CurrentProject, rule_id: int) -> Response:
    """Delete a rule; its history stays."""
    Alerts(server.store).delete(project, rule_id)
    return Response(status_code=204)


@router.get("/channels")
def list_channels(server: CurrentServer, project: CurrentProject) -> Response:
    """Return the channels of a project, each with its newest message."""
    channels = Alerts(server.store).channels(project)
    latest = Outbox(server.store).latest(channels)
    return answer({"items": [channel_json(one, latest.get(one.id)) for one in channels]})


@router.post("/channels", status_code=201)
def create_channel(server: CurrentServer, project: CurrentProject, asked: AskedChannel) -> Response:
    """Keep a channel; the secret that signs a webhook's messages is in this answer, and in no other."""
    made = Alerts(server.store).create_channel(project, asked.kind, asked.name, asked.target)
    secret = made.secret(server.secret) if made.kind == "webhook" else None
    return answer({**channel_json(made, None), "secret": secret}, status=201)


@router.delete("/channels/{channel_id}", status_code=204)
def delete_channel(server: CurrentServer, project: CurrentProject, channel_id: int) -> Response:
    """Delete a channel; rules that name it tell the others."""
    Alerts(server.store).delete_channel(project, channel_id)
    return Response(status_code=204)


@router.post("/channels/{channel_id}/test")
def try_channel(server: CurrentServer, project: CurrentProject, channel_id: int) -> Response:
    """Send a test at once, and return whether it arrived."""
    channel = Alerts(server.store).channel(project, channel_id)
    body = trial_body(project, channel.name, time.time_ns(), server.settings.base_url)
    return answer(delivery_json(server.sender.try_out(channel, body)))


@router.get("/channels/{channel_id}/deliveries")
def list_deliveries(server: CurrentServer, project: CurrentProject, channel_id: int) -> Response:
    """Return the newest messages to a channel and what came of them."""
    channel = Alerts(server.store).channel(project, channel_id)
    return answer({"items": [delivery_json(one) for one in Outbox(server.store).of_channel(channel)]})


@router.post("/{firing_id}/acknowledge")
def acknowledge(
    server: CurrentServer,
    actor: CurrentActor,
    project: CurrentProject,
    firing_id: int,
    on: Annotated[bool, Query(description="false takes it back")] = True,  # noqa: FBT002 - a parameter of the URL
) -> Response:
    """Say that somebody looks after it."""
    found = Firings(server.store).acknowledge(project, firing_id, actor.name or actor.kind, on=on)
    return answer(firing_json(found))


def rule_json(rule: Rule) -> dict[str, Any]:
    """Return the public JSON of a rule."""
    said = {field.name: getattr(rule.said, field.name) for field in fields(NewRule)}
    last = rule.last
    now = None
    if last is not None:
        now = {
            "at": rfc3339(last.at_ns),
            "series": last.series,
            "values": [{"key": key, "value": value} for key, value in last.values],
            "error": last.error or None,
        }
    return {
        "id": rule.id,
        "project": rule.project,
        **said,
        "channels": list(rule.said.channels),
        "created_by": rule.created_by,
        "created_at": rfc3339(rule.created_ns),
        "last": now,
    }


def firing_json(firing: Firing) -> dict[str, Any]:
    """Return the public JSON of what fires or fired."""
    return {
        "id": firing.id,
        "rule_id": firing.rule_id,
        "rule": firing.rule_name,
        "measure": firing.measure,
        "by": firing.by or None,
        "key": firing.key,
        "state": firing.state.phase,
        "value": firing.state.value,
        "worst": firing.state.worst,
        "threshold": firing.threshold,
        "since": rfc3339(firing.state.since_ns),
        "fired_at": _moment(firing.fired_ns),
        "resolved_at": _moment(firing.resolved_ns),
        "acknowledged_by": firing.acked_by,
        "acknowledged_at": _moment(firing.acked_ns),
        "filter": firing.filter,
        "from": rfc3339(firing.from_ns),
        "to": rfc3339(firing.to_ns),
        "url": traces_path(firing),
    }


def channel_json(channel: Channel, latest: Delivery | None) -> dict[str, Any]:
    """Return the public JSON of a channel, its secret left out."""
    return {
        "id": channel.id,
        "project": channel.project,
        "kind": channel.kind,
        "name": channel.name,
        "target": channel.target,
        "created_at": rfc3339(channel.created_ns),
        "latest": None if latest is None else delivery_json(latest),
    }


def delivery_json(one: Delivery) -> dict[str, Any]:
    """Return the public JSON of a message on its way."""
    return {
        "id": one.message_id,
        "type": one.body.get("type"),
        "state": one.state,
        "attempts": one.attempts,
        "error": one.error or None,
        "created_at": rfc3339(one.created_ns),
        "next_at": rfc3339(one.next_ns) if one.state == "waiting" else None,
        "done_at": _moment(one.done_ns),
    }


def budget_json(one: Budget) -> dict[str, Any]:
    """Return the public JSON of a budget."""
    return {
        "rule_id": one.rule.id,
        "rule": one.rule.name,
        "measure": one.rule.said.measure,
        "key": one.key,
        "limit": one.limit,
        "used": one.used,
        "left": one.left,
        "projected": one.projected,
        "used_up_at": _moment(one.out_ns),
    }


def _moment(ns: int | None) -> str | None:
    return None if ns is None else rfc3339(ns)
