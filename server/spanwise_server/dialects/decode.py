"""Turn attribute values into plain Python: JSON text, flattened keys, numbers sent as text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import orjson

#: Levels of JSON below which nothing can be too deep for the library that writes it (its limit is 254).
MAX_DEPTH: Final = 200
#: Levels that messages and readings add around what was decoded.
SPARE_LEVELS: Final = 24
#: No number or truth value has as many characters as this.
LONGEST_SCALAR: Final = 40
#: Words of a flattened key; what follows is one word.
MAX_WORDS: Final = 24
EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
EMPTY_JSON: Final = frozenset({"{}", "[]", '""', "null"})
LONGEST_EMPTY: Final = 4


def decoded(value: Any) -> Any:
    """Return the value of JSON text, ``None`` for text that says nothing, and anything else as it is."""
    if not isinstance(value, str):
        return value
    if not value or (len(value) <= LONGEST_EMPTY and value in EMPTY_JSON):
        return None
    if value[0] not in '{["':
        return value
    try:
        found = orjson.loads(value)
        if _may_be_deep(value):
            _written(found)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return value
    return found


def from_json(value: Any) -> Any:
    """Return the value of text that is always JSON, be it a bare number; anything else as it is."""
    if not isinstance(value, str):
        return value
    found = decoded(value)
    if found is not None and found is not value:
        return found
    try:
        return orjson.loads(value) if len(value) < LONGEST_SCALAR or found is None else value
    except orjson.JSONDecodeError:
        return value


def _may_be_deep(text: str) -> bool:
    """Say whether more lists and objects begin in *text* than may be within one another.

    It leaps from one to the next: JSON of messages has few, and to count a letter is to look at each.
    """
    left = MAX_DEPTH
    for mark in ("{", "["):
        at = text.find(mark)
        while at >= 0:
            left -= 1
            if left < 0:
                return True
            at = text.find(mark, at + 1)
    return False


def _written(found: Any) -> None:
    """Raise where *found* is too deep to be written again as part of a message."""
    for _ in range(SPARE_LEVELS):
        found = [found]
    orjson.dumps(found)


def plain_text(value: Any) -> str | None:
    """Return non-empty text, a number or a truth value as text, and ``None`` for the rest."""
    if isinstance(value, str):
        return value or None
    if value is None:  # before a look at types that have to be put together first
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else None


def number(value: Any) -> float | None:
    """Return a finite number, also one sent as text, or ``None``."""
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def count(value: Any) -> int | None:
    """Return a whole number that is not negative and fits 63 bits, or ``None``."""
    if type(value) is not int:  # a bool is an int, but no count
        found = number(value)
        if found is None:
            return None
        value = int(found)
    return value if 0 <= value < 1 << 63 else None


def moment_ns(value: Any) -> int | None:
    """Return an RFC 3339 moment as nanoseconds since 1970, or ``None`` where it is none or says no time zone."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return None if found.tzinfo is None else (found - EPOCH) // timedelta(microseconds=1) * 1000


def unflattened(attributes: Mapping[str, Any], *prefixes: str) -> dict[str, list[Any]]:
    """Return the lists under *prefixes* that have members, where ``a.0.b`` under ``a.`` is a list of objects.

    Members come in the order of their indices; gaps close up, since a list may have been cut in the middle.
    """
    trees: dict[str, _Tree] = {}
    for key, value in attributes.items():
        if key.startswith(prefixes):
            prefix = next(prefix for prefix in prefixes if key.startswith(prefix))
            _plant(trees.setdefault(prefix, _Tree()), key[len(prefix) :].split(".", MAX_WORDS), value)
    return {prefix: _members(tree) for prefix, tree in trees.items()}


class _Tree(dict[str, Any]):
    """What flattened keys grow into; an object that was sent as a value is none, and stays as it was sent."""

    __slots__ = ()


def _members(tree: _Tree) -> list[Any]:
    found = _listed(tree)
    return found if isinstance(found, list) else [found[word] for word in sorted(filter(_is_index, found), key=int)]


def _is_index(word: str) -> bool:
    return word.isdecimal() and word.isascii() and len(word) < 7


def _plant(tree: _Tree, path: list[str], value: Any) -> None:
    for word in path[:-1]:
        below = tree.get(word)
        if not isinstance(below, _Tree):
            below = _Tree() if below is None else _Tree({"": below})
            tree[word] = below
        tree = below
    last = path[-1]
    if isinstance(tree.get(last), _Tree):
        tree[last][""] = value
    else:
        tree[last] = value


def _listed(tree: _Tree) -> Any:
    for word, below in tree.items():
        if isinstance(below, _Tree):
            tree[word] = _listed(below)
    if all(map(_is_index, tree)):
        return [tree[word] for word in sorted(tree, key=int)]
    return tree
