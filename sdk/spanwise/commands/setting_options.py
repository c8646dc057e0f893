"""Settings of the SDK as options of a command: an option given goes before the environment."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ..config import SETTINGS

if TYPE_CHECKING:
    import argparse


def add_settings(parser: argparse.ArgumentParser, names: Collection[str]) -> None:
    """Give *parser* an option for each of the settings *names*, in the order that they are documented in."""
    for setting in SETTINGS:
        if setting.name in names:
            parser.add_argument(
                f"--{setting.name}", metavar=setting.name.upper(), help=f"{setting.sentence} Else {setting.variable}."
            )
