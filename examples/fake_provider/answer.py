"""What is asked of the fake provider and what it is to answer, free of any provider's wire format."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from .sample import sample

Json = Any
#: What is asked under which path, the first that fits; the model stands in some of them.
_PATHS: Final = tuple(
    (re.compile(pattern), api)
    for pattern, api in (
        (r"/v1(?:beta\d?)?/(?:.*/)?models/(?P<model>[^:?]+):(?:streamG|g)enerateContent", "gemini"),
        (r"/v1(?:beta\d?)?/(?:.*/)?models/(?P<model>[^:?]+):batchEmbedContents", "gemini-embeddings"),
        (
            r"/v1(?:beta\d?)?/(?:.*/)?models/(?P<model>[^:?]+):(?:batchGenerate|asyncBatchEmbed)Content",
            "gemini-batches",
        ),
        (r"/v1beta/batches/", "gemini-batch-done"),
        (r"/v1beta/files/[^/:]+:download", "gemini-batch-results"),
        (r".*/batchPredictionJobs$", "vertex-batches"),
        (r"/v1(?:beta\d?)?/(?:.*/)?models/(?P<model>[^:?]+):predict$", "vertex-embeddings"),
        (r"(?:/v1)?/projects/.*/publishers/anthropic/models/(?P<model>[^:?]+):(?:streamR|r)awPredict", "messages"),
        (r"(?:/v1)?/projects/.*/publishers/anthropic/models/count-tokens:rawPredict", "count-tokens"),
        (r"/v1/projects/.*/publishers/mistralai/models/(?P<model>[^:?]+):(?:streamR|r)awPredict", "mistral"),
        (r"/model/(?P<model>[^/]+)/converse(?:-stream)?$", "converse"),
        (r"/model/(?P<model>[^/]+)/invoke(?:-with-response-stream)?$", "invoke"),
        (r"/v2/chat$", "cohere"),
        (r"/v1/chat$", "cohere-v1"),
        (r"/v[12]/embed$", "cohere-embeddings"),
        (r"/v[12]/rerank$", "cohere-rerank"),
        (r"/v2/batches$", "cohere-batches"),
        (r"/v2/batches/", "cohere-batch-done"),
        (r"/v1/embed-jobs$", "cohere-embed-jobs"),
        (r".*/batchInferenceJobs$", "fireworks-batches"),
        (r".*/batchInferenceJobs/", "fireworks-batch-done"),
        (r"/(?:model-invocation-job|async-invoke)$", "bedrock-batches"),
        (r"/api/(?:chat|generate)$", "ollama"),
        (r"/api/embed$", "ollama-embeddings"),
        (r"/v1/(?:fim|agents)/completions$", "mistral"),
        (r"/v1/ocr$", "mistral-ocr"),
        (r"/v1/conversations", "mistral-conversations"),
        (r"/v1/batch/jobs/", "mistral-batch-done"),
        (r"/v1/batch/jobs$", "mistral-batches"),
        (r"/hf/[a-z_]+$", "hf-tasks"),
        (r"/v1/messages/count_tokens", "count-tokens"),
        (r"/v1/messages/batches", "message-batches"),
        (r"(?:/openai|/anthropic|/inference)?(?:/v1)?/messages", "messages"),
        (r".*/chat/completions", "chat"),
        (r".*/responses", "responses"),
        (r".*/embeddings", "embeddings"),
        (r".*/moderations$", "moderations"),
        (r".*/images/(?:generations|edits|variations)$", "images"),
        (r".*/audio/speech$", "speech"),
        (r".*/audio/(?:transcriptions|translations)$", "transcriptions"),
        (r".*/files/[^/:]+/content$", "batch-results"),
        (r".*/files$", "files"),
        (r".*/batches", "batches"),
    )
)
_STREAMS: Final = re.compile(r":stream|/converse-stream$|-with-response-stream$")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One tool that the model wants called."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None
    """Made up in the provider's own style where ``None``."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider is to say; token counts that are ``None`` are estimated from the lengths."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str | None = None
    refusal: str | None = None
    """OpenAI only: said in place of the text."""
    model: str | None = None
    """The model that answers; the one asked for where ``None``."""
    finish_reason: str | None = None
    """In the provider's own words; fitting the answer where ``None``."""
    input_tokens: int | None = None
    """All input, cached input included."""
    output_tokens: int | None = None
    """All output, reasoning included."""
    cache_read: int = 0
    cache_write: int = 0
    reasoning_tokens: int | None = None
    status: int = 200
    error: str | None = None
    """The error's sentence, where the status is not 200 or an error comes midway."""
    retry_after_s: float | None = None
    delay_s: float = 0.0
    """Seconds before the first byte."""
    chunk_delay_s: float = 0.0
    """Seconds before each further chunk of a stream."""
    cut_after: int | None = None
    """Drop the connection after so many chunks of a stream; before the body where nothing is streamed."""
    error_after: int | None = None
    """Send the provider's error event after so many chunks of a stream."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in."""

    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Mapping[str, Any]
    number: int
    """Counted from 1 over the life of the provider."""

    @property
    def api(self) -> str:
        """Which wire format it is in; empty for a path that nobody serves."""
        path = self.path.partition("?")[0]
        api = next((api for pattern, api in _PATHS if pattern.match(path)), "")
        # Mistral has OpenAI's path, and another format.
        return "mistral" if api == "chat" and "mistral" in self.headers.get("user-agent", "") else api

    @property
    def model(self) -> str:
        """The model asked for."""
        for pattern, _ in _PATHS:
            if found := pattern.match(unquote(self.path).partition("?")[0]):
                return found.groupdict().get("model") or str(self.body.get("model", ""))
        return str(self.body.get("model", ""))

    @property
    def stream(self) -> bool:
        """Whether the answer is to be streamed."""
        return bool(self.body.get("stream")) or bool(_STREAMS.search(self.path.partition("?")[0]))

    @property
    def messages(self) -> list[Mapping[str, Any]]:
        """The conversation: ``messages`` or ``input``, every plain text as a user message."""
        if "contents" in self.body:
            roles = {"model": "assistant"}
            return [
                {"role": roles.get(turn.get("role"), "user"), "content": turn.get("parts")}
                for turn in self.body["contents"]
            ]
        given = self.body.get("messages", self.body.get("input", self.body.get("prompt", self.body.get("message", ()))))
        turns = [given] if isinstance(given, str) else given
        return [{"role": "user", "content": turn} if isinstance(turn, str) else turn for turn in turns]

    @property
    def text(self) -> str:
        """The text of the last user message."""
        for message in reversed(self.messages):
            if isinstance(message, dict) and message.get("role") == "user":
                found = plain_text(message.get("content"))
                if found:
                    return found
        return ""

    @property
    def tools(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Name and JSON schema of every function offered, whichever format it is in."""
        found = []
        for tool in self.body.get("tools", ()):
            function = tool.get("function", tool)
            for declared in tool.get("functionDeclarations", ()):
                schema = declared.get("parameters") or declared.get("parameters_json_schema") or {}
                found.append((str(declared["name"]), schema))
            if name := function.get("name"):
                found.append((str(name), function.get("parameters") or function.get("input_schema") or {}))
        return found

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """The JSON schema that the answer has to fit, where there is one."""
        chat = (self.body.get("response_format") or {}).get("json_schema", {}).get("schema")
        responses = ((self.body.get("text") or {}).get("format") or {}).get("schema")
        messages = ((self.body.get("output_config") or {}).get("format") or {}).get("schema")
        return chat or responses or messages or None

    @property
    def answers_tool(self) -> bool:
        """Whether the last turn brings a tool's result."""
        if not self.messages:
            return False
        last = self.messages[-1]
        if last.get("role") == "tool" or last.get("type") == "function_call_output":
            return True
        content = last.get("content")
        return isinstance(content, list) and any(
            part.get("type") == "tool_result" or "functionResponse" in part for part in content
        )


def plain_text(content: Json) -> str:
    """Return the text in *content*: a string, or a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return " ".join(str(part["text"]) for part in content if isinstance(part, dict) and part.get("text"))


def default_answer(request: Request) -> Answer:
    """Answer every request the same way each time: a tool call where tools are offered, JSON where a schema asks."""
    if request.tools and not request.answers_tool and request.body.get("tool_choice") != "none":
        name, schema = request.tools[0]
        return Answer(tool_calls=(ToolCall(name, sample(schema, request.text)),))
    if request.schema is not None:
        return Answer(text=json.dumps(sample(request.schema, request.text)))
    return Answer(text=f"You said: {request.text or 'nothing'}. That is all I know.")


def estimated_tokens(text: str) -> int:
    """Return roughly how many tokens *text* has: one for four characters, at least one."""
    return max(1, len(text) // 4)
