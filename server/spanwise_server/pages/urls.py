"""Addresses of the viewer, as pages write them."""

from __future__ import annotations

from ..urls import DEFAULT_PROJECT, stamp, url

__all__ = ["DEFAULT_PROJECT", "stamp", "url"]
