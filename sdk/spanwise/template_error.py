"""What a template that cannot be used is refused with."""

from __future__ import annotations


class TemplateError(ValueError):
    """A template that cannot be read, asks for what is not given, or reaches for what it may not have."""
