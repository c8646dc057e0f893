"""What each role may do, and what each request needs. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ..store.users import ROLES
from .origin import SAFE_METHODS

#: Right -> what it lets somebody do, in words.
WORDS: Final[Mapping[str, str]] = {
    "read": "look at everything in a project",
    "label": "label the items of queues, and spans in their traces, and code critiques",
    "write": "make, change and delete queues, datasets, prompts, views and traces",
    "admin": "keep keys of providers, say which labels of prompts are protected, and move those",
}
#: Role -> its rights: those of the role before, and one more.
RIGHTS: Final[Mapping[str, frozenset[str]]] = {
    role: frozenset(list(WORDS)[: number + 1]) for number, role in enumerate(ROLES)
}
_ANYONE: Final = re.compile(r"/logout|/traces/columns")
#: An item that is shown is taken in hand, so looking at one needs the right to label it.
_LABEL: Final = re.compile(
    r"/label/(name|\d+(/(items/\d+(/reveal)?|undo|hold))?)|/annotate(/undo/\d+)?"
    r"|/api/v1/queues/\d+/(lease|heartbeat|release|undo|items/\d+/label)"
)
#: To code critiques is to label; only looking at them needs less.
_CODE: Final = re.compile(
    r"/label/codes/(act|undo(/\d+)?)|/api/v1/codes(/undo|/critiques/(code|uncode|aside)|/\d+(/merge|/split)?)?"
)
_ADMIN: Final = re.compile(r"/playground/keys|/prompt-protect|/api/v1/prompts/protected/.*")


def needed(method: str, path: str) -> str:
    """Return the right that a request needs."""
    if _LABEL.fullmatch(path):
        return "label"
    if method in SAFE_METHODS or _ANYONE.fullmatch(path):
        return "read"
    if _CODE.fullmatch(path):
        return "label"
    return "admin" if _ADMIN.fullmatch(path) else "write"
