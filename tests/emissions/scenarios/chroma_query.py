"""Chroma in memory, asked by vector and by text."""

from __future__ import annotations

import chromadb
import said
from chromadb.api.types import EmbeddingFunction


class Lengths(EmbeddingFunction):
    """Knows a text by its length."""

    def __init__(self) -> None:
        """Know nothing else."""

    def __call__(self, input):  # noqa: A002  # the name that Chroma calls it by
        return [[float(len(text)), 1.0] for text in input]


atlas = chromadb.EphemeralClient(chromadb.Settings(anonymized_telemetry=False)).create_collection(
    "atlas", embedding_function=Lengths()
)
atlas.add(ids=["p-7"], documents=[said.TOOL_RESULT], metadatas=[{"page": 7}])
print(atlas.query(query_embeddings=[[16.0, 1.0]], n_results=1)["ids"])
print(atlas.query(query_texts=[said.PLAIN], n_results=1)["documents"])
