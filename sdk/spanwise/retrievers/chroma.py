"""Chroma: queries of a collection, by text or by vector."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from ..documents import Document
from .store import route, store


def _found(result: Any) -> list[Document]:
    """Return the documents of every query of a batch, one after the other."""
    documents: list[Document] = []
    for number, ids in enumerate(result["ids"]):
        columns = {
            "content": _row(result, "documents", number),
            "score": _row(result, "distances", number),
            "metadata": _row(result, "metadatas", number),
        }
        for at, made in enumerate(ids):
            said = {name: column[at] for name, column in columns.items() if column is not None}
            documents.append({"id": made, **{name: value for name, value in said.items() if value is not None}})
    return documents


def _row(result: Any, name: str, number: int) -> Any:
    column = result.get(name)
    return None if column is None else column[number]


_ROUTE: Final = route(_found, "query_texts", "n_results", "collection")
_OWNED: Final = {"collection": "name"}
PROVIDER: Final = store("chroma", "chromadb.api.models.Collection", ("Collection.query",), _ROUTE, _OWNED)
#: The same store; its other client lies in a module of its own.
ASYNC: Final = replace(
    store("chroma", "chromadb.api.models.AsyncCollection", ("AsyncCollection.query",), _ROUTE, _OWNED),
    name="chroma-async",
)
