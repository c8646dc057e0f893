"""``spanwise delete`` and ``retention``: what is not to be kept."""

# ruff: noqa: PLC0415 - the help of a command is to come at once, and without the server's libraries

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..errors import ConfigError
from .command import FAILED, add_question, add_settings, command, open_store, say
from .progress import ProgressLine

if TYPE_CHECKING:
    from ..jobs.retention import Retention
    from .command import Commands


def add(commands: Commands) -> None:
    """Add the commands."""
    delete = command(
        commands,
        "delete",
        _delete,
        "delete traces for good",
        "With their spans, labels, media, words in the text index and examples in datasets, and out of every total. "
        "The server may run. Cut off, whole traces are gone and whole traces are left.",
    )
    delete.add_argument("--project", default="default", help="Which project (default: default).")
    delete.add_argument("--trace", action="append", default=[], metavar="ID", help="This trace; may be given again.")
    delete.add_argument("--session", metavar="ID", help="The traces of this session.")
    delete.add_argument("--user", metavar="ID", help="The traces of this user.")
    add_question(delete)
    delete.add_argument("--yes", action="store_true", help="Do not ask.")
    retention = command(
        commands,
        "retention",
        _retention,
        "show or set how long a project keeps its traces",
        "A running server deletes what is older, or too much, within ten minutes. Without options, show what is set.",
    )
    retention.add_argument("--project", default="default", help="Which project (default: default).")
    retention.add_argument("--days", metavar="N", help="Keep traces for so many days; 'off' keeps them for ever.")
    retention.add_argument("--max-mb", metavar="MB", help="Keep at most so much, the newest; 'off' sets no bound.")
    retention.add_argument(
        "--labelled", choices=("keep", "delete"), help="Whether labelled traces are kept all the same (default: keep)."
    )
    for each in (delete, retention):
        add_settings(each, "data", "store")


def _delete(asked: argparse.Namespace) -> int:
    from ..jobs.deletion import delete_found
    from ..query.filters import Query
    from ..query.moments import moment
    from ..query.parse import parse

    text = _filter(asked)
    bounds = moment(asked.from_time, "--from"), moment(asked.to_time, "--to")
    if not text and bounds == (None, None):
        raise ConfigError(
            "Nothing says which traces to delete.", "Give --trace, --session, --user, --filter, --from or --to."
        )
    query = Query(asked.project, parse(text), *bounds, sort="time")
    with open_store(asked) as store:
        found = store.totals(query).traces
        if not found.n:
            say(f"Project {asked.project} has no such trace.")
            return FAILED
        if not asked.yes and not _agreed(found.n, exact=found.exact, project=asked.project):
            say("Nothing was deleted.")
            return FAILED
        deleted = 0
        with ProgressLine() as line:
            for some in delete_found(store, query):
                deleted += some
                line.show(deleted, found.n if found.exact else None, "traces")
        removed = store.sweep_media()
    say(f"{deleted:,} traces deleted{f', {removed:,} media files with them' if removed else ''}.")
    return 0


def _filter(asked: argparse.Namespace) -> str:
    from ..query.values import quoted

    terms = [f"({asked.filter})"] if asked.filter.strip() else []
    terms += [f"{field}:{quoted(value)}" for field in ("session", "user") if (value := getattr(asked, field))]
    if asked.trace:
        terms.append(f"trace:{','.join(trace.lower() for trace in asked.trace)}")
    return " ".join(terms)


def _agreed(found: int, *, exact: bool, project: str) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("There is nobody to ask.", "Add --yes to delete without being asked.")
    many = f"{found:,}{'' if exact else ' or more'} {'trace' if found == 1 and exact else 'traces'}"
    return input(f"Delete {many} of project {project} for good? [y/N] ").strip().lower() in ("y", "yes")


def _retention(asked: argparse.Namespace) -> int:
    from dataclasses import replace

    from ..jobs.retention import keep_retention, retention_of

    with open_store(asked) as store:
        retention = retention_of(store, asked.project)
        if asked.days is not None:
            retention = replace(retention, days=_bound(asked.days, "--days"))
        if asked.max_mb is not None:
            retention = replace(retention, max_mb=_bound(asked.max_mb, "--max-mb"))
        if asked.labelled is not None:
            retention = replace(retention, labelled=asked.labelled == "delete")
        if (asked.days, asked.max_mb, asked.labelled) != (None, None, None):
            keep_retention(store, asked.project, retention)
        used_mb = store.used(asked.project).bytes / 1e6
    say(f"Project {asked.project} takes {used_mb:,.1f} MB. {_said(retention)}")
    return 0


def _bound(text: str, option: str) -> int | None:
    if text == "off":
        return None
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise ConfigError(f"{option} is {text!r}, neither a whole number from 1 on nor 'off'.", f"Correct {option}.")


def _said(retention: Retention) -> str:
    if not retention.bounded:
        return "It keeps every trace."
    bounds = [f"for {retention.days:,} days"] if retention.days is not None else []
    bounds += [f"up to {retention.max_mb:,} MB"] if retention.max_mb is not None else []
    labelled = "go too" if retention.labelled else "are kept all the same"
    return f"It keeps traces {' and '.join(bounds)}. Labelled traces {labelled}."
