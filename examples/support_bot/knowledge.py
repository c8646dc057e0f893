"""The help articles and their search: embeddings by the real client, cosine similarity over the few there are."""

from __future__ import annotations

import math
import operator
import re
from typing import Any

from openai import OpenAI

import spanwise

from .articles import ARTICLES

EMBEDDING_MODEL = "text-embedding-3-small"


class Knowledge:
    """The articles with their vectors, ready to be searched."""

    def __init__(self, client: OpenAI) -> None:
        self._client = client
        self._vectors: list[list[float]] = []

    @spanwise.observe(name="index_articles", kind="chain", capture_output=False)
    def index(self, source: str) -> int:
        """Embed the passages of one help page (all pages where *source* is empty) and return how many there were."""
        chosen = [article for article in ARTICLES if article.id.startswith(source)]
        answer = self._client.embeddings.create(model=EMBEDDING_MODEL, input=[f"{a.title}. {a.text}" for a in chosen])
        if not source:
            self._vectors = [item.embedding for item in answer.data]
        return len(chosen)

    @spanwise.observe(name="search_help", kind="retriever")
    def search(self, query: str, user: str, limit: int = 4) -> list[dict[str, Any]]:
        """Return the passages nearest to *query*, best first."""
        answer = self._client.embeddings.create(model=EMBEDDING_MODEL, input=query, user=user)
        vector = answer.data[0].embedding
        scores = [_cosine(vector, other) for other in self._vectors]
        best = sorted(range(len(scores)), key=lambda n: -scores[n])[:limit]
        return [
            {
                "id": ARTICLES[n].id,
                "title": ARTICLES[n].title,
                "content": ARTICLES[n].text,
                "score": round(scores[n], 4),
            }
            for n in best
        ]


@spanwise.observe(name="rerank", kind="reranker")
def rerank(query: str, documents: list[dict[str, Any]], limit: int = 2) -> list[dict[str, Any]]:
    """Return the documents that share most words with *query*, best first."""
    asked = set(words(query))
    shared = [len(asked & set(words(f"{d['title']} {d['content']}"))) / (len(asked) or 1) for d in documents]
    order = sorted(range(len(documents)), key=lambda n: -shared[n])[:limit]
    return [{**documents[n], "score": round(shared[n], 4)} for n in order]


def words(text: str) -> list[str]:
    """Return the longer words of *text* in small letters and without their endings."""
    return [word[:5] for word in re.findall(r"\w{4,}", text.lower())]


def _cosine(a: list[float], b: list[float]) -> float:
    return sum(map(operator.mul, a, b)) / (math.hypot(*a) * math.hypot(*b))
