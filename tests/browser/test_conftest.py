"""The browser fixtures notice what they are to notice."""

from __future__ import annotations

import pytest

from browser.conftest import SETTLED

pytestmark = pytest.mark.browser


def test_the_shops_traces_are_there(server) -> None:
    assert len(server.every("/api/v1/traces?project=acme-support")) > 80


def test_errors_of_scripts_and_refused_answers_are_noticed(page, complaints, empty_server) -> None:
    page.goto(f"{empty_server.url}/healthz")
    page.evaluate("setTimeout(() => { throw new Error('broken') }, 0)")
    page.goto(f"{empty_server.url}/no-such-page")
    page.evaluate("console.error('unwell')")
    noticed = "\n".join(complaints.unexpected())
    for expected in ("script: broken", "404", "unwell"):
        assert expected in noticed
        complaints.allow(expected)


def test_a_breach_of_the_policy_is_noticed(page, complaints, empty_server) -> None:
    page.goto(f"{empty_server.url}/traces")
    assert complaints.unexpected() == []
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=http://127.0.0.1:9/x.png onerror=alert(1)>')"
    )
    page.wait_for_timeout(200)
    assert any("Content Security Policy" in said for said in complaints.unexpected())
    complaints.allow("Content Security Policy")
    complaints.allow("x.png csp")


def test_an_inaccessible_page_is_noticed(page, axe, empty_server) -> None:
    page.goto(f"{empty_server.url}/traces")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<button></button>')")
    with pytest.raises(AssertionError, match="button"):
        axe(page)


def test_a_colour_that_cannot_be_read_is_noticed_where_only_colours_are_checked(page, axe, empty_server) -> None:
    page.goto(f"{empty_server.url}/traces")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<button></button>')")
    axe(page, only_colours=True)
    page.evaluate("""() => {
      const pale = document.querySelector("main").appendChild(document.createElement("p"));
      pale.textContent = "Pale";
      pale.style.color = "#ccc";
      pale.style.background = "#fff";
    }""")
    with pytest.raises(AssertionError, match="Pale"):
        axe(page, only_colours=True)


PALE = """() => {
  const pale = document.createElement("p");
  document.querySelector("main h1, main h2").after(pale);
  pale.textContent = "Pale";
  pale.style = "color: light-dark(#000, #555); background: light-dark(#fff, #222)";
}"""
#: The colours of every element, as the page says them.
COLOURS = """() => [...document.querySelectorAll("body *")].map(one => {
  const { color, backgroundColor, borderTopColor, fill, display } = getComputedStyle(one);
  return [one.tagName, color, backgroundColor, borderTopColor, fill, display].join(" ");
})"""


def test_a_colour_that_cannot_be_read_in_the_dark_is_noticed_where_themes_are(phone, axe, empty_server) -> None:
    phone.goto(f"{empty_server.url}/traces")
    phone.evaluate(PALE)
    axe(phone)
    with pytest.raises(AssertionError, match="Pale"):
        axe(phone, themes=True)
    axe(phone)  # it is light again


def test_a_page_that_turns_dark_has_the_colours_of_one_that_comes_so(page, open_page, server) -> None:
    path = "/traces?project=acme-support&range=all"
    dark = open_page(color_scheme="dark")
    for one in (page, dark):
        one.goto(f"{server.url}{path}")
        one.locator("tbody tr").last.wait_for()
    light = page.evaluate(COLOURS)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(SETTLED) == "dark"
    assert light != page.evaluate(COLOURS) == dark.evaluate(COLOURS)
    page.emulate_media(color_scheme="light")


def test_a_page_that_was_used_is_as_good_as_new(browser, kept_pages, empty_server) -> None:
    options = {"viewport": {"width": 800, "height": 500}, "locale": "en-GB"}
    kept = kept_pages.take(options)
    page = kept.page
    page.goto(f"{empty_server.url}/traces")
    page.evaluate("addEventListener('pagehide', () => { localStorage.late = 'kept as it is left' })")
    page.evaluate("localStorage.said = sessionStorage.said = 'something'; document.cookie = 'who=me'")
    page.route("**/settings*", lambda route: route.abort())
    page.set_viewport_size({"width": 390, "height": 500})
    page.mouse.move(200, 200)
    kept_pages.give_back(kept)
    assert kept_pages.take(options) is kept
    page.goto(f"{empty_server.url}/settings")
    assert page.evaluate("[localStorage.said, localStorage.late, sessionStorage.said]") == [None, None, None]
    assert "who=me" not in page.evaluate("document.cookie")
    assert page.evaluate("[innerWidth, innerHeight]") == [800, 500]
    assert page.locator("main *:hover").count() == 0
    with page.expect_popup():
        page.evaluate("open('/settings')")
    kept_pages.give_back(kept)
    assert page.is_closed(), "another window is left"
    assert kept_pages.take(options) is not kept
