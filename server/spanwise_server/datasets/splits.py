"""Which part of a dataset an example is of: decided by a hash, so it never moves, and by group, so that none leaks.

Turns of one session, and inputs that are the same but for case and blanks, are of one group and go into one split:
what is tested was never trained on. Nothing is drawn, so the same examples are split alike on any machine, and examples
that come later leave those that are there where they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Final

from ..errors import SpanwiseError
from ..record import Json
from .example import Example

#: Split -> its share in percent; together they are 100.
Shares = Mapping[str, int]

DEFAULT_SHARES: Final[Shares] = {"train": 70, "dev": 15, "test": 15}
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_STEPS: Final = 10_000


def read_shares(text: str) -> dict[str, int]:
    """Return the shares that *text* gives, such as ``train 70, dev 15, test 15``; they have to be 100 together."""
    shares: dict[str, int] = {}
    for part in text.split(","):
        name, _, share = part.replace("%", "").strip().partition(" ")
        if not _NAME.fullmatch(name) or not share.strip().isdecimal() or name in shares:
            raise SpanwiseError(f"{part.strip()!r} is no share of a split.", "Write them as: train 70, dev 15, test 15")
        shares[name] = int(share)
    if sum(shares.values()) != 100:
        raise SpanwiseError(f"The shares come to {sum(shares.values())}, not to 100.", "Change one of them.")
    return shares


def shares_text(shares: Shares) -> str:
    """Return shares as :func:`read_shares` reads them."""
    return ", ".join(f"{name} {share}" for name, share in shares.items())


def groups_of(example: Example) -> Iterator[str]:
    """Yield what may not be in two splits: the session of an example, and its input without case and blanks."""
    source = example.source or {}
    if source.get("session_id"):
        yield f"session {source.get('project')}/{source['session_id']}"
    text = json.dumps(_same(example.input), ensure_ascii=False, sort_keys=True)
    yield f"input {blake2b(text.encode(), digest_size=16).hexdigest()}"


def _same(value: Json) -> Json:
    """Return a value without what does not make it another question: case and blanks."""
    if isinstance(value, str):
        return " ".join(value.casefold().split())
    if isinstance(value, Mapping):
        return {name: _same(inner) for name, inner in value.items()}
    return [_same(inner) for inner in value] if isinstance(value, list | tuple) else value


def share_of(group: str, shares: Shares) -> str:
    """Return the split that a group falls into when nothing of it has one yet."""
    drawn = int.from_bytes(blake2b(group.encode(), digest_size=8).digest(), "big") % _STEPS
    reached = 0
    for name, share in shares.items():
        reached += share * _STEPS // 100
        if drawn < reached:
            return name
    return next(reversed(list(shares)))


def assigned(examples: Iterable[Example], held: Iterable[Example], shares: Shares) -> Iterator[Example]:
    """Yield *examples* with a split each: its own, that of its group among *held* and those before, or by the hash."""
    known: dict[str, str] = {}
    for other in held:
        if other.split:
            known.update((group, other.split) for group in groups_of(other) if group not in known)
    for example in examples:
        groups = list(groups_of(example))
        split = example.split or next((known[group] for group in groups if group in known), None)
        if split is None:
            split = share_of(groups[0], shares)
        known.update((group, split) for group in groups if group not in known)
        yield example if example.split == split else replace(example, split=split)


def straddling(examples: Iterable[Example]) -> int:
    """Return how many groups lie in several splits, as splits that were given by hand may."""
    seen: dict[str, set[str]] = {}
    for example in examples:
        if example.split:
            for group in groups_of(example):
                seen.setdefault(group, set()).add(example.split)
    return sum(len(splits) > 1 for splits in seen.values())
