"""Requests of OTLP of any content: what decoders are tried with."""

from __future__ import annotations

from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.one_of(
        TEXT.map(lambda text: {"string_value": text}), st.booleans().map(lambda b: {"bool_value": b}),
        st.integers(-(1 << 63), (1 << 63) - 1).map(lambda n: {"int_value": n}),
        st.floats(allow_nan=False).map(lambda x: {"double_value": x}),
        st.binary(max_size=6).map(lambda raw: {"bytes_value": raw}), st.just({}),
    ),
    lambda inside: st.lists(inside, max_size=3).map(lambda values: {"array_value": {"values": values}})
    | st.dictionaries(TEXT, inside, max_size=3).map(
        lambda pairs: {"kvlist_value": {"values": [{"key": k, "value": v} for k, v in pairs.items()]}}
    ),
    max_leaves=6,
)  # fmt: skip
PAIRS = st.dictionaries(TEXT, VALUES, max_size=4).map(lambda d: [{"key": k, "value": v} for k, v in d.items()])
TIMES = st.integers(0, (1 << 64) - 1)
SPAN_IDS = st.binary(min_size=8, max_size=8)
SPANS = st.fixed_dictionaries({
    "trace_id": st.binary(min_size=16, max_size=16), "span_id": SPAN_IDS, "parent_span_id": SPAN_IDS | st.just(b""),
    "name": TEXT, "start_time_unix_nano": TIMES, "end_time_unix_nano": TIMES, "attributes": PAIRS,
    "kind": st.integers(0, 5), "trace_state": TEXT,
    "status": st.fixed_dictionaries({"code": st.integers(0, 2), "message": TEXT}),
    "events": st.lists(
        st.fixed_dictionaries({"time_unix_nano": TIMES, "name": TEXT, "attributes": PAIRS}), max_size=2),
    "links": st.lists(
        st.fixed_dictionaries({"trace_id": st.binary(min_size=16, max_size=16), "span_id": SPAN_IDS}), max_size=2),
})  # fmt: skip
