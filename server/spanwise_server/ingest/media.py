"""Pictures, sound and files taken out of spans and log records: long runs of base64 in their attributes.

Taken out is what is told to be base64 (a data URL, bytes of OTLP) or begins like a known format; any other long word
is a word. A run is only taken where the same characters come back from its bytes, so nothing is lost by it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from ..media import HEAD_BYTES, Media, sniffed
from ..record import Event, Span

#: In characters of base64; what is shorter stays in its span.
SHORTEST: Final = 2_048
#: A run that is long enough covers one of the places that are this far apart, and nearly as many characters after it.
_STEP: Final = SHORTEST // 2
_PROBED: Final = _STEP - 24
_LETTERS: Final = "[A-Za-z0-9+/_-]"
_PROBE: Final = re.compile(f"{_LETTERS}{{{_PROBED}}}")
_RUN: Final = re.compile(_LETTERS + "+={0,2}")
#: What stands before base64 that is told to be such: in a data URL, and in what decoding makes of bytes.
_TOLD: Final = (";base64,", "base64:")
_HEAD_CHARS: Final = HEAD_BYTES // 3 * 4 + 4

#: Contents by their SHA-256, in hex.
Contents = dict[str, bytes]


def cut_span(span: Span, contents: Contents) -> tuple[Span, tuple[str, ...]]:
    """Return *span* without its media, and their digests; *contents* is given what they hold."""
    found: Contents = {}
    attributes = _cut_map(span.attributes, found)
    events = tuple(cut_event(event, found)[0] for event in span.events)
    if not found:
        return span, ()
    contents.update(found)
    return replace(span, attributes=attributes, events=events), tuple(found)


def cut_event(event: Event, contents: Contents) -> tuple[Event, tuple[str, ...]]:
    """Return *event* without its media, and their digests; *contents* is given what they hold."""
    found: Contents = {}
    attributes = _cut_map(event.attributes, found)
    if not found:
        return event, ()
    contents.update(found)
    return replace(event, attributes=attributes), tuple(found)


def cut_text(text: str, contents: Contents) -> str:
    """Return *text* with what stands for each media in its place; *contents* is given what they hold."""
    for at in range(0, len(text), _STEP):
        # A search for a blank, which most texts have nearby, takes a tenth of a look at each letter.
        if text.find(" ", at, at + _PROBED) < 0 and _PROBE.match(text, at):
            break
    else:
        return text
    return _RUN.sub(lambda run: _cut_run(text, run, contents), text)


def _cut_map(values: Mapping[str, Any], contents: Contents) -> Mapping[str, Any]:
    changed = {}
    for key, value in values.items():
        kind = type(value)
        if kind is str:
            if len(value) < SHORTEST:
                continue
        elif kind not in (dict, list, tuple):
            continue
        new = _cut(value, contents)
        if new is not value:
            changed[key] = new
    return {**values, **changed} if changed else values


def _cut(value: Any, contents: Contents) -> Any:
    """Return *value* without its media: the same object where it has none."""
    if isinstance(value, str):
        return value if len(value) < SHORTEST else cut_text(value, contents)
    if isinstance(value, Mapping):
        return _cut_map(value, contents)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        new = [_cut(item, contents) for item in value]
        same = all(one is other for one, other in zip(new, value, strict=True))
        return value if same else type(value)(new)  # type: ignore[call-arg]  # a list or a tuple
    return value


def _cut_run(text: str, run: re.Match[str], contents: Contents) -> str:
    written = run[0]
    after = text[run.end() : run.end() + 1]
    if after.isalnum() or after in ("_", ":"):  # what would stand in its place could not be told from what follows
        return written
    if len(written) < SHORTEST or not (text.endswith(_TOLD, 0, run.start()) or _begins_like_media(written)):
        return written
    url_safe = "-" in written or "_" in written
    try:
        content = base64.b64decode(written, altchars=b"-_" if url_safe else None, validate=True)
    except (binascii.Error, ValueError):
        return written
    again = base64.urlsafe_b64encode(content) if url_safe else base64.b64encode(content)
    if again.decode() != written:
        return written
    digest = sha256(content).hexdigest()
    contents[digest] = content
    return str(Media(digest, len(content), url_safe))


def _begins_like_media(written: str) -> bool:
    head = written[:_HEAD_CHARS].replace("-", "+").replace("_", "/")
    return sniffed(base64.b64decode(head)) is not None
