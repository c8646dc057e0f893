"""What was captured, as it lies in the repository."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from spanwise_server.ingest.logs import decode_logs
from spanwise_server.ingest.otlp import decode
from spanwise_server.ingest.pipeline import Pipeline
from spanwise_server.pricing.price import Prices
from spanwise_server.record import Event, Record, Span

CORPUS = Path(__file__).parents[1] / "server" / "dialects" / "corpus"


def names() -> list[str]:
    """Return the emitters that have been captured."""
    return sorted(path.parent.name for path in CORPUS.glob("*/expected.json"))


def expected(name: str) -> dict[str, Any]:
    """Return the versions and the calls of one emitter."""
    found: dict[str, Any] = json.loads((CORPUS / name / "expected.json").read_text(encoding="utf-8"))
    return found


def records(name: str) -> list[Record]:
    """Return the records that its spans and log records make, in the order of their starts."""
    spans: list[Span] = []
    for path in (CORPUS / name).glob("traces.*.gz"):
        form = path.name.split(".")[1]
        batch = decode(gzip.decompress(path.read_bytes()), "json" if form == "json" else "protobuf")
        assert batch.refused == 0, batch.message
        spans += batch.spans
    logged = log_events(name)
    joined = [
        replace(span, events=(*span.events, *logged[span.span_id])) if span.span_id in logged else span
        for span in spans
    ]
    found = Pipeline(Prices()).records(joined)
    return sorted(found, key=lambda record: record.span.start_ns)


def log_events(name: str) -> dict[str, list[Event]]:
    """Return the events that came as log records, by the id of their span."""
    found: dict[str, list[Event]] = {}
    path = CORPUS / name / "logs.pb.gz"
    if path.exists():
        for log in decode_logs(gzip.decompress(path.read_bytes()), "protobuf").logs:
            found.setdefault(log.span_id, []).append(log.event)
    return found
