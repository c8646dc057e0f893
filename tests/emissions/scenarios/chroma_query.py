"""Chroma, asked by vector and by text in memory, and by coroutines of a server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import chromadb
import said
from chromadb.api.types import EmbeddingFunction


class Lengths(EmbeddingFunction):
    """Knows a text by its length."""

    def __init__(self) -> None:
        """Know nothing else."""

    def __call__(self, input):  # noqa: A002  # the name that Chroma calls it by
        return [[float(len(text)), 1.0] for text in input]


POINT = {"ids": ["p-7"], "documents": [said.TOOL_RESULT], "metadatas": [{"page": 7}]}


def ask_in_memory() -> None:
    """Ask by vector and by text."""
    client = chromadb.EphemeralClient(chromadb.Settings(anonymized_telemetry=False))
    atlas = client.create_collection("atlas", embedding_function=Lengths())
    atlas.add(**POINT)
    print(atlas.query(query_embeddings=[[16.0, 1.0]], n_results=1)["ids"])
    print(atlas.query(query_texts=[said.PLAIN], n_results=1)["documents"])


@contextlib.contextmanager
def server() -> Iterator[int]:
    """Run Chroma's server on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("chroma")
    command = [program, "run", "--host", "127.0.0.1", "--port", str(port), "--path", "chroma"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield port
    finally:
        running.terminate()
        running.wait(30)


async def ask_server(port: int) -> None:
    """Ask as a coroutine."""
    settings = chromadb.Settings(anonymized_telemetry=False)
    client = await chromadb.AsyncHttpClient(host="127.0.0.1", port=port, settings=settings)
    atlas = await client.create_collection("atlas", embedding_function=Lengths())
    await atlas.add(**POINT)
    print((await atlas.query(query_texts=[said.PLAIN], n_results=1))["ids"])


ask_in_memory()
if chromadb.__version__ != "1.0.0":  # whose server does not understand its own asynchronous client
    with server() as port:
        asyncio.run(ask_server(port))
