"""A prompt with its numbered versions, the labels that point at them, and who moved a label when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from .content import BadPrompt, Content

Origin = Literal["registry", "code"]
#: Last parts of an address that mean something else, so that no prompt can be called so.
RESERVED: Final = frozenset({"versions", "labels", "history", "diff", "render", "folder", "examples"})
#: What everybody may ask for without anybody having moved it: the newest version.
LATEST: Final = "latest"
_PART: Final = re.compile(r"\w[\w .:+&'(),\-]{0,79}")
_LABEL: Final = re.compile(r"[a-z][a-z0-9_.\-]{0,39}")


@dataclass(frozen=True, slots=True)
class Include:
    """Another prompt within this one, as it stood when this one was published."""

    name: str
    label: str
    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version: never changed once it is there."""

    number: int
    content: Content
    """With every included prompt put in."""
    source: Content
    """As it was written."""
    includes: tuple[Include, ...]
    note: str
    created_by: str
    created_ns: int
    """When it was published; of one seen on a call, when that call began."""
    origin: Origin = "registry"
    """``code`` where it was seen on a call, not published."""
    said_as: str = ""
    """What spans of its calls give as their version."""
    hash: str = ""
    template_hash: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt: its name, with ``/`` between folders, and where its labels point."""

    id: int
    project: str
    name: str
    created_ns: int
    newest: int
    labels: Mapping[str, int]
    note: str = ""
    """Of the newest version."""
    changed_ns: int = 0

    @property
    def folder(self) -> str:
        """The folder that it is in, empty at the top."""
        return self.name.rpartition("/")[0]

    def labels_of(self, number: int) -> tuple[str, ...]:
        """Return the labels that point at a version."""
        return tuple(sorted(label for label, at in self.labels.items() if at == number))


@dataclass(frozen=True, slots=True)
class Move:
    """A label that was moved: from nothing where it is new, to nothing where it was taken away."""

    label: str
    before: int | None
    after: int | None
    by: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Change:
    """A moment at which what a prompt says changed for those who call it."""

    name: str
    number: int | None
    """The version that is called from then on; ``None`` where a label was taken off."""
    at_ns: int
    move: Move | None = None
    """The label that was moved; ``None`` where a program began to call a version that is written in its code."""


def checked_name(name: str) -> str:
    """Return the name of a prompt; one that could not be an address or a file is refused."""
    parts = name.split("/")
    fits = len(name) <= 200 and all(_PART.fullmatch(part) and not part.endswith((" ", ".")) for part in parts)
    if not fits:
        raise BadPrompt(
            f"{name!r} cannot be the name of a prompt.",
            "Use letters, digits, spaces and _ . : - with / between folders, up to 200 characters.",
        )
    if parts[-1] in RESERVED:
        raise BadPrompt(f"A prompt cannot be called {parts[-1]!r}.", f"Taken: {', '.join(sorted(RESERVED))}.")
    return name


def checked_label(label: str) -> str:
    """Return a label; one that cannot be is refused."""
    if label == LATEST:
        raise BadPrompt("latest is always the newest version.", "Move another label, such as production.")
    if _LABEL.fullmatch(label) is None:
        raise BadPrompt(f"{label!r} cannot be a label.", "Use small letters, digits and _ . -, up to 40 characters.")
    return label
