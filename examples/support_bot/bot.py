"""The assistant itself: guard, sort, look up, answer with tools; written as any app would be, and observed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anthropic import Anthropic
from openai import APITimeoutError, OpenAI, RateLimitError
from openai.types.chat import ChatCompletionChunk

import spanwise

from .guards import BLOCKED, check_message, check_reply, looks_english
from .knowledge import Knowledge, rerank
from .prompts import TEMPLATES
from .tools import Tools, for_anthropic, for_openai

SHOP = "Norhaven"
INTENTS = (
    "order_status, order_change, shipping, returns, refund, warranty, product, care, offers, account, complaint, other"
)
SMALL = "gpt-4o-mini"
LOCAL = "qwen2.5-7b-instruct"
REFUNDS = "claude-sonnet-4-5"
MOST_STEPS = 6
Messages = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Customer:
    """Who writes."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """Which prompts and which model serve a request."""

    support: str = "7"
    refund: str = "3"
    model: str = "gpt-4o"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the chat window gets: the text, and the trace that a thumb pressed on it will speak of."""

    text: str
    trace_id: str


@dataclass(frozen=True, slots=True)
class Clients:
    """The model makers' own clients."""

    openai: OpenAI
    anthropic: Anthropic
    local: OpenAI
    """A model served in the shop's own rack, which speaks OpenAI's format."""


class SupportBot:
    """Answers customers of the shop."""

    def __init__(self, clients: Clients, knowledge: Knowledge, tools: Tools) -> None:
        self._clients = clients
        self._knowledge = knowledge
        self._tools = tools

    def answer(self, message: str, history: Messages, customer: Customer, rollout: Rollout, today: datetime) -> Reply:
        """Return the reply to *message*, which follows *history*."""
        with spanwise.span("answer_customer", kind="agent") as span:
            span.set_input(message)
            suspicious = check_message(message)["suspicious"]
            if not looks_english(message):
                self._name_language(message, customer)
            intent = self._sort(message, customer)
            query = f"{history[-2]['content']} {message}" if history else message
            documents = self._knowledge.search(query, customer.id)
            if intent in ("product", "care"):
                documents = rerank(query, documents)
            facts = {
                "shop": SHOP,
                "articles": "\n".join(f"- {d['title']}: {d['content']}" for d in documents),
                "customer": customer.name,
                "today": today.date().isoformat(),
            }
            messages = [*history, {"role": "user", "content": message}]
            if intent == "refund":
                reply = self._settle_refund(messages, facts, customer, rollout)
            else:
                reply = self._chat(messages, facts, customer, rollout, with_tools=not suspicious)
            if not check_reply(reply)["allowed"]:
                reply = BLOCKED
            span.set_output(reply)
            return Reply(reply, span.trace_id)

    def answer_email(self, text: str, customer: Customer, today: datetime) -> Reply:
        """Return a draft of the reply to an email, for a colleague to send."""
        with spanwise.span("draft_email", kind="chain") as span:
            span.set_input(text)
            documents = self._knowledge.search(text, customer.id)
            number = re.search(r"\b\d{5}\b", text)
            facts = [f"{d['title']}: {d['content']}" for d in documents]
            if number:
                facts.append(json.dumps(self._tools.call("lookup_order", {"order": int(number[0])})))
            system = spanwise.prompt("email", TEMPLATES["email"]["1"], version="1", shop=SHOP)
            notes = f"Today is {today.date().isoformat()}. What we know:\n" + "\n".join(facts)
            response = self._clients.openai.responses.create(
                model="gpt-4o",
                instructions=system,
                input=[{"role": "developer", "content": notes}, {"role": "user", "content": text}],
                safety_identifier=customer.id,
                temperature=0.4,
            )
            span.set_output(response.output_text)
            return Reply(response.output_text, span.trace_id)

    @spanwise.observe(name="classify_intent", kind="chain")
    def _sort(self, message: str, customer: Customer) -> str:
        system = spanwise.prompt("intent", TEMPLATES["intent"]["4"], version="4", intents=INTENTS)
        completion = self._clients.openai.chat.completions.create(
            model=SMALL,
            messages=[{"role": "system", "content": system}, {"role": "user", "content": message}],
            response_format={"type": "json_object"},
            temperature=0,
            user=customer.id,
        )
        said = completion.choices[0].message.content or ""
        try:
            return str(json.loads(said)["intent"])
        except json.JSONDecodeError as error:
            raise ValueError(f"the intent is not JSON: {said!r}") from error

    def _name_language(self, message: str, customer: Customer) -> str:
        system = spanwise.prompt("language", TEMPLATES["language"]["1"], version="1")
        completion = self._clients.local.chat.completions.create(
            model=LOCAL,
            messages=[{"role": "system", "content": system}, {"role": "user", "content": message}],
            max_tokens=4,
            user=customer.id,
        )
        return completion.choices[0].message.content or "en"

    def _chat(
        self, messages: Messages, facts: dict[str, str], customer: Customer, rollout: Rollout, *, with_tools: bool
    ) -> str:
        """Return the chat model's answer, from a smaller model where the large one has no capacity left."""
        template = TEMPLATES["support"][rollout.support]
        system = spanwise.prompt("support", template, version=rollout.support, variables=facts)
        whole: Messages = [{"role": "system", "content": system}, *messages]
        tools = for_openai() if with_tools else []
        try:
            return self._chat_with(rollout.model, whole, tools, customer)
        except (RateLimitError, APITimeoutError):
            if rollout.model == SMALL:
                raise
            return self._chat_with(SMALL, whole, tools, customer)

    def _chat_with(self, model: str, messages: Messages, tools: Messages, customer: Customer) -> str:
        messages = list(messages)
        offered: dict[str, Any] = {"tools": tools} if tools else {}
        for _ in range(MOST_STEPS):
            stream = self._clients.openai.chat.completions.create(
                model=model,
                messages=messages,
                stream=True,
                temperature=0.3,
                user=customer.id,
                **offered,
            )
            text, calls = gather(stream)
            if not calls:
                return text
            wanted = [
                {"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": c["arguments"]}}
                for c in calls
            ]
            messages.append({"role": "assistant", "content": text or None, "tool_calls": wanted})
            for call in calls:
                result = self._tools.call(call["name"], json.loads(call["arguments"]))
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": json.dumps(result)})
        raise RuntimeError(f"no answer after {MOST_STEPS} steps")

    @spanwise.observe(name="settle_refund", kind="agent")
    def _settle_refund(self, messages: Messages, facts: dict[str, str], customer: Customer, rollout: Rollout) -> str:
        """Return the refund model's answer; it may list charges, refund, and hand over."""
        template = TEMPLATES["refund"][rollout.refund]
        system = spanwise.prompt("refund", template, version=rollout.refund, variables=facts)
        messages = list(messages)
        for _ in range(MOST_STEPS):
            with self._clients.anthropic.messages.stream(
                model=REFUNDS,
                max_tokens=1_024,
                thinking={"type": "enabled", "budget_tokens": 1_024},
                system=system,
                messages=messages,
                tools=for_anthropic("lookup_order", "list_charges", "create_refund", "hand_over"),
                metadata={"user_id": customer.id},
            ) as stream:
                answer = stream.get_final_message()
            calls = [block for block in answer.content if block.type == "tool_use"]
            if not calls:
                return "".join(block.text for block in answer.content if block.type == "text")
            messages.append({"role": "assistant", "content": [block.to_dict() for block in answer.content]})
            results = [
                {
                    "type": "tool_result",
                    "tool_use_id": call.id,
                    "content": json.dumps(self._tools.call(call.name, dict(call.input))),
                }
                for call in calls
            ]
            messages.append({"role": "user", "content": results})
        raise RuntimeError(f"no answer after {MOST_STEPS} steps")


def gather(stream: Iterable[ChatCompletionChunk]) -> tuple[str, list[dict[str, str]]]:
    """Return the text and the tool calls that the chunks of *stream* make up."""
    text = ""
    calls: dict[int, dict[str, str]] = {}
    for chunk in stream:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            for part in choice.delta.tool_calls or ():
                call = calls.setdefault(part.index, {"id": "", "name": "", "arguments": ""})
                call["id"] = part.id or call["id"]
                if part.function is not None:
                    call["name"] += part.function.name or ""
                    call["arguments"] += part.function.arguments or ""
    return text, [calls[index] for index in sorted(calls)]
