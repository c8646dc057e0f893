"""What a retriever found, as documents with id, content, score and metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

Document = dict[str, Any]

_FIELDS: Final = {
    "id": ("id", "id_", "doc_id", "document_id"),
    "content": ("content", "page_content", "text", "document", "body"),
    "score": ("score", "similarity", "relevance_score"),
    "metadata": ("metadata", "meta"),
}


def as_documents(found: Any) -> list[dict[str, Any]] | None:
    """Return *found* as documents, or ``None`` where it is no list of things that look like documents.

    Texts, mappings and objects of the usual retrieval libraries are understood, also as pairs with a score.
    """
    if not isinstance(found, Sequence) or isinstance(found, (str, bytes)):
        return None
    documents = [_document(item) for item in found]
    return None if any(document is None for document in documents) else [d for d in documents if d is not None]


def _document(item: Any) -> dict[str, Any] | None:
    if isinstance(item, str):
        return {"content": item}
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], (int, float)):
        inner = _document(item[0])
        return None if inner is None else {**inner, "score": item[1]}
    document = {}
    for field, names in _FIELDS.items():
        for name in names:
            value = item.get(name) if isinstance(item, Mapping) else getattr(item, name, None)
            if value is not None and not callable(value):
                document[field] = value
                break
    return document if "content" in document else None
