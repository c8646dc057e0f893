"""The one way to end a stream that no test can try in its own process: the interpreter exits."""

from __future__ import annotations

import json
import subprocess
import sys

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
def tell():
    found = [(dict(span.attributes), span.status.is_ok) for span in exporter.get_finished_spans()]
    print(json.dumps([
        [said["user.id"], said["spanwise.stream.end"], said["gen_ai.output.messages"], ok] for said, ok in found
    ]))
atexit.register(tell)
spanwise.init(span_exporter=exporter)
from {where} import {name} as CLIENTS
from sdk.stream_ways import FAR
held = []
def leave():
    for name, client in CLIENTS.items():
        with spanwise.context(user_id=name):
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
        with spanwise.context(user_id=name):
            made = client.make_async({url!r})
            stream = await client.stream_async(made)
            loop = aiter(stream)
            for _ in range(FAR):
                await anext(loop)
        held.extend([made, stream, loop])
    sys.exit()
{how}
"""


def ends_at_exit(
    provider: FakeProvider, *, asynchronous: bool, where: str = "sdk.clients", name: str = "CLIENTS"
) -> dict[str, str]:
    """Return how the streams of all clients listed in a module end that are open when the interpreter exits."""
    provider.answer = lambda _: Answer(text=WORDS)
    how = "asyncio.run(leave_async())" if asynchronous else "leave()"
    program = LEAVING.format(path=sys.path, url=provider.url, how=how, where=where, name=name)
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert len({name for name, *_ in told}) == len(told)
    for _, _, messages, _ in told:
        assert "one two three" in messages
    return {name: f"`{end}`" + ("" if ok else " (error)") for name, end, _, ok in told}
