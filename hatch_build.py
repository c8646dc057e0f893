"""Ship web/, migrations/ and examples/ inside the server package, and on demand the hot modules compiled."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShipResources(BuildHookInterface[Any]):
    """An editable install reads the checkout itself, so it must not get copies."""

    def dependencies(self) -> list[str]:
        """Return what compiling needs, where it is asked for; every other wheel runs anywhere and needs no compiler."""
        return ["mypy>=1.13", "setuptools>=65"] if self._compiles else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folders to what the wheel holds, under the server package."""
        if version != "standard":
            return
        for folder in ("web", "migrations", "examples"):
            build_data["force_include"][folder] = f"spanwise_server/{folder}"
        if self._compiles:
            self._compile(build_data)

    @property
    def _compiles(self) -> bool:
        return self.target_name == "wheel" and os.environ.get("SPANWISE_COMPILE") == "1"

    def _compile(self, build_data: dict[str, Any]) -> None:
        sys.path.insert(0, str(Path(self.root) / "server"))
        from spanwise_server import compiled, compiling  # noqa: PLC0415  # there is no package before the build

        if not compiled.is_current():
            compiling.compile_into(compiled.FOLDER)
        build_data["force_include"][str(compiled.FOLDER)] = f"spanwise_server/{compiled.FOLDER.name}"
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
