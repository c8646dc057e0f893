"""Ship web/, migrations/ and examples/ inside the server package, in real wheels only."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShipResources(BuildHookInterface[Any]):
    """An editable install reads the checkout itself, so it must not get copies."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folders to what the wheel holds, under the server package."""
        if version == "standard":
            for folder in ("web", "migrations", "examples"):
                build_data["force_include"][folder] = f"spanwise_server/{folder}"
