"""Ids in the providers' own styles, the same for the same seed."""

from __future__ import annotations

import random
from typing import Final

_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTHS: Final = {
    "chatcmpl-": 29, "call_": 24, "fc_": 50, "resp_": 48, "rs_": 50, "msg_": 50, "fp_": 10, "req_": 32, "gen_": 22,
    "msg_01": 22, "toolu_01": 22,
}  # fmt: skip
_HEX: Final = frozenset({"fc_", "resp_", "rs_", "msg_", "fp_", "req_"})


def make_id(prefix: str, *seed: object) -> str:
    """Return an id that begins with *prefix* and is as long as the provider's."""
    source = random.Random(f"{prefix}{seed}")
    letters = "0123456789abcdef" if prefix in _HEX else _LETTERS
    return prefix + "".join(source.choices(letters, k=_LENGTHS[prefix]))
