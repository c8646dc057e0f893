"""Clients that speak OpenAI's language under a name of their own: a line each."""

from __future__ import annotations

from typing import Final

from ..instrument.engine import Provider
from .openai import ROUTES
from .stainless import methods


def alike(package: str, provider: str, prefix: str = "/v1") -> Provider:
    """Return the client in *package*, which asks what OpenAI's does under *prefix*."""
    routes = {prefix + path: route for path, route in ROUTES.items()}
    name = package.partition(".")[0]
    return Provider(name, f"{package}._base_client", methods(routes, lambda _client, _host: provider))


GROQ: Final = alike("groq", "groq", "/openai/v1")
TOGETHER: Final = alike("together", "together_ai")
FIREWORKS: Final = alike("fireworks", "fireworks_ai")
CEREBRAS: Final = alike("cerebras.cloud.sdk", "cerebras")
SAMBANOVA: Final = alike("sambanova", "sambanova", "")
