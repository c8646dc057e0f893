"""Find the files that ship beside the code: templates, static files, migrations, the example app.

In a wheel they lie inside this package; in a checkout and an editable install they lie at the top of
the repository, where the project keeps them.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def resource_dir(name: str) -> Path:
    """Return the folder *name* (``web``, ``migrations`` or ``examples``)."""
    packaged = Path(str(files("spanwise_server").joinpath(name)))
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / name
