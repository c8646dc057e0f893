from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.pages.made import PROJECT, conversation
from spanwise_server.pages.columns import COLUMNS, DEFAULT, NARROWEST, WIDEST, columns_in, columns_of


def test_the_default_says_nothing():
    assert DEFAULT.text == ""
    assert columns_in("") == DEFAULT
    assert not DEFAULT.chosen


def test_what_was_chosen_keeps_the_order_of_the_table_and_always_has_the_name():
    chosen = columns_in("cost.time-90")
    assert [s.column.key for s in chosen.shown] == ["time", "name", "cost"]
    assert chosen.width_of("time") == 90
    assert chosen.has("cost")
    assert not chosen.has("user")


def test_what_is_not_understood_is_left_out():
    assert columns_in("nonsense.<b>.cost-99999.-5") == DEFAULT
    assert [s.column.key for s in columns_in("nonsense.cost-5").shown] == ["name", "cost"]
    assert columns_in("cost-5").width_of("cost") == NARROWEST
    assert columns_in("cost-9999").width_of("cost") == WIDEST


@given(st.sets(st.sampled_from(sorted(COLUMNS)), min_size=1), st.integers(NARROWEST, WIDEST) | st.none())
def test_columns_read_back_from_their_text(keys, width):
    columns = columns_of(keys, dict.fromkeys(COLUMNS, width))
    assert columns_in(columns.text) == columns or columns == DEFAULT


def test_every_column_of_traces_sorts_and_of_calls_all_but_user_and_trace(client):
    assert all(column.sort for column in COLUMNS.values())
    client.app.state.server.store.write(conversation())
    html = client.get(f"/dashboard/calls?project={PROJECT}&range=all&sort=model").text
    heads = re.findall(r'<th scope="col" class="k-(\w+)[^>]*>(<a )?', html)
    assert [name for name, sorts in heads if not sorts] == ["user", "trace"]
    assert re.search(r'class="k-model" aria-sort="ascending"', html)


@pytest.mark.parametrize(
    "path",
    [
        "/traces?",
        "/traces?cols=time.cost.ttft.spans.errors&",
        "/sessions?",
        "/dashboard/calls?",
        "/dashboard/steps?name=plan&",
    ],
)
def test_on_a_phone_a_menu_sorts_as_the_titles_do(client, path):
    client.app.state.server.store.write(
        [replace(one, reading=replace(one.reading, session_id="s_1")) for one in conversation()]
    )
    html = client.get(f"{path}project={PROJECT}&range=all&sort=-cost").text
    titles = re.findall(r'<th [^>]*><a href="([^"]+)">', html)
    menu = re.search(r'<details class="menu sort only-phone">.*?</details>', html, re.DOTALL)[0]
    assert set(re.findall(r'<a href="([^"]+)"', menu)) == set(titles)
    assert re.search(r'aria-current="true"><span>Cost</span>.*descending', menu)
