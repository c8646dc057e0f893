"""Compiles the hot modules: ``python -m spanwise_server.compiling``. Needs mypy, setuptools and a C compiler."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from .compiled import FOLDER, HERE, LIBRARY, MANIFEST, MODULES, SUFFIX, digests, is_current, source_of

#: `make lint` is who checks types. Here they only say how to compile, and of others' packages their stubs say enough:
#: to follow those packages too takes mypy ten times as long.
_MYPY: Final = """
[mypy]
namespace_packages = True
follow_imports = skip
[mypy-spanwise.*,spanwise_server.*]
follow_imports = normal
"""
_SETUP: Final = """
import sys
from mypyc.build import mypycify
from setuptools import setup
work, group, level, *sources = sys.argv[1:]
options = [f"--config-file={work}/mypy.ini", f"--cache-dir={work}/cache"]
setup(
    name="spanwise-hot",
    ext_modules=mypycify([*options, *sources], opt_level=level, debug_level="0", multi_file=True,
                         target_dir=f"{work}/c", group_name=group),
    script_args=["-q", "build_ext", f"--build-lib={work}/lib", f"--build-temp={work}/o", f"--parallel=2"],
)
"""


def compile_into(folder: Path, level: str = "2") -> None:
    """Compile the hot modules from their sources, and put them into *folder* in the place of what is there.

    *level* is how hard the C compiler tries, up to 3; 0 takes it half as long.
    Raises ``CalledProcessError`` where the compiler or what it needs is missing.
    """
    sources = [str(source_of(module).relative_to(HERE.parent)) for module in MODULES]
    made_from = digests()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "mypy.ini").write_text(_MYPY)
        types = os.pathsep.join([str(HERE.parent), str(HERE.parents[1] / "sdk")])
        subprocess.run(  # noqa: S603  # this very Python
            [sys.executable, "-c", _SETUP, name, LIBRARY.removesuffix("__mypyc"), level, *sources],
            cwd=HERE.parent,
            env={**os.environ, "MYPYPATH": types, "SPANWISE_PURE": "1"},
            check=True,
        )
        (work / "lib" / MANIFEST).write_text(json.dumps({"suffix": SUFFIX, "sources": made_from}))
        # A process that starts meanwhile finds all of them or none.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".compiled-") as beside:
            ready = shutil.copytree(work / "lib", Path(beside) / "ready")
            shutil.rmtree(folder, ignore_errors=True)
            ready.rename(folder)


def main() -> None:
    """Compile, unless what is there is of today's sources."""
    if is_current():
        return
    try:
        compile_into(FOLDER)
    except subprocess.CalledProcessError:
        raise SystemExit("The hot modules were not compiled; everything works without, but ingest is slower.") from None


if __name__ == "__main__":
    main()
