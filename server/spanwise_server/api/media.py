"""Pictures, sound and files that spans came with, by what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

from ..auth.current import CurrentProject, CurrentServer
from ..errors import NotFound
from ..media import HEAD_BYTES, sniffed
from ..thumbnail import MEDIA_TYPE, kept_thumbnail

router = APIRouter(prefix="/api/v1/media", tags=["media"])

#: What a browser may show or play from here: none of it can hold a script. All else is saved.
_SHOWN: Final = frozenset({
    "image/png", "image/jpeg", "image/gif", "image/webp",
    "audio/mpeg", "audio/wav", "audio/ogg", "audio/flac", "audio/mp4", "video/mp4", "video/webm",
})  # fmt: skip
_ENDINGS: Final = {"application/pdf": ".pdf", "application/zip": ".zip", "image/avif": ".avif", "image/heic": ".heic"}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=31536000, immutable",  # the name is the hash of what it holds
}


@router.get("/{digest}")
def content(server: CurrentServer, project: CurrentProject, digest: str) -> Response:
    """Return one content of the project by its SHA-256 in hex; parts of it by a ``Range`` header."""
    return _sent(_file_of(server, project, digest), digest)


@router.get("/{digest}/thumbnail")
def small(server: CurrentServer, project: CurrentProject, digest: str) -> Response:
    """Return a picture as a WebP of at most 640 by 480; whole where it cannot or need not be made small."""
    file = _file_of(server, project, digest)
    found = kept_thumbnail(file)
    if found is None:
        return _sent(file, digest)
    return FileResponse(found, media_type=MEDIA_TYPE, headers=_HEADERS)


def _file_of(server: CurrentServer, project: str, digest: str) -> Path:
    file = server.store.media_file(project, digest.lower())
    if file is None:
        raise NotFound(
            f"Project {project!r} has no media {digest[:64]}.",
            "Check the project; what no trace and no dataset needs any more is removed.",
        )
    return file


def _sent(file: Path, digest: str) -> Response:
    media_type = _type_of(file)
    if media_type in _SHOWN:
        return FileResponse(file, media_type=media_type, headers=_HEADERS)
    name = f"{digest[:12]}{_ENDINGS.get(media_type, '.bin')}"
    return FileResponse(file, media_type=media_type, filename=name, headers=_HEADERS)


def _type_of(file: Path) -> str:
    """Return what the file is by its own first bytes, whatever the span said of it."""
    with file.open("rb") as opened:
        return sniffed(opened.read(HEAD_BYTES)) or "application/octet-stream"
