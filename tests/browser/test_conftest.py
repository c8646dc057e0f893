"""The browser fixtures notice what they are to notice."""

from __future__ import annotations

import pytest

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
