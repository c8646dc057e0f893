from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from shop_examples import CALL, CORRECTED, EXAMPLES, RESULT, agent_example, model_example, talk
from shop_traces import text
from spanwise_server.datasets.example import CONTENT, Example
from spanwise_server.errors import SpanwiseError
from spanwise_server.exports import chat, flat_csv, label_studio, openai_chat
from spanwise_server.exports.export import export_named, exports, left_out, written
from spanwise_server.resources import resource_dir


def made(name: str, examples=EXAMPLES) -> bytes:
    return b"".join(written(export_named(name), examples))


def rows(name: str, examples=EXAMPLES) -> list[dict[str, Any]]:
    return [json.loads(line) for line in made(name, examples).splitlines()]


@pytest.mark.parametrize("name", exports())
def test_every_format_streams_and_an_empty_set_is_a_file_too(name: str) -> None:
    export = export_named(name)
    chunks = list(written(export, iter(EXAMPLES)))
    if export.extension.endswith("jsonl"):
        assert len(chunks) == len(EXAMPLES) - sum(left_out(export, EXAMPLES).values())
    assert b"".join(chunks)
    assert isinstance(b"".join(written(export, [])), bytes)


def test_a_format_nobody_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(SpanwiseError) as refused:
        export_named("xml")
    assert "jsonl, csv, huggingface" in refused.value.hint


# --- spanwise.dataset/1


def test_json_lines_hold_everything_and_can_be_read_back() -> None:
    for example, row in zip(EXAMPLES, rows("jsonl"), strict=True):
        again = Example.from_json(row)
        assert {name: getattr(again, name) for name in CONTENT} == json.loads(
            json.dumps({n: getattr(example, n) for n in CONTENT})
        )
        assert again.content_hash == row["content_hash"]


def test_json_lines_are_as_the_documentation_shows() -> None:
    assert rows("jsonl", [agent_example()]) == [
        {
            "id": "ex_" + agent_example().id[3:],
            "input": {"content": "Where is my order 1?"},
            "expected_output": {"content": "Order 1 arrives on Thursday."},
            "actual_output": {"content": "Order 1 arrives on Thursday."},
            "rejected_output": None,
            "assertions": [],
            "split": None,
            "steps": list(agent_example().steps),
            "context": ["Parcels arrive in two days."],
            "tools": [],
            "label": {"verdict": "pass", "critique": "fine"},
            "tags": [],
            "source": {
                "project": "default", "trace_id": f"{1:032x}", "span_id": f"{17:016x}", "session_id": "s_1",
                "prompt": None, "model": None, "captured_at": "2026-09-21T14:13:21.000000000Z",
            },
            "provenance": {
                "annotation": "correct", "queue": None, "annotators": ["ana"], "blind": None,
                "labelled_at": "1970-01-01T00:00:00.000000001Z",
            },
            "content_hash": agent_example().content_hash,
        }
    ]  # fmt: skip


# --- CSV


def read_csv(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))


def test_csv_reads_back_one_row_an_example() -> None:
    found = read_csv(made("csv"))
    assert [row["verdict"] for row in found] == ["pass", "fail", "pass", "fail"]
    assert found[1]["expected"] == "Today."
    assert found[1]["output"] == "Order 2 arrives on Thursday."
    assert found[0]["input"].startswith("system: You are")
    assert found[2]["input"] == "Where is my order 3?"
    assert found[3]["expected"] == ""
    assert tuple(found[0]) == flat_csv.COLUMNS


def test_csv_opens_with_a_byte_order_mark_so_that_excel_reads_utf_8() -> None:
    assert made("csv").startswith(b"\xef\xbb\xbfid,")


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "\uff1d1", '=HYPERLINK("http://x")']
)
def test_no_cell_starts_a_formula(text: str) -> None:
    (row,) = read_csv(made("csv", [replace(agent_example(), input={"content": text})]))
    assert row["input"].startswith("'")


@pytest.mark.parametrize("text", ["-5", "+3.5", "0", "plain", "a=b", ""])
def test_numbers_and_plain_text_stay_as_they_are(text: str) -> None:
    assert flat_csv.cell(text) == text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_comes_back_from_a_cell(content: str) -> None:
    (row,) = read_csv(made("csv", [replace(agent_example(), label={"verdict": "pass", "critique": content})]))
    assert row["critique"].removeprefix("'") == content.removeprefix("'")


# --- OpenAI


@cache
def types() -> tuple[TypeAdapter[Any], TypeAdapter[Any]]:
    """Return what messages and what tools are to OpenAI's client, whose types take longer to load than these tests."""
    from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolUnionParam

    return TypeAdapter(list[ChatCompletionMessageParam]), TypeAdapter(list[ChatCompletionToolUnionParam])


def test_every_conversation_is_one_that_openai_takes() -> None:
    tool = {"type": "function", "name": "look", "description": "Find.", "parameters": {"type": "object"}}
    asked = talk(text("user", "Where?"), {"role": "assistant", "parts": [CALL]}, RESULT, tools=[tool])
    found = rows("openai-chat", [*EXAMPLES, asked])
    assert len(found) == 4
    messages, tools = types()
    for row in found:
        messages.validate_python(row["messages"])
        tools.validate_python(row.get("tools", []))
        assert row["messages"][-1]["role"] == "assistant"


def test_it_ends_in_the_expected_answer_not_in_the_bad_one() -> None:
    (row,) = rows("openai-chat", [model_example(CORRECTED)])
    assert row["messages"][-1] == {"role": "assistant", "content": "Today."}
    assert "arrives on Thursday" not in json.dumps(row)


def test_tool_calls_are_as_openai_writes_them() -> None:
    asked = talk(
        text("user", "Where?"),
        {"role": "assistant", "parts": [CALL]},
        RESULT,
        tools=[{"type": "function", "name": "look"}],
    )
    (row,) = rows("openai-chat", [asked])
    assert row["messages"][1:3] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"order": 7}'}}],
        },
        {
            "role": "tool",
            "tool_call_id": "c1",
            "content": '{\n  "left": "Tuesday"\n}',
        },
    ]
    assert row["tools"] == [{"type": "function", "function": {"name": "look"}}]


def test_an_expected_tool_call_is_an_answer() -> None:
    wanted = {"content": "", "messages": [{"role": "assistant", "parts": [CALL]}]}
    (row,) = rows("openai-chat", [talk(text("user", "Where?"), expected_output=wanted)])
    assert row["messages"][-1]["tool_calls"][0]["function"]["name"] == "look"


def test_pictures_go_along() -> None:
    picture = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "aGk="}
    asked = talk({"role": "user", "parts": [{"type": "text", "content": "What is it?"}, picture]})
    (row,) = rows("openai-chat", [asked])
    assert row["messages"][0]["content"][1] == {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    types()[0].validate_python(row["messages"])


@pytest.mark.parametrize(
    ("example", "reason"),
    [
        (replace(model_example(), expected_output=None), chat.NO_ANSWER),
        (replace(model_example(), expected_output={"content": ""}), chat.NO_ANSWER),
        (talk(text("system", "Be brief.")), chat.NO_QUESTION),
        (replace(model_example(), input={"content": None}), chat.NO_QUESTION),
        (talk(text("user", "Where?"), RESULT), openai_chat.LOOSE_RESULT),
        (talk({"role": "assistant", "parts": [CALL]}, text("user", "Hm?")), openai_chat.LOOSE_CALL),
        (talk(text("user", "Where?"), {"role": "assistant", "parts": [CALL]}), openai_chat.LOOSE_CALL),
    ],
)
def test_what_openai_would_refuse_is_left_out_and_counted(example: Example, reason: str) -> None:
    export = export_named("openai-chat")
    assert left_out(export, [example, model_example()]) == {reason: 1}
    assert len(rows("openai-chat", [example, model_example()])) == 1


def test_the_documentation_names_every_format() -> None:
    page = (resource_dir("web") / "docs" / "datasets.md").read_text(encoding="utf-8")
    for export in exports().values():
        assert f"`{export.name}`" in page
        assert export.title in page


def test_the_documentation_shows_the_interface_of_label_studio() -> None:
    assert label_studio.INTERFACE in (resource_dir("web") / "docs" / "datasets.md").read_text(encoding="utf-8")
