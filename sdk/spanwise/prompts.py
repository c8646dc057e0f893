"""Prompts with a name and a version, which the span of the call that uses them will tell."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, overload

from . import vocabulary as v
from .client import PROMPTS, Fetched
from .encode import to_json
from .template import Format, Template, each_text, render_text

if TYPE_CHECKING:
    from typing_extensions import Self

Message = Mapping[str, Any]

_SHORT: Final = 12
#: Rendered texts are remembered, so that frameworks may copy them, if they say so much that no variable said.
_LEAST_OWN_WORDS: Final = 16
_MOST_REMEMBERED: Final = 1_024
_MOST_REMEMBERED_CHARS: Final = 4_000_000
_PLACE: Final = re.compile(r"\{[{%#].*?[}%#]\}|\{\w+\}", re.DOTALL)


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
        REMEMBERED.any = True
        return made

    def __reduce__(self) -> tuple[type[PromptText], tuple[str, PromptUse]]:
        return PromptText, (str(self), self.prompt)


class PromptMessages(_Used, list[dict[str, Any]]):
    """Rendered messages: a plain list that remembers in ``prompt`` where it comes from."""

    def __init__(self, messages: Sequence[dict[str, Any]], prompt: PromptUse) -> None:
        super().__init__(messages)
        self.prompt = prompt
        REMEMBERED.any = True


class _Remembered:
    """The texts rendered last, by what they say: a framework that copies one hands on an equal text."""

    def __init__(self) -> None:
        self._by_text: OrderedDict[str, PromptUse] = OrderedDict()
        self._chars = 0
        self._lock = threading.Lock()
        self.any = False
        """Whether anything was ever rendered here."""

    def put(self, text: str, use: PromptUse) -> None:
        with self._lock:
            if self._by_text.pop(text, None) is None:
                self._chars += len(text)
            self._by_text[text] = use
            while len(self._by_text) > _MOST_REMEMBERED or self._chars > _MOST_REMEMBERED_CHARS:
                oldest, _ = self._by_text.popitem(last=False)
                self._chars -= len(oldest)

    def find(self, text: str) -> PromptUse | None:
        return self._by_text.get(text)


REMEMBERED: Final = _Remembered()


@dataclass(frozen=True, slots=True)
class Prompt:
    """One version of a prompt of the registry, to be rendered."""

    name: str
    version: str
    """Its number; of a fallback, the beginning of its template's hash."""
    template: Template
    hash: str
    """SHA-256 of the template, in hex."""
    format: Format = "plain"
    label: str | None = None
    model: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Mapping[str, Any]] = ()
    output_schema: Mapping[str, Any] | None = None
    is_fallback: bool = False
    """Whether the server could not be asked, nothing was on the disk, and this is what the program gave."""

    def render(self, variables: Mapping[str, Any] | None = None, /, **more: Any) -> PromptText | PromptMessages:
        """Return the text or the messages with the values put in.

        Raises ValueError where the template asks for a variable that is not given.
        """
        return _rendered(self.name, self.template, self.version, self.hash, self.format, {**(variables or {}), **more})


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


@overload
def prompt(
    name: str,
    /,
    *,
    label: str | None = None,
    version: str | int | None = None,
    fallback: Template | None = None,
) -> Prompt: ...


def prompt(
    name: str,
    /,
    template: Template | None = None,
    *,
    version: str | int | None = None,
    variables: Mapping[str, Any] | None = None,
    **more: Any,
) -> PromptText | PromptMessages | Prompt:
    """Render *template*, putting the given values where it says ``{{variable}}``; without one, fetch the prompt.

    Text gives text, messages give messages.  Handed to a model call as message content, instructions or system
    text, or used as a ``with`` block around the call, its name, version, template and variables are on the span
    of that call.  Without *version* the version is the beginning of the template's hash, so that an edited
    template is a new version.

    Without *template* it gives the :class:`Prompt` of the registry that *label* (``production`` where nothing is
    said) or *version* stands for, from memory where it was fetched before.  The first fetch is waited for
    ``prompt_timeout_s``; then what was last fetched is taken from the disk, else *fallback*.

    Raises ValueError where the template asks for a variable that is not given, and LookupError where a prompt can be
    had from nowhere.
    """
    if template is None:
        key, fallback = _asked(version, variables, more)
        found = PROMPTS.get(name, key) or PROMPTS.wait(name, key)
        return _prompt(name, key, found, fallback)
    values = {**(variables or {}), **more}
    digest = _digest(template if isinstance(template, str) else to_json(list(template)))
    label = digest[:_SHORT] if version is None else str(version)
    return _rendered(name, template, label, digest, "plain", values)


async def aprompt(
    name: str, /, *, label: str | None = None, version: str | int | None = None, fallback: Template | None = None
) -> Prompt:
    """Return the prompt of the registry that *label* or *version* stands for, never holding the event loop up.

    As :func:`prompt` without a template.
    """
    key, fallback = _asked(version, None, {"label": label, "fallback": fallback})
    found = PROMPTS.get(name, key) or await PROMPTS.await_(name, key)
    return _prompt(name, key, found, fallback)


def _asked(
    version: str | int | None, variables: Mapping[str, Any] | None, more: dict[str, Any]
) -> tuple[str, Template | None]:
    """Return what the registry is asked for, and what to fall back on."""
    label, fallback = more.pop("label", None), more.pop("fallback", None)
    if variables or more:
        raise TypeError("A fetched prompt takes its variables in .render(...).")
    if label is not None and version is not None:
        raise TypeError("A prompt is asked for by its label or by its version, not by both.")
    return (str(version) if version is not None else label or "production"), fallback


def _prompt(name: str, key: str, found: Fetched | None, fallback: Template | None) -> Prompt:
    label = None if key.isdecimal() else key
    if found is not None:
        return Prompt(
            name, found.version, found.template, found.template_hash, found.format, label, found.model, found.params,
            found.tools, found.output_schema,
        )  # fmt: skip
    if fallback is None:
        raise LookupError(
            f"The prompt {name!r} ({key}) can be had neither from {PROMPTS.endpoint} nor from the disk; "
            "give a fallback."
        )
    digest = _digest(fallback if isinstance(fallback, str) else to_json(list(fallback)))
    return Prompt(name, digest[:_SHORT], fallback, digest, label=label, is_fallback=True)


def _rendered(
    name: str, template: Template, version: str, digest: str, form: Format, values: Mapping[str, Any]
) -> PromptText | PromptMessages:
    use = PromptUse(name, version, digest, template, values)

    def text(piece: str) -> PromptText:
        said = render_text(piece, values, form, of=name)
        if len(_PLACE.sub("", piece)) >= _LEAST_OWN_WORDS:
            REMEMBERED.put(said, use)
        return PromptText(said, use)

    rendered = each_text(template, text)
    return rendered if isinstance(rendered, PromptText) else PromptMessages(rendered, use)


def prompt_in_use() -> PromptUse | None:
    """Return the prompt of the innermost ``with`` block."""
    entered = _IN_USE.get()
    return entered[-1] if entered else None


def find_prompt(value: Any) -> PromptUse | None:
    """Return the prompt that *value* was rendered from: text, a list of parts, or a list of messages.

    Where it carries none, a text that is equal to one lately rendered tells it: frameworks copy what they are given.
    """
    return _find(value, _carried) or _find(value, _copied) if REMEMBERED.any else None


def _carried(text: Any) -> PromptUse | None:
    return text.prompt if isinstance(text, _Used) else None


def _copied(text: Any) -> PromptUse | None:
    return REMEMBERED.find(text) if type(text) is str else None


def _find(value: Any, look: Callable[[Any], PromptUse | None]) -> PromptUse | None:
    if (found := look(value)) is not None:
        return found
    if type(value) is list:
        for item in value:
            found = _in_dict(item, look) if type(item) is dict else look(item)
            if found is not None:
                return found
    return None


def _in_dict(item: Mapping[str, Any], look: Callable[[Any], PromptUse | None]) -> PromptUse | None:
    for key in ("content", "text"):
        if (found := _find(item.get(key), look)) is not None:
            return found
    return None


@lru_cache(maxsize=512)
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
