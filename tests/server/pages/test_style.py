"""The stylesheet: what one file of it names means the same in all others."""

from __future__ import annotations

import re

from spanwise_server.resources import resource_dir

NAMED = re.compile(r"(--[\w-]+)\s*:")
RULE = re.compile(r"([^{};]*)\{([^{}]*)\}")


def test_only_the_page_as_a_whole_sets_a_property_of_the_tokens_anew():
    tokens, *others = sorted((resource_dir("web") / "static" / "css").glob("*.css"))
    named = set(NAMED.findall(tokens.read_text("utf-8")))
    assert "--row" in named
    again = {
        (name, path.name, selector.strip())
        for path in others
        for selector, body in RULE.findall(path.read_text("utf-8"))
        for name in NAMED.findall(body)
        if name in named
    }
    assert {selector for _, _, selector in again} <= {":root", '[data-rail="open"]'}
