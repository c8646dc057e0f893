"""Start, stop and ask: what an application says to the SDK as a whole."""

from __future__ import annotations

import atexit
import logging
import math
import threading
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from opentelemetry import trace

from .announce import Announcer
from .config import Config, Export, StreamUsage, read_config
from .export import Exporter, Status
from .instrument.arrivals import ARRIVALS
from .instrument.autopatch import PATCHES
from .instrument.left import settle_left, settle_open
from .outgoing import BeforeSend
from .registry import AMBIENT
from .rules import Rule
from .runtime import HELD, Runtime
from .safety import guard
from .sampling import Sieve
from .servers import flush_after_shutdown
from .span import current_span
from .tracing import make_tracer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

logger = logging.getLogger("spanwise")

_LOCK: Final = threading.RLock()
_REPLACED_FLUSH_S: Final = 1.0


def init(
    *,
    endpoint: str | None = None,
    api_key: str | None = None,
    project: str | None = None,
    service: str | None = None,
    environment: str | None = None,
    release: str | None = None,
    enabled: bool | None = None,
    capture_content: bool | None = None,
    hide_content_of: Sequence[str] | str | None = None,
    hide_content_in: Sequence[str] | str | None = None,
    redact: Sequence[Rule] | str | None = None,
    sample_rate: float | None = None,
    keep: str | None = None,
    max_capture_kb: int | None = None,
    export: Export | None = None,
    instrument: Sequence[str] | str | None = None,
    exclude: Sequence[str] | str | None = None,
    stream_usage: StreamUsage | None = None,
    estimate_tokens: bool | None = None,
    max_queued_mb: int | None = None,
    export_interval_ms: int | None = None,
    spool: str | None = None,
    max_spool_mb: int | None = None,
    spool_after_ms: int | None = None,
    exit_timeout_s: float | None = None,
    announce_after_ms: int | None = None,
    prompt_ttl_s: float | None = None,
    prompt_timeout_s: float | None = None,
    prompt_folder: str | None = None,
    before_send: BeforeSend | None = None,
    span_exporter: SpanExporter | None = None,
) -> None:
    """Record every model call of this program from here on, and send what is recorded in the background.

    Whatever is not given comes from the environment, else from the defaults; ``spanwise.config.SETTINGS`` lists
    all of it.  Client libraries that are imported later are instrumented when they are.  Called again with the same
    settings it does nothing; with others it says so in the log and puts them in force.

    Raises ValueError where a setting makes no sense.
    """
    given = dict(locals())
    config = read_config(given)
    with _LOCK:
        present = HELD.runtime
        if present.exporter is not None:
            if present.config == config:
                return
            logger.warning("spanwise.init() was called again with other settings, which are now in force")
            _stop(_REPLACED_FLUSH_S)
        if config.enabled:
            _start(config)
        else:
            HELD.install(Runtime(config, trace.NoOpTracer()))


def _start(config: Config) -> None:
    PATCHES.want(None if config.instrument is None else (*config.instrument, *AMBIENT))
    if config.exclude:
        PATCHES.unwant(config.exclude)
    exporter = Exporter(config, on_tick=settle_left)
    sieve = Sieve(config.sample_rate, config.keep)
    # Where traces are chosen by their end, nothing may be said of them before.
    announcer = Announcer(config) if config.announce_after_ms and sieve.idle and config.span_exporter is None else None
    HELD.install(Runtime(config, make_tracer(config), exporter, sieve, announcer))
    atexit.unregister(_at_exit)
    atexit.register(_at_exit)
    if not _CHILDREN.watched:
        _CHILDREN.watched = True
        ARRIVALS.when_imported("multiprocessing.util", _CHILDREN.watch)
        ARRIVALS.when_imported("uvicorn.server", partial(flush_after_shutdown, _flush_at_end))


class _Children:
    """Processes that ``multiprocessing`` starts: they end without what is to run at exit, all but its own."""

    watched = False

    def watch(self, util: Any) -> None:
        """Have each child, forked or spawned, send what it recorded before it ends."""
        util.register_after_fork(self, lambda _: util.Finalize(None, _at_exit, exitpriority=_AFTER_THE_REST))


_AFTER_THE_REST: Final = -100
_CHILDREN: Final = _Children()


def _stop(timeout_s: float) -> bool:
    exporter, announcer = HELD.runtime.exporter, HELD.runtime.announcer
    if announcer is not None:
        announcer.close()
    PATCHES.unwant()
    settle_left(0.0)
    settle_open()
    HELD.retire()
    return exporter is None or exporter.close(timeout_s)


def _flush_at_end() -> None:
    with guard():
        flush(HELD.runtime.config.exit_timeout_s)


def _at_exit() -> None:
    with guard(), _LOCK:
        _stop(HELD.runtime.config.exit_timeout_s)


def shutdown(timeout_s: float | None = None) -> bool:
    """Send what is queued, stop recording and take the instrumentation off; return whether all of it was sent.

    What could not be sent goes to the spool.  The end of the program does it too.  *timeout_s* is
    ``exit_timeout_s`` where not given.
    """
    with _LOCK:
        atexit.unregister(_at_exit)
        return _stop(HELD.runtime.config.exit_timeout_s if timeout_s is None else timeout_s)


def flush(timeout_s: float = 10.0) -> bool:
    """Send what is queued and wait for it; return whether all of it was sent in *timeout_s* seconds.

    Gives up at the first failed attempt: what waits is then sent later.
    """
    settle_left(0.0)
    exporter = HELD.runtime.exporter
    return exporter is None or exporter.flush(timeout_s)


def status() -> Status:
    """Return how many spans and annotations were sent, wait, were dropped and failed since ``init()``."""
    exporter = HELD.runtime.exporter
    return Status() if exporter is None else exporter.status()


def instrument(*providers: str) -> None:
    """Instrument these providers, or all where none is named, now or when they are imported.

    ``init()`` does it already; this is for more, or for again after ``uninstrument()``.  Raises ValueError where
    there is no provider of a name.
    """
    PATCHES.want(providers or None)


def uninstrument(*providers: str) -> None:
    """Take the instrumentation off these providers, or off all where none is named."""
    PATCHES.unwant(providers or None)


def annotate(
    name: str,
    *,
    label: str | None = None,
    score: float | None = None,
    explanation: str | None = None,
    correction: Any = None,
    trace_id: str | None = None,
    span_id: str | None = None,
    annotator_kind: Literal["human", "llm", "code"] = "human",
    annotator_id: str = "",
    metadata: Mapping[str, Any] | None = None,
    annotation_id: str | None = None,
) -> str | None:
    """Say what somebody thinks of a trace or a span, such as a user's thumb, and return the annotation's id.

    Without *trace_id* it is about the span that the program is in; with *trace_id* alone, about the whole trace.
    It is sent in the background.  *annotation_id* replaces an earlier one of that id.  Where there is nothing to
    judge, or nothing is said, it logs that and returns ``None``.
    """
    with guard():
        exporter = HELD.runtime.exporter
        if trace_id is None:
            here = current_span()
            trace_id, span_id = here.trace_id, here.span_id
        if exporter is None or not trace_id.strip("0"):
            logger.warning("spanwise.annotate(%r) found nothing to judge: no init(), or no span around it", name)
            return None
        if label is None and score is None and explanation is None and correction is None:
            logger.warning("spanwise.annotate(%r) says nothing: give label, score, explanation or correction", name)
            return None
        if score is not None and not math.isfinite(score):
            logger.warning("spanwise.annotate(%r) has the score %r, which is no number to keep", name, score)
            return None
        made = annotation_id or uuid.uuid4().hex
        said = {
            "id": made,
            "name": name,
            "target": {"trace_id": trace_id, "span_id": span_id},
            "label": label,
            "score": None if score is None else float(score),
            "explanation": explanation,
            "correction": correction,
            "annotator": {"kind": annotator_kind, "id": annotator_id},
            "metadata": None if metadata is None else dict(metadata),
        }
        exporter.put_annotation(said)
        return made
    return None
