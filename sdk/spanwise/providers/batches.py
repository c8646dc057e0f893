"""Batches: work that is handed in to be done later, so a step that costs nothing yet and has no answer of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from .. import vocabulary as v
from ..encode import to_json
from ..instrument.engine import Route
from ..instrument.generation import Generation

#: What is another one in each request.
_CHANGING: Final = "clientRequestToken"


def batch(
    *told: str, made: Callable[[Any], Any] = lambda answer: answer, model: str = "model", kept: tuple[str, ...] = ()
) -> Route:
    """Return the operation whose answer *told* these fields of the batch that *made* finds in it, its id first.

    Of the request *model* names the model; all else is kept, or only what is named in *kept*.
    """

    def request(g: Generation, body: Mapping[str, Any]) -> None:
        if (named := body.get(model)) and isinstance(named, str):
            g.attributes[v.REQUEST_MODEL] = named
        if g.content:
            names = kept or [name for name in body if name not in (model, _CHANGING)]
            g.attributes[v.INPUT] = to_json({name: body[name] for name in names if name in body})

    def response(g: Generation, answer: Any) -> None:
        found = made(answer)
        fields = found if isinstance(found, Mapping) else {name: getattr(found, name, None) for name in told}
        said = {name: fields[name] for name in told if fields.get(name) is not None}
        g.head(said.get(told[0]), None)
        if isinstance(goes_by := said.get(told[0]), str):
            g.attributes[v.BATCH_ID] = goes_by
        g.attributes[v.OUTPUT] = to_json(said)

    return Route("batch", "span", request, response)
