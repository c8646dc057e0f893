"""Every sort of call of the anthropic client."""

from __future__ import annotations

import said


def user(content):  # a message
    return {"role": "user", "content": content}


def messages(client, *, helper=True) -> None:  # any client of the anthropic family
    """Ask through the Messages API; also with the *helper* for streams, which not every instrumentation knows."""

    def ask(*turns, **more):  # a message comes back, or a stream
        return client.messages.create(**{"model": said.CLAUDE, "max_tokens": 345, "messages": list(turns), **more})

    ask(user(said.PLAIN), system=said.BRIEF)
    list(ask(user(said.STREAMED), stream=True))
    if helper:
        with client.messages.stream(model=said.CLAUDE, max_tokens=345, messages=[user(said.STREAMED)]) as stream:
            stream.get_final_message()
    asked = user(said.WEATHER)
    (call,) = ask(asked, tools=[said.ANTHROPIC_TOOL]).content
    made = {"type": "tool_use", "id": call.id, "name": call.name, "input": call.input}
    told = {"type": "tool_result", "tool_use_id": call.id, "content": said.TOOL_RESULT}
    ask(asked, {"role": "assistant", "content": [made]}, user([told]), tools=[said.ANTHROPIC_TOOL])
    list(ask(asked, tools=[said.ANTHROPIC_TOOL], stream=True))
    ask(user(said.MANUAL))
    list(ask(user(said.MANUAL), stream=True))
    ask(user(said.PRIMES), max_tokens=2345, thinking={"type": "enabled", "budget_tokens": 1024})
    source = {"type": "base64", "media_type": "image/png", "data": said.PIXEL}
    ask(user([{"type": "text", "text": said.PICTURE}, {"type": "image", "source": source}]))
    ask(user(said.FIRST), {"role": "assistant", "content": said.FIRST_ANSWER}, user(said.SECOND))
    try:
        ask(user(said.FAIL))
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)
