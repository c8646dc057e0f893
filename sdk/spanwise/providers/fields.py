"""JSON of providers whose clients give it as it came, under the names that the readers of other clients use."""

from __future__ import annotations

import json
from typing import Any


class Fields(dict[str, Any]):
    """An object of JSON whose fields are attributes too; one that is not there is ``None``."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]  # where readers look for fields beyond the known
        return self

    def model_dump(self, **_: Any) -> dict[str, Any]:
        """Return itself, as what a client's model object holds."""
        return self


def fields(text: str | bytes) -> Any:
    """Return what *text* says in JSON, every object of it as ``Fields``."""
    return json.loads(text, object_hook=Fields)
