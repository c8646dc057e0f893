"""Batches whose answers lie where no client fetches them: what all of them used is told once the batch is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .. import vocabulary as v
from ..encode import to_json
from ..instrument.batch_result import BatchResult, tell
from ..instrument.fetch import Fetch, looked_at
from ..instrument.generation import Generation
from .batch_lines import nanoseconds

#: How the states end that a batch does not leave any more.
_OVER: Final = ("COMPLETED", "FAILED", "CANCELED", "CANCELLED", "EXPIRED")
#: What all answers of a batch go by together.
_ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Totals:
    """What a provider says of a batch as a whole."""

    batch: str
    state: Any
    model: Any
    input_tokens: Any
    output_tokens: Any
    cache_read: Any = None
    answered: Any = None
    failed: Any = None
    at: Any = None


def totals(provider: str, read: Callable[[Any], Totals | None]) -> Fetch:
    """Return the fetch of a batch of *provider*'s, of which *read* reads the totals, ``None`` where it tells none."""

    def look(_client: Any, _given: Mapping[str, Any], answer: Any) -> None:
        found = read(answer)
        if found is None or not str(found.state).endswith(_OVER):
            return
        used = _count(found.input_tokens), _count(found.output_tokens), _count(found.cache_read)
        if used[0] is None and used[1] is None:
            return

        def fill(g: Generation) -> None:
            g.usage(input_tokens=used[0], output_tokens=used[1], cache_read=used[2])
            said = {"state": str(found.state), "answered": found.answered, "failed": found.failed}
            g.attributes[v.OUTPUT] = to_json({name: value for name, value in said.items() if value is not None})

        model = str(found.model) if found.model else None
        at_ns = nanoseconds(found.at)
        tell(BatchResult(provider, found.batch, _ALL, found.batch, "batch", model=model, at_ns=at_ns), fill)

    return looked_at(look)


def _count(said: Any) -> int | None:
    if isinstance(said, str):
        return int(said) if said.isdecimal() else None
    return said if type(said) is int else None
