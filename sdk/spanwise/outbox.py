"""Parcels on their way: one thread sends them, and while the server is away they wait on the disk.

A parcel that the server has not taken in time, or that comes while the server is away, goes to the spool; what the
spool holds is sent when the server is back.  Only where the disk does not take it does it wait in memory, within
bounds.
"""

from __future__ import annotations

import gzip
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .config import Config
from .delivery import Delivery, Parcel, Sender
from .spool import Spool

logger = logging.getLogger("spanwise")

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_JOINED_SPANS: Final = 512
_JOINED_BYTES: Final = 1_000_000


@dataclass(slots=True)
class Tally:
    """Counts of spans and annotations since the start."""

    sent: int = 0
    failed: int = 0
    dropped: int = 0
    attempts_failed: int = 0


class Outbox:
    """What is packed and not yet with the server, and the thread that sends it.

    *changed* is the exporter's condition: it guards everything here but the spool, which has a lock of its own and is
    never touched while *changed* is held by this class.
    """

    def __init__(self, config: Config, sender: Sender, spool: Spool | None, changed: threading.Condition) -> None:
        self._sender = sender
        self._spool = spool
        self._spool_after_s = config.spool_after_ms / 1000
        self._most_bytes = config.max_queued_mb * 1_000_000
        self._changed = changed
        self.tally = Tally()
        self._ready: deque[Parcel] = deque()
        self._ready_bytes = 0
        self._flying: Parcel | None = None
        self._away = False
        """Whether the last attempt failed."""
        self._pause_s = _FIRST_PAUSE_S
        self._not_before = 0.0
        self.urgent = False
        self._news = 0
        self._keeping: dict[int, int] = {}
        """Which thread writes which parcel, by their ids."""
        self._closing = False
        self._looks_for_left = spool is not None
        self._thread: threading.Thread | None = None

    # --- for the exporter ----------------------------------------------------------------------

    @property
    def in_memory(self) -> int:
        """Items that neither the server nor the disk has."""
        return sum(parcel.count for parcel in self._waiting())

    @property
    def spooled(self) -> int:
        """Items on the disk."""
        return 0 if self._spool is None else self._spool.waiting

    @property
    def dropped(self) -> int:
        """Items given up here or by the spool."""
        return self.tally.dropped + (0 if self._spool is None else self._spool.dropped)

    def owns(self, thread: int) -> bool:
        """Whether *thread* is ours, and may hold locks that others wait for."""
        return self._thread is not None and self._thread.ident == thread

    def put(self, parcel: Parcel, handed: Callable[[], None]) -> None:
        """Take a parcel: to be sent at once, or to the disk where it cannot be.

        *handed* is called in the moment it is here, with the lock held, so that nobody counts it twice.
        """
        spool_first = self._away or self._spool_after_s == 0
        kept = spool_first and self._keep(parcel)
        with self._changed:
            if not kept:
                self._hold(parcel)
            handed()
            self._news += 1
            self._changed.notify_all()
        self.start()

    def keep_old(self) -> float | None:
        """Put on the disk what has been in memory for too long; return in how many seconds to ask again."""
        if self._spool is None:
            return None
        with self._changed:
            waiting = self._waiting()
        now = time.monotonic()
        # Half of the time: the other half is for packing, and for the disk.
        old = [parcel for parcel in waiting if now - parcel.born >= self._spool_after_s / 2]
        for parcel in old:
            self._keep(parcel)
        return self._spool_after_s / 4 if len(waiting) > len(old) else None

    def start(self) -> None:
        """See to it that the thread runs."""
        with self._changed:
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._work, name="spanwise-send", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:  # the interpreter is ending: what is here goes to the disk
                    self._thread = None

    def close(self) -> None:
        """Stop, and leave to the disk what is left; what the disk does not take is dropped and counted."""
        with self._changed:
            self._closing = True
            left = self._waiting()
            busy = self._flying is not None
            self._changed.notify_all()
            thread = self._thread
        lost = sum(parcel.count for parcel in left if not self._keep(parcel))
        with self._changed:
            self._ready.clear()
            self._ready_bytes = 0
            self.tally.dropped += lost
        if thread is None:
            self._sender.close()
        elif thread is not threading.current_thread():
            thread.join(0.1 if busy else 1.0)
        if self._spool is not None and (thread is None or not thread.is_alive()):
            self._spool.close()

    # --- on the disk ---------------------------------------------------------------------------

    def _keep(self, parcel: Parcel) -> bool:
        """Put *parcel* on the disk; return whether it is there, or not needed any more."""
        if self._spool is None or not isinstance(parcel.payload, bytes):
            return False
        with self._changed:
            # A second copy would push out what is older, or the first one.
            while self._keeping.get(id(parcel), threading.get_ident()) != threading.get_ident():
                self._changed.wait()
            if parcel.settled or parcel.frames:  # sent or kept since it was found waiting
                return True
            if id(parcel) in self._keeping:  # the collector has led back here, from where it is being done
                return True
            self._keeping[id(parcel)] = threading.get_ident()
        try:
            return self._write(self._spool, parcel)
        finally:
            with self._changed:
                del self._keeping[id(parcel)]
                self._changed.notify_all()

    def _write(self, spool: Spool, parcel: Parcel) -> bool:
        frame = spool.append(parcel.kind, parcel.count, parcel.payload)
        with self._changed:
            surplus = parcel.settled  # it was sent meanwhile
            if frame is not None and not surplus:
                parcel.frames = [frame]
                if parcel in self._ready:
                    self._ready.remove(parcel)
                    self._ready_bytes -= parcel.size_bytes
        if frame is not None and surplus:
            spool.done([frame])
        return frame is not None or surplus

    def _waiting(self) -> list[Parcel]:
        """Return the parcels that are in memory alone."""
        flying = self._flying
        return [parcel for parcel in (flying, *self._ready) if parcel is not None and not parcel.frames]

    def _hold(self, parcel: Parcel) -> None:
        """Keep *parcel* in memory; where there is no room, the oldest go."""
        if self._closing:
            self.tally.dropped += parcel.count
            return
        self._ready.append(parcel)
        self._ready_bytes += parcel.size_bytes
        while self._ready_bytes > self._most_bytes and len(self._ready) > 1:
            oldest = self._ready.popleft()
            self._ready_bytes -= oldest.size_bytes
            self.tally.dropped += oldest.count

    # --- the thread's side ---------------------------------------------------------------------

    def _work(self) -> None:
        while self._wait_for_work():
            parcel = self._next()
            if parcel is not None:
                self._settle(parcel, _posted(self._sender, parcel))
        self._sender.close()
        if self._spool is not None:
            self._spool.close()

    def _wait_for_work(self) -> bool:
        """Wait until there is something to send and the time for it; return whether to go on."""
        while True:
            news = self._news
            waiting = bool(self.spooled) or self._looks_for_left
            with self._changed:
                if self._closing:
                    return False
                left_s = 0.0 if self.urgent else self._not_before - time.monotonic()
                if not (waiting or self._ready) and news == self._news:
                    self.urgent = False
                    self._changed.notify_all()
                    self._changed.wait()
                elif left_s > 0:
                    self._changed.wait(left_s)
                elif waiting or self._ready:
                    return True

    def _next(self) -> Parcel | None:
        """Return the next parcel: from memory while the server is there, else the oldest there is."""
        with self._changed:
            if self._ready:
                parcel = self._ready.popleft()
                self._ready_bytes -= parcel.size_bytes
                self._flying = parcel
                return parcel
            while self._keeping:  # what is being written may be sent already, and be marked so at once
                self._changed.wait()
        if self._spool is None:
            return None
        if self._looks_for_left:
            self._looks_for_left = False
            self._spool.adopt()
        self._flying = _joined(self._spool)
        return self._flying

    def _settle(self, parcel: Parcel, delivery: Delivery) -> None:
        if delivery.again:
            self._put_back(parcel, delivery)
            return
        with self._changed:
            gone = sum(frame.count for frame in parcel.frames if frame.segment.gone)  # counted as dropped
            self.tally.sent += max(0, delivery.sent - gone)
            self.tally.failed += delivery.failed
            frames = parcel.frames
            parcel.settled = True
            self._flying = None
            if self._away and self._spool is not None:
                self._looks_for_left = True
            self._away = False
            self._pause_s = _FIRST_PAUSE_S
            self._not_before = 0.0
        if frames and self._spool is not None:
            self._spool.done(frames)
        with self._changed:
            self._changed.notify_all()

    def _put_back(self, parcel: Parcel, delivery: Delivery) -> None:
        """Keep what was not taken, with all that waits in memory, and pause."""
        with self._changed:
            self._away = True
            self._flying = None
            frames = parcel.frames
            if not frames and not self._closing:
                self._ready.appendleft(parcel)
                self._ready_bytes += parcel.size_bytes
            waiting = list(self._ready)
        if frames and self._spool is not None:
            self._spool.back_to(frames)
        for held in waiting:
            if not self._keep(held):
                break
        with self._changed:
            wait_s = self._pause_s if delivery.retry_after_s is None else delivery.retry_after_s
            self._not_before = time.monotonic() + min(wait_s, _LONGEST_PAUSE_S)
            self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
            self.tally.attempts_failed += 1
            self.urgent = False
            self._changed.notify_all()


def _joined(spool: Spool) -> Parcel | None:
    """Return the oldest batch of the spool, together with those after it that can go in the same request."""
    first = spool.next()
    if first is None:
        return None
    frames, count, size = [first], first.count, len(first.body)
    while first.kind == "spans" and count < _JOINED_SPANS and size < _JOINED_BYTES:
        frame = spool.next()
        if frame is None:
            break
        count, size = count + frame.count, size + len(frame.body)
        if frame.kind != "spans" or count > _JOINED_SPANS or size > _JOINED_BYTES:
            spool.back_to([frame])
            break
        frames.append(frame)
    body = first.body
    if len(frames) > 1:  # requests joined are one request
        body = gzip.compress(b"".join(gzip.decompress(frame.body) for frame in frames), 1)
    count = sum(frame.count for frame in frames)
    return Parcel(first.kind, count, body, len(body), time.monotonic(), frames)


def _posted(sender: Sender, parcel: Parcel) -> Delivery:
    try:
        return sender.post(parcel)
    except Exception:
        # The thread must outlive whatever a custom exporter can raise.
        logger.warning("spanwise could not send %d items and gives them up", parcel.count, exc_info=True)
        return Delivery(failed=parcel.count)


def drain(spool: Spool, sender: Sender) -> Tally:
    """Send what *spool* holds until it is empty or the server does not take it; return what came of it."""
    tally = Tally()
    while True:
        parcel = _joined(spool)
        if parcel is None:
            return tally
        delivery = _posted(sender, parcel)
        if delivery.again:
            spool.back_to(parcel.frames)
            tally.attempts_failed += 1
            return tally
        spool.done(parcel.frames)
        tally.sent += delivery.sent
        tally.failed += delivery.failed
