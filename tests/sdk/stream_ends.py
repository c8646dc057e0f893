"""How streams end: each client and each way, tried out.  ``python -m sdk.stream_ends`` writes the published table."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Final

from fake_provider import FakeProvider
from matrix.apart import told_apart

from .apart import APART
from .clients import CLIENTS
from .stream_leaving import LAST, ends_at_exit
from .stream_ways import ASYNC, SYNC, async_end_of, end_of

PAGE = Path(__file__).parents[2] / "web/docs/clients.md"
ASYNC_CLIENTS = [name for name, client in CLIENTS.items() if client.make_async]


def table(rows: dict[str, dict[str, str]]) -> str:
    """Return the cells as a table, a row for each client."""
    ways = list(next(iter(rows.values())))
    lines = ["| Client | " + " | ".join(ways) + " |", "| --- |" + " --- |" * len(ways)]
    lines += [f"| {name} | " + " | ".join(cells[way] for way in ways) + " |" for name, cells in rows.items()]
    return "\n".join(lines)


def published(heading: str) -> dict[str, dict[str, str]]:
    """Return the cells of the table that stands below a heading of the page."""
    text = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    head, _, *rows = lines
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


HEADINGS: Final = {"Streams": SYNC, "Asynchronous streams": ASYNC}


def write() -> None:
    """Try everything out and put the tables into the page."""
    import spanwise

    from .recorded import Recorded

    recorded = Recorded()
    spanwise.init(span_exporter=recorded.exporter)
    text = PAGE.read_text(encoding="utf-8")
    with FakeProvider() as provider:
        at_exit = ends_at_exit(provider)
        for (heading, ways), last in zip(HEADINGS.items(), at_exit, strict=True):
            names, ask = (CLIENTS, end_of) if ways is SYNC else (ASYNC_CLIENTS, async_end_of)
            rows: dict[str, dict[str, str]] = {}
            for name in names:
                for way in ways:
                    rows.setdefault(name, {})[way] = ask(CLIENTS[name], way, provider, recorded)
                    recorded.clear()
            for name, end in last.items():
                rows[name][LAST] = end
            rows |= {name: told_apart(name, "newest")["ends"][heading] for name in APART}
            pattern = rf"(## {heading}\n.*?\n\n)\|.*?(\n\n|\Z)"
            made = table(rows)
            text = re.sub(
                pattern, lambda found, made=made: found[1] + made + (found[2] or "\n"), text, count=1, flags=re.DOTALL
            )
    PAGE.write_text(text.rstrip() + "\n", encoding="utf-8")
    spanwise.shutdown()


if __name__ == "__main__":
    os.environ.setdefault("SPANWISE_STRICT", "1")
    write()
    sys.stdout.write(PAGE.read_text(encoding="utf-8"))
