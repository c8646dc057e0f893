from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop_examples import ASKED_TWICE, CORRECTED, EVERY_KIND, agent_example, model_example
from spanwise_server.datasets import files
from spanwise_server.datasets.example import Example
from spanwise_server.datasets.files import read_rows
from spanwise_server.datasets.importing import Imported, imported
from spanwise_server.errors import SpanwiseError
from spanwise_server.exports.export import export_named, written
from spanwise_server.exports.xlsx import cell_forms

HELD = {example.id: example for example in EVERY_KIND}


def taken(body: bytes, held: dict[str, Example] | None = None) -> Imported:
    return imported(read_rows(body), held or {}, cell_forms)


def made(name: str, examples=EVERY_KIND) -> bytes:
    return b"".join(written(export_named(name), examples))


def one(**row: Any) -> Example:
    (example,) = taken(json.dumps(row).encode()).examples
    return example


@pytest.mark.parametrize("name", ["jsonl", "csv", "xlsx"])
def test_what_left_and_comes_back_changes_nothing(name: str) -> None:
    found = taken(made(name), HELD)
    assert (found.examples, found.unchanged, found.problems) == ((), len(HELD), ())


def test_json_lines_come_back_whole_where_nothing_is_held() -> None:
    assert {example.id: example.as_json() for example in taken(made("jsonl")).examples} == {
        name: json.loads(json.dumps(example.as_json())) for name, example in HELD.items()
    }


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_from_csv_unchanged(expected: str, critique: str) -> None:
    example = replace(
        ASKED_TWICE, expected_output={"content": expected}, label={"verdict": "pass", "critique": critique}
    )
    assert taken(made("csv", [example]), {example.id: example}).examples == ()


def test_an_edited_cell_changes_that_field_and_no_other() -> None:
    book = openpyxl.load_workbook(io.BytesIO(made("xlsx", [ASKED_TWICE])))
    columns = {cell.value: cell.column for cell in book.active[1]}
    for name, value in (("expected", "Tomorrow."), ("verdict", "fail"), ("tags", "a, b"), ("split", None)):
        book.active.cell(2, columns[name]).value = value
    saved = io.BytesIO()
    book.save(saved)
    (found,) = taken(saved.getvalue(), HELD).examples
    wanted = replace(
        ASKED_TWICE,
        expected_output={"content": "Tomorrow."},
        label={**ASKED_TWICE.label, "verdict": "fail"},
        tags=["a", "b"],
        split=None,
    )
    assert found == wanted
    assert found.input["messages"] == ASKED_TWICE.input["messages"]


def test_a_formula_of_a_cell_is_text_again() -> None:
    example = replace(agent_example(), input={"content": "=1+1"})
    (found,) = taken(made("csv", [example]).replace(example.id.encode(), b"")).examples
    assert found.input == {"content": "=1+1"}


def test_a_table_of_questions_and_answers_is_all_it_takes() -> None:
    text = 'question,answer,tags,split,assertions\r\nWhere?,Here.,"a, b",test,"is short\nis polite"\r\n'
    (found,) = taken(b"\xef\xbb\xbf" + text.encode()).examples
    assert (found.input, found.expected_output) == ({"content": "Where?"}, {"content": "Here."})
    assert (found.tags, found.split, found.assertions) == (["a", "b"], "test", ["is short", "is polite"])
    assert found.actual_output is None
    again = taken(text.encode(), {found.id: found})
    assert (again.examples, again.unchanged) == ((), 1)


def test_a_conversation_of_openai_ends_in_what_is_expected() -> None:
    source = model_example(CORRECTED)
    (found,) = taken(made("openai-chat", [source])).examples
    assert found.input["messages"] == source.input["messages"]
    assert found.expected_output["content"] == "Today."


def test_items_of_hosted_evaluations_are_unwrapped() -> None:
    found = one(item={"input": [{"role": "user", "content": "2+2?"}], "ideal": "4"}, sample={"output_text": "5"})
    assert found.input == {"messages": [{"role": "user", "parts": [{"type": "text", "content": "2+2?"}]}]}
    assert found.expected_output == {"content": "4"}


def hosted(**more: Any) -> dict[str, Any]:
    """Return an output item as OpenAI's API lists those of a run."""
    return {
        "object": "eval.run.output_item", "id": "outputitem_1", "eval_id": "eval_1", "run_id": "evalrun_1",
        "created_at": 1743092076, "status": "fail", "datasource_item_id": 5,
        "datasource_item": {"input": "Stocks rally", "ground_truth": "Markets"},
        "results": [
            {"name": "String check", "type": "string-check-grader", "score": 0.0, "passed": False},
            {"name": "Short", "type": "python", "score": 1.0, "passed": True},
        ],
        "sample": {
            "input": [{"role": "developer", "content": "Name the topic."}, {"role": "user", "content": "Stocks rally"}],
            "output": [{"role": "assistant", "content": "Economy"}],
        },
        **more,
    }  # fmt: skip


def test_output_items_of_hosted_evaluations_keep_answer_and_grades_from_a_saved_page_too() -> None:
    page = {
        "object": "list",
        "data": [hosted(), hosted(datasource_item={"city": "Oslo"}, results=[])],
        "has_more": False,
    }
    for body in (json.dumps(page), json.dumps(page, indent=2)):
        graded, asked = taken(body.encode()).examples
        assert (graded.input, graded.expected_output) == ({"content": "Stocks rally"}, {"content": "Markets"})
        assert graded.actual_output == {"content": "Economy"}
        assert graded.label == {"verdict": "fail", "critique": "String check failed"}
        assert [message["role"] for message in asked.input["messages"]] == ["developer", "user"]
        assert asked.label is None


def test_variables_of_promptfoo_without_a_question_are_the_input() -> None:
    found = one(vars={"pairs": ["a", "b"], "n": 2}, **{"assert": [{"type": "equals", "value": "ab"}]})
    assert found.input == {"content": {"pairs": ["a", "b"], "n": 2}}
    assert found.assertions == ["ab"]


def test_tasks_of_label_studio_keep_their_annotation() -> None:
    source = agent_example(CORRECTED)
    (found,) = taken(made("label-studio", [source])).examples
    assert found.input == source.input
    assert found.expected_output == {"content": "Today."}
    assert found.label == {"verdict": "fail", "critique": "fine"}


@pytest.mark.parametrize(
    "name", ["openai-evals", "promptfoo", "inspect", "deepeval", "langsmith", "langfuse", "phoenix", "braintrust"]
)
def test_rows_of_other_tools_keep_question_and_answer(name: str) -> None:
    source = model_example(CORRECTED)
    (found,) = taken(made(name, [source])).examples
    said = json.dumps([found.input, found.expected_output, found.assertions])
    assert "Where is my order 1?" in said
    assert "Today." in said


def test_a_bad_row_costs_only_itself_and_is_named() -> None:
    found = taken(b"input,expected\r\nWhere?,Here.\r\n,Nothing.\r\n")
    assert len(found.examples) == 1
    assert found.problems[0].startswith("Row 2: It has no input.")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no rows"),
        (b"input\r\n", "no rows"),
        (b"\xff\xfe1", "not UTF-8"),
        (b'{"input": 1}\n{"input":', "Line 2 is no JSON"),
        (b"[1]", "Element 1 is no JSON object"),
        (b"[", "no JSON"),
        (b"PK\x03\x04 not a zip", "cannot be read"),
        (b"a,b\r\n1,2\r\n", "no input"),
        (b'input\r\n"a', "no CSV"),
    ],
)
def test_a_file_nobody_can_read_is_refused_with_what_to_do(body: bytes, words: str) -> None:
    with pytest.raises(SpanwiseError) as refused:
        taken(body)
    assert words in refused.value.message
    assert refused.value.hint


def test_a_file_of_too_many_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_ROWS", 2)
    with pytest.raises(SpanwiseError, match="more than 2 rows"):
        taken(b"input\r\na\r\nb\r\nc\r\n")


def test_a_workbook_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_UNPACKED_BYTES", 1_000)
    with pytest.raises(SpanwiseError, match="unpacks to too much"):
        taken(made("xlsx"))


@given(st.binary(max_size=200))
def test_whatever_comes_is_rows_or_a_refusal(body: bytes) -> None:
    try:
        taken(body)
    except SpanwiseError:
        pass


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda v: (
            st.lists(v)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "input",
                        "messages",
                        "role",
                        "content",
                        "parts",
                        "item",
                        "data",
                        "vars",
                        "expected",
                        "annotations",
                        "result",
                        "tools",
                        "id",
                        "content_hash",
                        "type",
                    ]
                ),
                v,
            )
        ),
    )
)
def test_whatever_json_comes_is_rows_or_a_refusal(value: Any) -> None:
    try:
        taken(json.dumps([value]).encode())
    except SpanwiseError:
        pass


def test_csv_reads_as_excel_writes_it() -> None:
    buffer = io.StringIO()
    csv.writer(buffer, dialect="excel").writerow(["input", "expected"])
    csv.writer(buffer, dialect="excel").writerow(["a\nb", 'say "hi"'])
    (found,) = taken(buffer.getvalue().encode()).examples
    assert (found.input["content"], found.expected_output["content"]) == ("a\nb", 'say "hi"')


@pytest.mark.parametrize("odd", [True, 3, "text", {"a": 1}, [None, 4, "x"], [{"result": 5}], [{"result": [1, {}]}]])
def test_what_others_wrap_may_be_anything(odd: Any) -> None:
    wrapped = [
        {"data": {"input": "q"}, "annotations": odd},
        {"data": {"input": "q"}, "annotations": [{"result": odd}]},
        {"data": {"input": "q"}, "annotations": [{"result": [{"from_name": "expected", "value": odd}]}]},
        {"data": {"input": "q"}, "annotations": [{"result": [{"from_name": "a", "value": {"choices": odd}}]}]},
        {"vars": {"input": "q"}, "assert": odd},
        {"datasource_item": {"input": "q"}, "sample": {"output": odd}, "results": odd},
        {"datasource_item": {"input": "q", "item": odd}, "sample": odd},
    ]
    found = taken(json.dumps(wrapped).encode())
    assert len(found.examples) + len(found.problems) >= 1
