"""Turn any value of a program into JSON text, whatever it is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

import orjson

from .values import stand_in

_OPTIONS: Final = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS


def to_json(value: Any) -> str:
    """Return *value* as JSON; what JSON has no word for becomes what it says of itself."""
    try:
        return orjson.dumps(value, plain_value, _OPTIONS).decode()
    except (TypeError, ValueError, RecursionError):  # a lone surrogate, a whole number of more than 64 bits, a circle
        return orjson.dumps(_shallow(repr(value))).decode()


def from_json(text: str) -> Any:
    """Return what *text* says as JSON, or *text* itself where it is not JSON."""
    try:
        return orjson.loads(text)
    except ValueError:
        return text


def _shallow(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def plain_value(value: Any) -> Any:
    """Return the nearest plain value of an object that orjson does not know."""
    known = stand_in(value)
    return _fields(value) if known is value else known


def _fields(value: Any) -> Any:
    """Return an object of the program's own by its fields, else by what it shows of itself."""
    for method in ("model_dump", "to_dict", "dict"):  # pydantic 2, many client libraries, pydantic 1
        dump = getattr(value, method, None)
        if callable(dump) and not isinstance(value, type):
            return dump(mode="json") if method == "model_dump" else dump()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (AbstractSet, range)):
        return list(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    return repr(value)
