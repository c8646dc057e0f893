"""Take the machine out of what was captured: paths, its name, whose account it was, numbers of processes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf.message import Message

#: Attributes of a resource that say what machine it was, and nothing about the program.
MACHINE = ("host.", "os.", "process.", "container.", "service.instance.id", "telemetry.auto.")
#: The attribute whose value is cut to its last line: frames are paths.
STACK = "exception.stacktrace"

Change = Callable[[str], str]


def change_of(replaced: Iterable[tuple[str, str]]) -> Change:
    """Return a function that replaces each text of *replaced*, the longest first, by its stand-in."""
    pairs = dict(sorted(replaced, key=lambda pair: -len(pair[0])))
    pattern = re.compile("|".join(map(re.escape, pairs)))
    return lambda text: pattern.sub(lambda found: pairs[found.group()], text)


def message(message: Message, change: Change) -> None:
    """Scrub a protobuf request where it stands."""
    for field, value in message.ListFields():
        if field.message_type is not None:
            children = value if field.is_repeated else [value]
            for child in children:
                message_of(child, change)
        elif field.type == field.TYPE_STRING and not field.is_repeated:
            setattr(message, field.name, change(value))
    if message.DESCRIPTOR.name == "Resource":
        kept = [pair for pair in message.attributes if not pair.key.startswith(MACHINE)]
        del message.attributes[:]
        message.attributes.extend(kept)
    elif message.DESCRIPTOR.name == "KeyValue" and message.key == STACK:
        message.value.string_value = last_line(message.value.string_value)


message_of = message


def last_line(text: str) -> str:
    """Return the last line of *text*."""
    return text.rstrip().rpartition("\n")[2]


def body(text: str, change: Change) -> str:
    """Return a JSON request, scrubbed."""
    return json.dumps(_value(json.loads(text), change), separators=(",", ":"), ensure_ascii=False)


def _value(value: Any, change: Change) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_value(item, change) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("key") == STACK:
        return {"key": STACK, "value": {"stringValue": last_line(value["value"].get("stringValue", ""))}}
    made = {key: _value(inside, change) for key, inside in value.items()}
    if isinstance(resource := made.get("resource"), dict):
        pairs = resource.get("attributes", [])
        resource["attributes"] = [pair for pair in pairs if not pair["key"].startswith(MACHINE)]
    return made
