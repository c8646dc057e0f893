"""Whether an answer is what the schema asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from .content import BadPrompt

_FENCE: Final = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?```\s*\Z", re.DOTALL)
_MOST: Final = 5


def check_schema(schema: Mapping[str, Any]) -> None:
    """Refuse what is no JSON Schema."""
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415  # no start waits for it
    from jsonschema.validators import validator_for  # noqa: PLC0415  # as above

    try:
        validator_for(dict(schema)).check_schema(dict(schema))
    except SchemaError as error:
        raise BadPrompt(f"The output schema is no JSON Schema: {error.message}.", "See json-schema.org.") from error


def parsed(answer: str) -> Any:
    """Return the JSON in an answer, with or without a code fence around it; raises ValueError where it is none."""
    fenced = _FENCE.match(answer)
    return json.loads(fenced[1] if fenced else answer)


def problems_of(answer: str, schema: Mapping[str, Any]) -> list[str]:
    """Return what of an answer is not as the schema asks, in sentences; nothing is fetched to find out."""
    import jsonschema  # noqa: PLC0415  # as above
    from jsonschema.validators import validator_for  # noqa: PLC0415  # as above
    from referencing import Registry  # noqa: PLC0415  # as above

    try:
        value = parsed(answer)
    except ValueError as error:
        return [f"The answer is not JSON: {error}."]
    asked = dict(schema)
    nothing_else: Registry[Any] = Registry()  # it retrieves nothing: no reference of a schema is ever fetched
    validator = validator_for(asked, default=jsonschema.Draft202012Validator)(asked, registry=nothing_else)
    try:
        found = sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.path)))
    except Exception as error:  # noqa: BLE001 - a schema that refers to what is not there
        return [f"The schema cannot be used: {error}."]
    return [f"{'.'.join(map(str, error.path)) or 'The answer'}: {error.message}" for error in found[:_MOST]]
