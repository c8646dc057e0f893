"""What a request says, in JSON or as a form with files."""

from __future__ import annotations

import json
import re
from typing import Any, Final

_NAME: Final = re.compile(rb'name="(?P<name>[^"]*)"(?:; filename="(?P<file>[^"]*)")?')


def json_of(content: bytes) -> dict[str, Any]:
    """Return the object that a body says, an empty one where it says none, as sound does."""
    try:
        found = json.loads(content or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def form_fields(content: bytes) -> dict[str, Any]:
    """Return the fields of a form; a file by its name."""
    boundary = content.partition(b"\r\n")[0]
    fields: dict[str, Any] = {}
    for part in content.split(boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        if named := _NAME.search(head):
            text = named["file"] or value.removesuffix(b"\r\n")
            fields[named["name"].decode()] = True if text == b"true" else text.decode(errors="replace")
    return fields
