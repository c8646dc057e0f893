"""Clients that speak OpenAI's language under a name of their own: a line each."""

from __future__ import annotations

from typing import Final

from ..instrument.engine import Provider
from .openai import ROUTES
from .stainless import methods

#: What stands before OpenAI's paths; clients have moved it from there to their address and back.
_PREFIXES: Final = ("", "/v1", "/openai/v1")


def alike(package: str, provider: str) -> Provider:
    """Return the client in *package*, which asks what OpenAI's does."""
    routes = {prefix + path: route for prefix in _PREFIXES for path, route in ROUTES.items()}
    name = package.partition(".")[0]
    return Provider(name, f"{package}._base_client", methods(routes, lambda _client, _host: provider))


GROQ: Final = alike("groq", "groq")
TOGETHER: Final = alike("together", "together_ai")
FIREWORKS: Final = alike("fireworks", "fireworks_ai")
CEREBRAS: Final = alike("cerebras.cloud.sdk", "cerebras")
SAMBANOVA: Final = alike("sambanova", "sambanova")
