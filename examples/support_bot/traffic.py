"""Lets the sessions of a plan take place: each one's turns one after the other, many sessions at once."""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from anthropic import AnthropicError, AsyncAnthropic
from openai import AsyncOpenAI, OpenAIError

import spanwise

from .bot import Reply, SupportBot
from .clock import Clock
from .jobs import BackOffice
from .knowledge import Knowledge
from .plan import Session
from .rehearsal import place_order, rehearse
from .script import Cue, Script
from .shop import Shop

AT_ONCE = 36
GRADED = 0.2
HELP_PAGES = ("shipping.md", "returns.md", "refunds.md", "warranty.md", "care.md", "product.md", "offers.md")
GRUMBLES = ("That is not what I asked.", "This is wrong, I checked.", "Too vague.", None, None)
PRAISE = ("Quick and clear.", "Solved it!", None, None, None)


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that a session needs to take place."""

    bot: SupportBot
    script: Script
    shop: Shop
    clock: Clock
    knowledge: Knowledge
    openai_url: str
    anthropic_url: str

    def play(self, sessions: list[Session], now: datetime) -> None:
        """Let the nightly indexing and every session take place; the longest begin first."""
        longest_first = sorted(sessions, key=lambda session: -len(session.conversation.turns))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            nights = pool.map(self._index, HELP_PAGES, (now - timedelta(days=n, hours=2) for n in range(7)))
            list(pool.map(self._converse, longest_first))
            list(nights)

    def _index(self, page: str, at: datetime) -> None:
        request = f"index-{page}"
        self.clock.set_back(request, at)
        with spanwise.context(tags=["job"], metadata={"request": request}, environment="prod"):
            self.knowledge.index(page)

    def _converse(self, session: Session) -> None:
        draw = random.Random(session.seed)
        order = place_order(self.shop, session)
        at = session.began
        chat: list[dict[str, Any]] = []
        turns = session.conversation.turns
        unlucky = draw.randrange(len(turns))
        for number, turn in enumerate(turns):
            mishap = session.mishap if number == unlucky else ""
            cue = rehearse(turn, session, order, mishap, draw)
            self.script.expect(session.customer.id, cue)
            reply = self._answer(session, number, cue, chat, at)
            if reply is None:
                break
            self._rate(cue, reply, session, draw)
            chat += [{"role": "user", "content": cue.says}, {"role": "assistant", "content": reply.text}]
            at += timedelta(seconds=draw.uniform(35, 150))
        if chat:
            self._afterwards(session, chat, at, graded=session.environment == "prod" and draw.random() < GRADED)

    def _answer(
        self, session: Session, number: int, cue: Cue, chat: list[dict[str, Any]], at: datetime
    ) -> Reply | None:
        """Return the reply, or ``None`` where the chat window had to say "please try again later"."""
        story = session.conversation
        request = f"{session.id}-{number}"
        self.clock.set_back(request, at)
        context = spanwise.context(
            session_id=session.id,
            user_id=session.customer.id,
            tags=[story.channel, "beta"] if session.environment == "staging" else [story.channel],
            metadata={"request": request, "language": story.language},
            environment=session.environment,
        )
        try:
            with context:
                if story.channel == "email":
                    return self.bot.answer_email(cue.says, session.customer, at)
                return self.bot.answer(cue.says, chat, session.customer, session.rollout, at)
        except (OpenAIError, AnthropicError, ValueError):
            return None

    def _rate(self, cue: Cue, reply: Reply, session: Session, draw: random.Random) -> None:
        """Let some customers press a thumb, mostly the right one."""
        if session.environment == "dev" or draw.random() > (0.45 if cue.poor else 0.2):
            return
        up = draw.random() < (0.08 if cue.poor else 0.9)
        spanwise.annotate(
            name="thumbs",
            label="up" if up else "down",
            score=1.0 if up else 0.0,
            explanation=draw.choice(PRAISE if up else GRUMBLES),
            trace_id=reply.trace_id,
            annotator_id=session.customer.id,
        )

    def _afterwards(self, session: Session, chat: list[dict[str, Any]], at: datetime, *, graded: bool) -> None:
        """Sum the chat up where a colleague takes over, and grade the answers of some."""
        summary = session.conversation.handover
        request = f"{session.id}-after"
        self.clock.set_back(request, at)
        if summary is None and not graded:
            return
        context = spanwise.context(
            session_id=session.id, tags=["job"], metadata={"request": request}, environment=session.environment
        )
        with context:
            asyncio.run(self._jobs(session, chat, summary, graded=graded))

    async def _jobs(self, session: Session, chat: list[dict[str, Any]], summary: str | None, *, graded: bool) -> None:
        async with (
            AsyncOpenAI(base_url=self.openai_url, api_key="sk-demo") as openai,
            AsyncAnthropic(base_url=self.anthropic_url, api_key="sk-demo") as anthropic,
        ):
            office = BackOffice(openai, anthropic)
            if summary is not None:
                self.script.expect_summary(session.customer.id, summary)
                await office.summarise_chat(chat, session.customer.name, session.customer.id)
            if graded:
                said = [message["content"] for message in chat]
                await office.grade_answers(list(zip(said[::2], said[1::2], strict=True)))
