"""The anthropic client makes every sort of call: ``python anthropic_calls.py MODULE:INSTRUMENTOR...``."""

from __future__ import annotations

import sys

import anthropic
import async_talk
import tracing
from anthropic_talk import messages


def main(*instrumentors: str) -> None:
    """Instrument, call, flush."""
    spans, logs = tracing.start(), tracing.start_logs()
    tracing.instrument(*instrumentors)
    with tracing.request():
        messages(anthropic.Anthropic(max_retries=0))
    if tracing.BY_SPANWISE:
        async_talk.messages(anthropic.AsyncAnthropic(max_retries=0))
    spans.shutdown()
    logs.shutdown()


main(*sys.argv[1:])
