"""Google's batches: work that is handed in to be done later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import vocabulary as v
from ..encode import to_json
from ..instrument.generation import Generation


def request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is handed in."""
    if model := body.get("model"):
        g.attributes[v.REQUEST_MODEL] = model
    if g.content:
        g.attributes[v.INPUT] = to_json({name: value for name, value in body.items() if name != "model"})


def response(g: Generation, body: Mapping[str, Any]) -> None:
    """Read under which name it will be done; the Gemini API tells its state among what it says of it."""
    told = body.get("metadata") or {}
    g.attributes[v.OUTPUT] = to_json({"name": body.get("name"), "state": body.get("state") or told.get("state")})
