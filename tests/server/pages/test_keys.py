"""The sheet of keys is data: each key that it names is bound by a script of its page, and told in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from server.pages.made import PROJECT, TRACE, conversation
from spanwise_server.pages.render import PLACES
from spanwise_server.pages.static import SCRIPTS

WEB = Path(__file__).parents[3] / "web"
PAGES = (
    "/traces?range=all", f"/traces/{TRACE}?", "/sessions?range=all", "/dashboard?range=all", "/steps?range=all",
    "/prompts?", "/label?", "/label/1?", "/datasets?", "/experiments?", "/playground?", "/help/viewer?",
)  # fmt: skip
#: What the sheet writes, and what the browser calls it.
NAMES = {"↑": "ArrowUp", "↓": "ArrowDown", "←": "ArrowLeft", "→": "ArrowRight", "Esc": "Escape", "Shift x": "X",
         "↵": "Enter", "Ctrl Enter": "Enter", "K": "k"}  # fmt: skip
#: The browser opens links, Ctrl is no key of its own; places and the numbers of answers have tests of theirs.
NATIVE = {"Enter", "Ctrl", "g", *"123456789", *(key for place in PLACES for key in place.keys.split())}


def sheet_of(html: str) -> list[str]:
    """Return the keys that the sheet of a page names."""
    (sheet,) = re.findall(r'<dialog class="sheet" id="keys".*?</dialog>', html, re.DOTALL)
    return re.findall(r"<kbd>([^<]+)</kbd>", sheet)


def scripts_of(html: str) -> str:
    """Return the text of the scripts that a page loads."""
    names = re.findall(r'<script defer src="/static/([\w/]+)(?:\.[0-9a-f]+)?\.js', html)
    parts = [part for name in names for part in SCRIPTS.get(f"{name}.js", (f"{name}.js",))]
    assert "js/shell.js" in parts
    return "\n".join((WEB / "static" / part).read_text() for part in parts)


def is_bound(key: str, scripts: str) -> bool:
    """Whether a script has the key in a map of keys, or compares with it."""
    name = re.escape(NAMES.get(key, key))
    return bool(re.search(rf"(?<![\w.]){name}\s*(?::|\()|[\"']{name}[\"']", scripts))


@pytest.fixture(scope="module")
def client(shared_client):
    """A client of a server that holds a conversation and a queue of it."""
    shared_client.app.state.server.store.write(conversation())
    shared_client.post("/api/v1/queues", params={"project": PROJECT}, json={"name": "all"})
    return shared_client


@pytest.mark.parametrize("path", PAGES)
def test_each_key_of_the_sheet_is_bound_on_its_page(client, path):
    answer = client.get(f"{path}&project={PROJECT}")
    assert answer.status_code == 200
    keys, scripts = sheet_of(answer.text), scripts_of(answer.text)
    assert {"?", "Esc", "/", "j", "k"} <= set(keys)
    assert [key for key in keys if key not in NATIVE and not is_bound(key, scripts)] == []


def test_the_check_would_see_a_key_that_nothing_binds():
    assert not is_bound("q", 'keys("#a", { j: () => move(1), "/": () => find() }); const q2 = a.q;')
    assert is_bound("j", 'keys("#a", { j: () => move(1) });')
    assert is_bound("/", 'keys("#a", { "/": () => find() });')


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_each_place_has_its_key_in_the_rail_the_sheet_and_the_documentation(client, place):
    html = client.get("/help/viewer").text
    assert f'data-keys="{place.keys}"' in html
    assert "".join(f"<kbd>{key}</kbd>" for key in place.keys.split()) in html
    told = (WEB / "docs" / "viewer.md").read_text()
    assert " ".join(f"`{key}`" for key in place.keys.split()) in told


@pytest.mark.parametrize("path", ["/traces?range=all", f"/traces/{TRACE}?"])
def test_the_documentation_tells_the_keys_of_the_list_and_of_a_trace(client, path):
    told = (WEB / "docs" / "viewer.md").read_text().partition("## Keys")[2]
    arrows = {"↑", "↓", "←", "→"}
    keys = sheet_of(client.get(f"{path}&project={PROJECT}").text)
    assert [key for key in keys if key not in arrows and f"`{key}`" not in told] == []


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/traces", "Traces"),
        ("/sessions", "Sessions"),
        ("/dashboard/calls", "Dashboard"),
        ("/steps", "Dashboard"),
        ("/playground", "Prompts"),
        ("/prompt-edit", "Prompts"),
        ("/rubrics", "Label"),
        (f"/compare?a={TRACE}", "Traces"),
    ],
)
def test_the_rail_marks_the_place_that_a_page_belongs_to(client, path, place):
    html = client.get(f"{path}{'&' if '?' in path else '?'}project={PROJECT}").text
    marked = re.findall(r'aria-current="page" data-place="[^"]+".*?<span class="word">(\w+)', html)
    assert marked == [place]
