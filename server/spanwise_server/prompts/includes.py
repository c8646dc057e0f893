"""Prompts within prompts: ``{{> name@label}}`` becomes what that prompt says, and stays so once published."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from .content import BadPrompt, Content
from .version import LATEST, Include, Version

_INCLUDE: Final = re.compile(r"\{\{>\s*([^{}@]+?)\s*(?:@\s*([^{}@\s]+)\s*)?\}\}")
#: Finds the version that a name and a label or number stand for; raises NotFound where there is none.
Find = Callable[[str, str], Version]


def included(name: str, content: Content, find: Find) -> tuple[Content, tuple[Include, ...]]:
    """Return *content* with every prompt it includes put in, and which they are.

    What is included must be a text of the same format, and must not include *name* itself, at any depth.
    """
    found: dict[tuple[str, str], Version] = {}

    def put(match: re.Match[str]) -> str:
        other, label = match[1], match[2] or LATEST
        version = found.get((other, label))
        if version is None:
            version = found[other, label] = _fitting(name, content, other, find(other, label))
        assert isinstance(version.content.template, str)  # noqa: S101 - checked by _fitting
        return version.content.template

    resolved = content.with_texts(lambda text: _INCLUDE.sub(put, text))
    includes = {
        (inner.name, inner.label): inner
        for (other, label), version in found.items()
        for inner in (Include(other, label, version.number, version.hash), *version.includes)
    }
    return resolved, tuple(includes.values())


def _fitting(name: str, content: Content, other: str, version: Version) -> Version:
    if other == name or any(inner.name == name for inner in version.includes):
        via = "" if other == name else f" through {other!r}"
        raise BadPrompt(f"The prompt {name!r} would include itself{via}.", "Take one of the includes out.")
    if version.content.is_chat:
        raise BadPrompt(f"{other!r} is made of messages.", "Only a text can be put into another prompt.")
    if version.content.format != content.format:
        raise BadPrompt(
            f"{other!r} is written in the format {version.content.format!r}, {name!r} in {content.format!r}.",
            "Give both the same format.",
        )
    return version
