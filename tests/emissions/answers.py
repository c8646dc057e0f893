"""What the fake provider answers to each question: counts are numbers that nothing else in a span equals."""

from __future__ import annotations

from typing import Final

from fake_provider import Answer, Request, ToolCall

from .scenarios import said

ANSWERS: Final = {
    said.PLAIN: Answer("Oslo is the capital of Norway.", input_tokens=10_013, output_tokens=1_117),
    said.STREAMED: Answer("The sea is wide and deep and cold.", input_tokens=10_021, output_tokens=1_129),
    said.WEATHER: Answer(
        tool_calls=(ToolCall(said.TOOL_NAME, {"city": "Oslo"}),), input_tokens=10_031, output_tokens=1_139,
    ),
    said.MANUAL: Answer(
        "It says to keep it dry.", input_tokens=10_043, output_tokens=1_151, cache_read=6_113, cache_write=2_129,
    ),
    said.PRIMES: Answer(
        "There are eight.", reasoning="Two, three, five, seven and four more.", input_tokens=10_051,
        output_tokens=1_163, reasoning_tokens=617,
    ),
    said.PICTURE: Answer("A single dot.", input_tokens=10_061, output_tokens=1_171),
    said.FAIL: Answer(status=429, error="Slow down, please."),
    said.FIRST: Answer(said.FIRST_ANSWER, input_tokens=10_067, output_tokens=1_181),
    said.SECOND: Answer("You are Ada.", input_tokens=10_079, output_tokens=1_187),
    said.RIVER: Answer(
        "[[ ## answer ## ]]\nThe Seine.\n\n[[ ## completed ## ]]", input_tokens=10_111, output_tokens=1_213
    ),  # as DSPy asks for it
    said.INSTRUCTED: Answer(
        tool_calls=(ToolCall("Weather", {"city": "Oslo"}),), input_tokens=10_133, output_tokens=1_217
    ),
}  # fmt: skip
AFTER_TOOL: Final = Answer("It rains in Oslo.", input_tokens=10_091, output_tokens=1_193)
#: For a model that has to write down which tool it wants, as agents of the ReAct kind ask for it.
WRITTEN: Final = Answer(
    f'Thought: I have to look.\nAction: {said.TOOL_NAME}\nAction Input: {{"city": "Oslo"}}', input_tokens=10_151,
    output_tokens=1_223,
)  # fmt: skip
READ: Final = Answer(
    "Thought: I know it now.\nFinal Answer: It rains in Oslo.", input_tokens=10_159, output_tokens=1_229
)
EMBEDDING: Final = Answer(input_tokens=10_099)


def answer(request: Request) -> Answer:
    """Return what the provider says to *request*."""
    if request.api == "embeddings":
        return EMBEDDING
    if request.answers_tool:
        return AFTER_TOOL
    if "Action Input:" in str(request.messages):
        return READ if said.TOOL_RESULT in str(request.messages) else WRITTEN
    for question, answered in ANSWERS.items():
        if question in request.text:
            return answered
    return Answer("I have nothing to say.", input_tokens=10_103, output_tokens=1_201)
