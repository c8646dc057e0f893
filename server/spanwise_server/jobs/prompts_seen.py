"""Prompts written in code become versions when a call with them is seen: nobody has to publish them."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterable
from typing import Final

from ..errors import SpanwiseError
from ..prompts.content import Content, checked, template_hash
from ..prompts.version import checked_name
from ..record import Json, PromptUse, Record
from ..store.prompts import Prompts
from ..store.sessions import Sessions

logger = logging.getLogger("spanwise.server")

#: Uses remembered as known; beyond, all are looked up again.
_MOST_KNOWN: Final = 50_000
#: Uses that wait to be looked up; beyond, the next call with the prompt has to do.
_MOST_WAITING: Final = 1_000

_Use = tuple[str, str, str, str]


class PromptsSeen:
    """One thread that keeps what calls say of their prompts; noting what is known costs a look-up in memory."""

    def __init__(self, store: Sessions) -> None:
        self._prompts = Prompts(store)
        self._known: set[_Use] = set()
        self._waiting: queue.Queue[tuple[_Use, Json, int] | None] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name="spanwise-prompts", daemon=True)
        self._thread.start()

    def note(self, records: Iterable[Record]) -> None:
        """Have the prompts of *records* kept that are not known yet."""
        for record in records:
            prompt = record.reading.prompt
            if prompt is None or not prompt.template:
                continue
            use = (record.project, prompt.name, prompt.version or "", prompt.hash or _hash(prompt))
            if use not in self._known:
                try:
                    self._waiting.put_nowait((use, prompt.template, record.span.start_ns))
                except queue.Full:
                    return
                self._known.add(use)

    def wait(self) -> None:
        """Return when everything noted so far is kept."""
        self._waiting.join()

    def close(self) -> None:
        """Keep what was noted, and end."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (noted := self._waiting.get()) is not None:
            try:
                self._keep(*noted)
            except SpanwiseError as refusal:  # a name or template that the registry has no place for
                logger.debug("a prompt of a call was not registered: %s", refusal.message)
            except Exception:
                logger.exception("a prompt of a call could not be registered")
                self._known.discard(noted[0])
            finally:
                self._waiting.task_done()
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
        self._waiting.task_done()

    def _keep(self, use: _Use, template: Json, at_ns: int) -> None:
        project, name, version, _ = use
        if not isinstance(template, str | list):
            return
        content = checked(Content(template))
        self._prompts.seen(project, checked_name(name), version or content.template_hash[:12], content, at_ns)


def _hash(prompt: PromptUse) -> str:
    template = prompt.template
    return template_hash(template) if isinstance(template, str | list) else ""
