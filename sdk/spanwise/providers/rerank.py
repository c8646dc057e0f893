"""Rerankings, which Cohere's form is the model of: which of the documents given fit a question best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .. import vocabulary as v
from ..encode import from_json, to_json
from ..instrument.engine import Route
from ..instrument.generation import Generation

_PARAMS: Final = {"model": v.REQUEST_MODEL, "top_n": v.RETRIEVAL_TOP_K}
_OTHER_PARAMS: Final = ("max_tokens_per_doc", "priority", "rank_fields", "return_documents")


def request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is to be ranked by what."""
    g.params(body, _PARAMS, _OTHER_PARAMS)
    documents = body.get("documents")
    if g.content and isinstance(documents, list | tuple):
        g.attributes[v.RETRIEVAL_QUERY] = str(body.get("query"))
        g.attributes[v.INPUT] = to_json({"query": body.get("query"), "documents": documents})


def response(g: Generation, answer: Any) -> None:
    """Read which documents came first, with what was asked."""
    g.head(getattr(answer, "id", None), getattr(answer, "model", None))
    if (usage := getattr(answer, "usage", None)) is not None:
        g.usage(input_tokens=getattr(usage, "prompt_tokens", None))
    if g.content and (asked := g.attributes.get(v.INPUT)):
        documents = from_json(asked)["documents"]
        found = [one if isinstance(one, Mapping) else vars(one) for one in answer.results or ()]
        g.attributes[v.RETRIEVAL_DOCUMENTS] = to_json(
            [
                {"id": str(one["index"]), "content": _text(documents[one["index"]]), "score": one["relevance_score"]}
                for one in found
            ]
        )


def _text(document: Any) -> Any:
    """Return the text of a document, which may have fields beside it."""
    return document["text"] if isinstance(document, Mapping) and "text" in document else document


ROUTE: Final = Route("rerank", "reranker", request, response)
