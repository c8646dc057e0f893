"""Record a program that does not know of Spanwise: loaded at the start of Python where ``SPANWISE_AUTO`` is set."""

from __future__ import annotations

import sys
from typing import Final

from .api import init

AUTO_VARIABLE: Final = "SPANWISE_AUTO"


def start() -> None:
    """Record this program; whatever goes wrong, it starts."""
    try:
        init()
    except Exception as error:  # noqa: BLE001  # a program that nobody changed must start
        print(f"spanwise: nothing is recorded: {error}", file=sys.stderr)
