"""The command ``spanwise``: one file for each group of commands."""

from .entry import main

__all__ = ["main"]
