-- The large tables on one ClickHouse server. Statements end in a semicolon at the end of a line.

-- What is written: rows of spans as they are now (sign 1) and as they were before (sign -1). Kept nowhere itself; every
-- table below takes its part of the same insert, so that a retry with the same deduplication token changes nothing.
CREATE TABLE IF NOT EXISTS span_writes (
    project_id UInt32,
    trace_id FixedString(16),
    span_id FixedString(8),
    tie Int64,
    parent_id Nullable(FixedString(8)),
    start_ns Int64,
    duration_ns Int64,
    kind LowCardinality(String),
    name String,
    trace_name Nullable(String),
    status UInt8,
    error_type Nullable(String),
    error_message Nullable(String),
    provider LowCardinality(Nullable(String)),
    model LowCardinality(Nullable(String)),
    input_uncached Nullable(Int64),
    cache_read Nullable(Int64),
    cache_write Nullable(Int64),
    input_audio Nullable(Int64),
    input_image Nullable(Int64),
    output_visible Nullable(Int64),
    reasoning Nullable(Int64),
    output_audio Nullable(Int64),
    output_image Nullable(Int64),
    unsplit Nullable(Int64),
    total_tokens Nullable(Int64),
    cost_nusd Nullable(Int64),
    cost_input_nusd Nullable(Int64),
    cost_output_nusd Nullable(Int64),
    cost_source LowCardinality(Nullable(String)),
    price_id LowCardinality(Nullable(String)),
    counted UInt8,
    ttft_ms Nullable(Float64),
    session_id Nullable(String),
    user_id Nullable(String),
    environment LowCardinality(Nullable(String)),
    tags Nullable(String),
    prompt_name LowCardinality(Nullable(String)),
    prompt_version LowCardinality(Nullable(String)),
    input_preview Nullable(String),
    output_preview Nullable(String),
    reader_id UInt32,
    answer Nullable(Int64),
    payload String,
    origin String,
    body String,
    said_keys Array(LowCardinality(String)),
    said_texts Array(String),
    said_numbers Array(Nullable(Float64)),
    latency_bucket UInt16,
    ttft_bucket Nullable(UInt16),
    unpriced UInt8,
    version UInt64,
    gone UInt8,
    sign Int8
) ENGINE = Null;

-- Spans as they are: the newest version of each. A span whose day changes leaves a row that is gone in the old one.
CREATE TABLE IF NOT EXISTS spans (
    project_id UInt32,
    trace_id FixedString(16),
    span_id FixedString(8),
    tie Int64,
    parent_id Nullable(FixedString(8)),
    start_ns Int64,
    duration_ns Int64,
    kind LowCardinality(String),
    name String,
    trace_name Nullable(String),
    status UInt8,
    error_type Nullable(String),
    error_message Nullable(String),
    provider LowCardinality(Nullable(String)),
    model LowCardinality(Nullable(String)),
    input_uncached Nullable(Int64),
    cache_read Nullable(Int64),
    cache_write Nullable(Int64),
    input_audio Nullable(Int64),
    input_image Nullable(Int64),
    output_visible Nullable(Int64),
    reasoning Nullable(Int64),
    output_audio Nullable(Int64),
    output_image Nullable(Int64),
    unsplit Nullable(Int64),
    total_tokens Nullable(Int64),
    cost_nusd Nullable(Int64),
    cost_input_nusd Nullable(Int64),
    cost_output_nusd Nullable(Int64),
    cost_source LowCardinality(Nullable(String)),
    price_id LowCardinality(Nullable(String)),
    counted UInt8,
    ttft_ms Nullable(Float64),
    session_id Nullable(String),
    user_id Nullable(String),
    environment LowCardinality(Nullable(String)),
    tags Nullable(String),
    prompt_name LowCardinality(Nullable(String)),
    prompt_version LowCardinality(Nullable(String)),
    input_preview Nullable(String) CODEC(ZSTD(3)),
    output_preview Nullable(String) CODEC(ZSTD(3)),
    reader_id UInt32,
    answer Nullable(Int64),
    payload String CODEC(ZSTD(3)),
    origin String CODEC(ZSTD(3)),
    body String CODEC(ZSTD(3)),
    said_keys Array(LowCardinality(String)),
    said_texts Array(String) CODEC(ZSTD(3)),
    said_numbers Array(Nullable(Float64)) CODEC(ZSTD(3)),
    latency_bucket UInt16,
    ttft_bucket Nullable(UInt16),
    unpriced UInt8,
    version UInt64,
    gone UInt8,
    INDEX of_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX of_version version TYPE minmax GRANULARITY 1,
    INDEX of_words body TYPE text(tokenizer = splitByString([' '])),
    INDEX of_said
        arrayConcat(said_keys, arrayMap((k, x) -> if(length(x) <= 64, concat(k, '\x1F', x), ''), said_keys, said_texts))
        TYPE text(tokenizer = 'array')
) ENGINE = ReplacingMergeTree(version, gone)
PARTITION BY toDate(fromUnixTimestamp64Nano(start_ns))
ORDER BY (project_id, trace_id, span_id)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 10000,
    min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS spans_written TO spans AS
SELECT * EXCEPT (sign) FROM span_writes WHERE sign = 1 OR gone = 1;

-- Summaries of traces, computed anew whenever a span of theirs is written.
CREATE TABLE IF NOT EXISTS traces (
    project_id UInt32,
    trace_id FixedString(16),
    tie Int64,
    words Array(LowCardinality(String)),
    name String,
    root_kind LowCardinality(String),
    start_ns Int64,
    duration_ns Int64,
    status UInt8,
    span_count UInt32,
    error_count UInt32,
    llm_count UInt32,
    models Nullable(String),
    input_uncached Nullable(Int64),
    cache_read Nullable(Int64),
    cache_write Nullable(Int64),
    input_audio Nullable(Int64),
    input_image Nullable(Int64),
    output_visible Nullable(Int64),
    reasoning Nullable(Int64),
    output_audio Nullable(Int64),
    output_image Nullable(Int64),
    unsplit Nullable(Int64),
    total_tokens Nullable(Int64),
    cost_nusd Nullable(Int64),
    unpriced_count UInt32,
    ttft_ms Nullable(Float64),
    session_id Nullable(String),
    user_id Nullable(String),
    tags Nullable(String),
    environment LowCardinality(Nullable(String)),
    input_preview Nullable(String),
    output_preview Nullable(String),
    prompts Nullable(String),
    has_root UInt8,
    version UInt64,
    gone UInt8,
    INDEX of_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX of_each_word words TYPE text(tokenizer = 'array')
) ENGINE = ReplacingMergeTree(version, gone)
PARTITION BY toDate(fromUnixTimestamp64Nano(start_ns))
ORDER BY (project_id, trace_id)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 10000,
    min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

-- Sums by the hour.
CREATE TABLE IF NOT EXISTS r_hour (
    project_id UInt32,
    kind LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    environment LowCardinality(String),
    prompt_name LowCardinality(String),
    prompt_version LowCardinality(String),
    hour Int64,
    spans Int64,
    errors Int64,
    latency_ns Int64,
    input_uncached Int64,
    cache_read Int64,
    cache_write Int64,
    input_audio Int64,
    input_image Int64,
    output_visible Int64,
    reasoning Int64,
    output_audio Int64,
    output_image Int64,
    unsplit Int64,
    cost_nusd Int64,
    priced Int64,
    unpriced Int64
) ENGINE = SummingMergeTree
PARTITION BY intDiv(hour, 720)
ORDER BY (project_id, kind, provider, model, environment, prompt_name, prompt_version, hour)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS r_hour_written TO r_hour AS
SELECT
    w.project_id AS project_id, w.kind AS kind, ifNull(w.provider, '') AS provider, ifNull(w.model, '') AS model,
    ifNull(w.environment, '') AS environment, ifNull(w.prompt_name, '') AS prompt_name,
    ifNull(w.prompt_version, '') AS prompt_version,
    intDiv(w.start_ns, 3600000000000) AS hour,
    sum(toInt64(w.sign)) AS spans,
    sum(w.sign * (w.status = 2)) AS errors,
    sum(w.sign * w.duration_ns) AS latency_ns,
    sum(w.sign * w.counted * ifNull(w.input_uncached, 0)) AS input_uncached,
    sum(w.sign * w.counted * ifNull(w.cache_read, 0)) AS cache_read,
    sum(w.sign * w.counted * ifNull(w.cache_write, 0)) AS cache_write,
    sum(w.sign * w.counted * ifNull(w.input_audio, 0)) AS input_audio,
    sum(w.sign * w.counted * ifNull(w.input_image, 0)) AS input_image,
    sum(w.sign * w.counted * ifNull(w.output_visible, 0)) AS output_visible,
    sum(w.sign * w.counted * ifNull(w.reasoning, 0)) AS reasoning,
    sum(w.sign * w.counted * ifNull(w.output_audio, 0)) AS output_audio,
    sum(w.sign * w.counted * ifNull(w.output_image, 0)) AS output_image,
    sum(w.sign * w.counted * ifNull(w.unsplit, 0)) AS unsplit,
    sum(w.sign * w.counted * ifNull(w.cost_nusd, 0)) AS cost_nusd,
    sum(w.sign * w.counted * (w.cost_nusd IS NOT NULL)) AS priced,
    sum(w.sign * w.counted * w.unpriced) AS unpriced
FROM span_writes AS w
GROUP BY project_id, kind, provider, model, environment, prompt_name, prompt_version, hour;

-- Counts by logarithmic bucket and hour: measure 0 is latency, 1 is time to first token.
CREATE TABLE IF NOT EXISTS h_hour (
    project_id UInt32,
    kind LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    environment LowCardinality(String),
    prompt_name LowCardinality(String),
    prompt_version LowCardinality(String),
    hour Int64,
    measure UInt8,
    bucket UInt16,
    n Int64
) ENGINE = SummingMergeTree
PARTITION BY intDiv(hour, 720)
ORDER BY (project_id, kind, provider, model, environment, prompt_name, prompt_version, hour, measure, bucket)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS h_hour_written TO h_hour AS
SELECT
    w.project_id AS project_id, w.kind AS kind, ifNull(w.provider, '') AS provider, ifNull(w.model, '') AS model,
    ifNull(w.environment, '') AS environment, ifNull(w.prompt_name, '') AS prompt_name,
    ifNull(w.prompt_version, '') AS prompt_version,
    intDiv(w.start_ns, 3600000000000) AS hour,
    m.1 AS measure,
    assumeNotNull(m.2) AS bucket,
    sum(toInt64(w.sign)) AS n
FROM span_writes AS w
ARRAY JOIN arrayFilter(x -> x.2 IS NOT NULL, [(0, toNullable(w.latency_bucket)), (1, w.ttft_bucket)]) AS m
GROUP BY project_id, kind, provider, model, environment, prompt_name, prompt_version, hour, measure, bucket;

-- Counts by logarithmic bucket and day: measure 0 is latency, 1 is time to first token.
CREATE TABLE IF NOT EXISTS h_day (
    project_id UInt32,
    kind LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    environment LowCardinality(String),
    prompt_name LowCardinality(String),
    prompt_version LowCardinality(String),
    day Int64,
    measure UInt8,
    bucket UInt16,
    n Int64
) ENGINE = SummingMergeTree
PARTITION BY intDiv(day, 30)
ORDER BY (project_id, kind, provider, model, environment, prompt_name, prompt_version, day, measure, bucket)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS h_day_written TO h_day AS
SELECT
    w.project_id AS project_id, w.kind AS kind, ifNull(w.provider, '') AS provider, ifNull(w.model, '') AS model,
    ifNull(w.environment, '') AS environment, ifNull(w.prompt_name, '') AS prompt_name,
    ifNull(w.prompt_version, '') AS prompt_version,
    intDiv(w.start_ns, 86400000000000) AS day,
    m.1 AS measure,
    assumeNotNull(m.2) AS bucket,
    sum(toInt64(w.sign)) AS n
FROM span_writes AS w
ARRAY JOIN arrayFilter(x -> x.2 IS NOT NULL, [(0, toNullable(w.latency_bucket)), (1, w.ttft_bucket)]) AS m
GROUP BY project_id, kind, provider, model, environment, prompt_name, prompt_version, day, measure, bucket;

-- Whose the tables are: the id of the small tables beside them.
CREATE TABLE IF NOT EXISTS owner (
    id String
) ENGINE = MergeTree
ORDER BY id;

-- Which files of the folder "steps" were run: each brings tables of an older release along.
CREATE TABLE IF NOT EXISTS steps (
    name String
) ENGINE = MergeTree
ORDER BY name;
