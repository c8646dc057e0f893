"""Spanwise: see every LLM call, label it, turn it into tests."""

from ._version import __version__

__all__ = ["__version__"]
