"""What is kept of the values of a program: enough to know them by, and never more than it may be."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pydantic
import pytest
from PIL import Image

import spanwise
from spanwise.encode import to_json

from .recorded import Recorded


def plain(value):
    return json.loads(to_json(value))


def test_arrays_are_numbers_or_shapes():
    assert plain(np.arange(3)) == [0, 1, 2]
    assert plain({"x": np.float64(0.5), "y": np.int64(7), "z": np.array(1.5)}) == {"x": 0.5, "y": 7, "z": 1.5}
    assert plain(np.zeros((1_000, 1_000))) == {"type": "ndarray", "shape": [1_000, 1_000], "dtype": "float64"}
    assert plain(np.bool_(True)) is True


def test_tables_are_their_first_rows():
    table = pd.DataFrame({"city": ["Oslo"] * 50, "degrees": range(50)})
    told = plain(table)
    assert (told["type"], told["rows"], told["columns"]) == ("DataFrame", 50, ["city", "degrees"])
    assert told["head"][1] == {"city": "Oslo", "degrees": 1}
    assert len(told["head"]) == 20
    assert plain(table["degrees"])["rows"] == 50
    assert "2024" in str(plain(pd.DataFrame({"at": [pd.Timestamp("2024-05-01")]})))


def test_pictures_are_pictures():
    told = plain(Image.new("RGB", (2, 3), "red"))
    head, _, data = told.partition(",")
    assert head == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (2, 3)
    assert plain(Image.new("RGB", (9_000, 9_000)))["width"] == 9_000


def test_models_and_dataclasses_are_their_fields():
    class City(pydantic.BaseModel):
        name: str

    @dataclasses.dataclass
    class Trip:
        to: City
        grid: object

    assert plain(Trip(City(name="Oslo"), np.arange(2))) == {"to": {"name": "Oslo"}, "grid": [0, 1]}


def test_none_of_these_libraries_is_imported_for_it():
    program = (
        "import sys, spanwise; print({'numpy', 'pandas', 'PIL', 'polars', 'torch', 'pydantic'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"


def test_what_is_too_long_is_cut_and_says_so():
    spans = Recorded()
    spanwise.init(span_exporter=spans.exporter, max_capture_kb=1)

    @spanwise.observe
    def work(text):
        return [text]

    work("x" * 5_000)
    assert spans.json("spanwise.input").endswith("(cut: 1,000 of 5,011 characters)")
    assert len(spans.attributes()["spanwise.output"]) < 1_100
    spanwise.shutdown()


def test_a_serializer_says_what_is_kept(spans):
    def shortened(value):
        return {"question": value["question"]} if isinstance(value, dict) else len(value)

    @spanwise.observe(serializer=shortened)
    def answer(question, history):
        return question * 2

    assert answer("why", ["much"]) == "whywhy"
    assert spans.json("spanwise.input") == {"question": "why"}
    assert spans.json("spanwise.output") == 6


@pytest.mark.usefixtures("quiet")
def test_a_serializer_that_fails_keeps_nothing_and_breaks_nothing(spans):
    @spanwise.observe(serializer=lambda value: 1 / 0)
    def answer(question):
        return question

    assert answer("secret") == "secret"
    assert "secret" not in str(spans.attributes())


def test_a_class_is_observed_by_its_methods_and_stays_a_class(spans):
    @spanwise.observe(kind="tool")
    class Shop:
        """Sells."""

        def __init__(self, stock):
            self.stock = stock

        def buy(self, count=1):
            return self._left(count)

        @classmethod
        def empty(cls):
            return cls(0)

        @staticmethod
        def greet(name):
            return f"Hello {name}"

        async def wait(self):
            return "done"

        def each(self):
            yield from range(self.stock)

        @property
        def full(self):
            return self.stock > 9

        def _left(self, count):
            return self.stock - count

    class Corner(Shop):
        def close(self):
            return "closed"

    import asyncio

    shop = Corner(3)
    assert isinstance(shop, Shop)
    assert Shop.__doc__ == "Sells."
    assert (shop.buy(count=2), Shop.greet("Ann"), Shop.empty().stock, shop.full) == (1, "Hello Ann", 0, False)
    assert (asyncio.run(shop.wait()), list(shop.each()), shop.close()) == ("done", [0, 1, 2], "closed")
    names = [span.name for span in spans.all()]
    assert names == ["Shop.buy", "Shop.greet", "Shop.empty", "Shop.wait", "Shop.each"]
    assert json.loads(spans.named("Shop.buy").attributes["gen_ai.tool.call.arguments"]) == {"count": 2}


def test_an_object_that_is_called_is_observed(spans):
    class Answer:
        async def __call__(self, question):
            return question.upper()

    import asyncio

    assert (
        asyncio.run(
            spanwise.observe(
                Answer(),
            )("why")
        )
        == "WHY"
    )
    assert spans.json("spanwise.output") == "WHY"
