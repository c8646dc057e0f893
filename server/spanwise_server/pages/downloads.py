"""Files that a page has the browser save."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi.responses import StreamingResponse

from ..exports.file_format import FileFormat


def streamed(file: Iterator[bytes], export: FileFormat[Any], name: str) -> StreamingResponse:
    """Answer with a *file* of a format, to be saved under a *name*."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.{export.extension}"'}
    return StreamingResponse(file, media_type=export.media_type, headers=headers)
