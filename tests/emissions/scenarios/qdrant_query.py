"""Qdrant in memory, asked in a thread and in a task."""

from __future__ import annotations

import asyncio

import said
from qdrant_client import AsyncQdrantClient, QdrantClient, models

COLLECTION = {
    "collection_name": "atlas",
    "vectors_config": models.VectorParams(size=2, distance=models.Distance.COSINE),
}
POINT = models.PointStruct(id=7, vector=[1.0, 0.0], payload={"document": said.TOOL_RESULT, "page": 7})


async def ask() -> None:
    """Ask in a task."""
    client = AsyncQdrantClient(":memory:")
    await client.create_collection(**COLLECTION)
    await client.upsert("atlas", [POINT])
    print(await client.query_points("atlas", query=[1.0, 0.0], limit=1))


client = QdrantClient(":memory:")
client.create_collection(**COLLECTION)
client.upsert("atlas", [POINT])
print(client.query_points("atlas", query=[1.0, 0.0], limit=1))
asyncio.run(ask())
