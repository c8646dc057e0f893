"""The rubric editor's form: its whole state is in its fields, and every button but Save gives another form. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ..labelling.rubric import KINDS, MOST_OPTIONS, MOST_QUESTIONS, Rubric, rubric_of
from ..query.numbers import whole

Body = dict[str, Any]
_TEXTS: Final = ("name", "kind", "text", "guidance", "low", "high")
_TICKS: Final = ("required", "critique", "whole")


def questions_of(rubric: Rubric) -> list[Body]:
    """Return a rubric's questions as the form shows them."""
    return [{"low": None, "high": None, "whole": False, **body} for body in rubric.as_json()]


def questions_sent(sent: Mapping[str, str]) -> list[Body]:
    """Return the questions that the form holds, in order."""
    count = sent.get("count", "0")
    return [_question(sent, f"q{n}.") for n in range(min(whole(count) or 0, MOST_QUESTIONS))]


def changed(questions: Sequence[Body], do: str) -> list[Body]:
    """Return the questions after a button: ``add``, ``drop:0``, ``up:1``, ``down:0``, ``option:0``, ``unoption:0:2``.

    Any other leaves them as they are, such as ``kind``, of which the form itself tells.
    """
    what, *numbers = do.split(":")
    at = [number for n in numbers if (number := whole(n)) is not None]
    act = _ACTS.get(what)
    found = [{**q, "options": list(q["options"])} for q in questions]
    if act is not None and (what == "add" or (at and at[0] < len(found))):
        act(found, at)
    return found


def rubric_sent(sent: Mapping[str, str], **facts: Any) -> Rubric:
    """Return the rubric that the form describes; one that cannot be asked is refused with the reason."""
    asked = [q for q in questions_sent(sent) if q["text"] or q["name"]]
    for question in asked:
        question["options"] = [option for option in question["options"] if option["value"]]
    return rubric_of(asked, **facts)


def new_question(kind: str = "category") -> Body:
    """Return an empty question."""
    options = [_option("", "") for _ in range(2)] if kind == "category" else []
    body = {"name": "", "kind": kind if kind in KINDS else "category", "text": "", "guidance": "", "options": options}
    return {**body, "low": None, "high": None, "required": True, "critique": True, "whole": False}


def _question(sent: Mapping[str, str], at: str) -> Body:
    body: Body = {name: sent.get(at + name, "") for name in _TEXTS}
    body |= {name: at + name in sent for name in _TICKS}
    body["options"] = []
    for n in range(MOST_OPTIONS):
        if f"{at}o{n}.value" not in sent:
            break
        option = _option(sent[f"{at}o{n}.value"], sent.get(f"{at}o{n}.words", ""))
        option["guidance"] = sent.get(f"{at}o{n}.guidance", "")
        option["examples"] = [line.strip() for line in sent.get(f"{at}o{n}.examples", "").splitlines() if line.strip()]
        body["options"].append(option)
    return body


def _option(value: str, words: str) -> Body:
    return {"value": value, "words": words, "guidance": "", "examples": []}


def _add(found: list[Body], _at: list[int]) -> None:
    if len(found) < MOST_QUESTIONS:
        found.append(new_question())


def _drop(found: list[Body], at: list[int]) -> None:
    found.pop(at[0])


def _up(found: list[Body], at: list[int]) -> None:
    if at[0] > 0:
        found.insert(at[0] - 1, found.pop(at[0]))


def _down(found: list[Body], at: list[int]) -> None:
    found.insert(at[0] + 1, found.pop(at[0]))


def _more(found: list[Body], at: list[int]) -> None:
    found[at[0]]["options"].append(_option("", ""))


def _less(found: list[Body], at: list[int]) -> None:
    options = found[at[0]]["options"]
    if len(at) > 1 and at[1] < len(options):
        options.pop(at[1])


_ACTS: Final[Mapping[str, Callable[[list[Body], list[int]], None]]] = {
    "add": _add,
    "drop": _drop,
    "up": _up,
    "down": _down,
    "option": _more,
    "unoption": _less,
}


def changes(old: Rubric, new: Rubric) -> list[str]:
    """Return in words what a version changed against the one before."""
    before = {q.name: q for q in old.questions}
    after = {q.name: q for q in new.questions}
    said = [f"asks {name} too" for name in after if name not in before]
    said += [f"asks {name} no more" for name in before if name not in after]
    for name, question in after.items():
        was = before.get(name)
        if was is None or was == question:
            continue
        parts = [part for part in ("kind", "text", "guidance", "options", "low", "high", "required", "critique")
                 if getattr(was, part) != getattr(question, part)]  # fmt: skip
        words = {"text": "wording", "options": "answers", "low": "bounds", "high": "bounds"}
        said.append(f"{name}: {', '.join(dict.fromkeys(words.get(part, part) for part in parts))} changed")
    if not said and [q.name for q in old.questions] != [q.name for q in new.questions]:
        said.append("another order")
    return said
