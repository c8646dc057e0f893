"""The steps of a framework that are under way, known by the ids that the framework itself gives them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from typing import Any, Final

from opentelemetry import context as otel_context

from .. import vocabulary as v
from ..instrument.coexist import Cover
from ..instrument.generation import Generation
from ..runtime import HELD
from ..span import Span

#: Steps that a framework began and never ended are let go of when there are more than so many.
_MOST_OPEN: Final = 10_000
_CALLS: Final = frozenset({"llm", "embedding"})
_OPERATIONS: Final = {"llm": "chat", "embedding": "embeddings"}


class Step(Span):
    """One step of a framework; a model call keeps what it says until it is clear that no client tells of it."""

    __slots__ = ("_cover", "generation", "marked", "parent_key", "told_by")

    def __init__(
        self, name: str, kind: str, attributes: Mapping[str, Any] | None = None, parent_key: Hashable = None
    ) -> None:
        calls = kind in _CALLS
        super().__init__(name, "chain" if calls else kind, attributes)
        self._cover = Cover(kind) if calls else None
        self.generation = Generation(content=HELD.runtime.config.capture_content) if calls else None
        self.parent_key = parent_key
        self.marked = False
        """For whoever makes the step to remember something by."""
        self.told_by: Any = None
        """The framework's object that the step is of, where it is asked again at the end."""

    @property
    def context(self) -> otel_context.Context | None:
        """The context of what happens inside; ``None`` before it began."""
        return self._context

    def begin(self, above: Step | None = None) -> Step:
        """Begin inside *above*, else wherever the program is."""
        if self._cover is not None and above is not None and above._cover is not None:
            above._cover.told |= above._cover.kind == self._cover.kind
        context = None if above is None else above.context
        if context is None:
            self.start()
        else:
            token = otel_context.attach(context)
            try:
                self.start()
            finally:
                otel_context.detach(token)
        if self._cover is not None and self._context is not None:
            self._context = self._cover.over(self._context)
        return self

    def end(self, error: BaseException | None = None) -> None:
        """End, once; a model call that no client told of is told by this span."""
        self.leave()
        generation = self.generation
        if generation is not None and self._cover is not None and not self._cover.told:
            said = generation.finished()
            said[v.KIND] = self._cover.kind
            said.setdefault(v.OPERATION_NAME, _OPERATIONS[self._cover.kind])
            self._span.set_attributes(said)
        super().end(error)


class Steps:
    """Every step under way of one framework."""

    def __init__(self) -> None:
        self._open: OrderedDict[Hashable, Step] = OrderedDict()
        self._hidden: OrderedDict[Hashable, Hashable] = OrderedDict()
        self._lock = threading.Lock()

    def begin(
        self,
        key: Hashable,
        parent_key: Hashable,
        name: str,
        kind: str,
        attributes: Mapping[str, Any] | None = None,
    ) -> Step:
        """Begin the step *key* inside the step *parent_key*, where that is known."""
        step = Step(name, kind, attributes, parent_key).begin(self.get(parent_key))
        with self._lock:
            self._open[key] = step
            lost = self._open.popitem(last=False)[1] if len(self._open) > _MOST_OPEN else None
        if lost is not None:
            lost.end()
        return step

    def hide(self, key: Hashable, parent_key: Hashable) -> None:
        """Let *key* stand for the step *parent_key*: what is inside of it belongs there."""
        with self._lock:
            self._hidden[key] = self._hidden.get(parent_key, parent_key)
            if len(self._hidden) > _MOST_OPEN:
                self._hidden.popitem(last=False)

    def get(self, key: Hashable) -> Step | None:
        """Return the step *key*, or the one that it stands for, where that is under way."""
        found = self._open.get(key)
        return self._open.get(self._hidden.get(key)) if found is None else found

    def own(self, key: Hashable) -> Step | None:
        """Return the step *key* that is under way, not one that it stands for."""
        return self._open.get(key)

    def around(self, *keys: Hashable) -> list[Step]:
        """Return the steps of *keys*, and those around them, that are under way, each once."""
        found: dict[int, Step] = {}
        for key in keys:
            step = self.get(key)
            while step is not None and id(step) not in found:
                found[id(step)] = step
                step = self.get(step.parent_key)
        return list(found.values())

    def end(self, key: Hashable, error: BaseException | None = None) -> Step | None:
        """End the step *key*; return it, or ``None`` where it is not under way."""
        with self._lock:
            self._hidden.pop(key, None)
            step = self._open.pop(key, None)
        if step is not None:
            step.end(error)
        return step

    def end_all(self) -> None:
        """End whatever is still under way."""
        with self._lock:
            left = list(self._open.values())
            self._open.clear()
        for step in reversed(left):
            step.end()
