"""Every sort of call of the openai client."""

from __future__ import annotations

import said


def user(content):  # a chat message
    return {"role": "user", "content": content}


def chat(client) -> None:  # any client of the openai family
    """Ask through Chat Completions."""
    ask = client.chat.completions.create
    system = {"role": "system", "content": said.BRIEF}
    ask(model=said.MODEL, messages=[system, user(said.PLAIN)], temperature=0.25, max_tokens=345)
    list(ask(model=said.MODEL, messages=[user(said.STREAMED)], stream=True, stream_options={"include_usage": True}))
    asked = user(said.WEATHER)
    called = ask(model=said.MODEL, messages=[asked], tools=[said.OPENAI_TOOL]).choices[0].message
    made = [{"id": call.id, "type": "function", "function": call.function.model_dump()} for call in called.tool_calls]
    told = {"role": "tool", "tool_call_id": made[0]["id"], "content": said.TOOL_RESULT}
    turns = [asked, {"role": "assistant", "content": None, "tool_calls": made}, told]
    ask(model=said.MODEL, messages=turns, tools=[said.OPENAI_TOOL])
    list(
        ask(
            model=said.MODEL, messages=[asked], tools=[said.OPENAI_TOOL], stream=True,
            stream_options={"include_usage": True},
        )
    )  # fmt: skip
    ask(model=said.MODEL, messages=[user(said.MANUAL)])
    ask(model=said.REASONER, messages=[user(said.PRIMES)])
    picture = [{"type": "text", "text": said.PICTURE}, {"type": "image_url", "image_url": {"url": said.PIXEL_URL}}]
    ask(model=said.MODEL, messages=[user(picture)])
    history = [user(said.FIRST), {"role": "assistant", "content": said.FIRST_ANSWER}, user(said.SECOND)]
    ask(model=said.MODEL, messages=history)
    try:
        ask(model=said.MODEL, messages=[user(said.FAIL)])
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


def responses(client) -> None:  # any client of the openai family
    """Ask through the Responses API."""
    ask = client.responses.create
    ask(model=said.MODEL, instructions=said.BRIEF, input=said.PLAIN, temperature=0.25, max_output_tokens=345)
    list(ask(model=said.MODEL, input=said.STREAMED, stream=True))
    (call,) = ask(model=said.MODEL, input=said.WEATHER, tools=[said.RESPONSES_TOOL]).output
    made = {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments}
    told = {"type": "function_call_output", "call_id": call.call_id, "output": said.TOOL_RESULT}
    ask(model=said.MODEL, input=[user(said.WEATHER), made, told], tools=[said.RESPONSES_TOOL])
    ask(model=said.MODEL, input=said.MANUAL)
    ask(model=said.REASONER, input=said.PRIMES, reasoning={"summary": "auto"})
    picture = [{"type": "input_text", "text": said.PICTURE}, {"type": "input_image", "image_url": said.PIXEL_URL}]
    ask(model=said.MODEL, input=[user(picture)])
    try:
        ask(model=said.MODEL, input=said.FAIL)
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


def embeddings(client) -> None:  # any client of the openai family
    """Ask for vectors, short ones so that what is captured is small."""
    client.embeddings.create(model=said.EMBEDDER, input=list(said.EMBEDDED), dimensions=4)
