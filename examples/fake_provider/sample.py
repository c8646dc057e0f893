"""Make a JSON value that fits a JSON schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def sample(schema: Mapping[str, Any], text: str = "", root: Mapping[str, Any] | None = None) -> Any:
    """Return a value that fits *schema*, with *text* wherever any string would do."""
    root = schema if root is None else root
    if "$ref" in schema:
        return sample(_resolve(root, schema["$ref"]), text, root)
    for choice in ("anyOf", "oneOf", "allOf"):
        if schema.get(choice):
            return sample(schema[choice][0], text, root)
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return values[0] if values else _of_type(schema, text, root)


def _of_type(schema: Mapping[str, Any], text: str, root: Mapping[str, Any]) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if kind == "object":
        return {name: sample(inner, text, root) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [sample(schema.get("items", {}), text, root)]
    scalars = {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1.5), "boolean": True, "null": None}
    return scalars.get(kind, text or "text")


def _resolve(root: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    found: Any = root
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found  # type: ignore[no-any-return]  # a JSON document has no types
