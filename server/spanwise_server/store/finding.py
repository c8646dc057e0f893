"""What one look at a store came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look came to."""

    about: str
    state: State
    sentence: str
    remedy: str = ""
