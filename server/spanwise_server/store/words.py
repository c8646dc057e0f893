"""The words that a trace is found by: one per field and value, in order of time, for filters, facets and completion."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from mypy_extensions import mypyc_attr

from .connection import Connection
from .rows import NAME_CHARS, STATUSES, SpanRow, prompt_label
from .summary import Summary

Word = tuple[str, str]
"""Field and value."""

#: The fields that are looked up as words; the others are columns of the trace.
WORD_FIELDS: Final = frozenset(
    {
        "kind",
        "name",
        "model",
        "provider",
        "status",
        "error",
        "user",
        "session",
        "tag",
        "env",
        "prompt",
        "label",
        "price",
    }
)
#: Says that a span failed, however the trace ended; no term can name it.
SOME_SPAN_FAILED: Final[Word] = ("failed", "yes")
#: Ids remembered by a writer, a quarter of a kilobyte each; most that are older are of sessions that have ended.
_MOST_REMEMBERED: Final = 50_000
_ASKED_AT_ONCE: Final = 400
_LABELS: Final = (
    "SELECT DISTINCT trace_id, label FROM annotations WHERE project_id = ? AND trace_id IN ({}) AND label IS NOT NULL"
)


def words_of(rows: Iterable[SpanRow], summary: Summary, labels: Iterable[str]) -> set[Word]:
    """Return the words of a trace: its status and tags, what was judged, and what any of its spans says."""
    words: set[Word] = set()
    for row in rows:
        add_words(words, row)
    return words | words_of_summary(summary, labels)


def words_of_summary(summary: Summary, labels: Iterable[str]) -> set[Word]:
    """Return the words of a trace that are not those of its spans."""
    words: set[Word] = {("status", STATUSES[summary.status]), ("name", summary.name)}
    if summary.error_count:
        words.add(SOME_SPAN_FAILED)
    words.update(("tag", tag[:NAME_CHARS]) for tag in summary.tags)
    words.update(map(label_word, labels))
    return words


def add_words(words: set[Word], row: SpanRow) -> None:
    """Add the words that a span has of itself."""
    words.add(("kind", row.kind))
    words.add(("name", row.name))
    if row.model is not None:
        words.add(("model", row.model))
    if row.provider is not None:
        words.add(("provider", row.provider))
    if row.error_type is not None:
        words.add(("error", row.error_type))
    if row.cost_source is not None or row.prompt_name is not None:
        _add_fewer(words, row)
    if row.user_id is not None:
        words.add(("user", row.user_id))
    if row.session_id is not None:
        words.add(("session", row.session_id))
    if row.environment is not None:
        words.add(("env", row.environment))


def _add_fewer(words: set[Word], row: SpanRow) -> None:
    """Add what few spans say."""
    if row.cost_source is not None and row.cost_source != "priced":
        words.add(("price", row.cost_source))
    if row.prompt_name is not None:
        words.add(("prompt", row.prompt_name))
        words.add(("prompt", prompt_label(row) or row.prompt_name))


def label_word(label: str) -> Word:
    """Return the word of a label."""
    return "label", label[:NAME_CHARS]


def pack_ids(ids: Iterable[int]) -> bytes:
    """Return word ids as they are kept in a trace's row, in order."""
    ordered = sorted(ids)
    return struct.pack(f"<{len(ordered)}I", *ordered)


def unpack_ids(packed: bytes | Sequence[int]) -> tuple[int, ...]:
    """Return the word ids of a trace's row, packed or not."""
    if not isinstance(packed, bytes):
        return tuple(packed)
    return struct.unpack(f"<{len(packed) // 4}I", packed)


@mypyc_attr(allow_interpreted_subclasses=True)
class WordBook:
    """The ids of the words of every project, as the one writer knows them."""

    def __init__(self) -> None:
        self._ids: dict[tuple[int, str, str], int] = {}

    def forget(self) -> None:
        """Forget all ids: after a transaction was taken back some may not exist."""
        self._ids.clear()

    def ids(self, connection: Connection, project_id: int, words: Iterable[Word]) -> list[int]:
        """Return the ids of *words*, made where they are new."""
        self.bound()
        return [self._id(connection, (project_id, word[0], word[1])) for word in words]

    def bound(self) -> None:
        """Forget all ids where too many are remembered."""
        if len(self._ids) > _MOST_REMEMBERED:
            self._ids.clear()

    def _id(self, connection: Connection, key: tuple[int, str, str]) -> int:
        known = self._ids.get(key)
        if known is None:
            # Most words that are not remembered are new: sessions, users. With RETURNING, SQLite opens a table in
            # memory for what it returns, which takes ten times what the two statements do.
            connection.execute(
                "INSERT INTO words (project_id, field, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", key
            )
            found = connection.execute(
                "SELECT id FROM words WHERE project_id = ? AND field = ? AND value = ?", key
            ).fetchone()
            known = self._ids[key] = int(found[0])
        return known


def labels_of(connection: Connection, project_id: int, trace_ids: Sequence[bytes]) -> Mapping[bytes, set[str]]:
    """Return the labels that were given to these traces and their spans."""
    labels: dict[bytes, set[str]] = {}
    if connection.execute("SELECT 1 FROM annotations WHERE project_id = ? LIMIT 1", (project_id,)).fetchone() is None:
        return labels
    for at in range(0, len(trace_ids), _ASKED_AT_ONCE):
        some = [trace_id.hex() for trace_id in trace_ids[at : at + _ASKED_AT_ONCE]]
        found = connection.execute(_LABELS.format(", ".join("?" * len(some))), (project_id, *some))
        for trace_id, label in found:
            labels.setdefault(bytes.fromhex(trace_id), set()).add(label)
    return labels
