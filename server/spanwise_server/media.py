"""Pictures, sound and files that leave their span: what stands in their place, and what their first bytes tell."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r"spanwise-media:sha256-([0-9a-f]{64}):(\d{1,12})(:url)?(?![\w:])")
#: First bytes -> media type, after RFC 6381's registries and the formats' own specifications.
_SIGNATURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"PK\x03\x04", "application/zip"),
)
#: What stands at byte 8 of a RIFF file, and at byte 4 of an MP4.
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_MP4: Final = {b"M4A ": "audio/mp4", b"avif": "image/avif", b"heic": "image/heic"}
#: How many bytes :func:`sniffed` looks at.
HEAD_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Media:
    """One content that is kept beside the spans: its SHA-256 in hex, its size, and how it was written."""

    digest: str
    size: int
    url_safe: bool = False
    """Whether its base64 had ``-`` and ``_`` where others have ``+`` and ``/``."""

    def __str__(self) -> str:
        """Return what stands in the content's place."""
        return f"spanwise-media:sha256-{self.digest}:{self.size}{':url' if self.url_safe else ''}"


def media_of(content: object) -> Media | None:
    """Return the media that *content* stands for, ``None`` where it is anything else."""
    found = _TOKEN.fullmatch(content) if isinstance(content, str) else None
    return None if found is None else _made(found)


def media_in(text: str) -> Iterator[Media]:
    """Yield all media that *text* stands for or names."""
    return map(_made, _TOKEN.finditer(text))


def with_content(text: str, content_of: Callable[[Media], bytes | None]) -> str:
    """Return *text* with the base64 of each media in its place, as it was sent; one without content stays."""

    def written(found: re.Match[str]) -> str:
        media = _made(found)
        content = content_of(media)
        if content is None:
            return found[0]
        return (base64.urlsafe_b64encode if media.url_safe else base64.b64encode)(content).decode()

    return _TOKEN.sub(written, text)


def sniffed(head: bytes) -> str | None:
    """Return the media type that the first bytes tell, ``None`` where they tell none that is known."""
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _MP4.get(head[8:12], "video/mp4")
    return next((media_type for signature, media_type in _SIGNATURES if head.startswith(signature)), None)


def _made(found: re.Match[str]) -> Media:
    return Media(found[1], int(found[2]), found[3] is not None)
