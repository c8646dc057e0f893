"""Who wrote when about what in the last days, and what went wrong: drawn once from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import cycle

from .bot import Customer, Rollout
from .conversations import CONVERSATIONS, Conversation
from .script import Mishap

DAYS = 7
SESSIONS = 150
#: How busy each hour of the day is; people shop at lunch and in the evening.
HOURS = (2, 1, 1, 1, 1, 2, 4, 7, 10, 12, 13, 13, 14, 12, 11, 11, 12, 13, 15, 17, 18, 14, 9, 4)
#: Mishap -> how many of a hundred sessions it befalls, and of twenty in which money is to be sent back. They are dealt
#: like cards: whatever the hour, each comes up.
MISHAPS: dict[Mishap, int] = {"slow": 5, "rate_limited": 3, "refused": 2, "timeout": 2, "bad_json": 2}
REFUND_MISHAPS: dict[Mishap, int] = {"payments_down": 3, "overloaded": 1}
#: What befalls only the large model: the app then falls back to the small one.
_OF_LARGE_MODEL: frozenset[Mishap] = frozenset({"rate_limited", "timeout"})
CUSTOMERS = tuple(
    Customer(f"{name.split()[0].lower()}-{n:02d}", name)
    for n, name in enumerate(
        (
            "Priya Nair", "Tomás Herrera", "Amara Okafor", "Jonas Lindqvist", "Mireille Dubois", "Hannes Gruber",
            "Sofia Rossi", "Kenji Watanabe", "Olga Petrova", "Liam Byrne", "Ingrid Solberg", "Mateusz Zieliński",
            "Leila Haddad", "Dominik Bauer", "Freya Andersen", "Carlos Mendes", "Anouk de Vries", "Noah Fischer",
            "Zeynep Kaya", "Emily Clarke", "Rasmus Holm", "Chiara Conti", "Viktor Horvath", "Nadia Benali",
            "Oscar Nyström", "Julia Weber", "Pablo Ortega", "Aino Virtanen", "Samuel Adeyemi", "Elin Berg",
            "Marta Kowalska", "Theo Laurent", "Ravi Shah", "Hana Novak", "Ben Marsh", "Clara Hoffmann",
        ),
        start=1,
    )
)  # fmt: skip
_LANGUAGES = {
    "de": ("Dominik Bauer", "Julia Weber", "Noah Fischer"),
    "es": ("Tomás Herrera", "Pablo Ortega"),
    "fr": ("Mireille Dubois", "Theo Laurent"),
}


@dataclass(frozen=True, slots=True)
class Session:
    """One conversation as it takes place."""

    id: str
    conversation: Conversation
    customer: Customer
    began: datetime
    environment: str
    rollout: Rollout
    mishap: Mishap
    seed: int
    """For what is drawn while it takes place."""


def sessions(now: datetime, *, count: int = SESSIONS, days: int = DAYS, seed: int = 7) -> list[Session]:
    """Return *count* sessions of the last *days* days, newest first; the newest is some minutes old."""
    clock = random.Random(seed)
    times = sorted((_moment(clock, now, days) for _ in range(count)), reverse=True)
    topics = _each_in_turn(random.Random(seed))
    mishaps, refund_mishaps = _dealt(MISHAPS, 100, seed), _dealt(REFUND_MISHAPS, 20, seed)
    planned = []
    for number, began in enumerate(times):
        topic = next(topics)
        refund = any(turn.intent == "refund" and turn.calls for turn in topic.turns)
        draw = random.Random(f"{seed}.{number}")  # of its own: what happens is the same at whatever hour it is run
        planned.append(_session(draw, topic, began, now, number, next(refund_mishaps if refund else mishaps)))
    return planned


def _dealt(counts: dict[Mishap, int], size: int, seed: int) -> Iterator[Mishap]:
    """Yield mishaps for ever: of every *size* in a row each comes as often as it should, most are none."""
    cards: list[Mishap] = [mishap for mishap, count in counts.items() for _ in range(count)]
    cards += [""] * (size - len(cards))
    random.Random(seed).shuffle(cards)
    return cycle(cards)


def _session(
    draw: random.Random, conversation: Conversation, began: datetime, now: datetime, number: int, mishap: Mishap
) -> Session:
    environment = draw.choices(("prod", "staging", "dev"), (82, 13, 5))[0]
    names = _LANGUAGES.get(conversation.language)
    customer = draw.choice([c for c in CUSTOMERS if names is None or c.name in names])
    rollout = _rollout(draw, environment, now - began)
    if mishap in _OF_LARGE_MODEL:
        rollout = replace(rollout, model="gpt-4o")
    return Session(
        id=f"s_{draw.getrandbits(32):08x}",
        conversation=conversation,
        customer=customer,
        began=began,
        environment=environment,
        rollout=rollout,
        mishap=mishap,
        seed=number,
    )


def _rollout(draw: random.Random, environment: str, ago: timedelta) -> Rollout:
    """Return what was live: support@7 came to staging first, to production three days ago, and @5 left a week ago."""
    if environment == "prod" and ago > timedelta(days=3):
        support = "5" if ago > timedelta(days=6) else "6"
    elif environment == "prod":
        support = draw.choices(("7", "6"), (85, 15))[0]
    else:
        support = "7"
    refund = "2" if ago > timedelta(days=4, hours=6) and environment == "prod" else "3"
    return Rollout(support, refund, draw.choices(("gpt-4o", "gpt-4o-mini"), (65, 35))[0])


def _each_in_turn(draw: random.Random) -> Iterator[Conversation]:
    while True:
        yield from draw.sample(CONVERSATIONS, len(CONVERSATIONS))


def _moment(draw: random.Random, now: datetime, days: int) -> datetime:
    """Return a moment of the last *days* days: at an hour when people write, rarer at weekends and long ago."""
    while True:
        moment = now - timedelta(minutes=12) - timedelta(days=days) * draw.random() ** 1.1
        weight = HOURS[moment.hour] * (0.65 if moment.weekday() >= 5 else 1.0)
        if draw.random() * max(HOURS) < weight:
            return moment
