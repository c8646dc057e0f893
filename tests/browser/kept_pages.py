"""Pages that serve one test after another: each new one takes a process, which reads and compiles everything anew."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Error, Frame, Page

#: A page of every server on which nothing of ours runs.
STILL: Final = "/healthz"


class KeptPages:
    """Pages by the options of their contexts: each serves one test at a time, and the next finds it as it was made."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: dict[str, list[KeptPage]] = {}

    def take(self, options: dict[str, Any]) -> KeptPage:
        """Return a page in a context of its own with these *options*: nothing is stored in it, nobody listens to it."""
        free = self._free.get(json.dumps(options, sort_keys=True))
        return free.pop() if free else KeptPage(self._browser, options)

    def give_back(self, kept: KeptPage) -> None:
        """Keep a page for the next test, or close it if it cannot be made as it was."""
        if kept.renewed():
            self._free.setdefault(json.dumps(kept.options, sort_keys=True), []).append(kept)
        else:
            kept.close()


class KeptPage:
    """A page in a context of its own."""

    def __init__(self, browser: Browser, options: dict[str, Any]) -> None:
        self.options = options
        self._context = browser.new_context(**options)
        self.page: Page = self._context.new_page()
        self._origins: set[str] = set()
        self.page.on("framenavigated", self._note)

    def close(self) -> None:
        """Close it with its context."""
        self._context.close()

    def renewed(self) -> bool:
        """Leave the page and forget what was stored; false where that cannot be done for all of it."""
        page = self.page
        if page.is_closed() or len(self._origins) != 1:
            return False
        try:
            page.unroute_all(behavior="ignoreErrors")
            page.goto(self._origins.pop() + STILL)  # first, for what is kept of a page when it is left
            page.evaluate("() => { localStorage.clear(); sessionStorage.clear() }")
            page.mouse.move(-1, -1)  # nothing is hovered over
            if page.viewport_size != self.options["viewport"]:
                page.set_viewport_size(self.options["viewport"])
            self._context.clear_cookies()
        except Error:
            return False  # its server has ended
        self._origins.clear()
        return self._context.pages == [page]

    def _note(self, frame: Frame) -> None:
        where = urlsplit(frame.url)
        if where.scheme in ("http", "https"):
            self._origins.add(f"{where.scheme}://{where.netloc}")
