"""Rows of ClickHouse's tables: the columns of a span and of a trace, and what they are made of and become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final

from ..dialects import read
from ..query.filters import ATTRIBUTE
from ..record import Event, Record
from .attribute_words import said_pairs
from .log_rows import with_logs
from .payload import loads, origin_raw, unpack, whole
from .ready import Ready
from .rollups import bucket
from .rows import SpanRow, cost_of, is_unpriced
from .search_words import BETWEEN, searchable, words_in
from .words import Word

#: Of a row in memory these say nothing here: the address, which origin, whether words may be stale.
_NOT_KEPT: Final = frozenset({"id", "origin_id", "rewritten"})
_OF_ROW: Final = tuple(name for name in SpanRow._fields if name not in _NOT_KEPT)
_BESIDE: Final = (
    "trace_id", "tie", "payload", "origin", "body", "said_keys", "said_texts", "said_numbers", "latency_bucket",
    "ttft_bucket", "unpriced", "version", "gone",
)  # fmt: skip
SPAN_COLUMNS: Final = (*_OF_ROW, *_BESIDE)
WRITE_COLUMNS: Final = (*SPAN_COLUMNS, "sign")
TRACE_COLUMNS: Final = (
    "project_id", "trace_id", "tie", "words", "name", "root_kind", "start_ns", "duration_ns", "status", "span_count",
    "error_count", "llm_count", "models", "input_uncached", "cache_read", "cache_write", "input_audio", "input_image",
    "output_visible", "reasoning", "output_audio", "output_image", "unsplit", "total_tokens", "cost_nusd",
    "unpriced_count", "ttft_ms", "session_id", "user_id", "tags", "environment", "input_preview", "output_preview",
    "prompts", "has_root", "version", "gone",
)  # fmt: skip
#: Columns that hold bytes and no text.
AS_BYTES: Final = {"payload": "bytes", "origin": "bytes"}
#: Stands for what is no single value; nobody writes it.
NO_TEXT: Final = "\x1f"
#: Stands for a text of the span's own attributes that is long: it is in the payload, and need not be here too.
IN_PAYLOAD: Final = "\x1e"
#: Bytes from which on it is.
LONG_BYTES: Final = 257
#: Bytes up to which the index of said values has a value: those of the schema.
INDEXED_BYTES: Final = 64
Said = tuple[tuple[str, ...], tuple[str, ...], tuple[float | None, ...]]
"""Fields of attributes and metadata, with their values as text and as numbers."""
#: Between the field and the value of a word.
OF_WORD: Final = "\x1f"


@dataclass(frozen=True, slots=True)
class Kept:
    """One span as the tables have it, or are to have it."""

    row: SpanRow
    trace_id: bytes
    payload: bytes
    origin: bytes
    body: str
    said: Said
    version: int = 0

    def values(self, *, version: int, gone: int, sign: int) -> tuple[Any, ...]:
        """Return the row that is written."""
        row = self.row
        keys, texts, numbers = self.said
        fields = row._asdict()
        return (
            *(fields[name] for name in _OF_ROW), self.trace_id, tie_of(row.project_id, self.trace_id, row.span_id),
            self.payload, self.origin, self.body, keys, texts, numbers, bucket(row.duration_ns),
            None if row.ttft_ms is None else bucket(row.ttft_ms * 1e6), int(is_unpriced(row)), version, gone, sign,
        )  # fmt: skip

    def same(self, other: Kept) -> bool:
        """Whether both say the same, whenever they were written."""
        return self.row == other.row and self.payload == other.payload and self.origin == other.origin


def kept_of(ready: Ready, project_id: int, trace_id: bytes, reader_id: int) -> Kept:
    """Return what is to be kept of a span that was made ready."""
    record = ready.record
    row = ready.row._replace(project_id=project_id, reader_id=reader_id)
    return Kept(row, trace_id, whole(record.span), origin_raw(record.span), body_of(record), _said(record))


def body_of(record: Record) -> str:
    """Return the words that are searched, each with a space on both sides, so that a phrase is a part of it."""
    return BETWEEN.join(
        f" {' '.join(words)} " for part in searchable(record).split(BETWEEN) if (words := words_in(part))
    )


def _said(record: Record) -> Said:
    found = list(dict.fromkeys(said_pairs(record)))
    if not found:
        return (), (), ()
    keys, texts, numbers = zip(*found, strict=True)
    long = {f"{ATTRIBUTE}{key}": said for key, said in record.span.attributes.items() if _is_long(said)}
    if not long and None not in texts:
        return keys, texts, numbers
    return keys, tuple(_kept_text(text, long.get(key)) for key, text in zip(keys, texts, strict=True)), numbers


def _is_long(said: Any) -> bool:
    if type(said) is not str or len(said) * 4 < LONG_BYTES:
        return False
    try:
        return len(said.encode()) >= LONG_BYTES
    except UnicodeEncodeError:  # half a pair, which ClickHouse does not read out of JSON
        return False


def _kept_text(text: str | None, long: str | None) -> str:
    if text is None:
        return NO_TEXT
    return IN_PAYLOAD if text == long else text


def kept_again(kept: Kept, record: Record) -> Kept:
    """Return *kept* with what is searched of it taken from *record*."""
    return replace(kept, body=body_of(record), said=_said(record))


def read_kept(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[Kept]:
    """Yield spans of a result that has all columns of ``SPAN_COLUMNS``."""
    at = {name: n for n, name in enumerate(names)}
    order = [at.get(name) for name in SpanRow._fields]
    for row in rows:
        yield Kept(
            SpanRow._make(0 if n is None else row[n] for n in order),
            row[at["trace_id"]], row[at["payload"]], row[at["origin"]], row[at["body"]],
            (tuple(row[at["said_keys"]]), tuple(row[at["said_texts"]]), tuple(row[at["said_numbers"]])),
            row[at["version"]],
        )  # fmt: skip


def record_of(project: str, kept: Kept, logs: Mapping[bytes, Sequence[Event]]) -> Record:
    """Return the record of a span, with the log records that came for it."""
    span = unpack((), loads(kept.payload), kept.row, kept.trace_id.hex(), b"\x00" + kept.origin, lambda _: b"")
    events = logs.get(kept.row.span_id)
    if events:
        span = with_logs(span, events)
    return Record(project, span, read(span), cost_of(kept.row))


def tie_of(project_id: int, trace_id: bytes, span_id: bytes = b"") -> int:
    """Return a number that orders what is equal by what it is sorted by, the same on every server."""
    digest = blake2b(project_id.to_bytes(8, "big") + trace_id + span_id, digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def word(field: Word) -> str:
    """Return a word as a trace's row has it."""
    return OF_WORD.join(field)
