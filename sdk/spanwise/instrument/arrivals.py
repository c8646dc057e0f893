"""Tell of modules when they are imported, without importing anything to do so.

wrapt has hooks for this too, but brings asyncio, importlib.metadata and more along: as much time as all else of the
SDK.  Here a hook stays, so that a module that is loaded anew is told of anew.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

from ..safety import guard

if TYPE_CHECKING:
    from importlib.abc import Loader

Hook = Callable[[ModuleType], None]


class Arrivals:
    """A finder that finds nothing itself: it asks the others, and has the loader that they name tell of its work."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._hooks: dict[str, list[Hook]] = {}
        self._asking = threading.local()

    def when_imported(self, name: str, hook: Hook) -> None:
        """Call *hook* with the module *name* now where it is there, and whenever it is loaded."""
        with self._lock:
            self._hooks.setdefault(name, []).append(hook)
            if self not in sys.meta_path:
                sys.meta_path.insert(0, self)
        if name in sys.modules:
            hook(import_module(name))  # waits where another thread is loading it

    def tell(self, module: ModuleType) -> None:
        """Call what waits for *module*, which is loaded."""
        for hook in tuple(self._hooks.get(module.__name__, ())):
            with guard():
                hook(module)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what the next finder finds, where somebody waits for it; ``None`` leaves the import alone."""
        asking: set[str] = self._asking.__dict__.setdefault("names", set())
        if name not in self._hooks or name in asking:  # another finder of this kind may ask all of them again
            return None
        asking.add(name)
        try:
            spec = self._found(name, path, target)
        finally:
            asking.discard(name)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = cast("Loader", TellingLoader(spec.loader, self.tell))
        return spec

    def _found(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in tuple(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None:
                return spec
        return None


class TellingLoader:
    """A loader that passes for the one it stands for, steps aside once asked to load, and tells when that is done."""

    def __init__(self, loader: Any, tell: Hook) -> None:
        self._loader = loader
        self._tell = tell

    @property  # type: ignore[misc]  # what a loader is may be asked by whoever has found it
    def __class__(self) -> type:
        return type(self._loader)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Create the module as the loader does."""
        create = getattr(self._loader, "create_module", None)
        made: ModuleType | None = None if create is None else create(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        """Load the module as the loader does, which it names as its own, and tell of it."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._tell(module)


ARRIVALS: Final = Arrivals()
