"""What runs beside the chat: grading a sample of answers, and summing chats up for the colleague who takes over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

import spanwise

from .prompts import TEMPLATES

GRADER = "gpt-4o-mini"
SUMMARISER = "claude-haiku-4-5"


class BackOffice:
    """The jobs over both model makers' asynchronous clients; lives as long as one event loop."""

    def __init__(self, openai: AsyncOpenAI, anthropic: AsyncAnthropic) -> None:
        self._openai = openai
        self._anthropic = anthropic

    @spanwise.observe(name="grade_answers", kind="chain")
    async def grade_answers(self, pairs: Sequence[tuple[str, str]]) -> dict[str, int]:
        """Grade several answers at once and return how they did."""
        verdicts = await asyncio.gather(*(self._grade(question, answer) for question, answer in pairs))
        return {"graded": len(verdicts), "passed": sum(verdict["label"] == "pass" for verdict in verdicts)}

    @spanwise.observe(name="grade_answer", kind="evaluator")
    async def _grade(self, question: str, answer: str) -> dict[str, Any]:
        system = spanwise.prompt("judge", TEMPLATES["judge"]["2"], version="2")
        completion = await self._openai.chat.completions.create(
            model=GRADER,
            messages=[
                {"role": "system", "content": system},
                {"role": "user", "content": f"Question:\n{question}\n\nAnswer:\n{answer}"},
            ],
            response_format={"type": "json_object"},
            temperature=0,
        )
        verdict: dict[str, Any] = json.loads(completion.choices[0].message.content or "{}")
        return verdict

    @spanwise.observe(name="summarise_chat", kind="chain")
    async def summarise_chat(self, chat: Sequence[dict[str, Any]], customer: str, user: str) -> str:
        """Return a summary of a chat for the colleague who takes over."""
        system = spanwise.prompt("summary", TEMPLATES["summary"]["1"], version="1", customer=customer)
        transcript = "\n".join(f"{message['role']}: {message['content']}" for message in chat)
        answer = await self._anthropic.messages.create(
            model=SUMMARISER,
            max_tokens=200,
            system=system,
            messages=[{"role": "user", "content": transcript}],
            metadata={"user_id": user},
        )
        return "".join(block.text for block in answer.content if block.type == "text")
