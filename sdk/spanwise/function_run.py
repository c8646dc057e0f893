"""A Python function of the user run over the examples of a dataset, each call traced and kept as a result."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any, Final

from .context import context
from .datasets import Example
from .parameters import parameters_of
from .registry import load_object
from .span import span

ENVIRONMENT: Final = "eval"
_LONGEST: Final = 10_000
_LONGEST_OUTPUT: Final = 1_000_000

#: Returns whether an answer to an example is good, or that and why not.
Judge = Callable[[Any, Example], Any]


def load_function(path: str) -> Callable[..., Any]:
    """Return the function that ``module:name`` stands for, looked for from the current folder too.

    Raises ValueError where it is none, ImportError and AttributeError where it is not there.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    found = load_object(path)
    if not callable(found):
        raise ValueError(f"{path} is no function.")  # noqa: TRY004 - a refusal, in a sentence
    return found  # type: ignore[no-any-return]  # whatever it returns is taken


def run_over(
    function: Callable[..., Any], examples: Iterable[Example], *, at_once: int = 1, judge: Judge | None = None
) -> Iterator[dict[str, Any]]:
    """Yield what came of each example, in order: ``example_id``, ``output`` or ``error``, ``passed`` of the judge.

    A function whose first parameter is called ``example`` gets the whole example, any other its input.
    """
    whole = _wants_example(function)

    def one(example: Example) -> dict[str, Any]:
        return _called(function, example, judge, whole=whole)

    with ThreadPoolExecutor(at_once, thread_name_prefix="spanwise-eval") as pool:
        for future in [pool.submit(copy_context().run, one, example) for example in examples]:
            yield future.result()


def _wants_example(function: Callable[..., Any]) -> bool:
    try:
        names = [parameter.name for parameter in parameters_of(function)]
    except (TypeError, ValueError):  # of a builtin
        return False
    return names[:1] == ["example"]


def _called(function: Callable[..., Any], example: Example, judge: Judge | None, *, whole: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"example_id": example.id}
    began = time.perf_counter()
    with context(environment=ENVIRONMENT, metadata={"example": example.id}), span("eval", kind="chain") as made:
        made.set_input(example.input)
        try:
            output = function(example if whole else example.input)
            if inspect.isawaitable(output):
                output = asyncio.run(_awaited(output))
        except Exception as error:  # noqa: BLE001 - whatever it raises is what came of the example
            made.fail(error)
            said["error"] = f"{type(error).__name__}: {error}"[:_LONGEST]
        else:
            made.set_output(output)
            said["output"] = _text(output)
            said |= _judged(output, example, judge)
        if int(made.trace_id, 16):
            said["trace_id"] = made.trace_id
    said["duration_ms"] = round((time.perf_counter() - began) * 1e3, 3)
    return said


async def _awaited(output: Any) -> Any:
    return await output


def _judged(output: Any, example: Example, judge: Judge | None) -> dict[str, Any]:
    if judge is None:
        return {}
    try:
        verdict = judge(output, example)
    except Exception as error:  # noqa: BLE001 - an answer that breaks the judge is not good
        return {"passed": False, "message": f"The judge raised {type(error).__name__}: {error}"[:_LONGEST]}
    passed, message = verdict if isinstance(verdict, tuple) else (verdict, "")
    return {"passed": bool(passed), "message": str(message)[:_LONGEST]}


def _text(output: Any) -> str:
    text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False, default=str)
    return text[:_LONGEST_OUTPUT]
