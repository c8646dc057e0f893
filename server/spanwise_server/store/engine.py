"""Which store a URL names: SQLite, PostgreSQL or ClickHouse behind one protocol, and whatever packages add.

What a store keeps falls in two. The *large* tables hold spans, payloads, traces, rollups and their search index: each
engine reads and writes them in its own way (``base.SpanStore``). The *small* tables (``small_tables.py``: projects,
keys, labels, queues, datasets and so on) are SQLModel classes, read and written through ``session()`` and
``transaction()`` of ``sessions.Sessions`` on any database that SQLAlchemy speaks to; see ``small_store.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from spanwise.registry import load_object

from ..claim import claimed
from ..errors import ConfigError
from ..record import Record, SpanLog
from .base import AccessStore, SpanStore, Used
from .ready import Chunk
from .reread import Part, Price, Revised, Reviser
from .sessions import Sessions
from .span_logs import LogLimits, Waiting
from .turns import Turns

#: Every engine that ships with the server, by the scheme of its URLs.
STORES: Final[Mapping[str, str]] = {
    "sqlite": "spanwise_server.store.sqlite:ENGINE",
    "postgresql": "spanwise_server.store.postgres:ENGINE",
    "clickhouse": "spanwise_server.store.clickhouse:ENGINE",
}
#: Entry-point group in which another package announces an engine, under the scheme of its URLs.
STORE_GROUP: Final = "spanwise.stores"


class MediaKeeper(Protocol):
    """Where the contents of media go before the spans that they came with are written."""

    def keep(self, contents: Mapping[str, bytes]) -> None:
        """Have *contents*, by digest, kept when this returns; raises OSError where they cannot be."""


Told = Callable[[list[SpanLog]], None]
"""Is told, as soon as a write is on the disk, which log records were too many for their span."""


def tell_nobody(_over: list[SpanLog]) -> None:
    """Do nothing: who called is told by what comes back."""


class Store(SpanStore, AccessStore, Sessions, Protocol):
    """An engine at work: what pages, API, ingest, jobs and commands ask of whichever they were given."""

    @property
    def media(self) -> MediaKeeper:
        """Where contents of media go."""

    @property
    def turns(self) -> Turns:
        """Held by whoever works through spans in this process."""

    def open(self) -> None:
        """Bring the database to the newest schema and begin to work."""

    def close(self) -> None:
        """End in order; closing twice is closing once."""

    # --- the write path of a server ----------------------------------------------------------------------------------

    def prepare(self, records: Sequence[Record]) -> list[Chunk]:
        """Return *records* packed and cut into columns, which may be done in any thread."""

    def write_prepared(
        self, batch: Sequence[Chunk], logs: Sequence[Sequence[SpanLog]] = (), on_disk: Told = ...
    ) -> list[SpanLog]:
        """Keep records that were made ready by ``prepare``, and log records, in one durable transaction.

        Each request's log records are apart in *logs*, so that a request sent again is told. Spans of theirs that are
        there already are read again. Returns those that are too many for a span.
        """

    def waiting_logs(self) -> Waiting:
        """Return how many log records wait for their span."""

    @property
    def repeated(self) -> int:
        """How many spans came, since the start, that were there already."""

    @property
    def indexing_s(self) -> float:
        """CPU seconds that the text index has taken since the start."""

    def wait_until_searchable(self, timeout_s: float = 10.0) -> bool:
        """Wait until the text of all that was written can be searched; return whether it can."""

    # --- media -------------------------------------------------------------------------------------------------------

    def media_file(self, project: str, digest: str) -> Path | None:
        """Return a file with a content by its SHA-256, ``None`` where nothing of the project has it."""

    def media_content(self, project: str, digest: str) -> bytes | None:
        """Return a content by its SHA-256, ``None`` where nothing of the project has it."""

    def sweep_media(self, grace_s: float = ...) -> int:
        """Remove contents that nothing needs and that came over *grace_s* ago; return how many."""

    # --- upkeep ------------------------------------------------------------------------------------------------------

    def used(self, project: str) -> Used:
        """Return what a project takes of the store."""

    def recount(self) -> int:
        """Compute every summary, word and rollup anew from the spans; return how many traces there are."""

    def revised(
        self, project: str, trace_ids: Sequence[str], price: Price, how: Callable[[Reviser, Sequence[Part]], Revised]
    ) -> Iterator[Revised]:
        """Revise the spans of traces, such as by ``Reviser.reprice``; yield what each small transaction did."""

    def forget_readers(self) -> tuple[str, ...]:
        """Forget the readers that no span is of any more; return the names of those left, today's aside."""

    def reindex(self) -> None:
        """Fill the text index anew."""


@dataclass(frozen=True, slots=True)
class Options:
    """What an engine is told besides its URL."""

    data: Path
    """The data folder: of SQLite everything, of the others at most what can be made anew."""
    log_limits: LogLimits = field(default_factory=LogLimits)
    full_text: bool | None = None
    """Whether words of texts are indexed where that is a choice; ``None`` is as the store did before."""


@dataclass(frozen=True, slots=True)
class Copier:
    """Makes copies of a store beside running servers, and puts them back; each says what it did."""

    back_up: Callable[[str, Path, Path], str]
    restore: Callable[[str, Path, Path], str]


@dataclass(frozen=True, slots=True)
class Engine:
    """One kind of store."""

    title: str
    make: Callable[[str, Options], Store]
    """Makes a store, not open yet, of a URL."""
    examiner: str = ""
    """Import string of what looks for what is wrong; called with URL, data folder and ``full``, it yields findings."""
    copier: str = ""
    """Import string of what ``spanwise backup`` and ``restore`` use; called with URL, data folder and backup folder."""
    copied_by: str = ""
    """What makes copies of it and puts them back, where ``spanwise backup`` does not."""
    folder: Callable[[str, Path], Path] | None = None
    """Returns, of a URL and the data folder, the folder that holds everything and is one server's alone."""


def engine_of(url: str) -> Engine:
    """Return the engine that *url* names; no URL at all, and a path, are SQLite's.

    Raises ConfigError where nothing answers to its scheme.
    """
    scheme = urlsplit(url).scheme.lower()
    name = "sqlite" if len(scheme) < _SHORTEST_SCHEME else _ALSO.get(scheme, scheme)
    listed = STORES if name in STORES else {**STORES, **_announced()}
    if name not in listed:
        raise ConfigError(
            f"There is no store for {scheme}://.", f"Give a file, or a URL that begins with one of {', '.join(listed)}."
        )
    try:
        found: Any = load_object(listed[name])
    except ImportError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "spanwise_server":
            raise
        raise ConfigError(
            f"The store {name}:// needs the package {missing}, which is not installed.",
            f'pip install "spanwise[{_EXTRAS.get(name, name)}]"',
        ) from error
    assert isinstance(found, Engine)  # noqa: S101  # what the registry is for
    return found


def _announced() -> dict[str, str]:
    """Return what other packages add, for which everything that is installed is looked through."""
    return {point.name: point.value for point in entry_points(group=STORE_GROUP)}


#: A scheme of one letter is the drive of a path.
_SHORTEST_SCHEME: Final = 2
_EXTRAS: Final = {"postgresql": "postgres"}
_ALSO: Final = {"postgres": "postgresql", "postgresql+psycopg": "postgresql", "clickhouses": "clickhouse"}


def folder_of(url: str, data: Path) -> Path | None:
    """Return the folder that the store at *url* has to itself, ``None`` where several servers may share it."""
    engine = engine_of(url)
    return None if engine.folder is None else engine.folder(url, data)


def claimed_store(url: str, data: Path) -> AbstractContextManager[None]:
    """Hold the store for this process, where it lies in a folder; several may use a database at once."""
    folder = folder_of(url, data)
    return nullcontext() if folder is None else claimed(folder)


def shown(url: str, data: Path) -> str:
    """Return where a store is, without any password."""
    folder = folder_of(url, data)
    parts = urlsplit(url)
    if folder is not None or parts.password is None:
        return url if folder is None else str(folder)
    return url.replace(f":{parts.password}@", ":***@", 1)


def make_store(url: str, options: Options) -> Store:
    """Return the store at *url*, not open yet; raises ConfigError where its driver is not installed."""
    engine = engine_of(url)
    return engine.make(url, options)
