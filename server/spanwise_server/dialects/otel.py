"""OpenTelemetry's general conventions: who asked, where it ran, what went wrong. Read on every span."""

from __future__ import annotations

from .base import Dialect, Draft
from .decode import plain_text

ENVIRONMENT = ("deployment.environment.name", "deployment.environment")
RELEASE = ("service.version", "vcs.repository.ref.revision")


def speaks(_draft: Draft) -> bool:
    """Say yes: every span may carry these."""
    return True


def read(draft: Draft) -> None:
    """Read the attributes that any instrumentation may write, and those of the resource."""
    draft.text("session_id", "session.id")
    draft.text("user_id", "user.id", "enduser.id")
    _place(draft, "environment", ENVIRONMENT)
    _place(draft, "release", RELEASE)
    _place(draft, "service", ("service.name",))
    draft.text("error_type", "error.type")
    draft.say("status_message", draft.span.status_message, "status.message")
    if draft.span.events and not ("error_type" in draft.said and "status_message" in draft.said):
        _exception(draft)


def _place(draft: Draft, field: str, keys: tuple[str, ...]) -> None:
    """Say where the span ran, from the span itself or else from its resource."""
    if field in draft.said:
        return
    resource = draft.span.resource
    for attributes, source in ((draft.attributes, ""), (resource, "resource ")):
        for key in keys:
            if key in attributes and draft.say(field, plain_text(attributes[key]), source + key):
                return


def _exception(draft: Draft) -> None:
    """Read the last exception event: the first ones may have been handled."""
    if draft.span.status == "ok":
        return
    for event in reversed(draft.span.events):
        if event.name == "exception":
            draft.say("error_type", plain_text(event.attributes.get("exception.type")), "exception.type")
            draft.say("status_message", plain_text(event.attributes.get("exception.message")), "exception.message")
            return


DIALECT = Dialect("otel", speaks, read, names_the_span=False)
