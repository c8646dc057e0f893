"""What the scripted models answer: they are told the conversation beforehand and find their line from the request."""

from __future__ import annotations

import json
import random
import threading
from dataclasses import dataclass, field
from typing import Any, Literal

from fake_provider import Answer, Request, ToolCall

from .prompts import OPENINGS

Mishap = Literal["", "slow", "rate_limited", "refused", "timeout", "payments_down", "bad_json", "overloaded"]
FALLBACK_MODEL = "gpt-4o-mini"
#: A model that says nothing for so long is given up by the app.
GIVEN_UP_S = 3.0
PAYMENTS_ARE_DOWN = (
    "I could not reach our payment system just now, so nothing has been refunded yet. I have noted your order for the "
    "payments team, who will refund what is owed and write to you today."
)


@dataclass(slots=True)
class Cue:
    """One turn as it is to go, with everything filled in."""

    says: str
    answer: str
    intent: str
    calls: tuple[ToolCall, ...] = ()
    thought: str | None = None
    poor: bool = False
    """Whether the answer is one that a grader should fail."""
    mishap: Mishap = ""
    tries: int = 0
    """How often the main model was asked so far, for mishaps that end after some tries."""


@dataclass(slots=True)
class Script:
    """The turns to come, by user and message."""

    seed: int = 7
    _cues: dict[tuple[str, str], Cue] = field(default_factory=dict)
    _summaries: dict[str, str] = field(default_factory=dict)
    _poor: set[str] = field(default_factory=set)
    _random: random.Random = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def expect(self, user: str, cue: Cue) -> None:
        """Know what to answer when *user* says what the cue says."""
        self._cues[user, cue.says] = cue
        if cue.poor:
            self._poor.add(cue.answer)

    def expect_summary(self, user: str, text: str) -> None:
        """Know how the chat of *user* is to be summarised."""
        self._summaries[user] = text

    def answer(self, request: Request) -> Answer:
        """Return what the model asked by *request* says, as fast as such models are."""
        if request.api == "embeddings":
            return Answer(delay_s=self._between(0.03, 0.09))
        task = _task(request)
        if task == "judge":
            return self._verdict(request)
        if task == "summary":
            return Answer(self._summaries.get(_user(request), "Nothing is open."), delay_s=self._between(0.5, 1.2))
        return self._turn(task, request)

    def _turn(self, task: str, request: Request) -> Answer:
        cue = self._cues.get((_user(request), request.text))
        if cue is None:
            return Answer(status=400, error=f"The script has no line for {request.text[:60]!r}.")
        if task == "intent":
            return self._intent(cue)
        if task == "language":
            return Answer(_language(cue.answer), delay_s=self._between(0.1, 0.2))
        return self._mishap(request, cue) or self._line(request, cue)

    def _intent(self, cue: Cue) -> Answer:
        said = json.dumps({"intent": cue.intent, "confidence": round(self._between(0.71, 0.99), 2)})
        return Answer(said[:14] if cue.mishap == "bad_json" else said, delay_s=self._between(0.1, 0.28))

    def _verdict(self, request: Request) -> Answer:
        failed = request.text.rpartition("Answer:\n")[2] in self._poor
        why = "says what no article supports" if failed else "supported and to the point"
        score = self._between(0.1, 0.45) if failed else self._between(0.8, 1.0)
        said = json.dumps({"label": "fail" if failed else "pass", "score": round(score, 2), "why": why})
        return Answer(said, delay_s=self._between(0.25, 0.6))

    def _mishap(self, request: Request, cue: Cue) -> Answer | None:
        cue.tries += 1
        main = request.model != FALLBACK_MODEL
        if cue.mishap == "refused" or (cue.mishap == "rate_limited" and main):
            limit = f"Rate limit reached for {request.model} on tokens per min (TPM): Limit 30000, Used 29641."
            return Answer(status=429, error=limit, retry_after_s=0.3, delay_s=0.05)
        if cue.mishap == "overloaded" and cue.tries == 1:
            return Answer(status=529, error="Overloaded", retry_after_s=0.4, delay_s=0.1)
        if cue.mishap == "timeout" and main:
            return Answer(delay_s=GIVEN_UP_S + 0.5)
        return None

    def _line(self, request: Request, cue: Cue) -> Answer:
        results = _results(request)
        offered = bool(request.tools)
        failed = bool(results) and '"error"' in results[-1]
        calls = () if failed or not offered else cue.calls[len(results) : len(results) + 1]
        text = "" if calls else cue.answer
        if failed and not cue.poor:
            text = PAYMENTS_ARE_DOWN
        slow = cue.mishap == "slow" and not calls
        pace = self._between(0.013, 0.027) * (8 if slow else 1)
        first = self._between(0.15, 0.5) + (2.0 if slow else 0.0)
        cached = _cached(request)
        return Answer(
            text,
            tool_calls=calls,
            reasoning=cue.thought if cue.thought and not results else None,
            cache_read=cached,
            delay_s=first if request.stream else first + pace * len(text) / 18,
            chunk_delay_s=pace,
        )

    def _between(self, low: float, high: float) -> float:
        with self._lock:
            return self._random.uniform(low, high)


def _task(request: Request) -> str:
    system = request.body.get("instructions") or request.body.get("system") or ""
    if isinstance(system, list):
        system = system[0]["text"]
    if not system and request.messages and request.messages[0]["role"] in ("system", "developer"):
        system = request.messages[0]["content"]
    return next((task for opening, task in OPENINGS.items() if system.startswith(opening)), "")


def _user(request: Request) -> str:
    metadata: dict[str, Any] = request.body.get("metadata") or {}
    return str(request.body.get("user") or request.body.get("safety_identifier") or metadata.get("user_id") or "")


def _results(request: Request) -> list[str]:
    """Return the results of the tools called since the user last spoke."""
    found: list[str] = []
    for message in request.messages:
        content = message.get("content")
        if message.get("role") == "tool":
            found.append(str(content))
        elif isinstance(content, list) and any(part.get("type") == "tool_result" for part in content):
            found += [str(part.get("content")) for part in content if part.get("type") == "tool_result"]
        elif message.get("role") == "user":
            found = []
    return found


def _cached(request: Request) -> int:
    """Return how many tokens of a long conversation come from the provider's cache, in steps of 128."""
    length = sum(len(json.dumps(message)) for message in request.messages[:-1]) // 4
    return length // 128 * 128 if length >= 512 else 0


def _language(text: str) -> str:
    marks = {"de": ("ß", "ü", "Ja,", "größe"), "es": ("Sí", "ñ"), "fr": ("é", "â", "Il ")}
    return next((name for name, signs in marks.items() if any(sign in text for sign in signs)), "en")
