"""Clients that do not fit beside the others, each tried in an environment of its own, and nothing of the others' there.

``python -m sdk.apart vertexai`` there tells how its streams end, and what it would see otherwise without us.
"""

from __future__ import annotations

import json
import random
import sys
from typing import Any, Final

import spanwise
from fake_provider import FakeProvider

from . import vertex
from .client import Client
from .recorded import Recorded
from .seen import FULL, difference, forms
from .spoil import HOWS, ODD, Spoiling
from .stream_leaving import LAST, ends_at_exit
from .stream_ways import ASYNC, SYNC, async_end_of, end_of

APART: Final[dict[str, Client]] = {"vertexai": vertex.CLIENT}
#: How many ways to spoil an answer are tried.
EXAMPLES: Final = 25


def ends(client: Client, provider: FakeProvider, recorded: Recorded) -> dict[str, dict[str, str]]:
    """Return how the client's streams end, by the headings and the columns of the published tables."""
    found: dict[str, dict[str, str]] = {}
    asked = (("Streams", SYNC, end_of), ("Asynchronous streams", ASYNC, async_end_of))
    at_exit = ends_at_exit(provider, where="sdk.apart", name="APART")
    for (heading, ways, ask), last in zip(asked, at_exit, strict=True):
        for way in ways:
            found.setdefault(heading, {})[way] = ask(client, way, provider, recorded)
            recorded.clear()
        found[heading][LAST] = last[client.provider]
    return found


def differences(client: Client, recorded: Recorded) -> list[str]:
    """Return what the client shows otherwise with us than without, whatever comes back."""
    chance = random.Random(5)
    spoilings = [
        Spoiling(chance.choice(HOWS), chance.randrange(41), chance.randrange(401), chance.choice(ODD))
        for _ in range(EXAMPLES)
    ]
    with FakeProvider(lambda _: FULL) as provider:
        found = [
            difference(provider, recorded, spoiling, once) for spoiling in (None, *spoilings) for once in forms(client)
        ]
    return [each for each in found if each is not None]


def main(name: str) -> dict[str, Any]:
    """Return what comes of one client."""
    recorded = Recorded()
    spanwise.init(span_exporter=recorded.exporter)
    with FakeProvider() as provider:
        ended = ends(APART[name], provider, recorded)
    told = {"ends": ended, "differences": differences(APART[name], recorded)}
    spanwise.shutdown()
    return told


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1])))
