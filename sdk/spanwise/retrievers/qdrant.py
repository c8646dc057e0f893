"""Qdrant: points that are near to a vector or a text."""

from __future__ import annotations

from typing import Any, Final

from ..documents import Document
from .store import route, store

#: Where a point's payload keeps its text, by the habit of those who write it.
_TEXTS: Final = ("document", "text", "content", "page_content")


def _found(result: Any) -> list[Document]:
    return [_document(point) for point in result.points]


def _document(point: Any) -> Document:
    payload = dict(point.payload or {})
    name = next((name for name in _TEXTS if isinstance(payload.get(name), str)), None)
    made: Document = {"id": str(point.id), "score": point.score}
    if name is not None:
        made["content"] = payload.pop(name)
    return {**made, "metadata": payload} if payload else made


PROVIDER: Final = store(
    "qdrant",
    "qdrant_client",
    ("QdrantClient.query_points", "AsyncQdrantClient.query_points"),
    route(_found, "query", "limit", "collection_name"),
)
