"""Which reader read a span: what tells today's dialects from those of another version."""

from __future__ import annotations

import sys
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Final

from spanwise._version import __version__

from . import dialects

_DIGEST_BYTES: Final = 4


@cache
def reader() -> str:
    """Return the version and a digest of every dialect's source, such as ``0.1.0+5f3a9c01``.

    Nobody has to remember to raise a number: a dialect that changed, or one that another package brought, is another
    reader.
    """
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for path in sorted({*Path(__file__).parent.rglob("*.py"), *_of_others()}):
        digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()}"


def _of_others() -> set[Path]:
    """Return the files of the dialects there are, of other packages too."""
    modules = [sys.modules.get(dialect.read.__module__) for dialect in dialects()]
    return {Path(file) for module in modules if (file := getattr(module, "__file__", None)) is not None}
