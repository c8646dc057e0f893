"""The pure path from a request's bytes to records: unpack, decode, choose the project, read, price."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Final

from spanwise.vocabulary import PROJECT_NAME

from ..dialects.registered import read
from ..errors import Overloaded, SpanwiseError
from ..pricing.price import Prices
from ..record import Attributes, Record, Span
from ..store.engine import MediaKeeper
from ..store.turns import SPANS_A_TURN, Turns
from .batch import BadSpan, Batch, Refusals
from .limits import unpacked
from .media import Contents, cut_span
from .otlp import Form, decode
from .span_limits import SpanLimits

DEFAULT_PROJECT: Final = "default"
#: Attributes of a resource that name its project, ours first.
PROJECT_ATTRIBUTES: Final = (PROJECT_NAME, "openinference.project.name")
LONGEST_PROJECT: Final = 200
#: A body longer than this is decoded beside the others: nobody should wait for all of it.
DECODED_IN_TURN: Final = 4_000_000
BAD_PROJECT: Final = BadSpan("bad_project", "its project's name is longer than 200 characters or not printable.")


@dataclass(frozen=True, slots=True)
class Request:
    """One export as it came in."""

    body: bytes
    form: Form
    encoding: str = ""
    """Content-Encoding."""
    project: str | None = None
    """The API key's project or the header's; ``None`` leaves it to each resource."""


@dataclass(frozen=True, slots=True)
class Records:
    """What one export comes to: records to write, and what was refused of its spans."""

    records: tuple[Record, ...]
    refusals: Refusals

    @property
    def refused(self) -> int:
        """How many spans were refused."""
        return self.refusals.refused

    @property
    def message(self) -> str:
        """Why, in sentences; empty where none was."""
        return self.refusals.message


class Pipeline:
    """Turns requests into priced records; it holds prices and nothing of any request."""

    def __init__(
        self,
        prices: Prices,
        turns: Turns | None = None,
        *,
        max_unpacked_bytes: int = 100_000_000,
        limits: SpanLimits | None = None,
        media: MediaKeeper | None = None,
    ) -> None:
        self._prices = prices
        self._limits = limits or SpanLimits()
        self._turns = turns or Turns()
        self._media = media
        self._max_unpacked_bytes = max_unpacked_bytes

    def run(self, request: Request, *, max_unpacked_bytes: int | None = None) -> Records:
        """Return the records of *request*; a request that cannot be decoded at all raises `SpanwiseError`."""
        most_bytes = self._max_unpacked_bytes if max_unpacked_bytes is None else max_unpacked_bytes
        body = unpacked(request.body, request.encoding, most_bytes)
        with self._turns if len(body) <= DECODED_IN_TURN else nullcontext():
            batch = decode(body, request.form, self._limits)
        return self._kept(batch, request.project)

    def records(self, spans: Sequence[Span], project: str | None = None) -> tuple[Record, ...]:
        """Return *spans* read and priced, in *project* or in the one that each span's resource names."""
        return tuple([self.record(span, project or resource_project(span.resource)) for span in spans])

    def record(self, span: Span, project: str) -> Record:
        """Return one span read and priced."""
        reading = read(span)
        return Record(project, span, reading, self._prices.price(reading, span.start_ns))

    def _kept(self, batch: Batch, project: str | None) -> Records:
        check_project(project)
        records: list[Record] = []
        contents: Contents = {}
        for at in range(0, len(batch.spans), SPANS_A_TURN):
            with self._turns:
                self._read(batch, batch.spans[at : at + SPANS_A_TURN], project, records, contents)
        if self._media is not None:
            keep_media(self._media, contents)
        return Records(tuple(records), batch)

    def _read(
        self, batch: Batch, spans: Iterable[Span], project: str | None, records: list[Record], contents: Contents
    ) -> None:
        """Add the records of *spans* to *records*; refuse those whose resource names no project that can be.

        Media leave the spans for *contents*, where there is a folder to keep them in.
        """
        named: dict[int, str] = {}
        for span in spans:
            name = project
            if name is None:
                name = named.get(id(span.resource))  # one object for all spans of a resource
                if name is None:
                    name = named[id(span.resource)] = resource_project(span.resource)
            if not is_project_name(name):
                batch.refuse(span.name, BAD_PROJECT, span.scope.name)
                continue
            without, media = (span, ()) if self._media is None else cut_span(span, contents)
            record = self.record(without, name)
            records.append(replace(record, media=media) if media else record)


def keep_media(folder: MediaKeeper, contents: Contents) -> None:
    """Have *contents* on the disk before the spans that they came with; a disk that refuses them is said."""
    if not contents:
        return
    try:
        folder.keep(contents)
    except OSError as error:
        raise Overloaded(
            f"A picture or file in this request cannot be written: {error.strerror or error}.",
            "Make room on the server's disk; the same request will do then.",
        ) from error


def resource_project(resource: Attributes) -> str:
    """Return the project that a resource names, else ``default``."""
    for key in PROJECT_ATTRIBUTES:
        name = resource.get(key)
        if isinstance(name, str) and name.strip():
            return name.strip()
    return DEFAULT_PROJECT


def check_project(name: str | None) -> None:
    """Refuse the name of a project that cannot be one; ``None`` names none."""
    if name is not None and not is_project_name(name):
        raise SpanwiseError("The project's name is not 1 to 200 printable characters.", "Choose another name.")


def is_project_name(name: str) -> bool:
    """Say whether *name* can be a project's: 1 to 200 printable characters."""
    return 0 < len(name) <= LONGEST_PROJECT and name.isprintable()
