"""What one version of a prompt says: its text or messages, model, parameters, tools and the shape of the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final, cast

import orjson

from spanwise.template import FORMATS, Format, TemplateError, each_text, variables_of

from ..errors import SpanwiseError

Object = Mapping[str, Any]
#: A template may hold so many characters.
LONGEST: Final = 1_000_000
MOST_MESSAGES: Final = 1_000
ROLES: Final = ("system", "developer", "user", "assistant", "tool")


class BadPrompt(SpanwiseError):
    """A prompt that could not be used as it is."""

    status = 422
    code = "bad_prompt"


@dataclass(frozen=True, slots=True)
class Content:
    """All that makes a version behave as it does, and nothing about who made it when."""

    template: str | Sequence[Object]
    """A text, or messages of ``role`` and ``content`` (a text or a list of parts)."""
    format: Format = "plain"
    model: str | None = None
    params: Object = field(default_factory=dict)
    tools: Sequence[Object] = ()
    output_schema: Object | None = None
    """JSON Schema that the answer is to follow."""

    @property
    def is_chat(self) -> bool:
        """Whether it is made of messages."""
        return not isinstance(self.template, str)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The template as messages; a text is what the system says."""
        if isinstance(self.template, str):
            return [{"role": "system", "content": self.template}]
        return [dict(message) for message in self.template]

    @property
    def variables(self) -> tuple[str, ...]:
        """The names that it asks for."""
        return variables_of(self.template, self.format)

    @property
    def hash(self) -> str:
        """SHA-256 of everything in it, whatever the order of keys."""
        said = json.dumps(self.as_json(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return sha256(said.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def template_hash(self) -> str:
        """SHA-256 of the template alone, as the SDK writes it onto spans."""
        return template_hash(self.template)

    def as_json(self) -> dict[str, Any]:
        """Return it as one JSON object."""
        template = self.template if isinstance(self.template, str) else [dict(message) for message in self.template]
        return {
            "template": template,
            "format": self.format,
            "model": self.model,
            "params": dict(self.params),
            "tools": [dict(tool) for tool in self.tools],
            "output_schema": None if self.output_schema is None else dict(self.output_schema),
        }

    @classmethod
    def from_json(cls, said: Object) -> Content:
        """Return what :meth:`as_json` wrote."""
        return cls(**{name: said[name] for name in cls.__dataclass_fields__ if name in said})

    def with_texts(self, change: Any) -> Content:
        """Return the same with every text of its template changed."""
        return replace(self, template=each_text(self.template, change))


def template_hash(template: str | Sequence[Object]) -> str:
    """Return the SHA-256 of a template, as the SDK makes it."""
    if isinstance(template, str):
        return sha256(template.encode("utf-8", "surrogatepass")).hexdigest()
    return sha256(orjson.dumps(list(template))).hexdigest()


def checked(content: Content) -> Content:
    """Return *content*; one that could not be rendered or sent is refused with the reason."""
    well_formed(content)
    try:
        variables_of(content.template, content.format)
    except TemplateError as error:
        raise BadPrompt(str(error), f"The format is {content.format!r}; the others take it as it is.") from error
    return content


def well_formed(content: Content) -> None:
    """Refuse what is no prompt at all, whatever its texts say."""
    if content.format not in FORMATS:
        raise BadPrompt(f"There is no format {content.format!r}.", f"Use one of {', '.join(FORMATS)}.")
    if isinstance(content.template, str):
        if not content.template.strip():
            raise BadPrompt("The prompt is empty.", "Write what the model is to be told.")
    else:
        _check_messages(content.template)
    size = len(orjson.dumps(content.as_json()))
    if size > LONGEST:
        raise BadPrompt(f"The prompt has {size:,} bytes.", f"At most {LONGEST:,} are kept.")


def _check_messages(messages: Sequence[Object]) -> None:
    if not messages:
        raise BadPrompt("The prompt has no message.", "Give at least one, such as a system message.")
    if len(messages) > MOST_MESSAGES:
        raise BadPrompt(f"The prompt has {len(messages):,} messages.", f"At most {MOST_MESSAGES:,} are kept.")
    for at, message in enumerate(messages, 1):
        if not isinstance(cast("object", message), Mapping) or message.get("role") not in ROLES:
            raise BadPrompt(f"Message {at} has no role of {', '.join(ROLES)}.", 'Write {"role": ..., "content": ...}.')
        if not isinstance(message.get("content"), (str, list)) and not message.get("tool_calls"):
            raise BadPrompt(f"Message {at} has no content.", "A content is a text or a list of parts.")
