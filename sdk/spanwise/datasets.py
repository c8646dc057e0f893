"""Datasets of the server, pulled at a version and read as examples: what tests run over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from .config import Config
from .transport import Outcome, Transport

#: A file of a whole dataset may take longer than a call of an application may wait.
_TIMEOUT_S = 60.0


class DatasetError(Exception):
    """A dataset that cannot be had, in a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a dataset."""

    id: str
    input: Any
    """What was asked: the arguments or the text that a function was given, or a list of messages."""
    expected: Any
    """The answer that is wanted, as text or the value it is; ``None`` where none was written."""
    assertions: tuple[str, ...] = ()
    """What has to be true of an answer, a sentence each."""
    context: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    split: str | None = None
    row: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The whole example, as ``spanwise.dataset/1`` has it."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A version of a dataset as a file."""

    dataset_id: int
    name: str
    version: int
    content_hash: str
    body: bytes
    left_out: str = ""
    """How many examples the format has no place for, and why; empty where it holds all."""

    def examples(self) -> Iterator[Example]:
        """Yield the examples; the file has to be ``jsonl``."""
        for line in self.body.splitlines():
            if line.strip():
                yield _example(orjson.loads(line))


class DatasetClient:
    """The datasets of one server and project."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._transport = Transport(config, _TIMEOUT_S)

    @property
    def endpoint(self) -> str:
        """Where the server is."""
        return self._config.endpoint

    def pull(self, wanted: str, format_name: str = "jsonl") -> Pulled:
        """Return ``name`` or ``name@version``; a version is a number, a tag or how a content hash begins.

        Raises DatasetError where the server is away, or has no such dataset, version or format.
        """
        name, _, version = wanted.partition("@")
        number = self._id_of(name)
        asked = urlencode({"format": format_name, "version": version})
        outcome = self._good(self._transport.get(f"/api/v1/datasets/{number}/export?{asked}"))
        versions = self._json(self._transport.get(f"/api/v1/datasets/{number}"))
        shown = _version(versions, version)
        return Pulled(number, name, shown["number"], shown["content_hash"], outcome.body, outcome.left_out)

    def push(self, name: str, body: bytes) -> dict[str, Any]:
        """Add the rows of a file to a dataset, which is made where there is none; return what came of it."""
        try:
            number = self._id_of(name)
        except DatasetError:
            made = self._transport.ask("POST", "/api/v1/datasets", orjson.dumps({"name": name}))
            number = int(self._json(made)["id"])
        taken = self._json(self._transport.post(f"/api/v1/datasets/{number}/import", body, "application/octet-stream"))
        return dict(taken)

    def record(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """Keep one run over a dataset as an experiment; return it as the server has it."""
        return dict(self._json(self._transport.ask("POST", "/api/v1/experiments", orjson.dumps(run))))

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def _id_of(self, name: str) -> int:
        found = self._json(self._transport.get(f"/api/v1/datasets?name={quote(name, safe='')}"))["items"]
        if not found:
            project = self._config.project or "default"
            raise DatasetError(
                f"Project {project} has no dataset {name!r}: make it on {self._config.endpoint}/datasets."
            )
        return int(found[0]["id"])

    def _good(self, outcome: Outcome) -> Outcome:
        if outcome.status is None:
            raise DatasetError(f"{self._config.endpoint} cannot be reached: {outcome.problem}. Is the server running?")
        if not outcome.taken:
            raise DatasetError(_sentence(outcome))
        return outcome

    def _json(self, outcome: Outcome) -> Any:
        return orjson.loads(self._good(outcome).body)


def _version(dataset: Mapping[str, Any], named: str) -> Mapping[str, Any]:
    """Return what is known of the version that *named* means, as the server means it."""
    versions: list[Mapping[str, Any]] = dataset["versions"]
    number = dataset["tags"].get(named, named.removeprefix("v"))
    hashed = named if named.startswith("b2:") else f"b2:{named}"
    for version in versions:
        if str(version["number"]) == str(number) or (named and version["content_hash"].startswith(hashed)):
            return version
    return versions[0]


def _example(row: Mapping[str, Any]) -> Example:
    asked, expected = row.get("input") or {}, row.get("expected_output") or {}
    return Example(
        id=str(row["id"]),
        input=asked["messages"] if asked.get("messages") is not None else asked.get("content"),
        expected=expected.get("content"),
        assertions=_texts(row.get("assertions")),
        context=_texts(row.get("context")),
        tags=_texts(row.get("tags")),
        split=row.get("split"),
        row=row,
    )


def _texts(given: Iterable[Any] | None) -> tuple[str, ...]:
    return tuple(map(str, given or ()))


def _sentence(outcome: Outcome) -> str:
    try:
        error = orjson.loads(outcome.body)["error"]
        return f"{error['message']} {error['hint']}".strip()
    except (ValueError, KeyError, TypeError):
        return f"The server answered {outcome.status}."
