"""Templates of prompts: which variables one asks for, and what it comes to; shared by the SDK and the server."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from string import Formatter
from typing import Any, Final, Literal, TypeAlias

from .template_error import TemplateError

__all__ = ["FORMATS", "Format", "TemplateError", "each_text", "render_text", "variables_of"]

Format = Literal["plain", "jinja", "fstring"]
FORMATS: Final[tuple[Format, ...]] = ("plain", "jinja", "fstring")
"""``plain`` replaces ``{{name}}`` and nothing else, ``fstring`` replaces ``{name}``, ``jinja`` is Jinja in a cage."""

Message = Mapping[str, Any]
Template: TypeAlias = "str | Sequence[Message]"
#: What is done to each text of a template.
OnText = Callable[[str], Any]

_PLAIN: Final = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def variables_of(template: Template, form: Format = "plain") -> tuple[str, ...]:
    """Return the names that *template* asks for, each once, in the order they appear.

    Raises TemplateError where the template cannot be read.
    """
    found: dict[str, None] = {}

    def look(text: str) -> str:
        found.update(dict.fromkeys(_NAMES[form](text)))
        return text

    each_text(template, look)
    return tuple(found)


def render_text(text: str, values: Mapping[str, Any], form: Format = "plain", *, of: str = "") -> str:
    """Return *text* with *values* put in; *of* names the prompt in errors.

    Raises TemplateError where a variable has no value.
    """
    return _RENDER[form](text, values, of)


def each_text(template: Template, change: OnText) -> Any:
    """Return *template* with every text of it changed: the whole of a text, contents and text parts of messages."""
    if isinstance(template, str):
        return change(template)
    return [_each_of_message(message, change) for message in template]


def _each_of_message(message: Message, change: OnText) -> dict[str, Any]:
    changed = dict(message)
    content = message.get("content")
    if isinstance(content, str):
        changed["content"] = change(content)
    elif isinstance(content, list):
        changed["content"] = [_each_of_part(part, change) for part in content]
    return changed


def _each_of_part(part: Any, change: OnText) -> Any:
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return {**part, "text": change(part["text"])}
    return part


def _value(values: Mapping[str, Any], name: str, of: str, shown: str) -> str:
    if name not in values:
        raise TemplateError(f"The prompt {of!r} needs a value for {shown}.")
    return str(values[name])


def _plain_names(text: str) -> list[str]:
    return _PLAIN.findall(text)


def _render_plain(text: str, values: Mapping[str, Any], of: str) -> str:
    return _PLAIN.sub(lambda found: _value(values, found[1], of, f"{{{{{found[1]}}}}}"), text)


def _fields(text: str) -> list[tuple[str, str | None]]:
    """Return literal texts, each with the name that follows it; only bare names, never attributes or formats."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise TemplateError(f"This is no f-string template: {error}. Write {{{{ and }}}} for braces.") from error
    for _, name, spec, conversion in parts:
        if name is not None and (_NAME.fullmatch(name) is None or spec or conversion):
            raise TemplateError(f"An f-string template takes bare names such as {{name}}, not {{{name}}}.")
    return [(literal, name) for literal, name, _, _ in parts]


def _fstring_names(text: str) -> list[str]:
    return [name for _, name in _fields(text) if name is not None]


def _render_fstring(text: str, values: Mapping[str, Any], of: str) -> str:
    pieces: list[str] = []
    for literal, name in _fields(text):
        pieces.append(literal)
        if name is not None:
            pieces.append(_value(values, name, of, f"{{{name}}}"))
    return "".join(pieces)


def _jinja_names(text: str) -> list[str]:
    from .template_jinja import names  # noqa: PLC0415 - jinja2 is optional beside the SDK

    return names(text)


def _render_jinja(text: str, values: Mapping[str, Any], of: str) -> str:
    without = _PLAIN.sub("", text)
    if "{{" not in without and "{%" not in without and "{#" not in without:
        return _render_plain(text, values, of)  # needs no engine, and most templates do not
    from .template_jinja import render  # noqa: PLC0415 - jinja2 is optional beside the SDK

    return render(text, values, of)


_NAMES: Final[Mapping[Format, Callable[[str], list[str]]]] = {
    "plain": _plain_names,
    "jinja": _jinja_names,
    "fstring": _fstring_names,
}
_RENDER: Final[Mapping[Format, Callable[[str, Mapping[str, Any], str], str]]] = {
    "plain": _render_plain,
    "jinja": _render_jinja,
    "fstring": _render_fstring,
}
