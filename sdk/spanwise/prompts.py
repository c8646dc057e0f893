"""Prompts with a name and a version, which the span of the call that uses them will tell."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, overload

from . import vocabulary as v
from .encode import to_json

if TYPE_CHECKING:
    from typing_extensions import Self

Message = Mapping[str, Any]
Template: TypeAlias = "str | Sequence[Message]"

_VARIABLE: Final = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_SHORT: Final = 12


@dataclass(frozen=True, slots=True)
class PromptUse:
    """One rendering of a prompt: which prompt, and with what."""

    name: str
    version: str
    """The version given, else the first 12 digits of the hash."""
    hash: str
    """SHA-256 of the template, in hex."""
    template: Template
    variables: Mapping[str, Any] = field(default_factory=dict)

    def attributes(self, *, capture_content: bool) -> dict[str, Any]:
        """Return what the span of the call says of the prompt."""
        said: dict[str, Any] = {
            v.PROMPT_NAME: self.name,
            v.PROMPT_VERSION: self.version,
            v.PROMPT_HASH: self.hash,
        }
        if capture_content:
            said[v.PROMPT_TEMPLATE] = self.template if isinstance(self.template, str) else to_json(list(self.template))
            if self.variables:
                said[v.PROMPT_VARIABLES] = to_json(self.variables)
        return said


#: The prompts of the blocks that the program is in, outermost first.
_IN_USE: Final[ContextVar[tuple[PromptUse, ...]]] = ContextVar("spanwise_prompts", default=())


class _Used:
    """Something rendered from a prompt; as a ``with`` block it claims every call made inside."""

    prompt: PromptUse

    def __enter__(self) -> Self:
        _IN_USE.set((*_IN_USE.get(), self.prompt))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Set back, not reset by token, and only where it is ours: a generator may be closed in another context.
        entered = _IN_USE.get()
        if entered and entered[-1] is self.prompt:
            _IN_USE.set(entered[:-1])


class PromptText(_Used, str):  # noqa: SLOT000  # it carries its prompt
    """A rendered prompt: a plain string that remembers in ``prompt`` where it comes from."""

    def __new__(cls, text: str, prompt: PromptUse) -> Self:
        """Make the string."""
        made = super().__new__(cls, text)
        made.prompt = prompt
        return made

    def __reduce__(self) -> tuple[type[PromptText], tuple[str, PromptUse]]:
        return PromptText, (str(self), self.prompt)


class PromptMessages(_Used, list[dict[str, Any]]):
    """Rendered messages: a plain list that remembers in ``prompt`` where it comes from."""

    def __init__(self, messages: Sequence[dict[str, Any]], prompt: PromptUse) -> None:
        super().__init__(messages)
        self.prompt = prompt


@overload
def prompt(
    name: str,
    /,
    template: str,
    *,
    version: str | int | None = None,
    variables: Mapping[str, Any] | None = None,
    **more: Any,
) -> PromptText: ...


@overload
def prompt(
    name: str,
    /,
    template: Sequence[Message],
    *,
    version: str | int | None = None,
    variables: Mapping[str, Any] | None = None,
    **more: Any,
) -> PromptMessages: ...


def prompt(
    name: str,
    /,
    template: Template,
    *,
    version: str | int | None = None,
    variables: Mapping[str, Any] | None = None,
    **more: Any,
) -> PromptText | PromptMessages:
    """Render *template*, putting the given values where it says ``{{variable}}``.

    Text gives text, messages give messages.  Handed to a model call as message content, instructions or system
    text, or used as a ``with`` block around the call, its name, version, template and variables are on the span
    of that call.  Without *version* the version is the beginning of the template's hash, so that an edited
    template is a new version.

    Raises ValueError where the template asks for a variable that is not given.
    """
    values = {**(variables or {}), **more}
    digest = _digest(template if isinstance(template, str) else to_json(list(template)))
    label = digest[:_SHORT] if version is None else str(version)
    use = PromptUse(name, label, digest, template, values)
    if isinstance(template, str):
        return PromptText(_render(name, template, values), use)
    return PromptMessages([_render_message(use, message) for message in template], use)


def prompt_in_use() -> PromptUse | None:
    """Return the prompt of the innermost ``with`` block."""
    entered = _IN_USE.get()
    return entered[-1] if entered else None


def find_prompt(value: Any) -> PromptUse | None:
    """Return the prompt that *value* was rendered from: text, a list of parts, or a list of messages."""
    if isinstance(value, _Used):
        return value.prompt
    if type(value) is list:
        for item in value:
            if isinstance(item, _Used):
                return item.prompt
            if type(item) is dict and (found := _in_dict(item)) is not None:
                return found
    return None


def _in_dict(item: Mapping[str, Any]) -> PromptUse | None:
    for key in ("content", "text"):
        value = item.get(key)
        if isinstance(value, _Used):
            return value.prompt
        if type(value) is list and (found := find_prompt(value)) is not None:
            return found
    return None


@lru_cache(maxsize=512)
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _render(name: str, template: str, values: Mapping[str, Any]) -> str:
    def value_of(match: re.Match[str]) -> str:
        wanted = match[1]
        if wanted not in values:
            raise ValueError(f"The prompt {name!r} needs a value for {{{{{wanted}}}}}.")
        return str(values[wanted])

    return _VARIABLE.sub(value_of, template)


def _render_message(use: PromptUse, message: Message) -> dict[str, Any]:
    rendered = dict(message)
    content = message.get("content")
    if isinstance(content, str):
        rendered["content"] = PromptText(_render(use.name, content, use.variables), use)
    elif isinstance(content, list):
        rendered["content"] = [_render_part(use, part) for part in content]
    return rendered


def _render_part(use: PromptUse, part: Any) -> Any:
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return {**part, "text": PromptText(_render(use.name, part["text"], use.variables), use)}
    return part
