"""``spanwise export``: traces as a file."""

# ruff: noqa: PLC0415 - the help of a command is to come at once, and without the server's libraries

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .command import add_question, add_settings, command, open_store
from .progress import ProgressLine

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from .command import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    made = command(
        commands,
        "export",
        _export,
        "write traces to a file",
        "Without --out it goes to the standard output. The server may run.",
    )
    made.add_argument("--project", default="default", help="Which project (default: default).")
    add_question(made)
    made.add_argument(
        "--sort",
        default="-time",
        help="Any order of the list, such as time, cost or user; - before it for descending.",
    )
    made.add_argument("--format", default="jsonl", help="jsonl, csv, otlp or parquet (default: jsonl).")
    made.add_argument("--out", type=Path, help="The file; it appears when it is whole.")
    add_settings(made, "data", "store")


def _export(asked: argparse.Namespace) -> int:
    from ..exports.trace_download import Run, trace_file
    from ..exports.trace_files import trace_export
    from ..query.filters import Query
    from ..query.moments import moment
    from ..query.parse import parse

    export = trace_export(asked.format)
    bounds = moment(asked.from_time, "--from"), moment(asked.to_time, "--to")
    query = Query(asked.project, parse(asked.filter), *bounds, sort=asked.sort)
    with open_store(asked) as store, _opened(asked.out) as file, ProgressLine() as line:
        found = store.totals(query).traces
        run = Run(asked.project, found.n, found.exact)
        for part in trace_file(store, query, export, run):
            file.write(part)
            line.show(run.done, run.of if run.of_is_exact else None, "traces")
        file.flush()
    if asked.out is not None:
        _unfinished(asked.out).replace(asked.out)
    print(f"{run.done:,} traces written.", file=sys.stderr)
    return 0


def _opened(out: Path | None) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdout.buffer) if out is None else _unfinished(out).open("wb")


def _unfinished(out: Path) -> Path:
    return out.with_name(out.name + ".part")
