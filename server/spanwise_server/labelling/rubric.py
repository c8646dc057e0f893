"""Rubrics: the questions asked of each item, with guidance, in versions. Pure; a version never changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from ..errors import SpanwiseError

Kind = Literal[
    "binary", "category", "number", "text", "correction", "assertions", "first_bad_step", "highlights", "pairwise"
]
#: Kind -> what it asks for, in words: the editor, the documentation and the API loop over this table.
KINDS: Final[Mapping[Kind, str]] = {
    "binary": "Pass or fail, with a critique",
    "category": "One of several answers",
    "number": "A number within bounds",
    "text": "Free text",
    "correction": "The expected answer, written from the answer that was given",
    "assertions": "The expected answer as a list of statements that have to hold",
    "first_bad_step": "The first step that went wrong",
    "highlights": "Passages of the answer, each with a note",
    "pairwise": "Which of two answers is better: A, B or equal",
}
#: Kinds whose answer is a judgement: the first question of one of these leads, and what is expected joins its label.
VERDICTS: Final[frozenset[Kind]] = frozenset({"binary", "category", "number", "pairwise"})
EXPECTED: Final[frozenset[Kind]] = frozenset({"correction", "assertions"})
#: Kinds of which a rubric may hold one.
ONCE: Final[frozenset[Kind]] = frozenset({"correction", "assertions", "highlights", "first_bad_step", "pairwise"})
#: Kinds whose critique can be asked for.
CRITICISED: Final[frozenset[Kind]] = frozenset({"binary", "category", "number", "first_bad_step", "pairwise"})

DEFAULT_QUESTION: Final = "Is this answer good enough to send?"
#: The name of the labels that a question gives unless it says otherwise.
DEFAULT_NAME: Final = "correct"
EXPECTED_NAME: Final = "expected"
MOST_QUESTIONS: Final = 20
MOST_OPTIONS: Final = 30


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that can be chosen."""

    value: str
    words: str = ""
    """What the button says; the value where empty."""
    guidance: str = ""
    """When to choose it."""
    examples: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """What the button says."""
        return self.words or self.value


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a rubric; its name is the name of the labels it gives."""

    name: str
    kind: Kind
    text: str
    guidance: str = ""
    required: bool = True
    critique: bool = True
    """Whether a critique is asked for, where the kind knows one."""
    options: tuple[Option, ...] = ()
    low: float | None = None
    high: float | None = None
    whole: bool = False
    """Whether only whole numbers count."""

    @property
    def asks_why(self) -> bool:
        """Whether a critique is asked for."""
        return self.critique and self.kind in CRITICISED


@dataclass(frozen=True, slots=True)
class Rubric:
    """One version of a rubric: what was asked when a label was given."""

    questions: tuple[Question, ...]
    name: str = ""
    id: int = 0
    """Of the rubric, whatever its version."""
    version: int = 0
    """From 1; 0 is a rubric that is not kept yet."""
    version_id: int = 0
    """Of this version, as label events carry it."""
    note: str = ""
    """Why it was changed."""
    created_by: str = ""
    created_ns: int = 0

    @property
    def lead(self) -> Question:
        """The question whose label stands for the item: the first judgement, else the first question."""
        return next((q for q in self.questions if q.kind in VERDICTS), self.questions[0])

    @property
    def pairwise(self) -> bool:
        """Whether two answers are compared."""
        return any(q.kind == "pairwise" for q in self.questions)

    @property
    def on_key(self) -> bool:
        """Whether one key press answers it all: the only question that has to be answered is one verdict."""
        needed = [q for q in self.questions if q.required]
        return len(needed) == 1 and needed[0].kind in VERDICTS - {"number"} and needed[0] == self.lead

    def question(self, name: str) -> Question | None:
        """Return the question of this name."""
        return next((q for q in self.questions if q.name == name), None)

    def as_json(self) -> list[dict[str, Any]]:
        """Return the questions as plain JSON."""
        return [question_json(q) for q in self.questions]


def simple_rubric(text: str = DEFAULT_QUESTION, name: str = DEFAULT_NAME) -> Rubric:
    """Return the rubric of one binary question with critique and expected answer."""
    return Rubric(
        (
            Question(name, "binary", text, options=(Option("pass", "Pass"), Option("fail", "Fail"))),
            Question(
                EXPECTED_NAME if name != EXPECTED_NAME else f"{EXPECTED_NAME} answer",
                "correction",
                "Expected answer",
                required=False,
            ),
        ),
        name=text,
    )


def reworded(rubric: Rubric, text: str) -> Rubric:
    """Return *rubric* with another wording of its leading question."""
    lead = rubric.lead
    return replace(rubric, questions=tuple(replace(q, text=text) if q == lead else q for q in rubric.questions))


def question_json(question: Question) -> dict[str, Any]:
    """Return a question as plain JSON, without what its kind has no use for."""
    body = asdict(question)
    body["options"] = [{**option, "examples": list(option["examples"])} for option in body["options"]]
    if question.kind != "number":
        for name in ("low", "high", "whole"):
            del body[name]
    return body


def rubric_of(questions: Any, **facts: Any) -> Rubric:
    """Return the rubric that plain JSON describes; one that cannot be asked is refused with the reason."""
    if not isinstance(questions, list | tuple) or not questions:
        raise refusal("A rubric has at least one question.", "Add one.")
    if len(questions) > MOST_QUESTIONS:
        raise refusal(f"A rubric has at most {MOST_QUESTIONS} questions.", "Make a second rubric and queue.")
    read = tuple(_question(body, number) for number, body in enumerate(questions, 1))
    _refuse_alike(read)
    return Rubric(read, **facts)


def refusal(what: str, hint: str) -> SpanwiseError:
    """Return the refusal of a rubric or an answer."""
    error = SpanwiseError(what, hint)
    error.status, error.code = 422, "bad_input"
    return error


def _question(body: Mapping[str, Any], number: int) -> Question:
    if not isinstance(body, Mapping):
        raise refusal(f"Question {number} is not an object.", "Give name, kind and text.")
    name, kind, text = (_text(body, field) for field in ("name", "kind", "text"))
    if kind not in KINDS:
        raise refusal(f"Question {number} is of no known kind: {kind or 'none is given'}.", "Use " + ", ".join(KINDS))
    if not text:
        raise refusal(f"Question {number} asks nothing.", "Write the question.")
    if not name or len(name) > 200:
        raise refusal(f"Question {number} has no name its labels could go by.", "Give it one, at most 200 characters.")
    return Question(
        name=name,
        kind=kind,  # type: ignore[arg-type]  # it is one of KINDS
        text=text,
        guidance=_text(body, "guidance"),
        required=bool(body.get("required", kind not in EXPECTED | {"text", "highlights"})),
        critique=bool(body.get("critique", True)),
        options=_options(body, kind, number),
        **_bounds(body, kind, number),
    )


def _options(body: Mapping[str, Any], kind: str, number: int) -> tuple[Option, ...]:
    given = body.get("options") or ()
    found = [_option(one, number) for one in given] if kind in {"binary", "category", "pairwise"} else []
    fixed = {"binary": ("pass", "fail"), "pairwise": ("a", "b", "equal")}.get(kind)
    if fixed is not None:
        said = {option.value: option for option in found}
        words = {"pass": "Pass", "fail": "Fail", "a": "A is better", "b": "B is better", "equal": "Equal"}
        return tuple(said.get(value, Option(value, words[value])) for value in fixed)
    if kind != "category":
        return ()
    values = [option.value for option in found]
    if len(values) < 2 or len(set(values)) != len(values):
        raise refusal(f"Question {number} needs two or more different answers.", "Add answers, each once.")
    if len(values) > MOST_OPTIONS:
        raise refusal(f"Question {number} has more than {MOST_OPTIONS} answers.", "Take some away.")
    return tuple(found)


def _option(body: Any, number: int) -> Option:
    if isinstance(body, str):
        body = {"value": body}
    value = _text(body, "value") if isinstance(body, Mapping) else ""
    if not value or len(value) > 200:
        raise refusal(f"An answer of question {number} is empty or too long.", "Give 1 to 200 characters.")
    examples = tuple(text for one in body.get("examples") or () if (text := str(one).strip()))
    return Option(value, _text(body, "words"), _text(body, "guidance"), examples)


def _bounds(body: Mapping[str, Any], kind: str, number: int) -> dict[str, Any]:
    if kind != "number":
        return {}
    try:
        low, high = (None if body.get(end) in {None, ""} else float(body[end]) for end in ("low", "high"))
    except (TypeError, ValueError):
        raise refusal(f"The bounds of question {number} are not numbers.", "Give numbers, or leave them out.") from None
    if low is not None and high is not None and not low < high:
        raise refusal(f"The lower bound of question {number} is not below the upper.", "Swap them.")
    return {"low": low, "high": high, "whole": bool(body.get("whole", False))}


def _refuse_alike(questions: Sequence[Question]) -> None:
    names = [q.name for q in questions]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise refusal(f"Two questions are named {twice!r}.", "Labels go by the name: give each its own.")
    kinds = [q.kind for q in questions]
    if many := next((kind for kind in ONCE if kinds.count(kind) > 1), None):
        raise refusal(f"Two questions ask for: {KINDS[many].lower()}.", "Keep one of them.")


def _text(body: Mapping[str, Any], field: str) -> str:
    return str(body.get(field) or "").replace("\r\n", "\n").strip()
