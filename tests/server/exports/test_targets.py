"""Files for other tools have the shape that each tool publishes; ``load_in_targets.py`` loads them there by hand."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from jsonschema import Draft202012Validator
from pyarrow import parquet

from shop_examples import (
    ASKED_TWICE,
    CORRECTED,
    EVERY_KIND,
    FAILED_STEP,
    PASS,
    WITH_PICTURE,
    agent_example,
    model_example,
    talk,
)
from shop_traces import text
from spanwise_server.datasets.example import Example
from spanwise_server.exports import flat_csv, trl_kto, xlsx
from spanwise_server.exports.export import export_named, exports, left_out, written
from spanwise_server.record import Annotation

SHAPES = {path.stem: json.loads(path.read_text("utf-8")) for path in (Path(__file__).parent / "shapes").glob("*.json")}
#: Formats that are ours, or are tested on their own below.
OWN = {"jsonl", "csv", "xlsx", "huggingface", "openai-chat"}


def rows(name: str, examples: list[Example]) -> list[dict[str, Any]]:
    body = b"".join(written(export_named(name), examples)).decode()
    return json.loads(body) if body.startswith("[") else [json.loads(line) for line in body.splitlines()]


def test_every_format_of_another_tool_has_its_published_shape() -> None:
    assert SHAPES.keys() == exports().keys() - OWN


@pytest.mark.parametrize("name", SHAPES)
def test_every_row_is_one_that_the_tool_takes(name: str) -> None:
    check = Draft202012Validator(SHAPES[name])
    found = rows(name, EVERY_KIND)
    assert found
    assert sum(left_out(export_named(name), EVERY_KIND).values()) < len(EVERY_KIND)
    for row in found:
        check.validate(row)


def test_a_preference_is_the_correction_over_what_was_answered() -> None:
    corrected = model_example(CORRECTED)
    (ours,) = rows("openai-dpo", [corrected, model_example()])
    assert ours["preferred_output"] == [{"role": "assistant", "content": "Today."}]
    assert ours["non_preferred_output"] == [{"role": "assistant", "content": "Order 1 arrives on Thursday."}]
    (theirs,) = rows("trl-preference", [corrected, model_example()])
    assert (theirs["chosen"], theirs["rejected"]) == (ours["preferred_output"], ours["non_preferred_output"])


def test_a_verdict_is_all_that_an_unpaired_preference_needs() -> None:
    failed = model_example(replace(PASS, label="fail"))
    found = rows("trl-kto", [model_example(), failed, model_example(CORRECTED)])
    assert [row["label"] for row in found] == [True, False, False, True]
    assert [row["completion"][0]["content"] for row in found[2:]] == ["Order 1 arrives on Thursday.", "Today."]
    assert left_out(export_named("trl-kto"), [replace(failed, label=None)]) == {trl_kto.NO_VERDICT: 1}


def test_steps_end_with_the_first_bad_one() -> None:
    passed, failed = rows("trl-stepwise", [agent_example(n=5), FAILED_STEP])
    assert passed["labels"] == [True] * len(passed["completions"])
    assert failed["labels"] == [True, False]
    assert failed["completions"] == passed["completions"][:2]


def test_assertions_are_what_the_answer_is_held_against() -> None:
    wanted = Annotation("a", "default", "correct", "t", "s", label="fail", metadata={"assertions": ["names the day"]})
    example = model_example(wanted)
    assert example.assertions == ["names the day"]
    assert example.expected_output is None
    (inspect,) = rows("inspect", [example])
    assert inspect["target"] == ["names the day"]
    (test,) = rows("promptfoo", [example])
    assert test["assert"] == [{"type": "llm-rubric", "value": "names the day"}]
    (record,) = rows("mlflow", [example])
    assert record["expectations"] == {"guidelines": ["names the day"]}


def test_a_conversation_of_several_turns_is_one_for_ragas() -> None:
    (sample,) = rows("ragas", [ASKED_TWICE])
    assert [message["type"] for message in sample["user_input"]] == ["human", "ai", "tool", "human", "ai"]
    assert sample["user_input"][1]["tool_calls"] == [{"name": "look", "args": {"order": 7}}]


def test_arguments_that_are_no_object_are_kept_as_input() -> None:
    call = {"type": "tool_call", "id": "c", "name": "run", "arguments": "ls -l"}
    answered = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": "ok"}]}
    (row,) = rows("trl-sft", [talk(text("user", "List."), {"role": "assistant", "parts": [call]}, answered)])
    assert row["prompt"][1]["tool_calls"][0]["function"]["arguments"] == {"input": "ls -l"}


def test_a_picture_goes_along_to_inspect() -> None:
    (sample,) = rows("inspect", [WITH_PICTURE])
    assert sample["input"][0]["content"][1] == {"type": "image", "image": "data:image/png;base64,aGk="}


def test_a_golden_keeps_where_it_came_from() -> None:
    (golden,) = rows("deepeval", [ASKED_TWICE])
    about = golden["additional_metadata"]
    assert (about["trace_id"], about["split"], about["tags"]) == (f"{1:032x}", "test", ["orders", "late"])


def test_hugging_face_finds_a_file_for_each_split() -> None:
    folder = zipfile.ZipFile(io.BytesIO(b"".join(written(export_named("huggingface"), EVERY_KIND))))
    assert folder.testzip() is None
    names = folder.namelist()
    assert names == ["README.md", "data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"]
    card = folder.read("README.md").decode()
    assert all(f"path: {name}" in card for name in names[1:])
    test = parquet.read_table(io.BytesIO(folder.read(names[2]))).to_pylist()
    assert [row["assertions"] for row in test] == [["names the day"]]
    assert json.loads(test[0]["tools"])[0]["name"] == "look"
    train = parquet.read_table(io.BytesIO(folder.read(names[1])))
    assert train.num_rows == len(EVERY_KIND) - 2  # one is of the other split, one asks nothing
    assert train.column_names == parquet.read_table(io.BytesIO(folder.read(names[2]))).column_names


def test_a_workbook_holds_the_columns_of_the_csv_and_runs_nothing() -> None:
    bad = replace(model_example(), input={"content": "=1+1"}, expected_output={"content": "a\x07b" + "x" * 40_000})
    book = openpyxl.load_workbook(io.BytesIO(b"".join(written(export_named("xlsx"), [bad, agent_example()]))))
    head, first, second = book["examples"].iter_rows()
    assert tuple(cell.value for cell in head) == flat_csv.COLUMNS
    said = dict(zip(flat_csv.COLUMNS, first, strict=True))
    assert (said["input"].value, said["input"].data_type) == ("=1+1", "s")
    assert said["expected"].value.startswith("abx")
    assert len(said["expected"].value) == xlsx.MOST_IN_A_CELL
    assert dict(zip(flat_csv.COLUMNS, second, strict=True))["verdict"].value == "pass"
