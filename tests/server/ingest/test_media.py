"""What leaves a span as media, and what must not."""

from __future__ import annotations

import base64
import json
import random
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_made import b64, png, wav
from spanwise_server.ingest.media import SHORTEST, cut_span, cut_text
from spanwise_server.media import media_in, media_of, with_content
from spanwise_server.record import Event, Span

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_="


def span(**attributes) -> Span:
    return Span("a" * 32, "b" * 16, None, "chat", 1, 2, attributes=attributes)


@pytest.mark.parametrize("content", [png(), wav(), b"%PDF-1.7" + bytes(4_000), png(2, 400)], ids=len)
def test_what_begins_like_a_known_format_leaves_the_text_around_it(content):
    contents: dict[str, bytes] = {}
    before = json.dumps([{"role": "user", "content": [{"type": "image", "data": b64(content), "and": "more"}]}])
    after = cut_text(before, contents)
    assert contents == {sha256(content).hexdigest(): content}
    said = json.loads(after)[0]["content"][0]
    assert media_of(said["data"]).size == len(content)
    assert said["and"] == "more"
    assert with_content(after, lambda media: contents[media.digest]) == before


def test_a_data_url_and_bytes_leave_whatever_they_hold():
    content = random.Random(3).randbytes(3_000)
    for before in (f"data:application/x-own;base64,{b64(content)}", f"base64:{b64(content)}"):
        contents: dict[str, bytes] = {}
        after = cut_text(before, contents)
        assert list(contents.values()) == [content]
        assert after.startswith(before[:7])
        assert with_content(after, lambda media: contents[media.digest]) == before  # noqa: B023  # called at once


def test_base64_for_addresses_comes_back_as_it_was():
    content = png()
    written = base64.urlsafe_b64encode(content).decode()
    assert {"-", "_"} & set(written)
    contents: dict[str, bytes] = {}
    after = cut_text(f'"{written}"', contents)
    assert list(contents.values()) == [content]
    assert with_content(after, lambda media: contents[media.digest]) == f'"{written}"'


@pytest.mark.parametrize("before", [0, 1, 500, 1_022, 1_023, 1_024, 1_025, 2_047])
def test_the_shortest_is_found_wherever_it_begins(before):
    content = png(5, 60)[:100] + random.Random(5).randbytes(SHORTEST * 3 // 4 - 102)
    written = b64(content)
    assert (len(written), written[-2:]) == (SHORTEST, "==")
    contents: dict[str, bytes] = {}
    cut_text(f"{' ' * before}{written}", contents)
    assert list(contents.values()) == [content]


@pytest.mark.parametrize(
    "text",
    [
        "x" * 8_000,  # base64 of something, but a word
        "0123456789abcdef" * 1_000,
        "some words and more of them " * 1_000,
        f"data:image/png;base64,{b64(png())[:-1]}",  # cut off by a limit on the way
        f"data:image/png;base64,{b64(png()[:300])}",  # short
        b64(png()).replace("/", "\\/"),
    ],
    ids=["word", "hex", "prose", "cut off", "short", "escaped"],
)
def test_anything_else_stays(text):
    contents: dict[str, bytes] = {}
    assert cut_text(text, contents) is text or cut_text(text, contents) == text
    assert not contents


def test_it_is_found_in_lists_maps_and_events_and_the_rest_stays_the_same_object():
    one, two, three = png(1), png(2), png(3)
    deep = [{"parts": [{"content": b64(two)}, "short"]}]
    before = span(plain="hello " * 2_000, url=f"data:image/png;base64,{b64(one)}", deep=deep, n=3)
    before = Span(
        **{**{f: getattr(before, f) for f in before.__slots__}, "events": (Event(1, "e", {"b": b64(three)}),)}
    )
    contents: dict[str, bytes] = {}
    after, digests = cut_span(before, contents)
    assert {contents[digest] for digest in digests} == {one, two, three}
    assert list(after.attributes) == list(before.attributes)
    assert after.attributes["plain"] is before.attributes["plain"]
    assert after.attributes["deep"][0]["parts"][1] == "short"
    assert media_of(after.attributes["deep"][0]["parts"][0]["content"])
    assert media_of(after.events[0].attributes["b"])
    assert deep[0]["parts"][0]["content"] == b64(two)


def test_a_span_without_media_is_the_same_object():
    plain = span(text="words " * 5_000, listed=[1, "two", {"three": 3}], n=1.5, nothing=None)
    assert cut_span(plain, {}) == (plain, ())
    assert cut_span(plain, {})[0] is plain


@given(
    st.lists(
        st.one_of(
            st.text(LETTERS + ' ,"\\', max_size=40),
            st.integers(0, 3_000).map(lambda n: b64(bytes(range(256)) * 20)[:n]),
            st.integers(0, 5_000).map(lambda n: ";base64," + b64(random.Random(n).randbytes(n))),
            st.integers(900, 3_000).map(lambda n: b64(png(n, 30)[:n])),
            st.integers(1, SHORTEST * 2).map(lambda n: "a" * n),
        ),
        max_size=6,
    )
)
def test_whatever_leaves_comes_back(pieces):
    before = "".join(pieces)
    contents: dict[str, bytes] = {}
    after = cut_text(before, contents)
    assert with_content(after, lambda media: contents[media.digest]) == before
    assert {media.digest for media in media_in(after)} == set(contents)
