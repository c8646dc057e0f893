"""Session, user, tags and metadata: set around a piece of a program, put onto every span made inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from time import time_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from . import vocabulary as v
from .encode import to_json
from .safety import guard

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(slots=True)
class _Frame:
    """What one ``context`` block says, together with those around it."""

    owner: context
    outer: _Frame | _LentFrame | None
    tags: tuple[str, ...]
    metadata: Mapping[str, Any]
    attributes: Mapping[str, Any]
    """All of it, ready to be put on a span."""
    left_ns: int | None = None
    """When the block was left."""


class _LentFrame:
    """What the block said that a thread was started in, for as long as it is open: what hides content, for good."""

    __slots__ = ("_frame",)

    def __init__(self, frame: _Frame | _LentFrame) -> None:
        self._frame = frame

    @property
    def left_ns(self) -> int | None:
        return self._frame.left_ns

    def _is_over(self) -> bool:
        left = self._frame.left_ns
        return left is not None and time_ns() - left > GRACE_NS

    @property
    def tags(self) -> tuple[str, ...]:
        return () if self._is_over() else self._frame.tags

    @property
    def metadata(self) -> Mapping[str, Any]:
        return {} if self._is_over() else self._frame.metadata

    @property
    def attributes(self) -> Mapping[str, Any]:
        said = self._frame.attributes
        if not self._is_over():
            return said
        return {v.CONTENT_HIDDEN: True} if said.get(v.CONTENT_HIDDEN) else {}


#: How long after its end a block, or a span, is still around a thread started in it: what begins as it ends is in it.
GRACE_NS: Final = 1_000_000_000
_FRAME: Final[ContextVar[_Frame | _LentFrame | None]] = ContextVar("spanwise_context", default=None)


current_frame: Final = _FRAME.get
"""Returns the innermost block, ``None`` where there is none."""


def current_attributes() -> Mapping[str, Any] | None:
    """Return the attributes that every span made here is to carry; ``None`` where there are none."""
    frame = _FRAME.get()
    return None if frame is None else frame.attributes


def lend_frame() -> Callable[[], None] | None:
    """Return what puts the block that the program is in around another thread, while it is open; ``None`` outside."""
    frame = _FRAME.get()
    if frame is None or (isinstance(frame, _LentFrame) and not frame.attributes):
        return None
    return partial(_lend, _LentFrame(frame))


def _lend(frame: _LentFrame) -> None:
    _FRAME.set(frame)


class context:  # noqa: N801  # used as a word: ``with spanwise.context(...):``
    """Put session, user, tags, metadata and environment onto every span made inside, also by other libraries.

    With ``capture_content=False`` nothing that is said inside leaves the program.

    Use it as ``with`` or ``async with``.  Inside another one it adds: tags are joined, metadata merged, the rest
    replaced where given.  It follows the program into tasks, and into threads that are started inside.
    """

    __slots__ = ("_attributes", "_metadata", "_tags")

    def __init__(
        self,
        *,
        session_id: str | None = None,
        user_id: str | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        environment: str | None = None,
        capture_content: bool | None = None,
    ) -> None:
        said = {
            v.SESSION_ID: session_id,
            v.CONVERSATION_ID: session_id,
            v.USER_ID: user_id,
            v.ENVIRONMENT: environment,
        }
        self._attributes: dict[str, Any] = {name: str(value) for name, value in said.items() if value is not None}
        if capture_content is not None:
            self._attributes[v.CONTENT_HIDDEN] = not capture_content
        self._tags = (tags,) if isinstance(tags, str) else tuple(str(tag) for tag in tags)
        self._metadata = dict(metadata or {})

    def __enter__(self) -> Self:
        with guard():
            outer = _FRAME.get()
            tags, metadata, attributes = self._tags, self._metadata, self._attributes
            if outer is not None:
                tags = tuple(dict.fromkeys((*outer.tags, *tags)))
                metadata = {**outer.metadata, **metadata}
                attributes = {**outer.attributes, **attributes}
            else:
                attributes = dict(attributes)
            if tags:
                attributes[v.TAGS] = tags
            if metadata:
                attributes[v.METADATA] = to_json(metadata)
            _FRAME.set(_Frame(self, outer, tags, metadata, attributes))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Set back, not reset by token, and only where it is ours: a generator may be closed in another context.
        frame = _FRAME.get()
        if isinstance(frame, _Frame) and frame.owner is self:
            frame.left_ns = time_ns()
            _FRAME.set(frame.outer)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)
