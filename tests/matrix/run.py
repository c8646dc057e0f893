"""Run one case: its program, recorded without a change of its own, against a provider whose answers are known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from emissions import __main__ as emissions
from emissions.answers import answer
from emissions.emitter import Emitter
from emissions.expect import expected
from emissions.sink import Sink
from emissions.table import model_calls
from emissions.wires.server import WireServer, as_counted
from fake_provider import Answer, FakeProvider, Request
from spanwise_server.ingest.otlp import decode
from spanwise_server.ingest.pipeline import Pipeline
from spanwise_server.pricing.price import Prices
from spanwise_server.record import Record

from .case import Case

#: What keeps libraries from talking to anybody but the provider.
SILENT: Final = {
    "ANONYMIZED_TELEMETRY": "false",
    "DO_NOT_TRACK": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "false",
    "HF_HUB_OFFLINE": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a program was answered, and what was told of it."""

    calls: list[dict[str, Any]]
    records: list[Record]
    """In the order of their starts."""


def run(case: Case, python: Path, **environ: str) -> Told:
    """Run the program of *case* and return what was told."""
    log: list[tuple[Request, Answer]] = []

    def answering(request: Request) -> Answer:
        answered = as_counted(request, answer(request))
        if request.headers.get("x-stainless-retry-count", "0") == "0":  # a try again is the same call
            log.append((request, answered))
        return answered

    with FakeProvider(answering) as provider, WireServer(answering) as wires, Sink() as sink:
        recorded = {
            "PYTHONDONTWRITEBYTECODE": "",  # what one run of an environment compiles, the next need not
            "SPANWISE_AUTO": "1",
            "SPANWISE_ENDPOINT": sink.url,
            "SPANWISE_SPOOL": "off",
            "SPANWISE_STRICT": "1",
            "WIRES_URL": wires.url,
            **SILENT,
        }
        emitter = Emitter(case.name, case.scenario, case.packages, case.args, {**recorded, **case.env, **environ})
        emissions.run(emitter, str(python), None, provider, sink)
    spans = [span for post in sink.posted for span in decode(post.body, "protobuf").spans]
    records = sorted(Pipeline(Prices()).records(spans), key=lambda record: record.span.start_ns)
    return Told([expected(*pair) for pair in log], records)


def paired(told: Told) -> list[tuple[Record, dict[str, Any]]]:
    """Return each call of a model that was told with what the provider saw of it.

    They go by the answer's id, since processes at work beside each other start and arrive in no order; what has none
    that is known goes by its turn.
    """
    ids = Counter(call.get("response_id") for call in told.calls)
    known = {made: call for call in told.calls if (made := call.get("response_id")) and ids[made] == 1}
    records = model_calls(told.records)
    found = [known.pop(record.reading.response_id, None) for record in records]
    taken = {id(call) for call in found if call is not None}
    left = iter([call for call in told.calls if id(call) not in taken])
    return [(record, call or next(left)) for record, call in zip(records, found, strict=True)]
