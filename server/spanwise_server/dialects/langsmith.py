"""LangSmith's exporter: ``langsmith.*`` beside GenAI attributes, with whole requests as ``gen_ai.prompt``."""

from __future__ import annotations

from typing import Any, Final

from .base import Dialect, Draft
from .decode import decoded, plain_text
from .messages.exchange import answered, asked, offered, settings
from .provider_usage import provider_usage

KINDS: Final = {"parser": "chain", "prompt": "prompt"}
M: Final = "langsmith.metadata."
#: What LangSmith itself adds to a run's metadata.
OWN: Final = ("ls_", "lc_", "LANGSMITH_", "LANGCHAIN_", "usage_metadata", "__", "revision_id", "_type")
PARAMS: Final = {
    f"{M}ls_temperature": "temperature",
    f"{M}ls_max_tokens": "max_tokens",
    f"{M}ls_stop": "stop_sequences",
}


def speaks(draft: Draft) -> bool:
    """Say whether LangSmith exported the span."""
    return "langsmith" in draft.heads


def read(draft: Draft) -> None:
    """Read ``langsmith.*``, and the GenAI attributes that LangSmith means otherwise."""
    attributes = draft.attributes
    kind = plain_text(attributes.get("langsmith.span.kind"))
    if kind is not None:
        draft.say("kind", KINDS.get(kind.lower(), kind.lower()), "langsmith.span.kind")
    draft.text("provider", f"{M}ls_provider")
    draft.text("request_model", f"{M}ls_model_name")
    if kind == "llm":
        _call(draft)
    elif kind is not None:
        _run(draft, kind)
    draft.texts("tags", "langsmith.span.tags")
    if "tags" in draft.said:
        draft.said["tags"] = tuple(tag.strip() for text in draft.said["tags"] for tag in text.split(","))
    draft.text("session_id", f"{M}session_id", f"{M}thread_id", f"{M}conversation_id")
    draft.text("user_id", f"{M}user_id")
    _metadata(draft)
    _error(draft)


def _call(draft: Draft) -> None:
    """Read a call of a model."""
    request, answer = draft.attributes.get("gen_ai.prompt"), decoded(draft.attributes.get("gen_ai.completion"))
    draft.say("input_messages", asked(request), "gen_ai.prompt")
    draft.say("response_id", _answer_id(answer), "gen_ai.completion")
    if answer == {"output": None}:
        draft.withhold("output_messages")
    draft.say("output_messages", answered(answer), "gen_ai.completion")
    draft.say("tool_definitions", offered(request), "gen_ai.prompt")
    found = {name: draft.attributes[key] for key, name in PARAMS.items() if key in draft.attributes}
    draft.merge("params", {**settings(request), **found}, "gen_ai.prompt")
    usage = provider_usage(draft.attributes.get(f"{M}usage_metadata"))
    if usage is None and isinstance(answer, dict):
        usage = provider_usage(answer.get("usage_metadata"))
    draft.say("usage", usage, f"{M}usage_metadata")


def _answer_id(answer: Any) -> str | None:
    """Return the provider's id of an answer, which LangChain tells beside its own id of the message."""
    told = answer.get("llm_output") if isinstance(answer, dict) else None
    return plain_text(told.get("id")) if isinstance(told, dict) else None


def _run(draft: Draft, kind: str | None) -> None:
    """Read anything else: what went in and what came out are no messages."""
    given = _alone(decoded(draft.attributes.get("gen_ai.prompt")), "input")
    made = _alone(decoded(draft.attributes.get("gen_ai.completion")), "output")
    draft.say("input", given, "gen_ai.prompt")
    if kind == "retriever":
        draft.say("documents", documents(made), "gen_ai.completion")
    draft.say("output", made, "gen_ai.completion")
    draft.withhold("input_messages")
    draft.withhold("output_messages")


def _alone(value: Any, name: str) -> Any:
    """Return what stands alone under *name*."""
    return value[name] if isinstance(value, dict) and set(value) == {name} else value


def documents(value: Any) -> tuple[dict[str, Any], ...]:
    """Return documents as LangChain writes them."""
    listed = value.get("documents", value.get("output")) if isinstance(value, dict) else value
    found = []
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict) and "page_content" in item:
            rest = {key: item[key] for key in ("id", "score", "metadata") if item.get(key) is not None}
            found.append({**rest, "content": item["page_content"]})
    return tuple(found)


def _metadata(draft: Draft) -> None:
    start = len(M)
    found = {
        key[start:]: value
        for key, value in draft.attributes.items()
        if key.startswith(M) and not key.startswith(OWN, start)
    }
    draft.merge("metadata", found, f"{M}*")


def _error(draft: Draft) -> None:
    """Read an exception, whose message holds its type as well and the frames below it."""
    for event in draft.span.events:
        message = plain_text(event.attributes.get("exception.message")) if event.name == "exception" else None
        if message is not None and draft.span.status != "ok":
            first = message.partition("\n")[0]
            name, opened, _ = first.partition("(")
            if opened and name.isidentifier():
                draft.say("error_type", name, "exception.message")
            draft.say("status_message", first, "exception.message")


DIALECT = Dialect("langsmith", speaks, read, heads=frozenset({"langsmith"}))
