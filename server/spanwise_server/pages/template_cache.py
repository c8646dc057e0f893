"""Templates compiled once for every start of a server: most of what the first visit of a page takes is compiling them.

They lie where Python keeps compiled modules, and like those are made anew when their source, or what compiles them,
has changed. Where nothing can be written there, each start compiles them again.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from jinja2.bccache import Bucket, BytecodeCache

from . import templating

FOLDER: Final = Path(__file__).parent / "__pycache__"


class CompiledTemplates(BytecodeCache):
    """The compiled templates in one folder."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._compiler = hashlib.sha256(Path(templating.__file__).read_bytes()).hexdigest()[:12]

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill *bucket* with what is kept for it, if anything is."""
        try:
            with self._path(bucket).open("rb") as file:
                bucket.load_bytecode(file)
        except (OSError, ValueError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what *bucket* holds; another process that does the same keeps the same."""
        if sys.dont_write_bytecode:
            return
        kept = self._path(bucket)
        part = kept.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        try:
            self._folder.mkdir(exist_ok=True)
            part.write_bytes(bucket.bytecode_to_string())
            part.replace(kept)
        except OSError:
            with suppress(OSError):
                part.unlink()

    def _path(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key[:24]}.{self._compiler}.{sys.implementation.cache_tag}.template"
