"""What ``spanwise eval`` prints: a run in a line, and two runs as a paired table with the rows that newly fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

Json = Mapping[str, Any]
MOST_ROWS: Final = 20
_WIDTH: Final = 100
#: Below this, a change is said to be more than chance.
ALPHA: Final = 0.05


def run_lines(run: Json) -> Iterator[str]:
    """Yield what came of one run."""
    where = f"{run['dataset']}@v{run['version']}"
    what = f", {run['what']}" if run["what"] else ""
    yield f"{run['name']}: {where}, {run['done']} of {run['planned']} rows{what}"
    if run["trials"]:
        share = f"{run['passed'] / run['trials']:.1%}"
        sure = f"at least {run['lower_bound']:.1%} at {run['confidence']:.0%} confidence"
        yield f"passed {run['passed']} of {run['trials']} ({share}; {sure})"
    else:
        yield "not judged: name a --check or a --judge"
    if run["errors"]:
        yield f"without an answer: {run['errors']}"
    if run["flip_rate"] is not None:
        yield f"flip rate {run['flip_rate']:.1%}"
    if run["cost_usd"] is not None or run["input_tokens"] is not None:
        yield f"cost {_money(run['cost_usd'])}, {run['input_tokens']} tokens in, {run['output_tokens']} out"


def estimate_lines(found: Json) -> Iterator[str]:
    """Yield what a run will come to, and what that rests on."""
    tokens = f"{found['input_tokens']:,} tokens in, {found['output_tokens']:,} out"
    yield f"estimate: {_money(found['cost_usd'])} for {found['calls']:,} calls, {tokens}"
    for sentence in (*found["problems"], *found["rests_on"]):
        yield f"  {sentence}"


def comparison_lines(found: Json, inputs: Mapping[str, str]) -> Iterator[str]:
    """Yield the paired table of two runs, what is likely, and the rows that changed their verdict."""
    old, new, counts = found["before"], found["after"], found["counts"]
    yield f"against run {old['id']}{', ' + old['what'] if old['what'] else ''} (this is run {new['id']})"
    yield f"{'':<16}{'passes now':>14}{'fails now':>14}"
    yield f"{'passed before':<16}{counts['still_passing']:>14}{counts['newly_failing']:>14}"
    yield f"{'failed before':<16}{counts['newly_passing']:>14}{counts['still_failing']:>14}"
    chance = "more than chance explains" if found["p_value"] < ALPHA else "may be chance"
    verdict = f"{found['newly_failing']} newly failing, {found['newly_passing']} newly passing"
    yield f"{verdict}; McNemar's exact test p = {found['p_value']:.3g}" + (f": {chance}" if _changed(found) else "")
    yield from _deltas(found)
    if found["only_before"] or found["only_after"]:
        yield f"left out: {found['only_before']} rows only in the run before, {found['only_after']} only in this one"
    for change in ("newly failing", "newly passing"):
        yield from _rows(change, [row for row in found["rows"] if row["change"] == change], inputs)


def _changed(found: Json) -> bool:
    return bool(found["newly_failing"] or found["newly_passing"])


def _deltas(found: Json) -> Iterator[str]:
    cost = found["cost_usd_per_call"]
    if cost["before"] is not None and cost["after"] is not None:
        yield f"{'cost per call':<16}{_money(cost['before']):>14}{_money(cost['after']):>14}{_by(cost)}"
    for name, words in (("latency_p50_ms", "latency p50"), ("latency_p95_ms", "latency p95")):
        took = found[name]
        if took["before"] is not None and took["after"] is not None:
            yield f"{words:<16}{took['before']:>11.0f} ms{took['after']:>11.0f} ms{_by(took)}"


def _by(figure: Json) -> str:
    return f"  {figure['after'] / figure['before'] - 1:+.0%}" if figure["before"] else ""


def _rows(change: str, rows: Iterable[Json], inputs: Mapping[str, str]) -> Iterator[str]:
    for place, row in enumerate(rows):
        if place == MOST_ROWS:
            yield "  ..."
            return
        if not place:
            yield f"{change}:"
        name = row["example_id"]
        now = row["after"]
        yield f"  {name}  {_cut(inputs.get(name, ''))}".rstrip()
        yield f"    was: {_cut(row['before']['output'] or row['before']['error'])}"
        yield f"    is:  {_cut(now['output'] or now['error'])}"
        if now["message"]:
            yield f"    why: {_cut(now['message'])}"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"


def _money(usd: float | None) -> str:
    if usd is None:
        return "unpriced"
    return f"${usd:,.2f}" if usd >= 1 or not usd else f"${usd:.3g}" if usd >= 0.001 else f"${usd:.2e}"
