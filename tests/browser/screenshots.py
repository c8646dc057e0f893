"""``make screenshots``: every page at two sizes, light and dark, full and empty, as pictures to be looked at.

The full pages are of the example app's week, the empty ones of a project that nothing was sent to.
"""

from __future__ import annotations

import json
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, sync_playwright

from browser.conftest import ARGUMENTS, DESKTOP, PHONE, PROJECT, chromium
from server_process import ServerProcess, run_cli

SIZES: Final[dict[str, dict[str, Any]]] = {
    "desktop": {"viewport": DESKTOP},
    "phone": {"viewport": PHONE, "is_mobile": True, "has_touch": True},
}
#: Pages that an empty project has too.
PLACES: Final = {
    "traces": "/traces",
    "sessions": "/sessions",
    "dashboard": "/dashboard",
    "steps": "/steps",
    "label": "/label",
    "datasets": "/datasets",
    "settings": "/settings",
    "help": "/help",
}
#: Pages whose subject is one span, which a phone opens over the tree.
OF_SPAN: Final = {"graph", "labels", "span-messages", "span-prompt", "span-attributes"}


def asked(server: ServerProcess, path: str) -> Any:
    """Return what the API answers about the example app's project."""
    with urllib.request.urlopen(f"{server.url}{path}{'&' if '?' in path else '?'}project={PROJECT}") as answer:
        return json.load(answer)


def pages(server: ServerProcess) -> dict[str, str]:
    """Return the full pages by name: the places, and one of each thing that they lead to."""
    agents = asked(server, "/api/v1/traces?filter=root:kind:agent&limit=60")["items"]
    trace = max(agents, key=lambda one: one["span_count"])["trace_id"]
    other = next(one["trace_id"] for one in agents if one["trace_id"] != trace)
    spans = asked(server, f"/api/v1/traces/{trace}")["spans"]
    calls = [f"{s['trace_id']}:{s['span_id']}" for s in spans if s["kind"] == "llm"]
    tool = next(s["name"] for s in spans if s["kind"] == "tool")
    session = asked(server, "/api/v1/sessions?limit=1")["items"][0]["session_id"]
    call = calls[-1].partition(":")[2]
    found = {name: f"{path}?range=all" for name, path in PLACES.items()}
    found |= {"filtered": "/traces?range=all&filter=kind:tool", "nothing": "/traces?range=all&filter=user:nobody"}
    found |= {f"span-{tab}": f"/traces/{trace}?span={call}&tab={tab}" for tab in ("messages", "prompt", "attributes")}
    return found | {
        "trace": f"/traces/{trace}",
        "graph": f"/traces/{trace}?tab=graph",
        "labels": f"/traces/{trace}?span={call}&tab=labels",
        "compare": f"/compare?a={trace}&b={other}",
        "compare-spans": f"/compare/spans?a={calls[0]}&b={calls[-1]}",
        "compare-prompts": "/compare/prompts?prompt=support",
        "session": f"/sessions/one?id={session}",
        "step": f"/steps/{tool}?range=all",
        "not-found": f"/traces/{'f' * 32}",
    }


def shoot(browser: Browser, server: ServerProcess, folder: Path, size: str, theme: str) -> int:
    """Take the pictures of one size and theme; return how many."""
    context = browser.new_context(**SIZES[size], color_scheme=theme, locale="en-GB", timezone_id="UTC")  # type: ignore[arg-type]
    page = context.new_page()
    full = pages(server)
    wanted = [("full", name, path, PROJECT) for name, path in full.items()]
    wanted += [("empty", name, path, "nothing-yet") for name, path in PLACES.items()]
    for state, name, path, project in wanted:
        page.goto(f"{server.url}{path}{'&' if '?' in path else '?'}project={project}")
        page.wait_for_load_state("load")
        if size == "phone" and name in OF_SPAN:
            page.locator(".tree [aria-selected=true]").click()
        if name == "graph":
            page.locator(".graph .drawn svg").wait_for()
        page.screenshot(path=folder / f"{name}-{state}-{size}-{theme}.png", animations="disabled")
    context.close()
    return len(wanted)


def main(folder: Path) -> None:
    """Run the example app, serve what it sent, and take every picture."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        done = run_cli("demo", "--once", "--port", "0", "--data", data, timeout_s=300)
        assert done.returncode == 0, done.stdout + done.stderr
        with ServerProcess(Path(data)) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
            taken = sum(shoot(browser, server, folder, size, theme) for size in SIZES for theme in ("light", "dark"))
            browser.close()
    print(f"{taken} pictures in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots"))
