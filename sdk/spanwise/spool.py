"""The disk behind the exporter: what the server does not take now waits here, also for the next process.

A folder for each destination (endpoint, project, key), in it a folder for each process that has written, and in
that numbered segments.  A process holds the lock of its own folder for as long as it lives; what lies in a folder
whose lock is free was left behind, and whoever gets the lock sends it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .config import Config
from .lock import lock_file
from .segment import Frame, Kind, Segment
from .spool_folder import spool_folder

logger = logging.getLogger("spanwise")

_LOCK: Final = "lock"
_DESTINATION: Final = "destination.json"
_LARGEST_SEGMENT: Final = 8_000_000
_LOOK_AGAIN_S: Final = 5.0


class Writer:
    """The folder of one process, this one or one that is gone, whose lock is ours."""

    def __init__(self, folder: Path, lock: int) -> None:
        self.folder = folder
        self._lock = lock
        self.segments: list[Segment] = []

    @classmethod
    def create(cls, destination: Path) -> Writer:
        """Make a folder that is locked before anybody can see it."""
        name = f"{time.time_ns():020d}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        hidden = destination / f".{name}"
        hidden.mkdir(mode=0o700)
        lock = lock_file(hidden / _LOCK)
        if lock is None:
            raise OSError(f"{hidden} cannot be locked")
        hidden.rename(destination / name)
        return cls(destination / name, lock)

    @classmethod
    def adopt(cls, folder: Path) -> Writer | None:
        """Take over what a process that is gone has left; ``None`` where it lives, or another was quicker."""
        if not (folder / _LOCK).exists():
            return None
        lock = lock_file(folder / _LOCK)
        if lock is None:
            return None
        writer = cls(folder, lock)
        for path in sorted(folder.glob("*.seg")):
            writer.segments.append(Segment.read(path))
        return writer

    @property
    def left(self) -> int:
        """Items that are still to be sent."""
        return sum(segment.left for segment in tuple(self.segments))

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(segment.size for segment in self.segments)

    def next(self) -> Frame | None:
        """Return the oldest frame that is still to be sent, and go past it."""
        for segment in list(self.segments):
            frame = segment.next()
            if frame is not None:
                return frame
        return None

    def sweep(self, *, ends: bool) -> None:
        """Remove the segments of which everything is sent; the last is only emptied, unless the writer *ends*."""
        for segment in [segment for segment in self.segments if segment.left <= 0]:
            if segment is self.segments[-1] and not ends:
                segment.empty()
            else:
                segment.remove()
                self.segments.remove(segment)

    def close(self) -> None:
        """Remove what is sent, and let go of the rest, which whoever comes next may take."""
        self.sweep(ends=True)
        kept = bool(self.segments)
        self.forget()
        if not kept:
            shutil.rmtree(self.folder, ignore_errors=True)

    def forget(self) -> None:
        """Let go of every file without touching any; after a fork they are the parent's."""
        for segment in self.segments:
            segment.close()
        self.segments = []
        os.close(self._lock)


class Spool:
    """What waits on the disk for one destination; safe for threads, and for processes beside it."""

    def __init__(self, root: Path, config: Config, name: str | None = None) -> None:
        self.folder = root / (name or _name(config))
        self._config = config
        self._most_bytes = config.max_spool_mb * 1_000_000
        self._segment_bytes = min(_LARGEST_SEGMENT, max(1, self._most_bytes // 8))
        self._lock = threading.RLock()
        self._own: Writer | None = None
        self._adopted: list[Writer] = []
        self._others = 0
        self._looked = float("-inf")
        self._said_full = False
        self.dropped = 0
        """Items that had to make room."""

    @property
    def waiting(self) -> int:
        """Items of this process, and of those it has taken over, that are still to be sent.

        Without the lock, which may be held by a thread that is writing.
        """
        return sum(writer.left for writer in self._writers())

    def append(self, kind: Kind, count: int, body: bytes) -> Frame | None:
        """Keep one batch; ``None`` where the disk does not take it."""
        with self._lock:
            try:
                return self._append(kind, count, body)
            except OSError as error:
                self._say_once("spanwise cannot write to its spool in %s: %s", self.folder, error)
                return None

    def next(self) -> Frame | None:
        """Return the oldest batch that waits, and go past it."""
        with self._lock:
            for writer in self._writers():
                frame = writer.next()
                if frame is not None:
                    return frame
            return None

    def back_to(self, frames: list[Frame]) -> None:
        """Have ``next`` return *frames* again: they could not be sent."""
        with self._lock:
            for frame in frames:
                frame.segment.back_to(frame)

    def done(self, frames: list[Frame]) -> None:
        """Forget *frames*: they are sent, or refused for good."""
        with self._lock:
            for frame in frames:
                if not frame.segment.gone:
                    frame.segment.done(frame)
            for writer in self._writers():
                writer.sweep(ends=writer is not self._own)
            for writer in [writer for writer in self._adopted if not writer.segments]:
                self._adopted.remove(writer)
                writer.close()

    def adopt(self) -> bool:
        """Take over what processes that are gone have left; return whether there is anything."""
        with self._lock:
            for folder in self._writer_folders():
                try:
                    writer = Writer.adopt(folder)
                except OSError:
                    continue  # another process has just removed it
                if writer is None:
                    continue
                if writer.left:
                    self._adopted.append(writer)
                else:
                    writer.close()
            return bool(self._adopted)

    def close(self) -> None:
        """Let go of everything; what waits is the next process's."""
        with self._lock:
            for writer in self._writers():
                writer.close()
            self._own, self._adopted = None, []

    def forget(self) -> None:
        """Start afresh in a child process: what the parent has written is the parent's."""
        self._lock = threading.RLock()
        for writer in self._writers():
            writer.forget()
        self._own, self._adopted = None, []
        self.dropped = 0

    def _writers(self) -> list[Writer]:
        return [*self._adopted, self._own] if self._own is not None else list(self._adopted)

    def _append(self, kind: Kind, count: int, body: bytes) -> Frame | None:
        if self._own is None:
            self._own = self._start()
        if not self._make_room(len(body)):
            return None
        segments = self._own.segments
        if not segments or segments[-1].size >= self._segment_bytes:
            segments.append(Segment.create(self._own.folder / f"{time.time_ns():020d}.seg"))
        return segments[-1].append(kind, count, body)

    def _start(self) -> Writer:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        told = self.folder / _DESTINATION
        if not told.exists():
            config = self._config
            said = {"endpoint": config.endpoint, "project": config.project, "key": key_mark(config.api_key)}
            told.write_text(json.dumps(said), encoding="utf-8")
        return Writer.create(self.folder)

    def _make_room(self, wanted: int) -> bool:
        """Drop the oldest segments until *wanted* more bytes fit; return whether they do."""
        while (
            size := sum(writer.size for writer in self._writers()) + self._size_of_others()
        ) + wanted > self._most_bytes:
            victims = [(s.path.name, w, s) for w in self._writers() for s in w.segments]
            if not victims:
                if self.adopt():
                    self._looked = float("-inf")
                    continue
                self._say_once("spanwise: the spool %s is full (%d bytes), so that memory has to do", self.folder, size)
                return False
            _, writer, segment = min(victims, key=lambda victim: victim[0])
            self._say_once("spanwise: the spool %s is full (%d bytes), so that its oldest spans go", self.folder, size)
            self.dropped += max(0, segment.left)
            writer.segments.remove(segment)
            segment.remove()
        return True

    def _size_of_others(self) -> int:
        """Return the bytes of processes beside this one, as of some seconds ago."""
        now = time.monotonic()
        if now - self._looked > _LOOK_AGAIN_S:
            self._looked = now
            self._others = sum(_size_of(folder) for folder in self._writer_folders())
        return self._others

    def _writer_folders(self) -> list[Path]:
        ours = {writer.folder for writer in self._writers()}
        return [folder for folder in _folders(self.folder) if folder not in ours]

    def _say_once(self, sentence: str, *values: object) -> None:
        if not self._said_full:
            self._said_full = True
            logger.warning(sentence, *values)


@dataclass(frozen=True, slots=True)
class Destination:
    """One folder of the spool, as ``spanwise spool`` lists it."""

    folder: Path
    endpoint: str
    project: str
    key: str
    """The first digits of the key's hash; empty where there was none."""
    size_bytes: int


def open_spool(config: Config) -> Spool | None:
    """Return the spool that *config* asks for; ``None`` where it wants none."""
    if config.spool == "off" or config.span_exporter is not None:
        return None
    return Spool(spool_folder(config.spool), config)


def destinations(root: Path) -> Iterator[Destination]:
    """Yield every destination that something waits for in the spool at *root*."""
    for folder in _folders(root):
        try:
            told = json.loads((folder / _DESTINATION).read_text(encoding="utf-8"))
            endpoint, project, key = str(told["endpoint"]), str(told["project"]), str(told["key"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # not one of ours
        size = sum(_size_of(writer) for writer in _folders(folder))
        if size:
            yield Destination(folder, endpoint, project, key, size)


def is_for(destination: Destination, config: Config) -> bool:
    """Whether *destination* is the one of *config*."""
    return destination.folder.name == _name(config)


def key_mark(api_key: str) -> str:
    """Return what a key can be told by without giving it away."""
    return hashlib.sha256(api_key.encode()).hexdigest()[:8] if api_key else ""


def _name(config: Config) -> str:
    said = "\0".join((config.endpoint, config.project, config.api_key))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def _size_of(writer: Path) -> int:
    return sum(entry.stat().st_size for entry in _entries(writer) if entry.name.endswith(".seg"))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
