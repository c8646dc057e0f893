"""Values of terms: read from text into the field's units, and written back as the language writes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from ..errors import FilterError
from .filters import FIELDS, HELD, NAMED, OPEN_FIELDS, And, Field, FieldType, Filter, Operator, Or, Term, field_of

_NUMBER: Final = re.compile(r"\$?(\d+(?:\.\d*)?|\.\d+)([a-zA-Z]*)")
#: Type -> unit -> how many of the field's own units it is; "" is a number that stands alone.
UNITS: Final[dict[FieldType, dict[str, int]]] = {
    "duration_ms": {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000},
    "usd": {"": 1},
    "number": {"": 1, "k": 1_000, "m": 1_000_000},
    "text": {},
}
_PLAIN: Final = re.compile(r"[\w.@/+\-:#=]+")
_CLOSE_ENOUGH: Final = 3
#: Between the ends of a range of numbers.
_BETWEEN: Final = ".."
#: OpenTelemetry leaves the status of what went well unset, so whoever asks for ok means both.
OK: Final = "ok"
UNSET: Final = "unset"


@dataclass(frozen=True, slots=True)
class Value:
    """One value as it was written, and where."""

    text: str
    pattern: bool
    """Whether it holds a ``*`` outside quotes."""
    quoted: bool
    at: int


def term_of(name: str, operator: str, values: Sequence[Value], at: int) -> Filter:
    """Return what the term means; FilterError says what is wrong with it and what would work."""
    field = field_of(name)
    if field is None:
        raise _unknown(name, at)
    if name.startswith(NAMED) and operator not in (":", "="):
        field = replace(field, type="number", example=f"{name}>=4")
    for value in values:
        if not value.text and not value.quoted:
            raise FilterError(f"{name} needs a value here.", f"Write it such as {field.example}.", position=value.at)
    if field.type != "text":
        return _number_term(field, operator, values)
    term = _text_term(field, operator, values, at)
    return _has(values) if name == "has" else term


def _text_term(field: Field, operator: str, values: Sequence[Value], at: int) -> Filter:
    if operator not in (":", "="):
        raise FilterError(
            f"{field.name} is a text and cannot be compared by {operator}.",
            f"Write {field.name}:value, such as {field.example}.",
            position=at + len(field.name),
        )
    exact = tuple(value.text for value in values if not value.pattern)
    if field.name == "status" and OK in exact:
        exact = tuple(dict.fromkeys((*exact, UNSET)))
    patterns = tuple(value.text for value in values if value.pattern)
    if not patterns:
        return Term(field.name, "=", exact)
    if not any("*" in value for value in exact):
        # A pattern without a star is the text itself, so one term can hold both.
        return Term(field.name, "like", tuple(value.text for value in values))
    return Or((Term(field.name, "like", patterns), Term(field.name, "=", exact)))


def _has(values: Sequence[Value]) -> Filter:
    """Return what ``has:`` means: something a judgement holds, or any value of a field."""
    held = tuple(dict.fromkeys(value.text for value in values if value.text in HELD))
    said = [_said(value) for value in values if value.text not in HELD]
    either = (*said, Term("has", "=", held)) if held else tuple(said)
    return either[0] if len(either) == 1 else Or(either)


def _said(value: Value) -> Filter:
    known = (*HELD, *(name for name in FIELDS if name != "has"))
    if value.text not in known:
        near = min(known, key=lambda name: (distance(value.text.lower(), name), name))
        close = distance(value.text.lower(), near) < min(_CLOSE_ENOUGH, max(1, len(value.text)))
        hint = f"Did you mean has:{near}?" if close else f"There are {', '.join(known)}."
        right = near if close else ""
        raise FilterError(f"There is no has:{value.text}.", hint, position=value.at, wrong=value.text, right=right)
    if FIELDS[value.text].type == "text":
        return Term(value.text, "like", ("*",))
    return Term(value.text, ">=", (0.0,))


def _number_term(field: Field, operator: str, values: Sequence[Value]) -> Filter:
    operators: dict[str, Operator] = {":": "=", "=": "=", ">": ">", ">=": ">=", "<": "<", "<=": "<="}
    chosen = operators[operator]
    if len(values) > 1 and chosen != "=":
        raise FilterError(f"{operator} takes one value, not a list.", f"Write {field.example}.", position=values[1].at)
    ranges = tuple(_range(field, chosen, value) for value in values if _BETWEEN in value.text)
    single = tuple(_number(field, value) for value in values if _BETWEEN not in value.text)
    either: tuple[Filter, ...] = (*ranges, Term(field.name, chosen, single)) if single else ranges
    return either[0] if len(either) == 1 else Or(either)


def _range(field: Field, operator: Operator, value: Value) -> Filter:
    """Return the two ends of ``1s..5s``, both included; one may be left out."""
    low, _, high = value.text.partition(_BETWEEN)
    if operator != "=":
        raise FilterError(
            f"{operator} takes one value, not a range.", f"Write {field.name}:{value.text}.", position=value.at
        )
    if not low and not high:
        raise FilterError("This range has no ends.", f"Write {field.example}.", position=value.at)
    begin, end = value.at, value.at + len(low) + len(_BETWEEN)
    ends: tuple[Filter, ...] = ()
    if low:
        least = _number(field, Value(low, pattern=False, quoted=False, at=begin))
        ends = (Term(field.name, ">=", (least,)),)
    if high:
        most = _number(field, Value(high, pattern=False, quoted=False, at=end))
        if low and most < least:
            raise FilterError(
                "This range ends before it begins.", f"Write {field.name}:{high}{_BETWEEN}{low}.", position=begin
            )
        ends = (*ends, Term(field.name, "<=", (most,)))
    return ends[0] if len(ends) == 1 else And(ends)


def _number(field: Field, value: Value) -> float:
    units = UNITS[field.type]
    found = _NUMBER.fullmatch(value.text)
    if found is None or (value.text.startswith("$") and field.type != "usd"):
        raise FilterError(f"{value.text!r} is not a number.", f"Write it such as {field.example}.", position=value.at)
    unit = units.get(found[2].lower())
    if unit is None:
        known = ", ".join(filter(None, units))
        said = f"{found[2]!r} is not a unit of {field.name}" if found[2] else f"{field.name} needs a unit"
        hint = f"Units are {known}: {field.example}." if known else f"Leave it out: {field.example}."
        raise FilterError(f"{said}.", hint, position=value.at)
    return float(Decimal(found[1]) * unit)


def _unknown(name: str, at: int) -> FilterError:
    message = f"There is no field {name!r}."
    begin, dot, key = name.lower().partition(".")
    for field in OPEN_FIELDS if dot else ():
        word = field.name.removesuffix(".")
        if key and (begin.startswith(word) or distance(begin, word) < _CLOSE_ENOUGH):
            right = field.name + name[len(begin) + 1 :]
            return FilterError(message, f"Did you mean {right}?", position=at, wrong=name, right=right)
        if begin == word and word not in FIELDS:
            return FilterError(message, f"A key stands behind the dot, such as {field.example}.", position=at)
    near = min(FIELDS, key=lambda known: (distance(name.lower(), known), known))
    if distance(name.lower(), near) < min(_CLOSE_ENOUGH, len(name)):
        hint = f"Did you mean {near}? Such as {FIELDS[near].example}."
        return FilterError(message, hint, position=at, wrong=name, right=near)
    known = ", ".join((*FIELDS, *(field.example.partition(":")[0] for field in OPEN_FIELDS)))
    hint = f"Fields are {known}. To search for the text itself, put it in quotes."
    return FilterError(message, hint, position=at)


def distance(a: str, b: str) -> int:
    """Return how many letters must be put in, taken out, changed or swapped with the next to make *b* of *a*."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        row = [i]
        for j, right in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


def written(field: Field, value: str | float, *, pattern: bool) -> str:
    """Return a value as the language writes it."""
    if isinstance(value, str):
        return "*".join(quoted(part) if part else "" for part in value.split("*")) if pattern else quoted(value)
    number = Decimal(repr(float(value)))
    for name, unit in sorted(UNITS[field.type].items(), key=lambda one: -one[1]):
        count = number / unit
        if (count >= 1 or unit == 1) and count * unit == number:
            return f"{_decimal(count)}{name}"
    return _decimal(number)


def _decimal(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def quoted(value: str) -> str:
    """Return a text in quotes where it holds more than plain characters."""
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
