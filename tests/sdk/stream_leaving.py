"""The one way to end a stream that no test can try in its own process: the interpreter exits.

A new interpreter also begins without any client, so it tells first what of each is patched as it is imported.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache

from fake_provider import Answer, FakeProvider

from .stream_ways import WORDS

LAST = "interpreter exit"
"""The way that no test can end a stream in its own process."""
LEAVING = """
import asyncio, atexit, json, sys
sys.path[:0] = {path!r}
import spanwise
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
patched = {{}}
def tell():
    found = [(dict(span.attributes), span.status.is_ok) for span in exporter.get_finished_spans()]
    print(json.dumps([patched, [
        [said["user.id"], said["spanwise.stream.end"], said["gen_ai.output.messages"], ok] for said, ok in found
    ]]))
atexit.register(tell)
spanwise.init(span_exporter=exporter)
{first}
from {where} import {name} as CLIENTS
from sdk.stream_ways import FAR
held = []
def leave():
    for name, client in CLIENTS.items():
        with spanwise.context(user_id="sync " + name):
            made = client.make({url!r})
            stream = client.stream(made)
            loop = iter(stream)
            for _ in range(FAR):
                next(loop)
        held.extend([made, stream, loop])
async def leave_async():
    for name, client in CLIENTS.items():
        if client.make_async is None:
            continue
        with spanwise.context(user_id="async " + name):
            made = client.make_async({url!r})
            stream = await client.stream_async(made)
            loop = aiter(stream)
            for _ in range(FAR):
                await anext(loop)
        held.extend([made, stream, loop])
    sys.exit()
leave()
asyncio.run(leave_async())
"""


IMPORTED_LATER = """
import importlib, os
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
from spanwise.instrument.autopatch import PATCHES
from spanwise.registry import CLIENTS, PROVIDERS, load_object
assert not [package for package in CLIENTS.values() if package in sys.modules]
for name, package in CLIENTS.items():
    if not PROVIDERS[name].startswith("spanwise.providers.") or name in {apart!r}:
        continue
    importlib.import_module(package)
    provider = load_object(PROVIDERS[name])
    every = (*provider.methods, *provider.generators, *provider.fetches)
    modules = {{method.rpartition(":")[0] or provider.module for method in every}}
    modules.discard("aiobotocore.client")  # comes with aioboto3, of which boto3 knows nothing
    for module in modules:
        importlib.import_module(module)
    patched[name] = [sorted(modules), sorted(PATCHES._patched[name]), len(PATCHES._undo[name])]
"""


@dataclass(frozen=True)
class Left:
    """What an interpreter told that imported clients after ``init`` and exited with their streams open."""

    #: By provider: the modules that its methods are in, those that were patched, and how much there is to undo.
    patched: dict[str, tuple[list[str], list[str], int]]
    #: By client: how its streams ended, first those that wait and then those that do not.
    ends: tuple[dict[str, str], dict[str, str]]


@cache
def left_at_exit(apart: tuple[str, ...]) -> Left:
    """Return what comes of all clients except those of *apart*: one interpreter of this process imports all of them."""
    with FakeProvider() as provider:
        return _left(provider, "sdk.clients", "CLIENTS", IMPORTED_LATER.format(apart=apart))


def ends_at_exit(
    provider: FakeProvider, *, where: str = "sdk.clients", name: str = "CLIENTS"
) -> tuple[dict[str, str], dict[str, str]]:
    """Return how the streams of all clients listed in a module end that are open when the interpreter exits.

    First those that wait and then those that do not. One process leaves all of them open: importing the clients takes
    it longer than all else.
    """
    return _left(provider, where, name).ends


def _left(provider: FakeProvider, where: str, name: str, first: str = "") -> Left:
    provider.answer = lambda _: Answer(text=WORDS)
    program = LEAVING.format(path=sys.path, url=provider.url, where=where, name=name, first=first)
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    patched, told = json.loads(done.stdout.splitlines()[-1])
    assert len({name for name, *_ in told}) == len(told)
    for _, _, messages, _ in told:
        assert "one two three" in messages
    ends = {name: f"`{end}`" + ("" if ok else " (error)") for name, end, _, ok in told}
    sync, other = (
        {name.removeprefix(sort): end for name, end in ends.items() if name.startswith(sort)}
        for sort in ("sync ", "async ")
    )
    return Left(patched, (sync, other))
