"""Rules that take private things out of text: built-in detectors, patterns and functions of the application.

A detector is a pattern and a check: a card has the right check digits, a token a header that can be read.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson

logger = logging.getLogger("spanwise")

Rule: TypeAlias = "str | re.Pattern[str] | tuple[str | re.Pattern[str], str] | Callable[[str], str]"
"""Name of a detector; a pattern; a pattern and what to put in its place; a function from text to text."""

HIDDEN: Final = "[hidden]"
FAILED: Final = "[hidden: a rule failed]"
_DEEPEST: Final = 60


@dataclass(frozen=True, slots=True)
class Detector:
    """One kind of private thing."""

    name: str
    sentence: str
    mark: str
    """What stands in its place."""
    hint: re.Pattern[str]
    """Found quickly in any text that can hold one."""
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] = lambda _found: True
    """Whether what the pattern found is one."""

    def hide(self, text: str) -> str:
        """Return *text* without them."""
        if self.hint.search(text) is None:
            return text
        return self.pattern.sub(lambda match: self.mark if self.holds(match[0]) else match[0], text)


def _digits(text: str) -> str:
    return "".join(filter(str.isdecimal, text))


def _is_card(text: str) -> bool:
    digits = _digits(text)
    if not 13 <= len(digits) <= 19 or digits[0] not in "23456" or len(set(digits)) == 1:
        return False
    doubled = (int(d) * (1 + place % 2) for place, d in enumerate(reversed(digits)))
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


_NO_PHONE: Final = re.compile(r"(?:19|20)\d\d[-. /]\d\d?[-. /]\d\d?.*|\d{1,3}(?:\.\d{1,3}){3}")
"""A date, maybe with a time; an address of the network."""


def _is_phone(text: str) -> bool:
    digits = _digits(text)
    if not 7 <= len(digits) <= 15 or len(set(digits)) <= 2:
        return False
    if text.startswith(("+", "00", "(")):
        return True
    return len(digits) >= 9 and _NO_PHONE.fullmatch(text) is None


def _is_iban(text: str) -> bool:
    said = text.replace(" ", "").upper()
    if not 15 <= len(said) <= 34:
        return False
    return int("".join(str(int(sign, 36)) for sign in said[4:] + said[:4])) % 97 == 1


def _is_token(text: str) -> bool:
    head = text.partition(".")[0]
    try:
        told = orjson.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError):
        return False
    return isinstance(told, dict) and ("alg" in told or "typ" in told or "enc" in told)


_KEY: Final = (
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:sk|pk|rk)[-_](?:[A-Za-z0-9]+[-_])*[A-Za-z0-9_-]{16,}"  # OpenAI, Anthropic, Stripe, OpenRouter, Langfuse
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # Amazon
    r"|\bAIza[A-Za-z0-9_-]{35}"  # Google
    r"|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{30,}|\bglpat-[A-Za-z0-9_-]{20,}"
    r"|\bxox[abeprs]-[A-Za-z0-9-]{10,}|\bhf_[A-Za-z0-9]{30,}|\bnpm_[A-Za-z0-9]{30,}|\bpypi-[A-Za-z0-9_-]{30,}"
    r"|\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|\bwhsec_[A-Za-z0-9+/=]{20,}"
    r"|\b(?:gsk|xai|pplx|r8|dop_v1|sq0csp|shpat|lsv2_pt|nvapi)[-_][A-Za-z0-9_-]{20,}"
    r"|(?i:(?<=password=)|(?<=passwd=)|(?<=api_key=)|(?<=apikey=)|(?<=secret=))[^\s&\"';,]{6,}"
    r"|(?<=://)[^\s/:@\"']+:[^\s/@\"']+(?=@)"  # user and password in a URL
)

#: Every built-in detector, by name, in the order in which they work: the sure ones before those that guess.
DETECTORS: Final[Mapping[str, Detector]] = {
    detector.name: detector
    for detector in (
        Detector(
            "keys",
            "API keys of the usual services, private keys, and passwords in URLs and settings",
            "[key]",
            re.compile(r"(?i)[-_=.]|A[KSI]|://"),
            re.compile(_KEY, re.DOTALL),
        ),
        Detector(
            "tokens",
            "JSON web tokens whose header can be read, and bearer tokens",
            "[token]",
            re.compile(r"eyJ|(?i:bearer )"),
            re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*){1,3}|(?i:(?<=bearer ))[A-Za-z0-9._~+/-]{16,}=*"),
            lambda found: not found.startswith("eyJ") or _is_token(found),
        ),
        Detector(
            "emails",
            "e-mail addresses",
            "[email]",
            re.compile("@"),
            re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}\b"),
        ),
        Detector(
            "ibans",
            "bank accounts with right check digits",
            "[iban]",
            re.compile(r"[A-Za-z]{2}\d\d"),
            re.compile(r"\b[A-Za-z]{2}\d\d(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?\b"),
            _is_iban,
        ),
        Detector(
            "cards",
            "payment cards with a right check digit",
            "[card]",
            re.compile(r"\d(?:[ -]?\d){12}"),
            re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?!\d|\.\d)"),
            _is_card,
        ),
        Detector(
            "phones",
            "phone numbers in their usual forms",
            "[phone]",
            re.compile(r"\d(?:[ ()./-]{0,3}\d){6}"),
            re.compile(
                r"(?<![\w.+-])(?:\+\d{1,3}[ ./-]?|00\d{1,3}[ ./-])?"
                r"(?:\(\d{1,5}\)[ ./-]?)?\d{1,5}(?:[ ./-]\d{2,8}){1,5}(?![\w-]|\.\d)|(?<![\w.])\+\d{8,15}\b"
            ),
            _is_phone,
        ),
    )
}

Hide: TypeAlias = Callable[[str], str]


def read_rules(said: Any) -> tuple[Rule, ...]:
    """Return *said* as rules, checked; raises ValueError in a sentence where one makes no sense."""
    if isinstance(said, str):
        said = [part.strip() for part in said.split(",") if part.strip()]
    if not isinstance(said, (list, tuple)):
        raise ValueError(f"redact is {said!r}, not a list of rules.")  # noqa: TRY004  # like every setting
    if list(said) == ["none"]:
        return ()
    if "all" in said:
        said = [*DETECTORS, *(rule for rule in said if rule != "all" and rule not in DETECTORS)]
    for rule in said:
        _compiled(rule)
    return tuple(said)


def compile_rules(rules: Sequence[Rule]) -> list[Hide]:
    """Return each of *rules* as a function; the built-in detectors first, in their own order."""
    named = [name for name in DETECTORS if name in rules]
    others = [rule for rule in rules if not isinstance(rule, str)]
    return [_compiled(rule) for rule in (*named, *others)]


def _compiled(rule: Any) -> Hide:
    if isinstance(rule, str):
        if rule not in DETECTORS:
            raise ValueError(
                f"redact names {rule!r}; there are {', '.join(DETECTORS)}. A pattern is a re.compile(...)."
            )
        return DETECTORS[rule].hide
    if isinstance(rule, re.Pattern):
        pattern = rule
        return lambda text: pattern.sub(HIDDEN, text)
    if callable(rule):
        own: Hide = rule
        return own
    if isinstance(rule, tuple) and len(rule) == 2 and isinstance(rule[1], str):
        wanted, mark = re.compile(rule[0]), rule[1]
        return lambda text: wanted.sub(mark, text)
    raise ValueError(f"redact has {rule!r}, which is no name, pattern, pair of pattern and text, or function.")


class Redactor:
    """Applies rules to whatever an attribute can hold; where a rule fails, the value is hidden whole."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = compile_rules(rules)

    def value(self, value: Any) -> Any:
        """Return *value* without what the rules hide."""
        try:
            return self._value(value, 0)
        except Exception:
            # What could not be looked through must not leave: it may hold what should have been taken out.
            logger.warning("spanwise: a rule of redact failed, so the value is hidden", exc_info=True)
            return FAILED

    def _value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self._text(value, depth)
        if isinstance(value, bool) or value is None or isinstance(value, float):
            return value
        if isinstance(value, int):
            said = str(value)
            found = self._plain(said) if len(said) > 6 else said
            return value if found == said else found
        if isinstance(value, (tuple, list)):
            return type(value)(self._value(item, depth) for item in value)
        if isinstance(value, dict):
            return {self._value(name, depth): self._value(item, depth) for name, item in value.items()}
        return self._plain(repr(value))

    def _text(self, text: str, depth: int) -> str:
        """Redact inside JSON, so that it stays JSON: an escape before a word is not part of the word."""
        if depth < _DEEPEST and text[:1] in ("{", "[", '"'):
            try:
                told = orjson.loads(text)
            except ValueError:
                return self._plain(text)
            found = self._value(told, depth + 1)
            return text if found == told else orjson.dumps(found).decode()
        return self._plain(text)

    def _plain(self, text: str) -> str:
        for hide in self._rules:
            text = hide(text)
            if not isinstance(text, str):
                raise TypeError(f"a rule gave {type(text).__name__}, not text")
        return text
