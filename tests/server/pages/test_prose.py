from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise_server.pages.prose import as_json, code, host_of, json_tree, one_line_json, prose, safe_link

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))",
    "[a](data:text/html,<script>alert(1)</script>)",
    "![a](http://evil.example/pixel.png)",
    "<a href='javascript:alert(1)'>x</a>",
    "<div hx-get='/logout' hx-trigger='load'>x</div>",
    "`<b>`",
    "```html\n<script>alert(1)</script>\n```",
    "| <img src=x> |\n|---|\n| <script> |",
    "<!-- --><svg onload=alert(1)>",
    "[x]: javascript:alert(1)\n[x]",
    '<p style="position:fixed">x</p>',
)


class Tags(HTMLParser):
    """Collects the elements and attributes that a browser would make."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: dict[str, str] = {}

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes.update(attrs)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_html_of_a_model_reaches_the_page(text):
    seen = Tags()
    seen.feed(prose(text))
    assert seen.names <= {"p", "a", "br", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "span"}
    assert set(seen.attributes) <= {"href", "rel", "target", "class"}
    assert seen.attributes.get("href", "https://").startswith(("https://", "http://"))


def test_a_remote_picture_is_a_link_and_is_not_loaded():
    html = prose("![chart](https://evil.example/pixel.png)")
    assert "<img" not in html
    assert 'href="https://evil.example/pixel.png"' in html


def test_links_tell_nothing_of_where_they_were():
    html = prose("[ok](https://example.com)")
    assert 'rel="noopener noreferrer nofollow"' in html
    assert 'target="_blank"' in html


def test_headings_begin_below_those_of_the_page():
    assert prose("# One\n\n###### Six").count("<h3>") == 1
    assert "<h6>" in prose("###### Six")


def test_markdown_that_people_write_is_kept():
    html = prose("**bold** `code`\n\n- a\n- b\n\n| x | y |\n|---|---|\n| 1 | 2 |")
    for piece in ("<strong>bold</strong>", "<code>code</code>", "<li>a</li>", "<td>1</td>"):
        assert piece in html


def test_code_is_coloured_where_its_language_is_known():
    assert '<span class="kw">def</span>' in prose("```python\ndef f(): pass\n```")
    assert code("<b>", "no-such-language") == "&lt;b&gt;"


def test_json_is_recognised_only_when_it_is_an_object_or_a_list():
    assert as_json('{"a": 1}') == {"a": 1}
    assert as_json("  [1]") == [1]
    assert as_json("12") is None
    assert as_json("{not json") is None
    assert as_json("[" * 100_000) is None


def test_short_json_stands_on_one_line():
    html = one_line_json({"order_id": 47790, "paid": True, "note": None, "by": "<b>"})
    assert html is not None
    assert '<span class="k">order_id</span>: <span class="d">47790</span>' in html
    assert "&lt;b&gt;" in html


def test_long_json_folds_below_the_first_levels():
    html = json_tree({"a": {"b": {"c": ["x" * 80] * 3}}})
    assert html.count("<details open>") == 2
    assert html.count("<details>") == 2


def test_huge_json_is_cut_with_a_count():
    html = json_tree(list(range(50_000)))
    assert "more</li>" in html
    assert len(html) < 300_000


def test_zero_false_and_nothing_are_all_said():
    html = str(json_tree({"a": 0, "b": False, "c": None, "d": ""}))
    for piece in (">0<", ">false<", ">null<", "&#34;&#34;"):
        assert piece in html


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))
def test_any_json_is_shown_and_escaped(value):
    seen = Tags()
    seen.feed(json_tree(value))
    assert seen.names <= {"ul", "li", "details", "summary", "span"}


@given(st.text(max_size=300))
def test_any_text_is_shown(text):
    seen = Tags()
    seen.feed(prose(text))
    assert not seen.names & {"script", "img", "svg", "iframe", "form", "style", "div"}


def test_where_a_link_goes_is_named_and_scripts_are_not_followed():
    assert host_of("https://images.example/x.png?y") == "images.example"
    assert safe_link("https://images.example/x.png") is not None
    assert safe_link("javascript:alert(1)") is None
    assert safe_link("file:///etc/passwd") is None
    assert safe_link("http://[broken") is None
