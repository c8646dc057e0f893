"""A model call as a transcript: who said what, which tool answered, and what is new since the call before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..query.numbers import whole
from ..record import Record
from .message_parts import Answer, Call, Links, Message, Part, parts_of, plain, show

SYSTEM_ROLES: Final = frozenset({"system", "developer"})
_ROLES: Final = {"system": "System", "developer": "Developer", "user": "User", "assistant": "Assistant", "tool": "Tool"}
_FOLD_FROM: Final = 2
_LOOK_BACK: Final = 60


@dataclass(frozen=True, slots=True)
class Turn:
    """One message."""

    role: str
    who: str
    parts: tuple[Part, ...]
    at: str
    out: bool
    note: str
    preview: str
    characters: int

    @property
    def only_calls(self) -> bool:
        """Whether it says nothing beside calling tools."""
        return bool(self.parts) and all(isinstance(part, Call | Answer) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Earlier:
    """Messages that stood in an earlier call of this trace already."""

    turns: tuple[Turn, ...]
    name: str
    span_id: str
    preview: str
    characters: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """A model call laid out for reading."""

    system: tuple[Turn, ...]
    before: tuple[Turn, ...]
    """Repeated messages that are shown all the same: the question the conversation began with."""
    earlier: Earlier | None
    seam: str | None
    """Name of the earlier call that everything below is new since."""
    new: tuple[Turn, ...]

    @property
    def count(self) -> int:
        """How many messages there are."""
        folded = len(self.earlier.turns) if self.earlier else 0
        return len(self.system) + len(self.before) + folded + len(self.new)


def transcript(record: Record, records: Sequence[Record]) -> Transcript:
    """Return the messages of *record*, read beside the other spans of its trace."""
    asked, answered = record.reading.input_messages or (), record.reading.output_messages or ()
    links = Links(asked, answered, records, record.project)
    first = _leading_system(asked)
    previous, common = _previous(record, records)
    turns = [turn for n, m in enumerate(asked) if (turn := _turn(m, f"input.{n}", links, out=False)) is not None]
    replies = [turn for n, m in enumerate(answered) if (turn := _turn(m, f"output.{n}", links, out=True)) is not None]
    system = tuple(turn for turn in turns if _index(turn) < first)
    repeated = [turn for turn in turns if first <= _index(turn) < common]
    fresh = tuple(turn for turn in turns if _index(turn) >= max(common, first)) + tuple(replies)
    if previous is None or not repeated:
        return Transcript(system, (), None, None, tuple(repeated) + fresh)
    shown, folded = tuple(repeated[:1]), repeated[1:]
    if len(folded) < _FOLD_FROM:
        return Transcript(system, tuple(repeated), None, previous.name, fresh)
    return Transcript(system, shown, _earlier(folded, previous), previous.name, fresh)


def text_at(record: Record, at: str) -> str | None:
    """Return the whole text that *at* names: ``input.2`` a message, ``output.0.1`` a part of one; ``None`` if none."""
    pieces = at.split(".")
    messages = {"input": record.reading.input_messages, "output": record.reading.output_messages}.get(pieces[0])
    if not messages or not 2 <= len(pieces) <= 3:
        return None
    numbers = [number for piece in pieces[1:] if (number := whole(piece)) is not None]
    if len(numbers) < len(pieces) - 1 or numbers[0] >= len(messages):
        return None
    parts = parts_of(messages[numbers[0]])
    if len(numbers) == 1:
        return "\n\n".join(plain(part) for part in parts)
    return plain(parts[numbers[1]]) if numbers[1] < len(parts) else None


def _index(turn: Turn) -> int:
    return int(turn.at.split(".")[1])


def _leading_system(messages: Sequence[Message]) -> int:
    return next((n for n, message in enumerate(messages) if message.get("role") not in SYSTEM_ROLES), len(messages))


def _turn(message: Message, at: str, links: Links, *, out: bool) -> Turn | None:
    """Return one message, or ``None`` where all of it stands in the cards of the calls it answers."""
    role = str(message.get("role") or ("assistant" if out else "user"))
    raw = parts_of(message)
    kept = [
        (n, part)
        for n, part in enumerate(raw)
        if not (part.get("type") == "tool_call_response" and part.get("id") in links.called)
    ]
    if raw and not kept:
        return None
    parts = tuple(show(part, f"{at}.{n}", links) for n, part in kept)
    calls = sum(isinstance(part, Call) for part in parts)
    characters = sum(len(plain(part)) for _, part in kept)
    return Turn(
        role=role,
        who=_ROLES.get(role, role.capitalize()),
        parts=parts,
        at=at,
        out=out,
        note=_note(out=out, calls=calls, finish=message.get("finish_reason")),
        preview=_preview(kept),
        characters=characters,
    )


def _note(*, out: bool, calls: int, finish: object) -> str:
    words = ["answer"] if out and not calls else []
    if calls:
        words.append(f"calls {calls} tool{'' if calls == 1 else 's'}")
    if out and isinstance(finish, str) and finish not in ("stop", "tool_call", "tool_calls", "end_turn", "tool_use"):
        words.append(f"ended by {finish}")
    return " · ".join(words)


def _preview(parts: Sequence[tuple[int, Message]]) -> str:
    words = []
    for _, part in parts:
        if part.get("type") == "tool_call":
            words.append(str(part.get("name") or "tool"))
        else:
            words.append(" ".join(plain(part)[:400].split()))
    return " ".join(words)[:300]


def _previous(record: Record, records: Sequence[Record]) -> tuple[Record | None, int]:
    """Return the earlier model call whose conversation this one goes on with, and how many messages they share."""
    asked = [_key(message) for message in record.reading.input_messages or ()]
    system = _leading_system(record.reading.input_messages or ())
    earlier = [
        r for r in records if r.reading.input_messages and r.span.end_ns <= record.span.start_ns and r is not record
    ]
    best: tuple[Record | None, int] = (None, 0)
    for other in sorted(earlier, key=lambda r: r.span.start_ns, reverse=True)[:_LOOK_BACK]:
        said = [_key(m) for m in (*(other.reading.input_messages or ()), *(other.reading.output_messages or ()))]
        common = next(
            (n for n, (a, b) in enumerate(zip(asked, said, strict=False)) if a != b), min(len(asked), len(said))
        )
        if common > max(best[1], system):
            best = (other, common)
    return best


def _key(message: Message) -> str:
    """Return what makes two messages the same: role and parts, but not why the model stopped."""
    return json.dumps([message.get("role"), message.get("parts")], sort_keys=True, default=str)


def _earlier(turns: Sequence[Turn], previous: Record) -> Earlier:
    names = [part.name for turn in turns for part in turn.parts if isinstance(part, Call)]
    preview = ", ".join(dict.fromkeys(names)) or next((turn.preview for turn in turns if turn.preview), "")
    return Earlier(
        tuple(replace(turn, out=False) for turn in turns), previous.name, previous.span.span_id, preview,
        sum(turn.characters for turn in turns),
    )  # fmt: skip
