"""What a row of a dataset gives a call: values for its variables, and its messages where they are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from spanwise.template import Format, TemplateError, variables_of

from ..datasets.example import Example
from ..experiments.checks import expected_of
from ..labelling.answer import plain
from .call import BadCall, Message
from .replay import messages_of, of_example, rendered

#: What becomes of a row's messages: nothing, after those of the call, in place of all but what the system says.
Input = Literal["variables", "after", "instead"]
INPUTS: Final[Mapping[Input, str]] = {
    "variables": "fills the variables alone",
    "after": "comes after these messages",
    "instead": "comes after the system message, in place of the others",
}
SYSTEM: Final = frozenset({"system", "developer"})


def columns_of(example: Example) -> dict[str, Any]:
    """Return the values of a row by name: those it was given, ``input``, ``question``, ``expected``, ``context``."""
    named = of_example(example)
    content = example.input.get("content")
    said = named.get("input", plain(content) if content is not None else "")
    usual = {
        "input": said,
        "question": said,
        "expected": plain(expected_of(example)),
        "context": "\n\n".join(example.context),
    }
    return {**usual, **named}


def variables_for(names: Iterable[str], mapping: Mapping[str, str], example: Example) -> dict[str, Any]:
    """Return the value of each variable that the row has one for: from the column it is mapped to, else its own."""
    columns = columns_of(example)
    return {name: columns[mapping.get(name, name)] for name in names if mapping.get(name, name) in columns}


def messages_for(
    written: Sequence[Message], form: str, names: Input, example: Example, variables: Mapping[str, Any]
) -> list[Message]:
    """Return the messages of a call with one row in it."""
    said = rendered(written, form, variables)
    if names == "instead":
        said = [message for message in said if message.role in SYSTEM]
    if names != "variables":
        said += _own(example)
    return [message for message in said if message.content or message.tool_calls]


def names_in(written: Iterable[Message], form: str) -> tuple[str, ...]:
    """Return the variables that messages ask for, in order."""
    if form == "none":
        return ()
    asked: Format = form  # type: ignore[assignment] # `rendered` refuses others
    try:
        return tuple(dict.fromkeys(name for message in written for name in variables_of(message.content, asked)))
    except TemplateError as error:
        raise BadCall(str(error), "Choose another format, or none.") from error


def _own(example: Example) -> list[Message]:
    """Return a row's own messages, without what its system said."""
    given = example.input.get("messages")
    if given is None:
        return [Message("user", plain(example.input.get("content")))]
    found = [message for one in given for message in messages_of(one)[0]]
    return [message for message in found if message.role not in SYSTEM]
