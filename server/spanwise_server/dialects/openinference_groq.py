"""Groq's client under OpenInference: what goes to a cache stands only among the counts of the whole answer."""

from __future__ import annotations

from typing import Final

from .base import Draft
from .decode import decoded
from .provider_usage import provider_usage

SCOPE: Final = "openinference.instrumentation.groq"
COUNTS: Final = '"usage"'


def complete(draft: Draft) -> None:
    """Take the counts as the provider gave them."""
    whole = draft.attributes.get("output.value")
    answer = decoded(whole) if isinstance(whole, str) and COUNTS in whole else None
    if isinstance(answer, dict):
        draft.prefer("usage", provider_usage(answer.get("usage")), "output.value", over=("openinference",))
