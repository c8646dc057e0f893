"""A vector store as a provider: every search of its client is a span of retrieval."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from .. import vocabulary as v
from ..documents import Document
from ..encode import to_json
from ..instrument.engine import Asked, Provider, Recognise, Route
from ..instrument.generation import Generation
from ..parameters import parameters_of

Found = Callable[[Any], list[Document]]


def route(found: Found, query: str, top_k: str, collection: str) -> Route:
    """Return how to read a search: the names of its arguments, and the documents in what comes back."""

    def request(g: Generation, said: Mapping[str, Any]) -> None:
        if said.get(top_k) is not None:
            g.attributes[v.RETRIEVAL_TOP_K] = said[top_k]
        if said.get(collection):
            g.attributes[v.DATA_SOURCE_ID] = str(said[collection])
        asked = said.get(query)
        texts = [asked] if isinstance(asked, str) else asked
        if g.content and isinstance(texts, (list, tuple)) and texts and all(isinstance(text, str) for text in texts):
            g.attributes[v.RETRIEVAL_QUERY] = "\n".join(texts)

    def response(g: Generation, result: Any) -> None:
        if g.content:
            g.attributes[v.RETRIEVAL_DOCUMENTS] = to_json(found(result))

    return Route("retrieval", "retriever", request, response)


def recogniser(name: str, how: Route, owned: Mapping[str, str]) -> Recognise:
    """Return how to recognise a search by its arguments; *owned* ones are the client's own attributes."""

    def recognise(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked:
        owner: Any = type(instance)
        said = dict(zip(_names(owner), args, strict=False)) | kwargs
        for argument, attribute in owned.items():
            said[argument] = getattr(instance, attribute, None)
        return Asked(how, said, name)

    return recognise


@functools.cache
def _names(owner: Any) -> tuple[str, ...]:
    """Return the names of the arguments that a search may be given by position."""
    search = getattr(owner, "query_points", None) or getattr(owner, "query", None)
    return () if search is None else tuple(parameter.name for parameter in parameters_of(inspect.unwrap(search)))[1:]


def store(
    name: str, module: str, methods: tuple[str, ...], how: Route, owned: Mapping[str, str] | None = None
) -> Provider:
    """Return the vector store *name*, whose client has *methods* in *module*."""
    return Provider(name, module, dict.fromkeys(methods, recogniser(name, how, owned or {})))
