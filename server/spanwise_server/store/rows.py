"""The narrow row of a span, and how records become rows and rows give back what they keep."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from zlib import crc32

import orjson

from ..dialects.preview import extents, preview
from ..record import MODEL_KINDS, Cost, CostSource, Reading, Record, Status, Usage

STATUSES: Final[tuple[Status, ...]] = ("unset", "ok", "error")
STATUS_CODES: Final = {status: code for code, status in enumerate(STATUSES)}
ERROR: Final = STATUS_CODES["error"]
PREVIEW_CHARS: Final = 200
NAME_CHARS: Final = 500
"""Longer names and values are cut in rows and indices; the payload keeps them whole."""


class SpanRow(NamedTuple):
    """One row of ``spans``, column by column."""

    id: int
    project_id: int
    span_id: bytes
    parent_id: bytes | None
    start_ns: int
    duration_ns: int
    kind: str
    name: str
    trace_name: str | None
    status: int
    error_type: str | None
    error_message: str | None
    provider: str | None
    model: str | None
    input_uncached: int | None
    cache_read: int | None
    cache_write: int | None
    input_audio: int | None
    input_image: int | None
    output_visible: int | None
    reasoning: int | None
    output_audio: int | None
    output_image: int | None
    unsplit: int | None
    total_tokens: int | None
    cost_nusd: int | None
    cost_input_nusd: int | None
    cost_output_nusd: int | None
    cost_source: CostSource | None
    price_id: str | None
    counted: int
    ttft_ms: float | None
    session_id: str | None
    user_id: str | None
    environment: str | None
    tags: str | None
    prompt_name: str | None
    prompt_version: str | None
    input_preview: str | None
    output_preview: str | None
    origin_id: int
    rewritten: int
    reader_id: int
    answer: int | None


#: Where the ten token buckets begin and end in a row.
FIRST_BUCKET: Final = SpanRow._fields.index("input_uncached")
END_OF_BUCKETS: Final = FIRST_BUCKET + 10
_NO_BUCKETS: Final = (None,) * 10
_ANSWER_BYTES: Final = 8


def row_of(record: Record, span_id: bytes, parent_id: bytes | None, *, hide: bool = False) -> SpanRow:
    """Return the row of *record*; address, project, origin and ``counted`` are filled in when it is written.

    Where *hide* is set, without its previews.
    """
    span, reading, cost = record.span, record.reading, record.cost
    usage, prompt = reading.usage, reading.prompt
    shown_input, shown_output = unmade(reading) if hide else preview(reading)
    failed = span.status == "error"
    return _row((
        0, 0, span_id, parent_id, span.start_ns, span.end_ns - span.start_ns,
        record.kind, _cut(record.name, NAME_CHARS) or "", _cut(reading.trace_name, NAME_CHARS),
        STATUS_CODES[span.status],
        _cut(reading.error_type, NAME_CHARS) if failed or reading.error_type else None,
        _cut(reading.status_message or span.status_message, PREVIEW_CHARS),
        _cut(reading.provider, NAME_CHARS), _cut(reading.model or reading.request_model, NAME_CHARS),
        *(_buckets(usage) if usage is not None else _NO_BUCKETS),
        None if usage is None else usage.total_tokens,
        *((None,) * 5 if cost is None else _cost_columns(cost)),
        0, reading.ttft_ms,
        _cut(reading.session_id, NAME_CHARS), _cut(reading.user_id, NAME_CHARS), _cut(reading.environment, NAME_CHARS),
        orjson.dumps(reading.tags).decode() if reading.tags else None,
        None if prompt is None else _cut(prompt.name, NAME_CHARS),
        None if prompt is None else _cut(prompt.version, NAME_CHARS),
        _cut(shown_input, PREVIEW_CHARS), _cut(shown_output, PREVIEW_CHARS), 0, 0, 0,
        None if reading.response_id is None else _answer(reading.response_id),
    ))  # fmt: skip


def _row(values: Sequence[Any]) -> SpanRow:
    """Return what ``SpanRow._make`` does, without a call of Python."""
    return tuple.__new__(SpanRow, values)


def _answer(response_id: str) -> int:
    """Return a number for a provider's id, the same everywhere: lists need no more of it than whether two are one."""
    digest = blake2b(response_id.encode(errors="surrogatepass"), digest_size=_ANSWER_BYTES).digest()
    return int.from_bytes(digest, "big", signed=True)


def _buckets(usage: Usage) -> tuple[int | None, ...]:
    return (
        usage.input_uncached, usage.cache_read, usage.cache_write, usage.input_audio, usage.input_image,
        usage.output_visible, usage.reasoning, usage.output_audio, usage.output_image, usage.unsplit,
    )  # fmt: skip


def _cost_columns(cost: Cost) -> tuple[int, int | None, int | None, str, str | None]:
    return cost.total_nusd, cost.input_nusd, cost.output_nusd, cost.source, cost.price_id


def _cut(text: str | None, most: int) -> str | None:
    return text if text is None or len(text) <= most else text[:most]


_COUNTED: Final = SpanRow._fields.index("counted")
_PREVIEWS: Final = SpanRow._fields.index("input_preview")
_ORIGIN: Final = SpanRow._fields.index("origin_id")
#: Before what tells one preview from another, where the preview itself is not kept: its trace shows that of its root.
_HIDDEN: Final = "\x01"


def hidden(preview: str | None) -> str | None:
    """Return what stands for a preview that nothing shows."""
    if preview is None or preview[:1] == _HIDDEN:
        return preview
    return _HIDDEN + hex(crc32(preview.encode("utf-8", "surrogatepass")))[2:]  # noqa: FURB116  # twice as fast, compiled


def unmade(reading: Reading) -> tuple[str | None, str | None]:
    """Return what stands for previews that nobody has made."""
    asked, answered = extents(reading)
    return None if asked is None else _HIDDEN + asked, None if answered is None else _HIDDEN + answered


def is_unmade(preview: str | None) -> bool:
    """Whether what stands for a preview was not made from it."""
    return preview is not None and preview[:1] == _HIDDEN and "." in preview


def shown(row: SpanRow, reading: Reading) -> SpanRow:
    """Return *row* with the previews of its reading."""
    asked, answered = preview(reading)
    return row._replace(input_preview=_cut(asked, PREVIEW_CHARS), output_preview=_cut(answered, PREVIEW_CHARS))


def is_hidden(row: SpanRow) -> bool:
    """Whether previews of the row are not kept."""
    asked, answered = row.input_preview, row.output_preview
    return (asked is not None and asked[:1] == _HIDDEN) or (answered is not None and answered[:1] == _HIDDEN)


def shows_both(row: SpanRow) -> bool:
    """Whether the row has both its previews."""
    return row.input_preview is not None and row.output_preview is not None and not is_hidden(row)


def placed(
    row: SpanRow,
    *,
    counted: int,
    at: int | None = None,
    project_id: int = 0,
    origin_id: int = 0,
    rewritten: int = 0,
    reader_id: int = 0,
    hide: bool = False,
) -> SpanRow:
    """Return *row* with its ``counted``; given *at*, its address, also with all that is known only when written.

    Where *hide* is set, without its previews.
    """
    if at is None and row.counted == counted:
        return row
    values: list[Any] = list(row)
    values[_COUNTED] = counted
    if at is not None:
        values[0], values[1] = at, project_id
        values[_ORIGIN], values[_ORIGIN + 1], values[_ORIGIN + 2] = origin_id, rewritten, reader_id
        if hide:
            values[_PREVIEWS], values[_PREVIEWS + 1] = hidden(row.input_preview), hidden(row.output_preview)
    return _row(values)


def buckets_of(row: SpanRow) -> tuple[int | None, ...]:
    """Return the ten token buckets of a row."""
    found: Any = row[FIRST_BUCKET:END_OF_BUCKETS]
    return found  # type: ignore[no-any-return]  # a slice of a named tuple has lost its types


def usage_of(buckets: tuple[int | None, ...]) -> Usage | None:
    """Return the usage in ten bucket columns, or ``None`` where none was said."""
    return None if buckets == _NO_BUCKETS else Usage(*buckets)


def cost_of(row: SpanRow) -> Cost | None:
    """Return what the span cost, as priced when it came."""
    if row.cost_nusd is None:
        return None
    return Cost(row.cost_nusd, row.cost_input_nusd, row.cost_output_nusd, row.cost_source or "priced", row.price_id)


def has_usage(row: SpanRow) -> bool:
    """Whether the span said how many tokens, or what, it used."""
    return row.cost_nusd is not None or buckets_of(row) != _NO_BUCKETS


def is_unpriced(row: SpanRow) -> bool:
    """Whether tokens were used at a price nobody knows."""
    return row.cost_nusd is None and row.kind in MODEL_KINDS and buckets_of(row) != _NO_BUCKETS


def prompt_label(row: SpanRow) -> str | None:
    """Return ``name@version`` of the prompt, or its name where no version was said."""
    if row.prompt_name is None:
        return None
    return row.prompt_name if row.prompt_version is None else f"{row.prompt_name}@{row.prompt_version}"
