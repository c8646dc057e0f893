"""How an answer is judged without a person: checks that a machine decides, each in one function."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import regex  # type: ignore[import-untyped]

from ..datasets.example import Example
from ..errors import SpanwiseError
from ..labelling.answer import plain
from ..prompts.schema import check_schema, parsed, problems_of

#: A pattern that backtracks for longer decides nothing.
_LONGEST_MATCH_S: Final = 1.0
_SHOWN: Final = 120
MOST_CHECKS: Final = 20


class BadCheck(SpanwiseError):
    """A check that could not decide anything as it is."""

    status = 422
    code = "bad_check"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its kind, and what it looks for where the example does not say it."""

    kind: str
    value: str = ""

    @property
    def words(self) -> str:
        """The check as a person would name it."""
        kind = KINDS[self.kind]
        looks_for = self.value or ("" if kind.takes else kind.default)
        return f"{kind.words} {looks_for}".strip() if len(looks_for) < _SHOWN else kind.words


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks said of one answer."""

    passed: bool | None
    """``None`` where none of them had anything to go by."""
    why: str = ""
    """What was wrong, in sentences."""


#: Returns nothing where the answer is as it should be, else what is wrong; ``None`` where it cannot tell.
Problem = Sequence[str] | None
Decide = Callable[[Check, str, Example], Problem]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of check."""

    decide: Decide
    words: str
    takes: str = ""
    """What its value is; empty where it needs none."""
    default: str = ""
    """What it looks for without one."""


def judged(checks: Iterable[Check], answer: str, example: Example) -> Verdict:
    """Return what *checks* say of an answer: it passes where each of them that can tell finds nothing wrong."""
    said = [found for check in checks if (found := KINDS[check.kind].decide(check, answer, example)) is not None]
    if not said:
        return Verdict(None)
    problems = [problem for found in said for problem in found]
    return Verdict(not problems, " ".join(problems))


def read_checks(given: Iterable[Mapping[str, Any]]) -> tuple[Check, ...]:
    """Return checks as values; one that could not decide anything is refused."""
    checks = tuple(Check(str(one.get("kind", "")), str(one.get("value") or "")) for one in given)
    if len(checks) > MOST_CHECKS:
        raise BadCheck(f"There are {len(checks)} checks.", f"At most {MOST_CHECKS} are made.")
    for check in checks:
        _possible(check)
    return checks


def _possible(check: Check) -> None:
    kind = KINDS.get(check.kind)
    if kind is None:
        raise BadCheck(f"There is no check {check.kind!r}.", f"Use {', '.join(KINDS)}.")
    if kind.takes and not check.value.strip():
        raise BadCheck(f"The check {check.kind!r} says nothing to look for.", f"Give it {kind.takes}.")
    if check.kind == "regex":
        try:
            regex.compile(check.value)
        except regex.error as error:
            raise BadCheck(f"The pattern cannot be read: {error}.", "See the syntax of Python's re.") from error
    if check.kind == "schema":
        check_schema(_schema(check))


def expected_of(example: Example) -> Any:
    """Return the answer that is wanted, ``None`` where none was written."""
    return (example.expected_output or {}).get("content")


# --- the kinds --------------------------------------------------------------------------------------------------------


def _exact(_check: Check, answer: str, example: Example) -> Problem:
    wanted = expected_of(example)
    if wanted is None:
        return None
    if isinstance(wanted, str):
        return () if answer.strip() == wanted.strip() else (f"It is not {_cut(wanted)}.",)
    return _json(_check, answer, example)


def _json(_check: Check, answer: str, example: Example) -> Problem:
    wanted = expected_of(example)
    if wanted is None:
        return None
    try:
        wanted = json.loads(wanted) if isinstance(wanted, str) else wanted
    except ValueError:
        return None  # what is wanted is no JSON: there is nothing to compare
    try:
        said = parsed(answer)
    except ValueError as error:
        return (f"The answer is not JSON: {error}.",)
    return () if said == wanted else (f"It is not {_cut(plain(wanted))}.",)


def _contains(check: Check, answer: str, example: Example) -> Problem:
    wanted = check.value or plain(expected_of(example) or "")
    if not wanted.strip():
        return None
    return () if _same(wanted) in _same(answer) else (f"It does not say {_cut(wanted)}.",)


def _lacks(check: Check, answer: str, _example: Example) -> Problem:
    return () if _same(check.value) not in _same(answer) else (f"It says {_cut(check.value)}.",)


def _regex(check: Check, answer: str, _example: Example) -> Problem:
    try:
        found = regex.search(check.value, answer, timeout=_LONGEST_MATCH_S)
    except TimeoutError:
        return ("The pattern took longer than a second.",)
    return () if found else (f"It does not match {_cut(check.value)}.",)


def _fits(check: Check, answer: str, _example: Example) -> Problem:
    return problems_of(answer, _schema(check))


def _assertions(_check: Check, answer: str, example: Example) -> Problem:
    """Look at those assertions of the example that begin with the name of a check; the others need a person."""
    found: list[str] = []
    told = False
    for sentence in example.assertions:
        kind, colon, value = sentence.partition(":")
        check = Check(_ASSERTED.get(kind.strip().casefold(), ""), value.strip())
        if not colon or not check.kind or not check.value:
            continue
        try:
            _possible(check)
        except BadCheck:
            continue
        told = True
        found += KINDS[check.kind].decide(check, answer, example) or ()
    return found if told else None


def _schema(check: Check) -> Mapping[str, Any]:
    try:
        schema = json.loads(check.value)
    except ValueError as error:
        raise BadCheck(f"The schema is not JSON: {error}.", "Give a JSON Schema.") from error
    if not isinstance(schema, Mapping):
        raise BadCheck("The schema is no object.", "Give a JSON Schema.")
    return schema


def _same(text: str) -> str:
    return " ".join(text.casefold().split())


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line}”" if len(line) <= _SHOWN else f"“{line[:_SHOWN]}…”"


#: How an assertion of an example begins -> the check that it is.
_ASSERTED: Final = {"contains": "contains", "not contains": "lacks", "lacks": "lacks", "regex": "regex"}
KINDS: Final[Mapping[str, Kind]] = {
    "exact": Kind(_exact, "is what is expected"),
    "contains": Kind(_contains, "contains", default="what is expected"),
    "lacks": Kind(_lacks, "does not contain", "the text that must not be there"),
    "regex": Kind(_regex, "matches", "a regular expression"),
    "json": Kind(_json, "is the JSON that is expected"),
    "schema": Kind(_fits, "fits the schema", "a JSON Schema"),
    "assertions": Kind(_assertions, "meets the assertions of the row"),
}
