"""A real server with real traces, and a real browser that fails the test on any complaint of the page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

from browser.kept_pages import KeptPage, KeptPages
from server_process import ServerProcess
from shop_demo import ShopDemo, shop_demo

__all__ = ["shop_demo"]  # a fixture is found where its name is

PROJECT = "acme-support"
#: What Playwright turns off that concerns us (only the last list counts), the renderer that is kept ready, and the
#: pages that draw what the address bar suggests: with those a window takes three times the work.
FEATURES = (
    *(
        "DestroyProfileOnBrowserClose",
        "HttpsUpgrades",
        "HttpsFirstBalancedModeAutoEnable",
        "MediaRouter",
        "PaintHolding",
    ),
    *("OptimizationHints", "NetworkTimeServiceQuerying", "PreconnectToSearch", "AimEnabled"),
    "SpareRendererForSitePerProcess",
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup"),
)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--default-tile-width=1536",  # a window is painted in one piece instead of 24, each of which is copied and drawn
    "--default-tile-height=1024",
    f"--disable-features={','.join(FEATURES)}",
)
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
#: Of what it finds, what the report is made of: the rest is as long as the page.
RUN_AXE = "async ([where, options]) => ({violations: (await axe.run(where, options)).violations})"
#: Which theme is shown, once no colour is on its way to that of another.
SETTLED = """() => {
    document.getAnimations().filter(one => one instanceof CSSTransition).forEach(one => one.finish());
    const { dataset } = document.documentElement;
    return dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}"""
PATIENCE_MS = 30_000  # a busy machine is not a wrong page
expect.set_options(timeout=PATIENCE_MS)


def chromium() -> str:
    """Return the path of Chromium; without one the browser tests fail, they are not skipped.

    Its headless shell draws, scripts and loads as the one with windows does, and spares what their frames and history
    would take: a quarter of the whole.
    """
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    assert found, "Chromium is missing: apt-get install chromium, or set CHROMIUM to its path."
    return found


@pytest.fixture(scope="session")
def shop_data(shop_demo: ShopDemo) -> Path:
    """A data folder with the example app's traces, to be copied."""
    assert shop_demo.code == 0, shop_demo.out + shop_demo.err
    return shop_demo.data


@pytest.fixture(scope="module")
def server(shop_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of the module's own, on a copy of the shop's traces (project ``acme-support``)."""
    data = tmp_path_factory.mktemp("server") / "data"
    shutil.copytree(shop_data, data)
    with ServerProcess(data) as running:
        yield running


@pytest.fixture(scope="module")
def empty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that nothing was sent to."""
    with ServerProcess(tmp_path_factory.mktemp("empty")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        yield launched
        launched.close()


class Complaints:
    """What pages complained of: errors in scripts and console, refused and failed requests."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._allowed: list[str] = []
        self._heard = {
            "console": self._note_said,
            "pageerror": lambda error: self._note(f"script: {error}"),
            "requestfailed": self._note_failed,
            "response": self._note_refused,
        }

    def allow(self, part: str) -> None:
        """Let complaints with *part* in them pass: the test provokes them."""
        self._allowed.append(part)

    def watch(self, page: Page) -> None:
        """Note what *page* complains of from now on."""
        for event, hear in self._heard.items():
            page.on(event, hear)  # type: ignore[call-overload]  # one of its own for each name

    def leave(self, page: Page) -> None:
        """Note nothing of *page* from now on."""
        for event, hear in self._heard.items():
            page.remove_listener(event, hear)

    def unexpected(self) -> list[str]:
        """Return the complaints that no test allowed."""
        return [said for said in self.all if not any(part in said for part in self._allowed)]

    def _note(self, said: str) -> None:
        self.all.append(said)

    def _note_said(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            self._note(f"console: {said.text}")

    def _note_failed(self, request: Any) -> None:
        # A page that is left, or a newer search, calls off requests under way: that is no failure.
        if request.failure != "net::ERR_ABORTED":
            self._note(f"request: {request.url} {request.failure}")

    def _note_refused(self, response: Response) -> None:
        if response.status >= 400:
            self._note(f"answer: {response.status} {response.url}")


@pytest.fixture
def complaints() -> Complaints:
    """What the pages of this test complained of; allow what the test provokes."""
    return Complaints()


@pytest.fixture(scope="session")
def kept_pages(browser: Browser) -> KeptPages:
    """The pages that one test after another uses."""
    return KeptPages(browser)


@pytest.fixture
def open_page(browser: Browser, kept_pages: KeptPages, complaints: Complaints) -> Iterator[Callable[..., Page]]:
    """Open pages, each in a context of its own: ``open_page(viewport=PHONE, java_script_enabled=False)``.

    They are as good as new. *fresh* ones are new: for a test that listens to them, has scripts run before those of the
    page, or asks what comes over the wire, of which used ones have kept what never changes.
    """
    opened: list[KeptPage] = []
    new: list[KeptPage] = []

    def open_one(*, fresh: bool = False, **options: Any) -> Page:
        options = {"viewport": DESKTOP, "locale": "en-GB", "timezone_id": "UTC", **options}
        kept = KeptPage(browser, options) if fresh else kept_pages.take(options)
        (new if fresh else opened).append(kept)
        kept.page.context.set_default_timeout(PATIENCE_MS)
        complaints.watch(kept.page)
        return kept.page

    yield open_one
    for kept in new:
        kept.close()
    for kept in opened:
        complaints.leave(kept.page)
        kept_pages.give_back(kept)
    assert complaints.unexpected() == []


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """A page at 1440 x 900; the test fails where a script, the policy or a request failed."""
    return open_page()


@pytest.fixture
def phone(open_page: Callable[..., Page]) -> Page:
    """A page on a phone of 390 x 844, with touch."""
    return open_page(viewport=PHONE, has_touch=True, is_mobile=True)


@pytest.fixture
def axe() -> Callable[..., None]:
    """Check a page, or only *part* of it (a CSS selector), for accessibility: any violation fails the test.

    With *themes* its colours are checked in the dark theme too, as the page stands: nothing else of it depends on that.
    With *only_colours* nothing else is checked.
    """

    # Half of its time went into what passes, most of the rest into colours of rows that are like those above them.
    alike = [["tbody tr:nth-of-type(n+9)"], ["[role=treeitem]:nth-of-type(n+9)"]]

    def check(page: Page, part: str | None = None, *, only_colours: bool = False, themes: bool = False) -> None:
        if not page.evaluate("'axe' in window"):  # half a megabyte, once for all checks of a page
            page.evaluate(AXE_SCRIPT)
        where = {"include": [[part or "html"]], "exclude": alike}
        options: dict[str, Any] = {"resultTypes": ["violations"]}
        if only_colours:
            options["runOnly"] = {"type": "tag", "values": ["cat.color"]}
            options["rules"] = {"color-contrast-enhanced": {"enabled": False}}  # nor is it asked for otherwise
        found = AxeResults(page.evaluate(RUN_AXE, [where, options]))
        assert found.violations_count == 0, found.generate_report()
        if themes:
            turn(page, "dark")
            try:
                check(page, part, only_colours=True)
            finally:
                turn(page, "light")

    def turn(page: Page, scheme: Literal["dark", "light"]) -> None:
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(SETTLED) == scheme, "it is not the theme of the system"

    return check
