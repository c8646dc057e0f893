"""Where files lie: in the user's own state folder, or where that cannot be written, in the temporary one."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path


def spool_folder(said: str) -> Path:
    """Return the folder *said*, else the user's own."""
    return own_folder(said, "spool")


def own_folder(said: str, name: str) -> Path:
    """Return the folder *said*, else the one of this *name* among the user's own."""
    if said:
        return Path(said).expanduser()
    usual = _state_folder() / "spanwise" / name
    return usual if _can_be_made(usual) else _temporary(name)


def _state_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser())


def _can_be_made(folder: Path) -> bool:
    present = folder
    while not present.exists() and present != present.parent:
        present = present.parent
    return os.access(present, os.W_OK | os.X_OK)


def _temporary(name: str) -> Path:
    """Return a folder below the temporary one that is this user's alone: others could have laid a trap there."""
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    folder = Path(tempfile.gettempdir()) / f"spanwise-{name}-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = folder.lstat()
    except OSError:
        return folder  # writing to it will fail, and say so
    if hasattr(os, "getuid") and (folder.is_symlink() or owner.st_uid != os.getuid()):
        return Path(tempfile.mkdtemp(prefix=f"spanwise-{name}-"))
    return folder
