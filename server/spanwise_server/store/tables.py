"""The large tables: spans, payloads, traces, the words traces are found by, and rollups.

They are read and written through statements built from these columns, never through the ORM.
Times are nanoseconds since 1970, money is nano-dollars, an empty string in a key stands for "unsaid".
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, text
from sqlmodel import Field, SQLModel

from .alert_tables import AlertRuleRow  # noqa: F401  # as below
from .code_tables import CodeRow  # noqa: F401  # the metadata below must hold the small tables too
from .dataset_tables import DatasetRow  # noqa: F401  # as above
from .experiment_tables import ExperimentRow  # noqa: F401  # as above
from .orders import beginning, listed
from .prompts_tables import PromptRow  # noqa: F401  # as above
from .small_tables import AnnotationRow  # noqa: F401  # as above
from .users_tables import UserRow  # noqa: F401  # as above
from .views_tables import SavedViewRow  # noqa: F401  # as above

METADATA = SQLModel.metadata


class SpanTable(SQLModel, table=True):
    """One span, narrow: what lists, filters, totals and rollups need, and no content but previews."""

    __tablename__ = "spans"
    __table_args__ = (
        Index("ix_spans_time", "project_id", "start_ns"),
        # By parts of 4,096 traces (``address.part_of``): spans that come together lie together in it.
        Index("ix_spans_part", text("id >> 36"), "span_id"),
        Index("ix_spans_rewritten", "id", sqlite_where=text("rewritten = 1")),
        # One trace of very many spans would have to be walked past for a few that cost something.
        Index("ix_spans_priced", "project_id", "start_ns", sqlite_where=text("counted = 1 AND cost_nusd IS NOT NULL")),
        # Of the dearest few are asked for, while a trace of many calls costs more than any of them.
        Index("ix_spans_cost", "project_id", "cost_nusd", sqlite_where=text("cost_nusd IS NOT NULL")),
    )
    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    """The span's address: see ``address.py``."""
    project_id: int
    span_id: bytes = Field(sa_type=LargeBinary)
    parent_id: bytes | None = Field(sa_type=LargeBinary)
    start_ns: int = Field(sa_type=BigInteger)
    duration_ns: int = Field(sa_type=BigInteger)
    kind: str
    name: str
    trace_name: str | None
    status: int
    """Index into ``rows.STATUSES``."""
    error_type: str | None
    error_message: str | None
    provider: str | None
    model: str | None
    input_uncached: int | None = Field(sa_type=BigInteger)
    cache_read: int | None = Field(sa_type=BigInteger)
    cache_write: int | None = Field(sa_type=BigInteger)
    input_audio: int | None = Field(sa_type=BigInteger)
    input_image: int | None = Field(sa_type=BigInteger)
    output_visible: int | None = Field(sa_type=BigInteger)
    reasoning: int | None = Field(sa_type=BigInteger)
    output_audio: int | None = Field(sa_type=BigInteger)
    output_image: int | None = Field(sa_type=BigInteger)
    unsplit: int | None = Field(sa_type=BigInteger)
    total_tokens: int | None = Field(sa_type=BigInteger)
    cost_nusd: int | None = Field(sa_type=BigInteger)
    cost_input_nusd: int | None = Field(sa_type=BigInteger)
    cost_output_nusd: int | None = Field(sa_type=BigInteger)
    cost_source: str | None
    price_id: str | None
    counted: int
    """1 where the trace's tokens and cost are summed over this span."""
    ttft_ms: float | None
    session_id: str | None
    user_id: str | None
    environment: str | None
    tags: str | None = Field(sa_type=Text)
    """A JSON list."""
    prompt_name: str | None
    prompt_version: str | None
    input_preview: str | None
    """Not kept where the trace's root has both previews: then what stands here tells it from another (``rows.py``)."""
    output_preview: str | None
    origin_id: int
    rewritten: int
    """1 where the span was replaced, so that its words in the text index may be stale."""
    reader_id: int = Field(sa_column=Column(Integer, nullable=False, server_default="0"))
    """Which reader the columns above come from; 0 is one from before readers were kept."""
    answer: int | None = Field(sa_type=BigInteger)
    """A hash of the provider's id of the answer: spans side by side that share it may report one call."""


class ReaderTable(SQLModel, table=True):
    """A reader of spans: a version of the dialects."""

    __tablename__ = "readers"
    id: int = Field(sa_column=Column(Integer, primary_key=True))
    name: str = Field(unique=True)


class PayloadTable(SQLModel, table=True):
    """A span as it was sent, packed; see ``payload.py``."""

    __tablename__ = "payloads"
    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    body: bytes = Field(sa_type=LargeBinary)


class OriginTable(SQLModel, table=True):
    """A resource with a scope, kept once however many spans came from it."""

    __tablename__ = "origins"
    id: int = Field(sa_column=Column(Integer, primary_key=True))
    hash: bytes = Field(sa_type=LargeBinary, unique=True)
    body: bytes = Field(sa_type=LargeBinary)


class TextTable(SQLModel, table=True):
    """A message or a long attribute, kept once a project; the hash is keyed with the project."""

    __tablename__ = "texts"
    id: int = Field(sa_column=Column(Integer, primary_key=True))
    hash: bytes = Field(sa_type=LargeBinary, unique=True)
    body: bytes = Field(sa_type=LargeBinary)
    trace_row: int | None = Field(sa_type=BigInteger)
    """The trace that it belongs to; see ``text_owners.py``."""


class DictionaryTable(SQLModel, table=True):
    """A dictionary that payloads and texts are packed with; see ``dictionaries.py``. None goes: old rows need it."""

    __tablename__ = "dictionaries"
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    """The number that frames name it by."""
    made_ns: int = Field(sa_type=BigInteger)
    grown: int = Field(sa_type=BigInteger)
    """How much there was to learn from."""
    body: bytes = Field(sa_type=LargeBinary)


#: Which other traces need which text, so that the last one that goes takes the text along.
TEXT_USES = Table(
    "text_uses",
    METADATA,
    Column("trace_row", Integer, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, primary_key=True),
    Index("ix_text_uses_hash", "hash"),
    sqlite_with_rowid=False,
)


#: Which traces need which media, of spans and of log records that came before them; see ``media.py``.
MEDIA_USES = Table(
    "media_uses",
    METADATA,
    Column("project_id", Integer, primary_key=True, autoincrement=False),
    Column("trace_id", LargeBinary, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Index("ix_media_uses_digest", "digest", "project_id"),
    sqlite_with_rowid=False,
)


class SpanLogTable(SQLModel, table=True):
    """Log records of one span that came in one request: events of it; see ``log_rows.py``."""

    __tablename__ = "span_logs"
    __table_args__ = (
        Index("ix_span_logs_span", "project_id", "trace_id", "span_id", "hash", unique=True),
        Index("ix_span_logs_waiting", "waiting", "came_ns", "size_bytes", "records"),
    )
    id: int = Field(sa_column=Column(Integer, primary_key=True))
    project_id: int
    trace_id: bytes = Field(sa_type=LargeBinary)
    span_id: bytes = Field(sa_type=LargeBinary)
    hash: bytes = Field(sa_type=LargeBinary)
    came_ns: int = Field(sa_type=BigInteger)
    waiting: int
    """1 until the span has come."""
    records: int
    size_bytes: int = Field(sa_type=BigInteger)
    body: bytes = Field(sa_type=LargeBinary)


class TraceTable(SQLModel, table=True):
    """One trace: the totals of ``summary.py``, computed anew whenever a span of it is written."""

    __tablename__ = "traces"
    __table_args__ = (
        Index("ix_traces_trace_id", "project_id", "trace_id", unique=True),
        # What lists, totals and the histogram ask of every trace they walk past stands in the index itself.
        Index("ix_traces_time", "project_id", "start_ns", "status", "duration_ns", "cost_nusd", "total_tokens"),
        Index("ix_traces_latency", "project_id", "duration_ns"),
        Index("ix_traces_cost", "project_id", "cost_nusd"),
        Index("ix_traces_tokens", "project_id", "total_tokens"),
        Index("ix_traces_ttft", "project_id", "ttft_ms"),
        # Very many traces have the same few of these, so that their order among themselves is the index's too.
        Index("ix_traces_spans", "project_id", "span_count", "id"),
        Index("ix_traces_errors", "project_id", "error_count", "id"),
        # By texts, and what says the same in the order of time: see ``orders.py``.
        Index("ix_traces_name", "project_id", "name", "start_ns"),
        Index("ix_traces_input", "project_id", text(beginning("input_preview")), "start_ns"),
        Index("ix_traces_output", "project_id", text(beginning("output_preview")), "start_ns"),
        Index("ix_traces_models", "project_id", text(listed("models")), "start_ns"),
        Index("ix_traces_environment", "project_id", "environment", "start_ns"),
        Index("ix_traces_prompts", "project_id", text(listed("prompts")), "start_ns"),
        Index("ix_traces_tags", "project_id", text(listed("tags")), "start_ns"),
        Index("ix_traces_user", "project_id", "user_id", "start_ns"),
        Index("ix_traces_session", "project_id", "session_id", "start_ns"),
        {"sqlite_autoincrement": True},  # a row number that is used again would find the words of a deleted trace
    )
    id: int = Field(sa_column=Column(Integer, primary_key=True))
    project_id: int
    trace_id: bytes = Field(sa_type=LargeBinary)
    places: int
    """How many places have been handed out, see ``address.py``; goes up with every write, and so tells states apart."""
    words: bytes = Field(sa_type=LargeBinary)
    """The ids of the words it is found by, four bytes each."""
    name: str
    root_kind: str
    start_ns: int = Field(sa_type=BigInteger)
    duration_ns: int = Field(sa_type=BigInteger)
    status: int
    span_count: int
    error_count: int
    llm_count: int
    models: str | None = Field(sa_type=Text)
    input_uncached: int | None = Field(sa_type=BigInteger)
    cache_read: int | None = Field(sa_type=BigInteger)
    cache_write: int | None = Field(sa_type=BigInteger)
    input_audio: int | None = Field(sa_type=BigInteger)
    input_image: int | None = Field(sa_type=BigInteger)
    output_visible: int | None = Field(sa_type=BigInteger)
    reasoning: int | None = Field(sa_type=BigInteger)
    output_audio: int | None = Field(sa_type=BigInteger)
    output_image: int | None = Field(sa_type=BigInteger)
    unsplit: int | None = Field(sa_type=BigInteger)
    total_tokens: int | None = Field(sa_type=BigInteger)
    cost_nusd: int | None = Field(sa_type=BigInteger)
    unpriced_count: int
    ttft_ms: float | None
    session_id: str | None
    user_id: str | None
    tags: str | None = Field(sa_type=Text)
    environment: str | None
    input_preview: str | None
    output_preview: str | None
    prompts: str | None = Field(sa_type=Text)
    has_root: int


class WordTable(SQLModel, table=True):
    """One value of one field that some trace of the project has, such as ``model`` ``gpt-4o``."""

    __tablename__ = "words"
    __table_args__ = (Index("ix_words_value", "project_id", "field", "value", unique=True),)
    id: int = Field(sa_column=Column(Integer, primary_key=True))
    project_id: int
    field: str
    value: str


#: The traces that have a word, in the order of time: what every text field is filtered by.
TRACE_WORDS = Table(
    "trace_words",
    METADATA,
    Column("word_id", Integer, primary_key=True, autoincrement=False),
    Column("start_ns", BigInteger, primary_key=True, autoincrement=False),
    Column("trace_row", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)


class SeriesTable(SQLModel, table=True):
    """One combination of what rollups are split by."""

    __tablename__ = "series"
    __table_args__ = (
        Index(
            "ix_series_key", "project_id", "kind", "provider", "model", "environment", "prompt_name", "prompt_version",
            unique=True,
        ),
    )  # fmt: skip
    id: int = Field(sa_column=Column(Integer, primary_key=True))
    project_id: int
    kind: str
    provider: str
    model: str
    environment: str
    prompt_name: str
    prompt_version: str


#: The sums of a series in an hour, in the order of the columns.
SUMS = (
    "spans", "errors", "latency_ns", "input_uncached", "cache_read", "cache_write", "input_audio", "input_image",
    "output_visible", "reasoning", "output_audio", "output_image", "unsplit", "cost_nusd", "priced", "unpriced",
)  # fmt: skip


def _sums(name: str, key: str) -> Table:
    """Return a table of sums by the hour."""
    return Table(
        name,
        METADATA,
        Column(key, Integer, primary_key=True, autoincrement=False),
        Column("hour", Integer, primary_key=True, autoincrement=False),
        *(Column(name, BigInteger, nullable=False) for name in SUMS),
        sqlite_with_rowid=False,
    )


def _histogram(name: str, step: str, key: str = "series_id") -> Table:
    """Return a table of counts by logarithmic bucket: measure 0 is latency, 1 is time to first token."""
    return Table(
        name,
        METADATA,
        Column(key, Integer, primary_key=True, autoincrement=False),
        Column(step, Integer, primary_key=True, autoincrement=False),
        Column("measure", Integer, primary_key=True, autoincrement=False),
        Column("bucket", Integer, primary_key=True, autoincrement=False),
        Column("n", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


R_HOUR = _sums("r_hour", "series_id")
H_HOUR = _histogram("h_hour", "hour")
H_DAY = _histogram("h_day", "day")


class StepTable(SQLModel, table=True):
    """The spans of one name and kind of a project; see ``steps.py``."""

    __tablename__ = "steps"
    __table_args__ = (Index("ix_steps_key", "project_id", "name", "kind", unique=True),)
    id: int = Field(sa_column=Column(Integer, primary_key=True))
    project_id: int
    name: str
    kind: str
    """Empty for spans of any kind, by which only traces are counted."""


R_STEP = _sums("r_step", "step_id")
H_STEP_HOUR = _histogram("h_step_hour", "hour", "step_id")
H_STEP_DAY = _histogram("h_step_day", "day", "step_id")

#: How many traces have spans of a step in an hour, by the hour before it in which they have some: ``step_hours.py``.
T_STEP = Table(
    "t_step",
    METADATA,
    Column("step_id", Integer, primary_key=True, autoincrement=False),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("previous", Integer, primary_key=True, autoincrement=False),
    Column("n", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: How often the rollups of a project's day were changed, so that what was read of them can be kept until they are.
ROLLUP_DAYS = Table(
    "rollup_days",
    METADATA,
    Column("project_id", Integer, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("changes", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


class JournalTable(SQLModel, table=True):
    """One commit's spans, kept until the text index has them."""

    __tablename__ = "journal"
    __table_args__ = ({"sqlite_autoincrement": True},)  # the text index remembers the last number it has seen
    n: int = Field(sa_column=Column(Integer, primary_key=True))
    addresses: bytes = Field(sa_type=LargeBinary)
    """Eight bytes each."""


class TraceChangeTable(SQLModel, table=True):
    """A trace that was made, changed or taken away, noted by SQLite's triggers until ``trace_sets.py`` knows of it."""

    __tablename__ = "trace_changes"
    __table_args__ = ({"sqlite_autoincrement": True},)  # who follows remembers the last number
    n: int = Field(sa_column=Column(Integer, primary_key=True))
    trace_row: int


#: One row, which counts the transactions that wrote small tables: see ``remembered.py``.
SMALL_CHANGES = Table("small_changes", METADATA, Column("n", BigInteger, nullable=False))
