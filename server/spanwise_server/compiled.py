"""The hot modules in machine code, where somebody has had them compiled from the sources that are here now.

Nothing needs them: without them, with other sources or with ``SPANWISE_PURE=1`` the very same modules run as they are
written, at about two thirds of the speed. ``compiling.py`` makes them.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from hashlib import blake2b
from importlib.abc import MetaPathFinder
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from sysconfig import get_config_var
from types import ModuleType
from typing import Final

PACKAGE: Final = "spanwise_server"
HERE: Final = Path(__file__).parent
#: Where the compiled modules lie, and what says which sources they were made from.
FOLDER: Final = HERE / "_compiled"
MANIFEST: Final = "sources.json"
#: What all of them are linked into; each module by itself only points into it.
LIBRARY: Final = "spanwise_hot__mypyc"
SUFFIX: Final[str] = get_config_var("EXT_SUFFIX") or ".so"
#: What every span goes through, from its bytes to its rows. In these ``isinstance`` is given a tuple of types: a union
#: is put together anew at each call, which takes a fifth of a microsecond.
MODULES: Final = tuple(
    f"{PACKAGE}.{name}"
    for name in (
        "odd_numbers", "record", "pricing.rates", "pricing.price",
        *(f"dialects.{name}" for name in (
            "registered", "base", "decode", "usage", "gen_ai", "gen_ai_content", "otel", "settle", "spanwise",
            "openinference", "openinference_content", "traceloop", "preview",
        )),
        *(f"dialects.messages.{name}" for name in (
            "message", "parts", "genai", "openai", "gemini", "anthropic", "tools", "langchain",
        )),
        *(f"ingest.{name}" for name in ("wire", "batch", "log_batch", "span_limits", "media", "pipeline")),
        *(f"store.{name}" for name in (
            "address", "rows", "calls", "summary", "rollups", "step_hours",
            "step_change", "rollup_change", "words", "payload", "ready", "sparse", "call_groups",
            "call_tree", "firsts", "running", "running_kept", "stored_rows", "change", "writer_memory", "write",
            "search_words", "attribute_words",
        )),
    )
)  # fmt: skip


def source_of(module: str) -> Path:
    """Return the file that a module is written in."""
    return HERE.parent.joinpath(*module.split(".")).with_suffix(".py")


def digests() -> dict[str, str]:
    """Return a digest of the source of each of ``MODULES``."""
    return {module: blake2b(source_of(module).read_bytes(), digest_size=16).hexdigest() for module in MODULES}


def is_current(folder: Path = FOLDER) -> bool:
    """Say whether *folder* holds modules that this Python can load, made from the sources that are here now."""
    try:
        said = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return False
    return bool(said == {"suffix": SUFFIX, "sources": digests()}) and (folder / f"{LIBRARY}{SUFFIX}").is_file()


class _Loader(ExtensionFileLoader):
    """Loads a compiled module, which names the file that it was written in as its own."""

    def exec_module(self, module: ModuleType) -> None:
        """Run it."""
        super().exec_module(module)
        if self.name != LIBRARY:
            module.__file__ = str(source_of(self.name))


class CompiledFinder(MetaPathFinder):
    """Finds the compiled modules before the sources are found."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_spec(
        self,
        fullname: str,
        _path: Sequence[str] | None = None,
        _target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return where a compiled module lies, ``None`` for every other."""
        if fullname not in _FOUND:
            return None
        file = f"{self._folder.joinpath(*fullname.split('.'))}{SUFFIX}"
        return spec_from_file_location(fullname, file, loader=_Loader(fullname, file))


_FOUND: Final = frozenset((*MODULES, LIBRARY))


def install() -> bool:
    """Have the compiled modules found from now on, where there are any; return whether there are."""
    if os.environ.get("SPANWISE_PURE") == "1" or not is_current():
        return False
    sys.meta_path.insert(0, CompiledFinder(FOLDER))
    return True
