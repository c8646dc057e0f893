"""The channels of alerts: who is told, by which address, and whether it arrives."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from ..alerts.message import trial_body
from ..auth.csrf import Csrf
from ..auth.current import CurrentProject, CurrentServer, Server, actor_of
from ..errors import SpanwiseError
from ..store.alert_outbox import Outbox
from ..store.alerts import Alerts
from .alerts import PATH as ALERTS
from .flash import redirected, undone
from .render import render
from .urls import url

router = APIRouter(include_in_schema=False)

PATH = f"{ALERTS}/channels"


@router.get(PATH)
def channels_page(request: Request, server: CurrentServer, project: CurrentProject) -> Response:
    """Show the channels, each with what came of its newest messages, and the form of a new one."""
    return _page(request, server, project)


@router.post(PATH, dependencies=[Csrf])
def create_channel(
    request: Request,
    server: CurrentServer,
    project: CurrentProject,
    *,
    kind: Annotated[str, Form()] = "email",
    name: Annotated[str, Form()] = "",
    target: Annotated[str, Form()] = "",
) -> Response:
    """Keep a new channel; what nothing can be sent to comes back with the reason."""
    try:
        made = Alerts(server.store).create_channel(project, kind, name, target)
    except SpanwiseError as wrong:
        return _page(request, server, project, {"kind": kind, "name": name, "target": target}, wrong)
    return redirected(request, url(PATH, project), f"Channel {made.name} is kept: send a test")


@router.post(PATH + "/{channel_id}/test", dependencies=[Csrf])
def try_channel(request: Request, server: CurrentServer, project: CurrentProject, channel_id: int) -> Response:
    """Send a test at once, and say whether it arrived."""
    channel = Alerts(server.store).channel(project, channel_id)
    body = trial_body(project, channel.name, time.time_ns(), server.settings.base_url)
    sent = server.sender.try_out(channel, body)
    said = "arrived" if sent.state == "sent" else f"did not arrive: {sent.error}"
    return redirected(request, url(PATH, project), f"The test of {channel.name} {said}")


@router.post(PATH + "/{channel_id}/secret", dependencies=[Csrf])
def new_secret(request: Request, server: CurrentServer, project: CurrentProject, channel_id: int) -> Response:
    """Sign with another secret from now on."""
    channel = Alerts(server.store).new_secret(project, channel_id)
    return redirected(request, url(PATH, project), f"{channel.name} signs with a new secret")


@router.post(PATH + "/{channel_id}/delete", dependencies=[Csrf])
def delete_channel(request: Request, server: CurrentServer, project: CurrentProject, channel_id: int) -> Response:
    """Delete a channel; it can be had back."""
    gone = Alerts(server.store).delete_channel(project, channel_id)
    undo = url(f"{PATH}/{channel_id}/restore", project)
    return redirected(request, url(PATH, project), f"Channel {gone.name} deleted", undo)


@router.post(PATH + "/{channel_id}/restore", dependencies=[Csrf])
def restore_channel(request: Request, server: CurrentServer, project: CurrentProject, channel_id: int) -> Response:
    """Have a deleted channel back."""
    Alerts(server.store).restore_channel(project, channel_id)
    return undone(request, url(PATH, project))


def _page(
    request: Request,
    server: Server,
    project: str,
    asked: dict[str, str] | None = None,
    wrong: SpanwiseError | None = None,
) -> Response:
    alerts, outbox = Alerts(server.store), Outbox(server.store)
    channels = alerts.channels(project)
    rules = alerts.rules(project)
    may_write = "write" in actor_of(request).rights
    return render(
        request,
        "pages/alert_channels.html",
        status=200 if wrong is None else 422,
        channels=[
            (
                channel,
                channel.secret(server.secret) if channel.kind == "webhook" and may_write else None,
                outbox.of_channel(channel, 5),
                [rule.name for rule in rules if channel.id in rule.said.channels],
            )
            for channel in channels
        ],
        asked=asked or {"kind": "email", "name": "", "target": ""},
        wrong=wrong,
        has_mail=server.sender.mail is not None,
        allows_private=server.settings.allow_private,
    )
