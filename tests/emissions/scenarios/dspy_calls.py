"""DSPy's models, alone and in a program: ``python dspy_calls.py MODULE:INSTRUMENTOR...``."""

from __future__ import annotations

import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import dspy
import said
import tracing


def user(content):
    return {"role": "user", "content": content}


def talk() -> None:
    """Ask a model, then run a program on it."""
    model = dspy.LM(f"openai/{said.MODEL}", cache=False, num_retries=0, temperature=0.25, max_tokens=345)
    model(messages=[{"role": "system", "content": said.BRIEF}, user(said.PLAIN)])
    model(messages=[user(said.MANUAL)])
    model(messages=[user(said.FIRST), {"role": "assistant", "content": said.FIRST_ANSWER}, user(said.SECOND)])
    picture = [{"type": "text", "text": said.PICTURE}, {"type": "image_url", "image_url": {"url": said.PIXEL_URL}}]
    model(messages=[user(picture)])
    dspy.configure(lm=model)
    dspy.Predict("question -> answer")(question=said.RIVER)
    try:
        model(messages=[user(said.FAIL)])
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


def main(*instrumentors: str) -> None:
    """Instrument, call, flush."""
    spans, logs = tracing.start(), tracing.start_logs()
    tracing.instrument(*instrumentors)
    talk()
    spans.shutdown()
    logs.shutdown()


main(*sys.argv[1:])
