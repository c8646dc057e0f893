"""What one version of a dataset has that another has not, example by example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .example import CONTENT, Example
from .version import Manifest

#: Most changed examples that are shown whole; their number is told in any case.
MOST_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Changed:
    """One example that both versions have, and that is not the same in them."""

    before: Example
    after: Example

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of what changed."""
        return tuple(name for name in CONTENT if getattr(self.before, name) != getattr(self.after, name))

    @property
    def relabelled(self) -> bool:
        """Whether its verdict is another one."""
        return (self.before.label or {}).get("verdict") != (self.after.label or {}).get("verdict")


@dataclass(frozen=True, slots=True)
class Difference:
    """Added, removed and changed examples by id, in the order of their versions."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


def difference(before: Manifest, after: Manifest) -> Difference:
    """Return what *after* adds, removes and changes."""
    return Difference(
        added=tuple(example for example in after if example not in before),
        removed=tuple(example for example in before if example not in after),
        changed=tuple(example for example, content in after.items() if before.get(example, content) != content),
    )


def as_json(changed: Changed) -> dict[str, Any]:
    """Return a change as the API tells it: each field as it was and as it is."""
    fields: Mapping[str, Any] = {
        name: {"before": getattr(changed.before, name), "after": getattr(changed.after, name)}
        for name in changed.fields
    }
    return {"id": changed.after.id, "fields": fields}
