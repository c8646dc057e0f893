"""Small pictures of large ones, for pages that show many."""

from __future__ import annotations

import io
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

#: What a thumbnail fits into: twice the room that it has on a page, for dense screens.
WIDTH: Final = 640
HEIGHT: Final = 480
#: A picture of more pixels than this is not opened: it may be a few bytes that blow up to gigabytes.
MOST_PIXELS: Final = 40_000_000
#: Smaller files are as quickly sent as they are.
SMALL_BYTES: Final = 40_000
#: What is written and what browsers show; nothing else is tried.
_FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP")
_QUALITY: Final = 80
MEDIA_TYPE: Final = "image/webp"
#: What the name of a thumbnail ends with, beside its picture.
SUFFIX: Final = ".small"
#: One at a time: each may take the memory of all its pixels.
_one_at_a_time: Final = threading.Lock()


def thumbnail_of(file: Path) -> Path:
    """Return where the thumbnail of the picture *file* lies, once it is made."""
    return file.with_name(file.name + SUFFIX)


def kept_thumbnail(file: Path) -> Path | None:
    """Return the thumbnail of the picture *file*, made where there is none yet; ``None`` where it cannot be."""
    small = thumbnail_of(file)
    if small.is_file():
        return small
    content = thumbnail(file)
    if content is None:
        return None
    unfinished = file.with_name(f"{uuid4().hex}.part")
    with suppress(OSError):  # a full disk must not hide the picture
        try:
            unfinished.write_bytes(content)
            unfinished.replace(small)
        finally:
            unfinished.unlink(missing_ok=True)
    return small if small.is_file() else None


def thumbnail(file: Path) -> bytes | None:
    """Return a WebP of the picture in *file* that fits 640 by 480, its first frame where it moves.

    ``None`` where it is no picture, is damaged, has too many pixels, or is small enough as it is.
    """
    if file.stat().st_size <= SMALL_BYTES:
        return None
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("error")  # Pillow warns of bombs, and of data it has to guess
        try:
            return _made(file)
        except Exception:  # noqa: BLE001  # of so many formats each has its own way to be damaged
            return None


def _made(file: Path) -> bytes | None:
    from PIL import Image, ImageOps  # noqa: PLC0415  # most servers never show a picture, and start without it

    with Image.open(file, formats=_FORMATS) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            return None
        picture.draft("RGB", (WIDTH, HEIGHT))  # a JPEG need not be decoded in full
        upright = ImageOps.exif_transpose(picture)
        upright.thumbnail((WIDTH, HEIGHT))
        out = io.BytesIO()
        upright.convert("RGBA" if upright.has_transparency_data else "RGB").save(out, "WEBP", quality=_QUALITY)
    return out.getvalue()
