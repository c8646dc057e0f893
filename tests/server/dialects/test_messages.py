"""Messages of every provider come out as GenAI messages."""

from __future__ import annotations

import json

import pytest

from spanwise_server.dialects.messages.message import message, messages, system
from spanwise_server.dialects.messages.parts import part, parts


def text(content):
    return {"type": "text", "content": content}


def test_an_openai_chat_is_converted():
    sent = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [
            {"type": "text", "text": "See"},
            {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"type": "file", "file": {"file_id": "file-1"}},
        ]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
            {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "not json"}},
        ]},
        {"role": "tool", "tool_call_id": "c1", "content": "[1, 2]"},
        {"role": "assistant", "content": "", "refusal": "I will not."},
    ]  # fmt: skip
    assert messages(sent, "user") == (
        {"role": "system", "parts": [text("Be brief.")]},
        {"role": "user", "parts": [
            text("See"),
            {"type": "uri", "modality": "image", "uri": "https://x/y.png", "detail": "low"},
            {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "AAAA"},
            {"type": "file", "modality": "document", "file_id": "file-1"},
        ]},
        {"role": "assistant", "parts": [
            {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}},
            {"type": "tool_call", "id": "c2", "name": "g", "arguments": "not json"},
        ]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "[1, 2]"}]},
        {"role": "assistant", "parts": [{"type": "refusal", "content": "I will not."}]},
    )  # fmt: skip


def test_items_of_openais_responses_are_converted():
    sent = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "done"},
    ]
    assert messages(json.dumps(sent), "user") == (
        {"role": "user", "parts": [text("hi")]},
        {"role": "assistant", "parts": [{"type": "reasoning", "content": "Hm.", "id": "rs_1"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "done"}]},
    )


def test_an_anthropic_request_is_converted():
    sent = {
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}},
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
                {"type": "redacted_thinking", "data": "xxx"},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 0}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "is_error": True,
                 "content": [{"type": "text", "text": "no"}]},
            ]},
        ],
    }  # fmt: skip
    assert messages(sent, "user") == (
        {"role": "system", "parts": [text("Be brief.")]},
        {"role": "user", "parts": [
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"},
            {"type": "uri", "modality": "document", "uri": "https://x/y.pdf"},
        ]},
        {"role": "assistant", "parts": [
            {"type": "reasoning", "content": "Hm.", "signature": "sig"},
            {"type": "reasoning", "content": "", "data": "xxx"},
            {"type": "tool_call", "id": "t1", "name": "f", "arguments": {"a": 0}},
        ]},
        {"role": "user", "parts": [
            {"type": "tool_call_response", "id": "t1", "response": "no", "is_error": True}]},
    )  # fmt: skip


def test_a_gemini_request_is_converted():
    sent = {
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "See"}, {"inline_data": {"mime_type": "image/png", "data": "AAAA"}}]},
            {"role": "model", "parts": [
                {"text": "Hm.", "thought": True},
                {"functionCall": {"name": "f", "args": {"a": 1}}},
            ]},
            {"role": "user", "parts": [{"function_response": {"name": "f", "response": {"ok": True}}}]},
        ],
    }  # fmt: skip
    assert messages(sent, "user") == (
        {"role": "system", "parts": [text("Be brief.")]},
        {"role": "user", "parts": [
            text("See"), {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"}]},
        {"role": "assistant", "parts": [
            {"type": "reasoning", "content": "Hm."}, {"type": "tool_call", "name": "f", "arguments": {"a": 1}}]},
        {"role": "user", "parts": [{"type": "tool_call_response", "response": {"ok": True}, "name": "f"}]},
    )  # fmt: skip


def test_bedrocks_parts_are_converted():
    sent = [
        {"text": "hi"},
        {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}},
        {"toolResult": {"toolUseId": "t1", "content": [{"text": "ok"}]}},
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig"}}},
    ]
    assert parts(sent) == [
        text("hi"),
        {"type": "tool_call", "id": "t1", "name": "f", "arguments": {"a": 1}},
        {"type": "tool_call_response", "response": [{"text": "ok"}], "id": "t1"},
        {"type": "reasoning", "content": "Hm.", "signature": "sig"},
    ]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"type": "tool_call_response", "id": "c", "result": 0},
         {"type": "tool_call_response", "id": "c", "response": 0}),
        ({"type": "tool_call", "name": "f", "arguments": "{}"}, {"type": "tool_call", "name": "f", "arguments": {}}),
        ({"type": "tool_call", "name": "f", "args": {"a": 1}},
         {"type": "tool_call", "name": "f", "arguments": {"a": 1}}),
        ({"type": "uri", "modality": "image", "uri": "data:image/png;base64,AA"},
         {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AA"}),
        ({"type": "blob", "modality": "image", "media_type": "image/png", "content": "AA"},
         {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AA"}),
        ({"type": "server_tool_call", "name": "web", "server_tool_call": {"type": "x"}},
         {"type": "server_tool_call", "name": "web", "server_tool_call": {"type": "x"}}),
        ({"type": "hologram", "depth": 3}, {"type": "hologram", "depth": 3}),
        ({"depth": 3}, {"type": "unknown", "depth": 3}),
    ],
)  # fmt: skip
def test_a_part_is_brought_up_to_date_or_kept(sent, kept):
    assert part(sent) == kept


def test_json_that_was_cut_off_is_kept_as_text():
    cut = json.dumps([{"role": "user", "parts": [text("a long question")]}])[:40]
    assert messages(cut, "user") == ({"role": "user", "parts": [{**text(cut), "truncated": True}]},)


def test_text_that_is_json_stays_text():
    assert message({"role": "user", "content": '[1, 2, {"a": 3}]'}, "user")["parts"] == [text('[1, 2, {"a": 3}]')]


def test_a_role_nobody_knows_is_kept():
    assert message({"role": "critic", "content": "no"}, "user")["role"] == "critic"


def test_a_name_that_is_unsaid_is_left_out():
    assert message({"role": "user", "parts": [text("x")], "name": None}, "user") == {
        "role": "user",
        "parts": [text("x")],
    }


def test_instructions_in_any_shape_are_one_message():
    for shape in ("Be brief.", [text("Be brief.")], json.dumps([text("Be brief.")])):
        assert system(shape) == {"role": "system", "parts": [text("Be brief.")]}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
         {"type": "uri", "modality": "image", "uri": "https://x/y.png"}),
        ({"type": "document", "source": {"type": "file", "file_id": "f1"}},
         {"type": "file", "modality": "document", "file_id": "f1"}),
        ({"type": "input_image", "file_id": "f1"}, {"type": "file", "modality": "image", "file_id": "f1"}),
        ({"type": "input_file", "file_data": "data:application/pdf;base64,AA", "filename": "a.pdf"},
         {"type": "blob", "modality": "document", "mime_type": "application/pdf", "content": "AA", "name": "a.pdf"}),
        ({"type": "input_file", "file_data": "AA"}, {"type": "blob", "modality": "document", "content": "AA"}),
        ({"type": "input_file", "file_url": "https://x/a.pdf"},
         {"type": "uri", "modality": "document", "uri": "https://x/a.pdf"}),
        ({"type": "audio", "audio": {"id": "a1"}}, {"type": "file", "modality": "audio", "file_id": "a1"}),
        ({"type": "text", "text": {"value": "hi"}}, {"type": "text", "content": "hi"}),
        ({"type": "reasoning", "encrypted_content": "xx", "summary": []},
         {"type": "reasoning", "content": "", "encrypted_content": "xx"}),
        ({"fileData": {"fileUri": "gs://x/a.mp4", "mimeType": "video/mp4"}},
         {"type": "uri", "modality": "document", "uri": "gs://x/a.mp4", "mime_type": "video/mp4"}),
        ({"text": "Hm.", "thought": True, "thoughtSignature": "s"},
         {"type": "reasoning", "content": "Hm.", "signature": "s"}),
        ({"image": {"format": "png", "source": {"bytes": "AA"}}},
         {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AA"}),
        (7, {"type": "text", "content": "7"}),
    ],
)  # fmt: skip
def test_what_is_not_text_is_a_blob_a_uri_or_a_file(sent, kept):
    assert part(sent) == kept


def test_an_old_function_call_is_a_tool_call():
    sent = {"role": "assistant", "function_call": {"name": "f", "arguments": '{"a": 1}'}, "reasoning_content": "Hm."}
    assert message(sent, "assistant")["parts"] == [
        {"type": "reasoning", "content": "Hm."},
        {"type": "tool_call", "name": "f", "arguments": {"a": 1}},
    ]


def test_langchains_roles_are_everybodys():
    assert [message({"type": kind, "content": "x"}, "user")["role"] for kind in ("human", "ai")] == [
        "user",
        "assistant",
    ]
