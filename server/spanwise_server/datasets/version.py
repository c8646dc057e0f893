"""Versions of a dataset: frozen lists of examples, named by their number and by the hash of what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class Change:
    """How many examples a version adds to, changes in and removes from the one before."""

    added: int = 0
    changed: int = 0
    removed: int = 0

    @property
    def words(self) -> str:
        """The change as a page says it."""
        said = [f"{n} {word}" for n, word in zip(self._counts, ("added", "changed", "removed"), strict=True) if n]
        return ", ".join(said) or "nothing changed"

    @property
    def _counts(self) -> tuple[int, int, int]:
        return self.added, self.changed, self.removed


@dataclass(frozen=True, slots=True)
class Version:
    """One frozen version of a dataset."""

    id: int
    number: int
    content_hash: str
    examples: int
    change: Change
    note: str
    created_by: str
    created_ns: int
    forgotten: int = 0
    """How many of its examples went with a trace that was deleted: it is no longer what its hash says."""

    @property
    def held(self) -> int:
        """How many examples it still holds."""
        return self.examples - self.forgotten


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named set of examples, and its newest version."""

    id: int
    project: str
    name: str
    description: str
    created_ns: int
    newest: Version | None = None
    splits: Mapping[str, int] | None = None
    """The shares of the splits that added examples fall into, in percent; ``None`` where they fall into none."""


#: Example id -> content hash: what one version holds.
Manifest = Mapping[str, str]


def manifest_hash(manifest: Manifest) -> str:
    """Return the hash of a version: the same for the same examples, in whatever order they were added."""
    lines = "\n".join(f"{example} {content}" for example, content in sorted(manifest.items()))
    return f"b2:{blake2b(lines.encode(), digest_size=16).hexdigest()}"


def change(before: Manifest, after: Manifest) -> Change:
    """Return what *after* adds, changes and removes."""
    both = before.keys() & after.keys()
    return Change(
        added=len(after.keys() - before.keys()),
        changed=sum(before[example] != after[example] for example in both),
        removed=len(before.keys() - after.keys()),
    )
