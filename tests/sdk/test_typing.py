"""Callers are checked by mypy as if nothing were decorated: signatures, types and awaitables stay."""

from __future__ import annotations

import textwrap

from mypy import api

PROGRAM = """
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import spanwise


@spanwise.observe
def add(first: int, second: int = 1) -> int:
    return first + second


@spanwise.observe(kind="tool", serializer=str)
async def ask(question: str) -> list[str]:
    return [question]


@spanwise.observe()
def count(to: int) -> Iterator[int]:
    yield from range(to)


@spanwise.observe
async def stream() -> AsyncIterator[str]:
    yield "a"


@spanwise.observe
class Shop:
    @spanwise.observe
    def buy(self, number: int) -> str:
        return str(number)

    @classmethod
    @spanwise.observe
    def make(cls) -> "Shop":
        return cls()

    @staticmethod
    @spanwise.observe
    def greet(name: str) -> str:
        return name


async def main() -> None:
    reveal_type(add(1, second=2))
    reveal_type(await ask("a"))
    reveal_type(list(count(2)))
    reveal_type([piece async for piece in stream()])
    reveal_type(Shop())
    reveal_type(Shop().buy(1))
    reveal_type(Shop.make())
    reveal_type(Shop.greet("a"))
    reveal_type(spanwise.carry(add)(1))
    with spanwise.wrap_executor(ThreadPoolExecutor()) as pool:
        reveal_type(pool.submit(add, 1).result())
    with spanwise.span("s") as span, spanwise.context(session_id="s"), spanwise.extract(spanwise.inject()):
        reveal_type(span)
    add("x")
    await ask(1)
    Shop().buy("x")
"""
REVEALED = [
    "int", "list[str]", "list[int]", "list[str]", "Shop", "str", "Shop", "str", "int", "int", "spanwise.span.Span",
]  # fmt: skip


def test_what_is_decorated_keeps_its_type(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(PROGRAM), encoding="utf-8")
    out, problems, _ = api.run(["--strict", "--config-file=", "--cache-dir", str(tmp_path / "cache"), str(path)])
    assert problems == ""
    revealed = [line.split('"')[1].replace("program.", "") for line in out.splitlines() if "Revealed type" in line]
    assert [each.replace("builtins.", "") for each in revealed] == REVEALED
    errors = [line for line in out.splitlines() if ": error:" in line]
    assert len(errors) == 3, out
    assert all("[arg-type]" in line for line in errors)
