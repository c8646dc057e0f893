"""Static files: read once, named by the hash of what is in them, kept by browsers for ever."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from ..errors import NotFound
from ..resources import resource_dir
from .kind_icons import kind_icons

PREFIX = "/static/"
_SERVED = {".css", ".js", ".svg", ".png", ".txt"}
_PACKED = {".css", ".js", ".svg", ".txt"}
#: How much of its bar a figure fills, in percent: a class, since the policy allows no style in an element.
_BARS: Final = "@layer tokens{" + "".join(f".w{n}{{--w:{n}%}}" for n in range(101)) + "}"
_FOREVER = "public, max-age=31536000, immutable"
_SHORTLY = "public, max-age=300"


#: Stands in every page; the policy of :mod:`..auth.guard` names it by its hash.
INLINE: Final = "js/theme.js"

#: Scripts that are sent as one: each file by itself would be asked for while the page waits to be painted.
SCRIPTS: Final[Mapping[str, tuple[str, ...]]] = {
    "app.js": (
        "vendor/htmx.min.js",
        "vendor/hx-preload.min.js",
        "js/shell.js",
        "js/drafts.js",
        "js/jump.js",
        "js/export.js",
        "js/lists.js",
    ),
    "list.js": ("js/brush.js", "js/traces.js", "js/columns.js", "js/live.js", "js/dashboard.js"),
    "label.js": ("js/word_diff.js", "js/label_outbox.js", "js/label_marks.js", "js/label_fields.js", "js/label.js"),
    "playground.js": ("js/events.js", "js/playground.js", "js/playground_rows.js", "js/playground_draft.js"),
    "trace.js": ("js/word_diff.js", "js/annotate.js", "js/trace.js", "js/tree_window.js", "js/step_graph.js"),
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    name: str
    url: str
    media_type: str
    body: bytes
    packed: bytes | None
    etag: str


class Assets:
    """Every static file in memory, by plain name and by hashed name."""

    def __init__(self, folder: Path) -> None:
        self._by_name: dict[str, Asset] = {}
        self._by_hashed_name: dict[str, Asset] = {}
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.suffix in _SERVED and not name.startswith("css/"):
                self._add(name, path.read_bytes())
        for name, parts in SCRIPTS.items():
            self._add(name, b"\n;".join((folder / part).read_bytes() for part in parts))
        layers = [path.read_bytes() for path in sorted((folder / "css").glob("*.css"))]
        icons = kind_icons((folder / "icons.svg").read_text(encoding="utf-8"), layers[0].decode())
        self._add("app.css", b"\n".join([*layers, icons.encode(), _BARS.encode()]))

    def _add(self, name: str, body: bytes) -> None:
        digest = hashlib.sha256(body).hexdigest()[:12]
        plain = PurePosixPath(name)
        hashed = str(plain.with_name(f"{plain.stem}.{digest}{plain.suffix}"))
        media_type = mimetypes.types_map.get(plain.suffix, "application/octet-stream")
        if plain.suffix == ".js":
            media_type = "text/javascript"  # some machines' tables say text/plain, which a browser refuses to run
        packed = gzip.compress(body, 9, mtime=0) if plain.suffix in _PACKED else None
        asset = Asset(name, PREFIX + hashed, media_type, body, packed, f'"{digest}"')
        self._by_name[name] = self._by_hashed_name[hashed] = asset

    def url(self, name: str) -> str:
        """Return the address of *name*, which changes whenever its contents do."""
        return self._by_name[name].url

    def script(self, name: str) -> Markup:
        """Return a script as it stands in a page: what runs before the first paint waits for no answer."""
        return Markup(f"<script>{self._by_name[name].body.decode()}</script>")  # noqa: S704 - our own file

    def script_source(self, name: str) -> str:
        """Return how a content security policy names the script that stands in a page: by its SHA-256."""
        return f"'sha256-{b64encode(hashlib.sha256(self._by_name[name].body).digest()).decode()}'"

    def find(self, name: str) -> tuple[Asset, bool]:
        """Return a file by either name, and whether it was asked for by hash."""
        if asset := self._by_hashed_name.get(name):
            return asset, True
        if asset := self._by_name.get(name):
            return asset, False
        raise NotFound(f"There is no static file {name!r}.", "Reload the page: the server may have been updated.")


@cache
def assets() -> Assets:
    """Return the files of ``web/static``, read on first use."""
    return Assets(resource_dir("web") / "static")


router = APIRouter(include_in_schema=False)


@router.get("/static/{name:path}")
def static(request: Request, name: str) -> Response:
    """Answer with one static file, packed where the browser takes it so."""
    asset, by_hash = assets().find(name)
    headers = {
        "Cache-Control": _FOREVER if by_hash else _SHORTLY,
        "ETag": asset.etag,
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=304, headers=headers)
    if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.packed, media_type=asset.media_type, headers=headers)
    return Response(asset.body, media_type=asset.media_type, headers=headers)
