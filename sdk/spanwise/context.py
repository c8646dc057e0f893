"""Session, user, tags and metadata: set around a piece of a program, put onto every span made inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from . import vocabulary as v
from .encode import to_json
from .safety import guard

if TYPE_CHECKING:
    from typing_extensions import Self

#: Attributes for every span made in the present context, ready to be put on.
_ATTRIBUTES: Final[ContextVar[Mapping[str, Any] | None]] = ContextVar("spanwise_attributes", default=None)
#: The same, but as they were said, for an inner context to add to.
_SAID: Final[ContextVar[tuple[tuple[str, ...], Mapping[str, Any]]]] = ContextVar("spanwise_said", default=((), {}))


def current_attributes() -> Mapping[str, Any] | None:
    """Return the attributes that every span made here is to carry; ``None`` where there are none."""
    return _ATTRIBUTES.get()


class context:  # noqa: N801  # used as a word: ``with spanwise.context(...):``
    """Put session, user, tags, metadata and environment onto every span made inside, also by other libraries.

    Use it as ``with`` or ``async with``.  Inside another one it adds: tags are joined, metadata merged, the rest
    replaced where given.  It follows the program into tasks, and into threads that copy their context.
    """

    __slots__ = ("_attributes", "_before", "_metadata", "_tags")

    def __init__(
        self,
        *,
        session_id: str | None = None,
        user_id: str | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        environment: str | None = None,
    ) -> None:
        said = {
            v.SESSION_ID: session_id,
            v.CONVERSATION_ID: session_id,
            v.USER_ID: user_id,
            v.ENVIRONMENT: environment,
        }
        self._attributes = {name: str(value) for name, value in said.items() if value is not None}
        self._tags = (tags,) if isinstance(tags, str) else tuple(str(tag) for tag in tags)
        self._metadata = dict(metadata or {})
        self._before: list[tuple[Any, Any]] = []

    def __enter__(self) -> Self:
        outer = _ATTRIBUTES.get()
        said = _SAID.get()
        self._before.append((outer, said))
        with guard():
            tags = tuple(dict.fromkeys((*said[0], *self._tags)))
            metadata = {**said[1], **self._metadata}
            attributes = {**(outer or {}), **self._attributes}
            if tags:
                attributes[v.TAGS] = tags
            if metadata:
                attributes[v.METADATA] = to_json(metadata)
            _SAID.set((tags, metadata))
            _ATTRIBUTES.set(attributes or None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Set back, not reset by token: a generator may be closed in another context than it was started in.
        outer, said = self._before.pop()
        _ATTRIBUTES.set(outer)
        _SAID.set(said)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)
