"""Google's older client for Vertex AI makes every sort of call: ``python vertex_calls.py [MODULE:INSTRUMENTOR...]``."""

from __future__ import annotations

import asyncio
import base64
import sys

import grpc
import said
import tracing
import vertex_wire
import vertexai
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform_v1, aiplatform_v1beta1
from vertexai.generative_models import (
    ChatSession,
    Content,
    FunctionDeclaration,
    GenerationConfig,
    GenerativeModel,
    Part,
    Tool,
)
from vertexai.preview import generative_models as preview


def connected(model: GenerativeModel, address: str, service=aiplatform_v1) -> GenerativeModel:
    """Return *model* with its client's gRPC connection to *address*."""
    client = service.PredictionServiceClient
    transport = client.get_transport_class("grpc")(channel=grpc.insecure_channel(address))
    # The newest keeps its client under one of these names, the oldest under the other.
    model.__dict__["_prediction_client"] = model._prediction_client_value = client(transport=transport)
    return model


def connected_async(model: GenerativeModel, address: str) -> GenerativeModel:
    """Return the same for coroutines; the connection belongs to the loop that runs."""
    client = aiplatform_v1.PredictionServiceAsyncClient
    transport = client.get_transport_class("grpc_asyncio")(channel=grpc.aio.insecure_channel(address))
    model.__dict__["_prediction_async_client"] = model._prediction_async_client_value = client(transport=transport)
    return model


def talk(address: str) -> None:
    """Ask for whole answers and streams, alone and in chats."""
    config = GenerationConfig(temperature=0.25, max_output_tokens=345)
    brief = connected(GenerativeModel(said.GEMINI, system_instruction=said.BRIEF), address)
    brief.generate_content(said.PLAIN, generation_config=config)
    plain = connected(GenerativeModel(said.GEMINI), address)
    list(plain.generate_content(said.STREAMED, stream=True))
    declared = FunctionDeclaration(name=said.TOOL_NAME, description=said.TOOL_TEXT, parameters=said.TOOL_SCHEMA)
    tools = [Tool(function_declarations=[declared])]
    made = plain.generate_content(said.WEATHER, tools=tools).candidates[0].content
    told = Part.from_function_response(name=said.TOOL_NAME, response={"result": said.TOOL_RESULT})
    asked = Content(role="user", parts=[Part.from_text(said.WEATHER)])
    plain.generate_content([asked, made, Content(role="user", parts=[told])], tools=tools)
    plain.generate_content(said.MANUAL)
    pixel = Part.from_data(data=base64.b64decode(said.PIXEL), mime_type="image/png")
    plain.generate_content([Part.from_text(said.PICTURE), pixel])
    chat = ChatSession(plain)
    chat.send_message(said.FIRST)
    list(chat.send_message(said.SECOND, stream=True))
    new = connected(preview.GenerativeModel(said.GEMINI), address, aiplatform_v1beta1)
    new.generate_content(said.PRIMES)
    try:
        plain.generate_content(said.FAIL)
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


def hand_in(address: str) -> None:
    """Hand work in to be done later, in the way that ``vertexai.batch_prediction`` does it."""
    client = aiplatform_v1.JobServiceClient
    transport = client.get_transport_class("grpc")(channel=grpc.insecure_channel(address))
    job = aiplatform_v1.BatchPredictionJob(display_name="b", model=f"publishers/google/models/{said.GEMINI}")
    client(transport=transport).create_batch_prediction_job(parent="projects/p/locations/l", batch_prediction_job=job)


async def talk_async(address: str) -> None:
    """Ask two of it, beside a loop's other work."""
    made = connected_async(GenerativeModel(said.GEMINI), address)
    await made.generate_content_async(said.PLAIN)
    async for _ in await made.generate_content_async(said.STREAMED, stream=True):
        pass


def main(*instrumentors: str) -> None:
    """Serve, instrument by those that are named, call."""
    spans = tracing.start() if instrumentors else None
    tracing.instrument(*instrumentors)
    vertexai.init(project="p", location="us-central1", credentials=AnonymousCredentials())
    server, address = vertex_wire.serve(
        aiplatform_v1.GenerateContentRequest.pb(), aiplatform_v1.GenerateContentResponse.pb()
    )
    talk(address)
    hand_in(address)
    asyncio.run(talk_async(address))
    server.stop(None)
    if spans is not None:
        spans.shutdown()


main(*sys.argv[1:])
