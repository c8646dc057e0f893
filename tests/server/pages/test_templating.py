"""Our templates come out letter for letter as Jinja's own would."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import DictLoader, Environment, StrictUndefined, UndefinedError
from markupsafe import Markup, escape

from spanwise_server.pages.render import environment
from spanwise_server.pages.templating import Templates, said

TEMPLATES = {
    "macros": "{% macro cell(x, more='<b>') %}<td>{{ x }}{{ more }}</td>{% endmacro %}"
    "{% macro around() %}<b>{{ caller() }}</b>{% endmacro %}",
    "page": (
        "{% from 'macros' import around, cell with context %}{% for x in all %}"
        "{{ cell(x) }}{{ cell(x, more=loop.index) }}"
        "{% call around() %}{{ x | upper }}{% endcall %}{{ loop.cycle('<', '>') }}{% endfor %}"
        "{% set held %}{{ all | join('&') }}{% endset %}{{ held }}{{ linked(1) }}{{ 'a' ~ all[0] }}{{ none }}"
        "{% autoescape false %}{{ '<raw>' }}{% endautoescape %}"
        "{% block part %}{{ all[1] }}{{ super is defined }}{% endblock %}"
    ),
    "below": "{% extends 'page' %}{% block part %}<{{ super() }}>{{ all | length }}{% endblock %}",
}


class Loud(str):
    """A text that is not quite one."""

    __slots__ = ()

    def __html__(self) -> str:
        return f"<i>{escape(str(self))}</i>"


VALUES = [
    "plain", "<script>alert('1 & \"2\"')</script>", "x" * 100, "<" * 100, "", 0, -1, 2.5, 1e300, float("inf"), True,
    None, Markup("<em>kept</em>"), Loud("<l>"), ("<t>", 1), {"<k>": "'"},
]  # fmt: skip


@settings(max_examples=50)
@given(st.one_of(st.text(), st.text("<>&'\" a"), st.integers(), st.floats(), st.booleans(), st.none()))
def test_every_value_is_escaped_as_ever(value: object) -> None:
    assert str(said(value)) == str(escape(value))


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_odd_values_are_escaped_as_ever(value: object) -> None:
    assert str(said(value)) == str(escape(value))


@pytest.mark.parametrize("name", ["page", "below"])
def test_macros_loops_blocks_and_calls_come_out_the_same(name: str) -> None:
    def linked(first: str, number: int) -> str:
        return f"{first}&{number}"

    out = [
        kind(loader=DictLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
        .get_template(name)
        .render(all=VALUES, linked=partial(linked, "<p>"))
        for kind in (Environment, Templates)
    ]
    assert out[0] == out[1]
    assert "<script>" not in out[1]


def test_what_is_not_defined_is_still_an_error() -> None:
    env = environment()
    assert isinstance(env, Templates)
    with pytest.raises(UndefinedError):
        env.from_string("{{ nobody }}").render()
