"""Pictures, sound and files of a message, in a real browser."""

from __future__ import annotations

import json
import urllib.request

import pytest
from playwright.sync_api import expect

from browser.conftest import PHONE
from media_made import ask, blob, export, png, wav

pytestmark = pytest.mark.browser
TRACE = "4f" * 16


@pytest.fixture(scope="module")
def sent(empty_server):
    span = ask(
        {"type": "text", "content": "What are these?"},
        blob(png(), "image/png"),
        blob(wav(), "audio/wav"),
        blob(b"%PDF-1.7 " * 400, "application/pdf"),
    )
    body = json.dumps(export(span)).encode()
    request = urllib.request.Request(
        f"{empty_server.url}/v1/traces", body, {"content-type": "application/json", "x-spanwise-project": "a b&c"}
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    return f"{empty_server.url}/traces/{TRACE}?project=a%20b%26c"


def test_a_picture_is_seen_sound_is_played_and_a_file_is_saved(sent, open_page, axe):
    for options in ({}, {"color_scheme": "dark"}, {"viewport": PHONE}):
        page = open_page(**options)
        page.goto(sent)
        if options.get("viewport"):
            page.get_by_role("treeitem").first.click()
        picture = page.locator(".picture img")
        expect(picture).to_be_visible()
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("naturalWidth", 48)
        box = picture.bounding_box()
        assert box is not None
        assert box["height"] == 240
        assert page.evaluate(
            "new Promise(done => { const sound = document.querySelector('audio'); sound.onerror = () => done(-1);"
            "sound.onloadedmetadata = () => done(sound.duration); sound.load(); sound.preload = 'metadata' })"
        ) == pytest.approx(0.5, abs=0.05)
        for part in (".picture", ".sound", ".file"):
            axe(page, part)
    with page.expect_download() as saved:
        page.locator(".file").get_by_role("link", name="save").click()
    assert saved.value.path().read_bytes() == b"%PDF-1.7 " * 400
    with page.expect_popup() as opened:
        page.locator(".picture a").click()
    assert "/api/v1/media/" in opened.value.url


def test_a_sound_plays_on_when_its_span_is_chosen_again(sent, page):
    page.goto(sent)
    page.evaluate("addEventListener('htmx:before:request', () => { document.body.dataset.asked = 'yes' })")
    page.evaluate("document.querySelector('audio').dataset.kept = 'yes'")
    page.get_by_role("treeitem").first.click()
    page.evaluate("new Promise(done => setTimeout(done, 0))")
    assert page.evaluate("document.body.dataset.asked") is None
    expect(page.locator("audio[data-kept]")).to_have_count(1)
