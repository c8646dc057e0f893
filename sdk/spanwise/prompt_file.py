"""A prompt as a file: settings as JSON, then each text under its own line, so that git shows changes as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote, unquote

SUFFIX: Final = ".prompt"
_SETTINGS: Final = ("format", "model", "params", "tools", "output_schema")
_LINE: Final = re.compile(r"^--- (text|json|[a-z]+)$")
_LOOKS_SO: Final = re.compile(r"^\\*--- [a-z]+$")


def path_of(name: str) -> PurePosixPath:
    """Return the path of a prompt's file in its folder."""
    return PurePosixPath(*(quote(part, safe=" &'()+,") for part in f"{name}{SUFFIX}".split("/")))


def name_of(path: PurePosixPath) -> str:
    """Return the prompt whose file this is."""
    return unquote(path.as_posix()).removesuffix(SUFFIX)


def written(said: Mapping[str, Any]) -> str:
    """Return the file of a version: the same for the same content, whoever writes it."""
    settings = {name: said[name] for name in _SETTINGS if said.get(name) not in (None, {}, [], "plain")}
    lines = [json.dumps(settings, ensure_ascii=False, indent=2, sort_keys=True)]
    template = said["template"]
    if isinstance(template, str):
        lines += ["--- text", *_escaped(template)]
    else:
        for message in template:
            plain = set(message) == {"role", "content"} and isinstance(message["content"], str)
            if plain and message["role"] not in {"text", "json"}:
                lines += [f"--- {message['role']}", *_escaped(message["content"])]
            else:
                lines += ["--- json", json.dumps(message, ensure_ascii=False, indent=2)]
    return "\n".join(lines) + "\n"


def read(text: str) -> dict[str, Any]:
    """Return the content that a file says; raises ValueError with the reason where it is no prompt's."""
    head: list[str] = []
    blocks: list[tuple[str, list[str]]] = []
    for line in text.removesuffix("\n").split("\n"):
        found = _LINE.match(line)
        if found is not None:
            blocks.append((found[1], []))
        elif blocks:
            blocks[-1][1].append(line[1:] if line.startswith("\\") and _LOOKS_SO.match(line) else line)
        else:
            head.append(line)
    if not blocks:
        raise ValueError('it has no line such as "--- text" or "--- system"')
    settings = json.loads("\n".join(head) or "{}")
    if not isinstance(settings, dict) or not settings.keys() <= set(_SETTINGS):
        raise ValueError(f"its settings are not an object of {', '.join(_SETTINGS)}")
    if blocks[0][0] == "text":
        if len(blocks) > 1:
            raise ValueError("it is both a text and messages")
        return {**settings, "template": "\n".join(blocks[0][1])}
    return {**settings, "template": [_message(role, "\n".join(lines)) for role, lines in blocks]}


def _message(role: str, text: str) -> Any:
    return json.loads(text) if role == "json" else {"role": role, "content": text}


def _escaped(text: str) -> list[str]:
    return [f"\\{line}" if _LOOKS_SO.match(line) else line for line in text.split("\n")]
