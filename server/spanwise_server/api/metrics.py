"""The server's figures in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from ..auth.current import CurrentServer, Server
from ..ingest.health import COMMIT_BOUNDS_S, State
from ..ingest.writer import Stats
from ..store.span_logs import Waiting

router = APIRouter(tags=["health"])

Labels = Mapping[str, str]
Sample = tuple[str, Labels, float]
"""What follows the figure's name, its labels and its value."""
NONE: Final[Labels] = {}


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything that figures are taken from, at one moment."""

    ingest: State
    writer: Stats
    waiting: Waiting
    repeated: int
    held_bytes: int
    indexing_s: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: documentation and tests loop over these."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    sentence: str
    samples: Callable[[Moment], Iterator[Sample]]


def _one(value: Callable[[Moment], float]) -> Callable[[Moment], Iterator[Sample]]:
    return lambda moment: iter([("", NONE, value(moment))])


def _accepted(moment: Moment) -> Iterator[Sample]:
    for signal in ("traces", "logs"):
        yield "", {"signal": signal}, moment.ingest.accepted.get(signal, 0)


def _refused(moment: Moment) -> Iterator[Sample]:
    for (signal, reason), count in sorted(moment.ingest.refused.items()):
        yield "", {"signal": signal, "reason": reason}, count


def _turned_away(moment: Moment) -> Iterator[Sample]:
    for (signal, code), count in sorted(moment.ingest.turned_away.items()):
        yield "", {"signal": signal, "code": code}, count


def _commits(moment: Moment) -> Iterator[Sample]:
    reached = 0
    for bound, count in zip((*map(str, COMMIT_BOUNDS_S), "+Inf"), moment.ingest.commits, strict=True):
        reached += count
        yield "_bucket", {"le": bound}, reached
    yield "_sum", NONE, moment.ingest.commit_s
    yield "_count", NONE, reached


FIGURES: Final = (
    Figure("spanwise_accepted_total", "counter", "Spans and log records taken, by signal.", _accepted),
    Figure("spanwise_refused_total", "counter", "Spans and log records refused, by signal and reason.", _refused),
    Figure("spanwise_requests_refused_total", "counter", "Requests refused whole, by signal and code.", _turned_away),
    Figure(
        "spanwise_spans_repeated_total", "counter", "Spans that were there already.", _one(lambda now: now.repeated)
    ),
    Figure(
        "spanwise_spans_written_total", "counter", "Spans committed since the start.",
        _one(lambda now: now.writer.written),
    ),
    Figure("spanwise_spans_queued", "gauge", "Spans and log records that wait.", _one(lambda now: now.writer.queued)),
    Figure(
        "spanwise_bytes_under_way", "gauge", "Bytes of the requests under way.", _one(lambda now: now.held_bytes)
    ),
    Figure(
        "spanwise_write_errors_total", "counter", "Requests whose spans could not be written.",
        _one(lambda now: now.writer.errors),
    ),
    Figure("spanwise_commit_seconds", "histogram", "From the queue to the disk, by request.", _commits),
    Figure(
        "spanwise_logs_waiting", "gauge", "Log records whose span has not come.",
        _one(lambda now: now.waiting.records),
    ),
    Figure(
        "spanwise_logs_dropped_total", "counter", "Log records whose span never came.",
        _one(lambda now: now.waiting.dropped),
    ),
    Figure(
        "spanwise_dropped_by_senders_total", "counter", "Spans and annotations that programs say they had to drop.",
        _one(lambda now: now.ingest.dropped),
    ),
    Figure(
        "spanwise_search_index_cpu_seconds_total", "counter", "CPU spent on the text index, after the answers.",
        _one(lambda now: now.indexing_s),
    ),
)  # fmt: skip


@router.get("/metrics")
def metrics(server: CurrentServer) -> PlainTextResponse:
    """Return the figures in Prometheus' text format."""
    moment = moment_of(server)
    lines = [line for figure in FIGURES for line in _lines(figure, moment)]
    return PlainTextResponse("\n".join([*lines, ""]), media_type="text/plain; version=0.0.4")


def moment_of(server: Server) -> Moment:
    """Return what the figures of *server* are taken from now."""
    return Moment(
        server.intake.health.state(),
        server.writer.stats(),
        server.store.waiting_logs(),
        server.store.repeated,
        server.intake.room.taken,
        server.store.indexing_s,
    )


def _lines(figure: Figure, moment: Moment) -> Iterator[str]:
    yield f"# HELP {figure.name} {figure.sentence}"
    yield f"# TYPE {figure.name} {figure.kind}"
    for suffix, labels, value in figure.samples(moment):
        inside = ",".join(f'{name}="{said}"' for name, said in labels.items())
        yield f"{figure.name}{suffix}{{{inside}}} {value}" if inside else f"{figure.name}{suffix} {value}"
