"""Prompts of the registry, kept in memory and on the disk: the application waits for the server once, and not long."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

import orjson

from .config import Config, read_config
from .runtime import HELD
from .safety import guard
from .spool_folder import own_folder
from .template import FORMATS, Format, Template, TemplateError, variables_of
from .transport import Transport

logger = logging.getLogger("spanwise")

#: After a fetch that failed, so long nothing is waited for.
PAUSE_S: Final = 5.0
#: The background waits longer than the application: what comes late is there for the next one.
_PATIENCE: Final = 5.0
_NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Fetched:
    """One version of a prompt as the server gave it."""

    version: str
    template: Template
    template_hash: str
    format: Format
    model: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Mapping[str, Any]] = ()
    output_schema: Mapping[str, Any] | None = None


@dataclass(slots=True)
class _Entry:
    """What is known of one name and label; *until* is when it is asked for anew."""

    prompt: Fetched | None = None
    etag: str = ""
    until: float = 0.0
    tried: bool = False
    """Whether the server was asked; from then on nobody waits for it."""
    looked: bool = False
    """Whether the disk was."""


Key = tuple[str, str]


class PromptCache:
    """Every prompt that was asked for. What is old is handed out once more while it is fetched in the background."""

    def __init__(self) -> None:
        self._config: Config | None = None
        self._settings = Config()
        self._entries: dict[Key, _Entry] = {}
        self._under_way: dict[Key, Future[Fetched | None]] = {}
        self._lock = threading.Lock()
        self._complained: set[Key] = set()

    @property
    def endpoint(self) -> str:
        """Where prompts are asked for."""
        return self._settings.endpoint

    def get(self, name: str, at: str) -> Fetched | None:
        """Return what is in memory, ``None`` where nothing is; never waits."""
        if HELD.runtime.config is not self._config:
            self._begin()
        entry = self._entries.get((name, at))
        if entry is None:
            return None
        if time.monotonic() >= entry.until:
            self._fetch((name, at))
        return entry.prompt

    def wait(self, name: str, at: str) -> Fetched | None:
        """Return a prompt that is not in memory: from the server if it answers in time, else from the disk."""
        fetching = self._first_fetch((name, at))
        if fetching is None:
            return self._known((name, at))
        try:
            return fetching.result(self._settings.prompt_timeout_s) or self._known((name, at))
        except FutureTimeoutError:
            return self._known((name, at))

    async def await_(self, name: str, at: str) -> Fetched | None:
        """As :meth:`wait`, while other tasks go on."""
        fetching = self._first_fetch((name, at))
        if fetching is None:
            return self._known((name, at))
        import asyncio  # noqa: PLC0415  # whoever waits here has it already; who does not, need not load it

        shielded = asyncio.shield(asyncio.wrap_future(fetching))
        try:
            return await asyncio.wait_for(shielded, self._settings.prompt_timeout_s) or self._known((name, at))
        except asyncio.TimeoutError:
            return self._known((name, at))

    def after_fork(self) -> None:
        """Forget what the parent's threads were doing: they are not here."""
        self._lock = threading.Lock()
        self._under_way = {}

    def _begin(self) -> None:
        """Start anew with the settings in force: another server or project has other prompts."""
        with self._lock:
            self._config = HELD.runtime.config
            # Without init() the environment holds, as it would with it.
            self._settings = read_config({}) if self._config == Config() else self._config
            self._entries, self._under_way, self._complained = {}, {}, set()

    def _first_fetch(self, key: Key) -> Future[Fetched | None] | None:
        """Return the fetch to wait for, ``None`` where one was waited for before: later ones are in the background."""
        entry = self._entries.get(key)
        return None if entry is not None and entry.tried else self._fetch(key)

    def _known(self, key: Key) -> Fetched | None:
        """Return what memory has by now, else what the disk has, which is read once."""
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            if not entry.tried:
                entry.tried, entry.until = True, time.monotonic() + PAUSE_S
            if entry.prompt is None and not entry.looked:
                entry.looked = True
                entry.prompt, entry.etag = self._from_disk(key)
            return entry.prompt

    def _fetch(self, key: Key) -> Future[Fetched | None]:
        with self._lock:
            under_way = self._under_way.get(key)
            if under_way is not None:
                return under_way
            future: Future[Fetched | None] = Future()
            self._under_way[key] = future
            entry = self._entries.get(key)
        etag = "" if entry is None else entry.etag
        settings, entries = self._settings, self._entries
        thread = threading.Thread(
            target=self._run, args=(key, future, etag, settings, entries), name="spanwise-prompt", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # the interpreter ends, or has no thread left
            self._failed(key, entries, "no thread could be started")
            self._ended(key, future, None)
        return future

    def _run(
        self, key: Key, future: Future[Fetched | None], etag: str, settings: Config, entries: dict[Key, _Entry]
    ) -> None:
        found: Fetched | None = None
        with guard():
            try:
                found = self._ask(key, etag, settings, entries)
            finally:
                self._ended(key, future, found)

    def _ended(self, key: Key, future: Future[Fetched | None], found: Fetched | None) -> None:
        with self._lock:
            if self._under_way.get(key) is future:
                del self._under_way[key]
        future.set_result(found)

    def _ask(self, key: Key, etag: str, settings: Config, entries: dict[Key, _Entry]) -> Fetched | None:
        name, at = key
        transport = Transport(settings, max(settings.prompt_timeout_s * _PATIENCE, 1.0))
        asked = f"version={at}" if at.isdecimal() else f"label={quote(at, safe='')}"
        outcome = transport.get(f"/api/v1/prompts/{quote(name)}?{asked}", etag)
        transport.close()
        until = _NEVER if at.isdecimal() else time.monotonic() + settings.prompt_ttl_s
        if outcome.status == 304:
            entry = entries.get(key)
            if entry is not None:
                entry.until = until
                return entry.prompt
        if not outcome.taken:
            self._failed(key, entries, outcome.problem or f"the server answered {outcome.status}")
            return None
        try:
            found = _read(outcome.body)
        except (ValueError, KeyError, TypeError) as error:
            self._failed(key, entries, f"it cannot be used here: {error}")
            return None
        entries[key] = _Entry(found, outcome.etag, until, tried=True)
        self._complained.discard(key)
        self._to_disk(key, settings, outcome.etag, outcome.body)
        return found

    def _failed(self, key: Key, entries: dict[Key, _Entry], problem: str) -> None:
        with self._lock:
            entry = entries.setdefault(key, _Entry())
            entry.tried, entry.until = True, time.monotonic() + PAUSE_S
            said_before = key in self._complained
            self._complained.add(key)
        if not said_before:
            logger.warning("spanwise: the prompt %r (%s) could not be fetched: %s", *key, problem)

    def _file(self, key: Key, settings: Config) -> Path | None:
        if "off" in (settings.prompt_folder, settings.prompt_folder or settings.spool):
            return None
        said = "\0".join((settings.endpoint, settings.project, settings.api_key, *key))
        digest = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
        return own_folder(settings.prompt_folder, "prompts") / f"{digest[:32]}.json"

    def _from_disk(self, key: Key) -> tuple[Fetched | None, str]:
        try:
            file = self._file(key, self._settings)
            if file is None:
                return None, ""
            etag, _, body = file.read_bytes().partition(b"\n")
            return _read(body), etag.decode()
        except (OSError, ValueError, KeyError, TypeError):
            return None, ""

    def _to_disk(self, key: Key, settings: Config, etag: str, body: bytes) -> None:
        try:
            file = self._file(key, settings)
            if file is None:
                return
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, made = tempfile.mkstemp(dir=file.parent, prefix=".new-")  # readable by its user alone
            with open(handle, "wb") as new:  # noqa: PTH123 - a handle, not a path
                new.write(etag.encode() + b"\n" + body)
            Path(made).replace(file)
        except OSError as error:
            logger.debug("spanwise: the prompt %r could not be kept on the disk: %r", key[0], error)


def _read(body: bytes) -> Fetched:
    """Return the prompt in an answer; raises ValueError where this program could not render it."""
    said = orjson.loads(body)
    form, template = said["format"], said["template"]
    if form not in FORMATS or not isinstance(template, (str, list)):
        raise TemplateError(f"there is no format {form!r} here")
    variables_of(template, cast("Format", form))
    return Fetched(
        version=str(said["version"]),
        template=template,
        template_hash=said["template_hash"],
        format=form,
        model=said.get("model"),
        params=said.get("params") or {},
        tools=tuple(said.get("tools") or ()),
        output_schema=said.get("output_schema"),
    )


PROMPTS: Final = PromptCache()
"""The prompts of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=PROMPTS.after_fork)
