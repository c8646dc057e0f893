"""Addresses of the viewer, as pages write them."""

from __future__ import annotations

from collections.abc import Mapping

from ..urls import DEFAULT_PROJECT, stamp, url

__all__ = ["DEFAULT_PROJECT", "complete_link", "stamp", "url"]


def complete_link(project: str, params: Mapping[str, object], place: str) -> str:
    """Return where the words being typed into the filter of a page are completed."""
    return url("/traces/complete", project, {**params, "cursor": None, "place": place})
