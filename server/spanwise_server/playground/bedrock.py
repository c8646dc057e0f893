"""Amazon Bedrock through boto3: its client signs and reads; our HTTP client, which looks at addresses, sends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from typing import Any, Final

from .call import Answer, Call, Connection, Message, Stream
from .params import for_bedrock

DEFAULT_REGION: Final = "us-east-1"
_REGION: Final = re.compile(r"[a-z]{2,3}(?:-[a-z]+)+-\d")


def bedrock(call: Call, connection: Connection, http: Any, answer: Answer) -> Stream:
    """Ask Amazon Bedrock; a model that does not stream what is asked answers in one piece."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - an optional extra

    client, asked = _client(connection, http), _asked(call)
    try:
        got = client.converse_stream(**asked)
    except ClientError as refusal:
        if "stream" not in str(refusal.response["Error"].get("Message")).lower():
            raise
        got = None
    if got is None:
        yield from _whole(client.converse(**asked), answer)
        return
    answer.response_id = got["ResponseMetadata"].get("RequestId")
    with closing(got["stream"]) as events:
        for event in events:
            yield from _event(event, answer)


def is_region(text: str) -> bool:
    """Return whether *text* is the name of a region."""
    return _REGION.fullmatch(text) is not None


def _client(connection: Connection, http: Any) -> Any:
    """Return a client that knows the key it is given and nothing of the machine's own credentials or settings."""
    from boto3.session import Session  # noqa: PLC0415 - an optional extra
    from botocore import UNSIGNED  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    key_id, _, rest = connection.key.partition(":")
    secret, _, token = rest.partition(":")
    address = connection.base_url
    found = _REGION.search(address)
    config = Config(
        signature_version="v4" if secret else UNSIGNED,
        retries={"total_max_attempts": 1},
        ignore_configured_endpoint_urls=True,
    )
    made = Session().client(
        "bedrock-runtime",
        region_name=found[0] if found else DEFAULT_REGION,
        endpoint_url=address if address and not is_region(address) else None,
        aws_access_key_id=key_id if secret else None,
        aws_secret_access_key=secret or None,
        aws_session_token=token or None,
        config=config,
    )
    bearer = None if secret else connection.key
    made.meta.events.register("before-send.bedrock-runtime", lambda request, **_: _sent(request, http, bearer))
    return made


class _Raw:
    """The body of an answer, as botocore reads it."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def stream(self) -> Iterator[bytes]:
        """Yield the body as it comes."""
        try:
            yield from self._response.iter_bytes()
        finally:
            self._response.close()

    def close(self) -> None:
        """Hang up."""
        self._response.close()


def _sent(request: Any, http: Any, bearer: str | None) -> Any:
    """Send what botocore prepared, and return the answer as botocore takes it."""
    from botocore.awsrequest import AWSResponse  # noqa: PLC0415 - an optional extra

    headers = {
        name: value.decode() if isinstance(value, bytes) else str(value) for name, value in request.headers.items()
    }
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    prepared = http.build_request(request.method, request.url, headers=headers, content=request.body)
    response = http.send(prepared, stream=True)
    return AWSResponse(request.url, response.status_code, dict(response.headers), _Raw(response))


def _asked(call: Call) -> dict[str, Any]:
    said: dict[str, Any] = {"modelId": call.model, "messages": _messages(call.talk), **for_bedrock(call.params)}
    if call.system:
        said["system"] = [{"text": call.system}]
    if call.tools:
        said["toolConfig"] = {**said.get("toolConfig", {}), "tools": [_tool(one) for one in call.functions]}
    if call.output_schema is not None:
        shape = {"name": "answer", "schema": json.dumps(dict(call.output_schema))}
        said["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": shape}}}
    return said


def _tool(function: Any) -> dict[str, Any]:
    spec = {"name": function.get("name"), "inputSchema": {"json": function.get("parameters") or {"type": "object"}}}
    if function.get("description"):
        spec["description"] = function["description"]
    return {"toolSpec": spec}


def _messages(talk: list[Message]) -> list[dict[str, Any]]:
    """Return the messages with neighbours of one side joined: Converse wants the two to take turns."""

    def side(message: Message) -> str:
        return "assistant" if message.role == "assistant" else "user"

    return [
        {"role": role, "content": [block for message in said for block in _blocks(message)]}
        for role, said in groupby(talk, side)
    ]


def _blocks(message: Message) -> Iterator[dict[str, Any]]:
    if message.tool_call_id:
        yield {"toolResult": {"toolUseId": message.tool_call_id, "content": [{"text": message.content}]}}
        return
    if message.content:
        yield {"text": message.content}
    for one in message.tool_calls:
        yield {"toolUse": {"toolUseId": one.id, "name": one.name, "input": json.loads(one.arguments or "{}")}}


def _event(event: Any, answer: Answer) -> Stream:
    if start := event.get("contentBlockStart"):
        if use := start["start"].get("toolUse"):
            answer.tool(start["contentBlockIndex"], use["toolUseId"], use["name"])
    elif piece := event.get("contentBlockDelta"):
        delta = piece["delta"]
        if "text" in delta:
            answer.text += delta["text"]
            yield delta["text"]
        elif "toolUse" in delta:
            answer.tool(piece["contentBlockIndex"], arguments=delta["toolUse"]["input"])
    elif stop := event.get("messageStop"):
        answer.finish_reason = stop["stopReason"]
    elif about := event.get("metadata"):
        _count(about.get("usage") or {}, answer)


def _whole(got: Any, answer: Answer) -> Stream:
    answer.response_id, answer.finish_reason = got["ResponseMetadata"].get("RequestId"), got.get("stopReason")
    _count(got.get("usage") or {}, answer)
    for place, block in enumerate(got["output"]["message"]["content"]):
        if use := block.get("toolUse"):
            answer.tool(place, use["toolUseId"], use["name"], json.dumps(use["input"]))
        elif "text" in block:
            answer.text += block["text"]
            yield block["text"]


def _count(usage: Any, answer: Answer) -> None:
    read, written = usage.get("cacheReadInputTokens"), usage.get("cacheWriteInputTokens")
    if "inputTokens" in usage:
        answer.input_tokens = usage["inputTokens"] + (read or 0) + (written or 0)
    answer.output_tokens, answer.cache_read = usage.get("outputTokens"), read
