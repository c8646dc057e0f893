"""Keys of providers, a project's own: kept encrypted, given out to nobody but the calls of the playground."""

from __future__ import annotations

import json
from collections.abc import Iterable

from .base import AccessStore


class ProviderKeys:
    """The stored connections of one store, among its settings; secrets come and go encrypted."""

    def __init__(self, store: AccessStore) -> None:
        self._store = store

    def keep(self, project: str, provider: str, base_url: str, secret: str, *, by: str = "") -> None:
        """Keep an encrypted secret in place of the one before."""
        said = {"base_url": base_url, "secret": secret, "by": by}
        self._store.keep_setting(_name(project, provider), json.dumps(said))

    def find(self, project: str, provider: str) -> tuple[str, str] | None:
        """Return base URL and encrypted secret, or ``None``."""
        said = self._store.setting(_name(project, provider))
        if not said:
            return None
        kept = json.loads(said)
        return kept["base_url"], kept["secret"]

    def stored(self, project: str, providers: Iterable[str]) -> dict[str, str]:
        """Return the base URL of each of *providers* that a key is stored for."""
        found = {provider: self.find(project, provider) for provider in providers}
        return {provider: kept[0] for provider, kept in found.items() if kept is not None}

    def drop(self, project: str, provider: str) -> None:
        """Forget a stored key."""
        self._store.keep_setting(_name(project, provider), "")


def _name(project: str, provider: str) -> str:
    return f"provider key: {provider}, {project}"
