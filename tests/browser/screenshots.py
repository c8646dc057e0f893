"""``make screenshots``: every page at two sizes, light and dark, full and empty, as pictures to be looked at.

The full pages are of the example app's week, the empty ones of a project that nothing was sent to.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.sync_api import Browser, sync_playwright

from browser.conftest import ARGUMENTS, DESKTOP, PHONE, PROJECT, chromium
from browser.every_page import PLACES, every_page
from server_process import ServerProcess, run_cli

SIZES: Final[dict[str, dict[str, Any]]] = {
    "desktop": {"viewport": DESKTOP},
    "phone": {"viewport": PHONE, "is_mobile": True, "has_touch": True},
}


def shoot(
    browser: Browser, server: ServerProcess, pages: Mapping[str, str], folder: Path, size: str, theme: str
) -> int:
    """Take the pictures of one size and theme; return how many."""
    context = browser.new_context(**SIZES[size], color_scheme=theme, locale="en-GB", timezone_id="UTC")  # type: ignore[arg-type]
    page = context.new_page()
    wanted = [("full", name, path, PROJECT) for name, path in pages.items()]
    wanted += [("empty", name, path, "nothing-yet") for name, path in PLACES.items() if name in pages]
    for state, name, path, project in wanted:
        page.goto(f"{server.url}{path}{'&' if '?' in path else '?'}project={project}")
        page.wait_for_load_state("load")
        if size == "phone" and name == "graph":  # of no span by its URL, so that a phone shows the tree
            page.locator(".tree [aria-selected=true]").click()
        if name == "graph":
            page.locator(".graph .drawn svg").wait_for()
        page.screenshot(path=folder / f"{name}-{state}-{size}-{theme}.png", animations="disabled")
    context.close()
    return len(wanted)


def looked_at(server: ServerProcess) -> None:
    """Wait until the server has looked at every rule of alerts, as it does by itself within seconds."""
    rules = f"{server.url}/api/v1/alerts/rules"
    while not all(rule["last"] for rule in httpx.get(rules, params={"project": PROJECT}).json()["items"]):
        time.sleep(0.5)


def main(folder: Path, names: Collection[str] = ()) -> None:
    """Run the example app, serve what it sent, and take every picture, or those of the pages with *names*."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        done = run_cli("demo", "--once", "--port", "0", "--data", data, timeout_s=300)
        assert done.returncode == 0, done.stdout + done.stderr
        with ServerProcess(Path(data)) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
            pages = {name: path for name, path in every_page(server).items() if not names or name in names}
            looked_at(server)
            taken = sum(
                shoot(browser, server, pages, folder, size, theme) for size in SIZES for theme in ("light", "dark")
            )
            browser.close()
    print(f"{taken} pictures in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots"), sys.argv[2:])
