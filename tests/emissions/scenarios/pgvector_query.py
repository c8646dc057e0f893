"""A table of vectors in a PostgreSQL of its own, searched by a function of the program's that is observed."""

from __future__ import annotations

import tempfile

import pgserver
import psycopg
import said
from pgvector.psycopg import register_vector

import spanwise

FOUND = "SELECT id, content, page, place <=> %s AS distance FROM atlas ORDER BY distance LIMIT 1"


def filled(url: str):
    """Return a connection to a table with one page in it."""
    connection = psycopg.connect(url, autocommit=True)
    connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    register_vector(connection)
    connection.execute("CREATE TABLE atlas (id text, content text, page int, place vector(2))")
    connection.execute("INSERT INTO atlas VALUES ('p-7', %s, 7, '[16, 1]')", [said.TOOL_RESULT])
    return connection


with tempfile.TemporaryDirectory() as folder:
    server = pgserver.get_server(folder)
    with filled(server.get_uri()) as atlas:

        @spanwise.observe(kind="retriever")
        def search(query: str) -> list[dict[str, object]]:
            """Return what lies nearest to *query*."""
            rows = atlas.execute(FOUND, [f"[{len(query)}, 1]"])
            return [
                {"id": made, "content": content, "score": 1 - distance, "metadata": {"page": page}}
                for made, content, page, distance in rows
            ]

        print(search(said.PLAIN))
    server.cleanup()
