"""What can be known of a prompt without running it: what is left unfilled, leaks, weighs, or breaks the cache."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from ..datasets.example import Example
from ..labelling.answer import texts_of
from ..query.filters import And, Term
from ..query.measures import Steps
from ..record import Record
from ..store.base import SpanStore
from ..store.datasets import Datasets
from .content import Content
from .diff import message_text
from .figures import Figures, FiguresStore, figures, query_of
from .own_examples import own_examples
from .version import Prompt, Version

#: Characters in a token, roughly: exact only where the provider counts.
CHARS_A_TOKEN: Final = 4
#: Providers cache prefixes of at least so many tokens.
LEAST_CACHED_TOKENS: Final = 1_024
#: Shorter texts stand in a prompt by chance, unless it shows them as an example.
_LEAST_LEAK_CHARS: Final = 24
_MOST_CALLS: Final = 100
_DAYS_A_MONTH: Final = 30
_LEAST_USD: Final = 0.01
#: Fewer calls a day are told with a decimal.
_OFTEN: Final = 10
_DAY_NS: Final = 86_400_000_000_000
_VARIABLE: Final = {
    "plain": re.compile(r"\{\{\s*\w+\s*\}\}"),
    "jinja": re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL),
    "fstring": re.compile(r"(?<!\{)\{\w+\}(?!\})"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: fine, worth knowing, or wrong."""

    state: Literal["ok", "note", "wrong"]
    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Weight:
    """How heavy the part of a prompt is that never changes, and where its first variable stands."""

    static_tokens: int
    prefix_tokens: int
    """Before the first variable: what a provider can cache for all calls."""

    @property
    def late_tokens(self) -> int:
        """Of what never changes, what comes after the first variable and so is never cached."""
        return self.static_tokens - self.prefix_tokens


def weight_of(content: Content) -> Weight:
    """Return the weight of the static part, in estimated tokens."""
    text = "\n".join(message_text(message) for message in content.messages)
    pattern = _VARIABLE[content.format]
    first = pattern.search(text)
    static = len(pattern.sub("", text))
    prefix = len(text) if first is None else first.start()
    return Weight(round(static / CHARS_A_TOKEN), round(prefix / CHARS_A_TOKEN))


def leaked(content: Content, examples: Iterable[Example]) -> list[str]:
    """Return the ids of examples whose input, or expected answer, stands in the prompt itself."""
    text = _flat("\n".join(message_text(message) for message in content.messages))
    shown = {_flat(one.question) for one in own_examples(content)}
    return [
        example.id
        for example in examples
        if any(said in shown or (len(said) >= _LEAST_LEAK_CHARS and said in text) for said in _said(example))
    ]


def unfilled(record: Record, content: Content) -> list[str]:
    """Return the variables that a call left unfilled: not given, empty, or still standing in its messages."""
    prompt = record.reading.prompt
    values = None if prompt is None else prompt.variables
    sent = "\n".join(_sent(record))
    found = []
    for name in content.variables:
        pattern = r"(?<!\{)\{" + name + r"\}" if content.format == "fstring" else r"\{\{\s*" + name + r"\s*\}\}"
        missing = values is not None and values.get(name) in (None, "")
        if missing or re.search(pattern, sent):
            found.append(name)
    return found


def checks(store: FiguresStore, prompt: Prompt, version: Version, steps: Steps, now_ns: int) -> list[Finding]:
    """Return what was found of a version, of its newest calls and of the datasets of its project."""
    (row,) = figures(store, prompt, [version], steps, judged=False)
    query = query_of(prompt, version, steps)
    calls = replace(query, filter=And((query.filter, Term("kind", "=", ("llm",)))), limit=_MOST_CALLS)
    records = store.find_spans(calls).items
    return [
        _unfilled(version, records),
        *_leaks(store, prompt, version),
        *_format(row),
        _weight(store, prompt, version, records, now_ns),
        _prefix(version),
    ]


def _unfilled(version: Version, records: Sequence[Record]) -> Finding:
    counts: dict[str, int] = {}
    for record in records:
        for name in unfilled(record, version.content):
            counts[name] = counts.get(name, 0) + 1
    if not counts:
        said = f"in its newest {len(records)} calls every variable had a value" if records else "no call yet"
        return Finding("ok", "Unfilled variables", f"None: {said}.")
    words = ", ".join(f"{name} in {n}" for name, n in sorted(counts.items()))
    return Finding("wrong", "Unfilled variables", f"Of its newest {len(records)} calls: {words}.")


def _leaks(store: FiguresStore, prompt: Prompt, version: Version) -> Iterator[Finding]:
    datasets = Datasets(store)
    filled = [dataset for dataset in datasets.all(prompt.project) if dataset.newest is not None]
    clean = True
    for dataset in filled:
        assert dataset.newest is not None  # noqa: S101 - chosen so
        found = leaked(version.content, datasets.examples(dataset.newest.id))
        if found:
            shown = ", ".join(one[3:9] for one in found[:5])
            yield Finding(
                "wrong", "Leak",
                f"{_rows(len(found))} in the prompt and in the dataset {dataset.name!r} ({shown}): "
                "evaluated on it, it knows the answers.",
            )  # fmt: skip
            clean = False
    if clean:
        yield Finding(
            "ok",
            "Leak",
            "No row of a dataset here stands in the prompt." if filled else "There is no dataset here yet.",
        )


def _rows(count: int) -> str:
    return "1 row stands" if count == 1 else f"{count:,} rows stand"


def _format(row: Figures) -> Iterator[Finding]:
    rate = row.format_failures
    if rate is None:
        yield Finding("note", "Output format", "The version has no output schema to hold answers against.")
    elif rate.share is None:
        yield Finding("note", "Output format", "No call yet to hold against the schema.")
    else:
        state: Literal["ok", "wrong"] = "wrong" if rate.passed else "ok"
        yield Finding(state, "Output format", f"{rate.passed} of {rate.of} answers are not as the schema asks.")


def _weight(store: SpanStore, prompt: Prompt, version: Version, records: Sequence[Record], now_ns: int) -> Finding:
    weight = weight_of(version.content)
    end = now_ns // _DAY_NS * _DAY_NS + _DAY_NS
    lately = Steps(end - 2 * _DAY_NS, 2 * _DAY_NS, 1)  # today and yesterday, in whole days so that rollups can tell
    calls = store.measure(query_of(prompt, version, lately), "env", lately).sums.calls
    a_day = calls * _DAY_NS / (now_ns - lately.first_ns)
    said = f"About {weight.static_tokens:,} tokens of it never change."
    price = _token_price_nusd(records)
    if price is None or not calls:
        return Finding("note", "Static weight", f"{said} No priced call of today or yesterday says what they cost.")
    month = weight.static_tokens * price * a_day * _DAYS_A_MONTH / 1e9
    cost = f"about ${month:,.2f}" if month >= _LEAST_USD else f"less than ${_LEAST_USD}"
    often = f"{a_day:,.0f} calls" if a_day >= _OFTEN else f"{a_day:.1f} calls"
    return Finding("note", "Static weight", f"{said} At {often} a day, as of late, they cost {cost} a month.")


def _prefix(version: Version) -> Finding:
    weight = weight_of(version.content)
    if weight.static_tokens < LEAST_CACHED_TOKENS:
        words = f"Providers cache from about {LEAST_CACHED_TOKENS:,} tokens on; this has {weight.static_tokens:,}."
        return Finding("ok", "Cacheable prefix", words)
    if weight.prefix_tokens >= LEAST_CACHED_TOKENS and weight.late_tokens <= weight.static_tokens // 4:
        return Finding("ok", "Cacheable prefix", f"{weight.prefix_tokens:,} tokens come before the first variable.")
    return Finding(
        "wrong", "Cacheable prefix",
        f"The first variable stands after {weight.prefix_tokens:,} tokens, so that {weight.late_tokens:,} that never "
        "change cannot be cached: move variables to the end.",
    )  # fmt: skip


def _token_price_nusd(records: Sequence[Record]) -> float | None:
    """Return what an input token cost of late."""
    spent = tokens = 0
    for record in records:
        usage = record.reading.usage
        if record.cost is not None and record.cost.input_nusd is not None and usage is not None and usage.input_tokens:
            spent, tokens = spent + record.cost.input_nusd, tokens + usage.input_tokens
    return spent / tokens if tokens else None


def _said(example: Example) -> Iterator[str]:
    """Yield what an example asks and expects."""
    content = example.input.get("content")
    asked = texts_of(m for m in example.input.get("messages") or () if m.get("role") == "user")
    for value in (asked, content, (example.expected_output or {}).get("content")):
        text = _flat(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) if value else "")
        if text:
            yield text


def _sent(record: Record) -> Iterator[str]:
    for message in record.reading.input_messages or ():
        yield texts_of([message])


def _flat(text: str) -> str:
    return " ".join(text.casefold().split())
