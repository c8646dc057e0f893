"""Pinecone: vectors that are near to another one."""

from __future__ import annotations

from typing import Any, Final

from ..documents import Document
from .store import route, store

#: Where a vector's metadata keeps its text, by the habit of those who write it.
_TEXTS: Final = ("text", "content", "document", "page_content", "chunk_text")


def _found(result: Any) -> list[Document]:
    return [_document(match) for match in result.matches]


def _document(match: Any) -> Document:
    metadata = dict(match.metadata or {})
    name = next((name for name in _TEXTS if isinstance(metadata.get(name), str)), None)
    made: Document = {"id": match.id, "score": match.score}
    if name is not None:
        made["content"] = metadata.pop(name)
    return {**made, "metadata": metadata} if metadata else made


PROVIDER: Final = store(
    "pinecone",
    "pinecone",
    ("Index.query", "AsyncIndex.query", "IndexAsyncio.query"),
    route(_found, "query", "top_k", "namespace"),
)
