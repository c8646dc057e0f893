"""Every attribute name that Spanwise writes: the only file that spells them.

OpenTelemetry's GenAI conventions in their newest form, OpenTelemetry's general names, and ``spanwise.*``
where neither has a word.  The SDK writes them and the server's dialects read them.
"""

from __future__ import annotations

from typing import Final

SCOPE: Final = "spanwise"
"""Name of the instrumentation scope of every span that the SDK makes."""
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/gen-ai/1.42.0"
"""Version of the conventions that the names below follow."""

# --- what was called -------------------------------------------------------------------------------
OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
"""Seconds from the call to the first chunk of its stream."""
OUTPUT_TYPE: Final = "gen_ai.output.type"
"""``text``, ``json``, ``image`` or ``speech``, as asked for."""
CONVERSATION_ID: Final = "gen_ai.conversation.id"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"

# --- parameters ------------------------------------------------------------------------------------
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"
REQUEST_TOP_K: Final = "gen_ai.request.top_k"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
REQUEST_REASONING_LEVEL: Final = "gen_ai.request.reasoning.level"
REQUEST_ENCODING_FORMATS: Final = "gen_ai.request.encoding_formats"
REQUEST_STREAM: Final = "gen_ai.request.stream"
REQUEST_PREVIOUS_RESPONSE_ID: Final = "gen_ai.request.previous_response.id"
EMBEDDINGS_DIMENSION_COUNT: Final = "gen_ai.embeddings.dimension.count"
OPENAI_REQUEST_SERVICE_TIER: Final = "openai.request.service_tier"
OPENAI_RESPONSE_SERVICE_TIER: Final = "openai.response.service_tier"
OPENAI_RESPONSE_SYSTEM_FINGERPRINT: Final = "openai.response.system_fingerprint"
RESPONSE_SERVICE_TIER: Final = "gen_ai.response.service_tier"
"""What the answer is charged by, where the conventions have no word of the provider's: ``batch``."""
PARAMS: Final = "spanwise.request.params"
"""JSON object of the parameters that the conventions have no word for, under the provider's own names."""

# --- content: JSON strings -------------------------------------------------------------------------
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
"""JSON list of parts, where the provider takes instructions apart from the messages."""
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
INPUT: Final = "spanwise.input"
"""JSON of what an observed function or block was given; the inputs of an embedding call."""
OUTPUT: Final = "spanwise.output"
"""JSON of what an observed function or block gave back."""

# --- batches ---------------------------------------------------------------------------------------
BATCH_ID: Final = "spanwise.batch.id"
"""The batch that was handed in, or that an answer came in."""
BATCH_KEY: Final = "spanwise.batch.key"
"""What an answer is called in its batch: ``custom_id``, ``key`` or its place."""

# --- usage: inclusive counts, in OpenTelemetry's meaning ------------------------------------------
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
"""All input tokens, cached ones included."""
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
"""All output tokens, reasoning included."""
USAGE_CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE: Final = "gen_ai.usage.cache_write.input_tokens"
USAGE_REASONING: Final = "gen_ai.usage.reasoning.output_tokens"
USAGE_ESTIMATED_BY: Final = "spanwise.usage.estimated_by"
"""Where counts are none that the provider reported: the tokenizer that counted the texts, or ``length``."""
USAGE_AUDIO_INPUT: Final = "gen_ai.usage.audio.input_tokens"
USAGE_AUDIO_OUTPUT: Final = "gen_ai.usage.audio.output_tokens"
USAGE_IMAGE_INPUT: Final = "gen_ai.usage.image.input_tokens"

# --- tools, agents, retrieval ----------------------------------------------------------------------
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
MCP_METHOD: Final = "mcp.method.name"
"""What was asked for over the Model Context Protocol, such as ``tools/call``."""
AGENT_NAME: Final = "gen_ai.agent.name"
WORKFLOW_NAME: Final = "gen_ai.workflow.name"
RETRIEVAL_DOCUMENTS: Final = "gen_ai.retrieval.documents"
"""JSON list of ``{"id", "content", "score", "metadata"}``."""
RETRIEVAL_QUERY: Final = "gen_ai.retrieval.query.text"
RETRIEVAL_TOP_K: Final = "gen_ai.retrieval.top_k"
DATA_SOURCE_ID: Final = "gen_ai.data_source.id"
"""The collection, index or namespace that is searched."""

# --- prompt ----------------------------------------------------------------------------------------
PROMPT_NAME: Final = "gen_ai.prompt.name"
PROMPT_VERSION: Final = "spanwise.prompt.version"
"""The version given, else the first 12 digits of the template's hash."""
PROMPT_HASH: Final = "spanwise.prompt.hash"
"""SHA-256 of the template, in hex."""
PROMPT_TEMPLATE: Final = "spanwise.prompt.template"
"""The template: text as it is, messages as a JSON list."""
PROMPT_VARIABLES: Final = "spanwise.prompt.variables"
"""JSON object of the values the template was rendered with."""

# --- who, where, what for --------------------------------------------------------------------------
KIND: Final = "spanwise.kind"
"""One of the kinds of a span: llm, embedding, retriever, reranker, tool, agent, chain, and so on."""
SESSION_ID: Final = "session.id"
USER_ID: Final = "user.id"
TAGS: Final = "spanwise.tags"
"""List of strings."""
METADATA: Final = "spanwise.metadata"
"""JSON object."""
ENVIRONMENT: Final = "deployment.environment.name"
"""On the resource from ``init()``, on a span from ``context()``."""
CONTENT_HIDDEN: Final = "spanwise.content.hidden"
"""True where the application said that what was said inside is not to be kept."""
PENDING: Final = "spanwise.pending"
"""True on what is said of a span that has begun and not ended; the span itself comes in its place."""
STREAM_END: Final = "spanwise.stream.end"
"""How a stream ended: ``exhausted``, ``closed``, ``abandoned``, ``cancelled`` or ``error``."""

# --- resource and transport ------------------------------------------------------------------------
SERVICE_NAME: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
"""The release."""
PROJECT_NAME: Final = "spanwise.project.name"
PROJECT_HEADER: Final = "x-spanwise-project"
DROPPED_HEADER: Final = "x-spanwise-dropped"
"""``ID=COUNT``: how many spans and annotations the process of that id has had to drop so far."""

# --- events ----------------------------------------------------------------------------------------
EXCEPTION_EVENT: Final = "exception"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"

KINDS: Final = (
    "llm", "embedding", "retriever", "reranker", "tool", "agent", "chain",
    "guardrail", "evaluator", "prompt", "memory", "mcp", "span",
)  # fmt: skip
"""Every kind that a span can be given."""
