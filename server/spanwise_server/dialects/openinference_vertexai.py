"""Google's older client for Vertex AI under OpenInference, which keeps requests and answers whole, in gRPC's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .base import Draft
from .decode import decoded
from .messages import exchange
from .provider_usage import provider_usage

SCOPE: Final = "openinference.instrumentation.vertexai"
PROVIDER: Final = "google.vertex"


def complete(draft: Draft) -> None:
    """Name the model without its place, and take what was asked and answered from the whole of it."""
    said = draft.said
    said["provider"] = PROVIDER  # the attributes name the company
    for field in ("model", "request_model"):
        if field in said:
            said[field] = said[field].rpartition("/")[2]
    request, answer = (_whole(draft, f"{side}.value") for side in ("input", "output"))
    if turns := exchange.asked(request):
        said["input_messages"] = turns
    reason = draft.attributes.get("llm.finish_reason")
    if isinstance(reason, str):
        draft.say("finish_reasons", (reason.lower(),), "llm.finish_reason")
    if turns := exchange.answered(answer):
        said["output_messages"] = tuple({**turn, "finish_reason": reason} for turn in turns)
    draft.say("response_id", answer.get("response_id") or None, "output.value")
    if (usage := provider_usage(answer.get("usage_metadata"))) is not None:
        said["usage"] = usage  # the attributes leave out what was thought


def _whole(draft: Draft, key: str) -> Mapping[str, Any]:
    found = decoded(draft.attributes.get(key))
    return found if isinstance(found, dict) else {}
