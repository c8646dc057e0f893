"""Amazon's client makes every sort of call of Converse: ``python bedrock_calls.py MODULE:INSTRUMENTOR``."""

from __future__ import annotations

import base64
import os
import sys

import said
import tracing
from botocore.config import Config


def user(*blocks):
    return {"role": "user", "content": list(blocks)}


def text(content: str):
    return {"text": content}


def talk(client) -> None:
    """Ask through Converse."""

    def ask(*turns, **more):
        return client.converse(modelId=said.NOVA, messages=list(turns), **more)

    limits = {"temperature": 0.25, "maxTokens": 345}
    ask(user(text(said.PLAIN)), system=[text(said.BRIEF)], inferenceConfig=limits)
    list(client.converse_stream(modelId=said.NOVA, messages=[user(text(said.STREAMED))])["stream"])
    spec = {"name": said.TOOL_NAME, "description": said.TOOL_TEXT, "inputSchema": {"json": said.TOOL_SCHEMA}}
    tools = {"tools": [{"toolSpec": spec}]}
    made = ask(user(text(said.WEATHER)), toolConfig=tools)["output"]["message"]
    told = {"toolUseId": made["content"][0]["toolUse"]["toolUseId"], "content": [text(said.TOOL_RESULT)]}
    ask(user(text(said.WEATHER)), made, user({"toolResult": told}), toolConfig=tools)
    ask(user(text(said.MANUAL)))
    ask(user(text(said.PRIMES)))
    pixel = {"image": {"format": "png", "source": {"bytes": base64.b64decode(said.PIXEL)}}}
    ask(user(text(said.PICTURE), pixel))
    assistant = {"role": "assistant", "content": [text(said.FIRST_ANSWER)]}
    ask(user(text(said.FIRST)), assistant, user(text(said.SECOND)))
    try:
        ask(user(text(said.FAIL)))
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


def main(*instrumentors: str) -> None:
    """Instrument, call, flush."""
    spans, logs = tracing.start(), tracing.start_logs()
    tracing.instrument(*instrumentors)
    import boto3

    talk(
        boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=os.environ["WIRES_URL"],
            aws_access_key_id="fake",
            aws_secret_access_key="fake",
            config=Config(retries={"total_max_attempts": 1}),
        )
    )
    spans.shutdown()
    logs.shutdown()


main(*sys.argv[1:])
