"""Whatever a user can name is in the documentation, and every page of it is served."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import spanwise
from spanwise import config
from spanwise_server.pages.help import PAGES
from spanwise_server.query.figures import MEASURES
from spanwise_server.query.filters import FIELDS
from spanwise_server.settings import SETTINGS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "web" / "docs"


def text(*names: str) -> str:
    return "\n".join((DOCS / f"{name}.md").read_text(encoding="utf-8") for name in names)


def test_every_page_is_in_the_menu_and_every_entry_is_a_page() -> None:
    assert {path.stem for path in DOCS.glob("*.md")} == set(PAGES)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.name)
def test_every_server_setting_is_documented(setting) -> None:
    assert f"`{setting.variable}`" in text("operations")


@pytest.mark.parametrize("setting", config.SETTINGS, ids=lambda s: s.name)
def test_every_sdk_setting_is_documented(setting) -> None:
    assert f"`{setting.name}`" in text("sdk")
    if setting.variable:
        assert f"`{setting.variable}`" in text("sdk")


@pytest.mark.parametrize("name", spanwise.__all__)
def test_every_public_name_is_documented(name) -> None:
    assert re.search(rf"\b{re.escape(name)}\b", text("sdk"))


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda f: f.name)
def test_every_filter_field_is_documented_with_its_example(field) -> None:
    assert f"`{field.example}`" in text("filters")


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_is_documented(name) -> None:
    assert f"`{name}`" in text("alerts")


@pytest.mark.parametrize("path", [*DOCS.glob("*.md"), *ROOT.glob("*.md")], ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(path) -> None:
    for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", path.read_text(encoding="utf-8")):
        if target.startswith("/help/"):
            assert target.removeprefix("/help/") in PAGES, target
        elif not target.startswith("/"):
            assert (path.parent / target).exists(), target
