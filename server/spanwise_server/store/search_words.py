"""The words of a text as the index keeps them, and whether a phrase stands in a text: pure.

The index is made of words alone (no positions), so a phrase is found by its words and proved on the text itself.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from ..record import Record

#: Of one span; what lies behind is kept and shown, but not searched.
MOST_CHARS: Final = 200_000
#: Between the parts of a text; no phrase reaches over it.
BETWEEN: Final = "\x1f"
_ASCII_WORD: Final = re.compile(r"[0-9a-z]+")
_WORD: Final = re.compile(r"[^\W_]+")
_NO_WORD: Final = re.compile(r"[\W_]")
#: Runs up to this length come again and again: quotation marks, dashes, accented letters, words.
_SHORT: Final = 8
#: Scripts written without spaces: each of their characters is a word of its own.
_SCRIPTS: Final = re.compile("([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")
#: Parts of a message that hold data, not words.
_DATA: Final = frozenset({"blob", "file", "uri"})


def words_in(text: str) -> list[str]:
    """Return the words of *text* in order: lower case, without accents."""
    plain = indexed(text).lower()
    return (_ASCII_WORD if plain.isascii() else _WORD).findall(plain)


def indexed(text: str) -> str:
    """Return *text* as the index's tokenizer is to see it; of ASCII it finds the words by itself."""
    return text if text.isascii() else text.encode("ascii", _FOLD).decode()


def _folded(found: UnicodeError) -> tuple[bytes, int]:
    """Give the encoder what stands for the characters that it cannot encode, run by run."""
    assert isinstance(found, UnicodeEncodeError)  # noqa: S101  # only used for encoding
    run = found.object[found.start : found.end]
    fold = _fold if len(run) <= _SHORT else _fold.__wrapped__
    return fold(run).encode(), found.end


#: Name of the way to encode what is beyond ASCII. Of all that scans a text for such, an encoder is by far the quickest.
_FOLD: Final = "spanwise.fold"
codecs.register_error(_FOLD, _folded)


@lru_cache(maxsize=20_000)
def _fold(text: str) -> str:
    """Return characters beyond ASCII folded, and what is no part of a word as spaces.

    Characters are folded one by one, so what stands around them changes nothing.
    """
    # Folding can make letters that come apart, and taking apart can make capitals: so on both sides of folding.
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return _SCRIPTS.sub(r" \1 ", _NO_WORD.sub(" ", plain))


def match_of(phrase: str) -> str | None:
    """Return the index's query for the words of *phrase*, ``None`` where it has none; a final ``*`` is any ending."""
    words = list(dict.fromkeys(words_in(phrase)))
    if not words:
        return None
    quoted = [f'"{word}"' for word in words]
    if phrase.rstrip().endswith("*"):
        quoted[-1] += "*"
    return " ".join(quoted)


def needs_proof(phrase: str) -> bool:
    """Whether finding the words does not prove the phrase: it has several."""
    return len(words_in(phrase)) > 1


def holds(text: str, phrase: str) -> bool:
    """Return whether the words of *phrase* stand in *text* one after another."""
    plain = indexed(text).lower()
    return _phrase(phrase, plain.isascii()).search(plain) is not None


@lru_cache(maxsize=100)
def _phrase(phrase: str, ascii_only: bool) -> re.Pattern[str]:  # noqa: FBT001  # a key of the cache
    """Return what finds the words of *phrase* one after another in a text as it is indexed, in small letters."""
    words = list(map(re.escape, words_in(phrase)))
    if not words:
        return re.compile("")
    letter, other = ("[0-9a-z]", f"[^0-9a-z{BETWEEN}]") if ascii_only else (r"[^\W_]", rf"(?:(?!{BETWEEN})[\W_])")
    # What stands before the first word is asked behind it: a pattern that begins with letters is found ten times as
    # quickly.
    words[0] += f"(?<!{letter}{words[0]})"
    return re.compile(f"{f'{other}+'.join(words)}{'' if phrase.rstrip().endswith('*') else f'(?!{letter})'}")


def searchable(record: Record) -> str:
    """Return the text of *record* that is searched: its names, its error, its input and output."""
    reading, span = record.reading, record.span
    parts: list[str] = [span.name]
    for value in (
        reading.name, reading.trace_name, reading.error_type, reading.status_message or span.status_message,
        reading.input if reading.input_messages is None else reading.input_messages,
        reading.output if reading.output_messages is None else reading.output_messages,
        reading.documents,
    ):  # fmt: skip
        _gather(value, parts)
    if (tool := reading.tool) is not None:
        _gather(tool.name, parts)
        # Nearly always these are the span's input and output, which are there already.
        if tool.arguments is not reading.input or reading.input_messages is not None:
            _gather(tool.arguments, parts)
        if tool.result is not reading.output or reading.output_messages is not None:
            _gather(tool.result, parts)
    return BETWEEN.join(parts)[:MOST_CHARS]


def _gather(value: Any, parts: list[str]) -> None:
    """Add the texts in *value* to *parts*, in order."""
    kind = type(value)
    if kind is str:
        parts.append(value)
    elif kind is dict or isinstance(value, Mapping):
        said = value.get("type")
        if not (isinstance(said, str) and said in _DATA):
            for inner in value.values():
                _gather(inner, parts)
    elif kind is list or isinstance(value, (list, tuple)):
        for inner in value:
            _gather(inner, parts)
    elif value is not None and not isinstance(value, bool):
        parts.append(str(value))
