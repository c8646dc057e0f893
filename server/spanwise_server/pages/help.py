"""The documentation, served from the files that ship with the server, so that it works offline."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from markdown_it import MarkdownIt
from markupsafe import Markup

from ..errors import NotFound
from ..resources import resource_dir
from .render import render

router = APIRouter(include_in_schema=False)

#: Page name -> title, in the order of the menu.
PAGES: dict[str, str] = {
    "quickstart": "Quick start",
    "sdk": "Python SDK",
    "frameworks": "Frameworks",
    "clients": "Clients",
    "ingest": "Sending spans",
    "dialects": "What was tried",
    "viewer": "Viewer",
    "filters": "Filters",
    "alerts": "Alerts",
    "labelling": "Labelling",
    "codes": "Codes",
    "datasets": "Datasets",
    "prompts": "Prompts",
    "experiments": "Experiments",
    "operations": "Operations",
}


@router.get("/help")
def help_start() -> Response:
    """Go to the first page."""
    return RedirectResponse(f"/help/{next(iter(PAGES))}", status_code=303)


@router.get("/help/{name}")
def help_page(request: Request, name: str) -> Response:
    """Show one page of the documentation."""
    name = name.removesuffix(".md")
    if name not in PAGES:
        raise NotFound(f"There is no help page {name!r}.", f"There are: {', '.join(PAGES)}.")
    return render(request, "pages/help.html", pages=PAGES, name=name, body=rendered(resource_dir("web") / "docs", name))


@lru_cache(maxsize=32)
def rendered(folder: Path, name: str) -> Markup:
    """Return one page as HTML; its text is ours, and raw HTML in it stays text all the same."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    # A table that is wider than a phone scrolls by itself, not the page with it.
    markdown.add_render_rule(
        "table_open", lambda *_: '<div class="scroll-x" role="group" aria-label="Table" tabindex="0"><table>'
    )
    markdown.add_render_rule("table_close", lambda *_: "</table></div>")
    text = (folder / f"{name}.md").read_text(encoding="utf-8")
    return Markup(markdown.render(text))  # noqa: S704 - made by our renderer from files that ship with the program
