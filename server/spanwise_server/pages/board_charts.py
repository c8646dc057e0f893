"""The dashboard's measures as charts, key numbers and rows: pure, from what the store measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from ..query.measures import SPLITS, CallPoint, Measured, Part, Percentiles, SessionCosts, Slot, Steps, Sums
from ..record import Usage
from . import format as fmt
from .board import Board, calls_by_key, others_of, term_of, times_of
from .call_list import ALL, PATH
from .format import Clock
from .listing import DAY_NS
from .plots import Fit, Layer, Moment, Plot, fit, lines, scatter, spark, stacked
from .urls import stamp, url

#: So many values of a split have a colour of their own; the others share one.
COLOURED: Final = 4
_BETTER_DOWN: Final = -1
#: The axis of rates goes up to this at least, so that none of ten thousand is no peak.
_LEAST_RATE: Final = 0.03
#: A figure that grew so many times is told by that, up to the last of them.
TIMES_FROM: Final = 10
MOST_TIMES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Legend:
    """One entry of a legend: its colour and its words."""

    layer: str
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot with its title and its legend."""

    title: str
    plot: Plot
    legend: tuple[Legend, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """One key number: what it is, what it was, and where it leads."""

    name: str
    value: str
    change: str
    up: bool
    tone: str
    was: str
    spark: tuple[str, ...]
    href: str
    note: str = ""
    """What stands in place of a spark: of how many, and which."""


@dataclass(frozen=True, slots=True)
class FitRow:
    """The line through the calls of one model."""

    layer: str
    model: str
    fit: Fit | None
    points: int
    href: str
    """The calls of the model among which the points are, the newest first."""


@dataclass(frozen=True, slots=True)
class PartRow:
    """One value of the split in the table."""

    words: str
    part: Part
    hrefs: Mapping[str, str]
    """The lists of its calls, by keys of ``CALLS``."""
    share: float
    """Its cost, or where nothing is priced its calls, as percent of the largest."""


def moments(board: Board, slots: Sequence[Slot], clock: Clock) -> tuple[Moment, ...]:
    """Return the steps of time as the charts name them, with links to all calls of each."""
    wide = slots[-1].to_ns - slots[0].from_ns
    found = []
    for slot, href in zip(slots, board.calls_of_each(times_of(slots)), strict=True):
        start, end = clock.at(slot.from_ns), clock.at(slot.to_ns)
        days = slot.to_ns - slot.from_ns >= DAY_NS
        words = f"{start.day} {start:%b}" if days else f"{start.day} {start:%b %H:%M} to {end:%H:%M}"
        label = f"{start:%a} {start.day}" if 2 * DAY_NS < wide <= 14 * DAY_NS else f"{start.day} {start:%b}"
        if wide <= 2 * DAY_NS:
            label = f"{start:%H:%M}"
        found.append(Moment(stamp(slot.from_ns), stamp(slot.to_ns), words, label, href))
    return tuple(found)


def charts(board: Board, measured: Measured, clock: Clock) -> tuple[Chart, ...]:
    """Return the charts over time."""
    slots, times = measured.slots, times_of(measured.slots)
    every = moments(board, slots, clock)

    @cache
    def at(only: str) -> tuple[Moment, ...]:
        if only == ALL:
            return every
        hrefs = board.calls_of_each(times, only)
        return tuple(Moment(m.start, m.end, m.words, m.label, href) for m, href in zip(every, hrefs, strict=True))

    return (
        _calls(board, measured, at(ALL)),
        _cost(board, measured, at("priced")),
        _durations(at(ALL), "Latency of calls", [slot.latency for slot in slots]),
        _tokens(at("tokens"), slots),
        _error_rate(at("failed"), slots),
        _durations(at("ttft"), "Time to first token", [slot.ttft for slot in slots]),
        _pace(at("tokens"), slots),
        _each(at("priced"), slots),
    )


def _calls(board: Board, measured: Measured, at: Sequence[Moment]) -> Chart:
    slots = measured.slots
    ok = tuple(float(slot.sums.calls - slot.sums.errors) for slot in slots)
    failed = tuple(float(slot.sums.errors) for slot in slots)
    bad = board.calls_of_each(times_of(slots), "failed")
    good = board.calls_of_each(times_of(slots), ALL, "-status:error")
    layers = (Layer("be", "failed", failed, bad), Layer("b", "ok", ok, good))
    counts = f"{fmt.plural(measured.sums.calls, 'call')}, {measured.sums.errors:,} failed"
    plot = stacked(at, layers, _number, f"Calls over time: {counts}.")
    return Chart("Calls", plot, (Legend("bar-ok", "ok"), Legend("error", "failed")))


def _cost(board: Board, measured: Measured, at: Sequence[Moment]) -> Chart:
    costly = [part for part in measured.parts if part.sums.priced]
    own, rest = costly[:COLOURED], costly[COLOURED:]
    layers = [
        Layer(
            f"b{n}",
            words_of(board.by, part.value),
            _costs(part.slots),
            _dearest(board, measured.slots, term_of(board.by, part.value)),
        )
        for n, part in enumerate(own, 1)
    ]
    if rest:
        together = [sum((part.slots[n] for part in rest), Sums()) for n in range(len(at))]
        name = words_of(board.by, rest[0].value) if len(rest) == 1 else f"{len(rest)} others"
        others = _dearest(board, measured.slots, others_of(board.by, [part.value for part in own]))
        layers.append(Layer("b5", name, _costs(together), others))
    words = fmt.money(measured.sums.known_cost_nusd)
    summary = f"Cost over time by {SPLITS[board.by].words}: {words} in all."
    if SPLITS[board.by].shared:  # a call stands under each of its values: stacked they would be more than there is
        apart = [replace(layer, layer=f"l{n}") for n, layer in enumerate(layers[:COLOURED], 1)]
        legend = tuple(Legend(f"s{n}", layer.name) for n, layer in enumerate(apart, 1))
        return Chart("Cost", lines(at, apart, _money, summary), legend)
    plot = stacked(at, layers, _money, summary)
    return Chart("Cost", plot, tuple(Legend(layer.layer.replace("b", "s"), layer.name) for layer in layers))


def _dearest(board: Board, slots: Sequence[Slot], terms: str) -> tuple[str, ...]:
    return board.calls_of_each(times_of(slots), "priced", terms, sort="-cost")


def _costs(sums: Sequence[Sums]) -> tuple[float | None, ...]:
    return tuple(None if one.known_cost_nusd is None else float(one.cost_nusd) for one in sums)


def _durations(at: Sequence[Moment], title: str, found: Sequence[Percentiles]) -> Chart:
    layers = (
        Layer("l1 dash", "p99", tuple(one.p99_ms for one in found)),
        Layer("l1", "p95", tuple(one.p95_ms for one in found)),
        Layer("l2", "p50", tuple(one.p50_ms for one in found)),
    )
    longest = max((one.p95_ms for one in found if one.p95_ms is not None), default=None)
    plot = lines(at, layers, fmt.duration, f"{title} over time; the highest p95 is {fmt.duration(longest)}.")
    return Chart(title, plot, (Legend("s2", "p50"), Legend("s1", "p95"), Legend("ring", "p99")))


def _error_rate(at: Sequence[Moment], slots: Sequence[Slot]) -> Chart:
    rates = tuple(slot.sums.errors / slot.sums.calls if slot.sums.calls else None for slot in slots)
    highest = max((rate for rate in rates if rate is not None), default=0.0)
    words = f"Share of calls that failed over time; the highest is {fmt.percent(highest)}."
    plot = lines(at, (Layer("l1", "failed", rates),), _share, words, least=_LEAST_RATE)
    return Chart("Error rate", plot, ())


def _pace(at: Sequence[Moment], slots: Sequence[Slot]) -> Chart:
    rates = tuple(slot.sums.tokens_per_second for slot in slots)
    said = [rate for rate in rates if rate is not None]
    words = f"from {min(said):,.3g} to {max(said):,.3g}" if said else "none were said"
    summary = f"Output tokens by the second that a call took, over time: {words}."
    return Chart("Tokens per second", lines(at, (Layer("l1", "tokens a second", rates),), _per_second, summary), ())


def _each(at: Sequence[Moment], slots: Sequence[Slot]) -> Chart:
    costs = tuple(None if (each := per_call(slot.sums)) is None else float(each) for slot in slots)
    highest = max((cost for cost in costs if cost is not None), default=None)
    words = "no call has a price" if highest is None else f"the highest is {_money(highest)}"
    plot = lines(at, (Layer("l1", "a call", costs),), _money, f"Cost of a priced call over time; {words}.")
    return Chart("Cost per priced call", plot, ())


def _per_second(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.3g}"


def _share(rate: float) -> str:
    return f"{rate * 100:.3g} %"


def _tokens(at: Sequence[Moment], slots: Sequence[Slot]) -> Chart:
    usages = [slot.sums.usage for slot in slots]

    def layer(name: str, words: str, tokens: Callable[[Usage], int | None]) -> Layer:
        return Layer(name, words, tuple(None if (n := tokens(u)) is None else float(n) for u in usages))

    layers = (
        layer("b1", "input", _uncached),
        layer("b5", "read from cache", lambda u: u.cache_read),
        layer("b3", "written to cache", lambda u: u.cache_write),
        layer("b2", "output", _answered),
        layer("b4", "reasoning", lambda u: u.reasoning),
    )
    total = sum((u for u in usages), Usage())
    said = fmt.usage_split(total) or "none were said"
    shown = tuple(one for one in layers if any(one.values))
    legend = tuple(Legend(one.layer.replace("b", "s"), one.name) for one in shown)
    return Chart("Tokens", stacked(at, shown, _number, f"Tokens over time: {said}."), legend)


def _uncached(usage: Usage) -> int | None:
    said = [n for n in (usage.input_uncached, usage.input_audio, usage.input_image, usage.unsplit) if n is not None]
    return sum(said) if said else None


def _answered(usage: Usage) -> int | None:
    said = [n for n in (usage.output_visible, usage.output_audio, usage.output_image) if n is not None]
    return sum(said) if said else None


def keys(
    board: Board,
    now: Measured,
    before: Measured | None,
    sessions: SessionCosts,
    sessions_before: SessionCosts | None = None,
) -> tuple[Key, ...]:
    """Return the key numbers with their change against the steps *before*."""
    was = before or Measured((), (), Sums(), now.latency.__class__(), now.latency.__class__())
    slots = now.slots
    a_session, a_session_was = sessions.each_nusd, (sessions_before or SessionCosts()).each_nusd
    found = (
        _key("Calls", now.sums.calls, was.sums.calls, _number, 0, board.calls(),
             [float(slot.sums.calls) for slot in slots], before),
        _key("Failed", _rate(now.sums), _rate(was.sums), fmt.percent, _BETTER_DOWN, board.calls("failed"),
             [_rate(slot.sums) for slot in slots], before),
        _key("Cost", now.sums.known_cost_nusd, was.sums.known_cost_nusd, _money, _BETTER_DOWN,
             board.calls("priced", sort="-cost"), [slot.sums.known_cost_nusd for slot in slots], before),
        _key("Tokens", now.sums.usage.total_tokens, was.sums.usage.total_tokens, _number, 0,
             board.calls("tokens", sort="-tokens"), [slot.sums.usage.total_tokens for slot in slots], before),
        _key("Cost per priced call", per_call(now.sums), per_call(was.sums), _money, _BETTER_DOWN,
             board.calls("priced", sort="-cost"), [per_call(slot.sums) for slot in slots], before),
        _key("Cost per session", a_session, a_session_was, _money, _BETTER_DOWN,
             board.calls("priced", "has:session"), (), before),
        _key("Latency p95", now.latency.p95_ms, was.latency.p95_ms, fmt.duration, _BETTER_DOWN,
             board.calls(sort="-latency"), [slot.latency.p95_ms for slot in slots], before),
        _key("First token p50", now.ttft.p50_ms, was.ttft.p50_ms, fmt.duration, _BETTER_DOWN,
             board.calls("ttft"), [slot.ttft.p50_ms for slot in slots], before),
    )  # fmt: skip
    return tuple(replace(key, note=_of_sessions(sessions)) if key.name == "Cost per session" else key for key in found)


def _of_sessions(sessions: SessionCosts) -> str:
    newest = "newest " if sessions.newest_only else ""  # those of the newest calls
    return f"{newest}{fmt.plural(sessions.sessions, 'session')}" if sessions.sessions else "no call says a session"


def per_call(sums: Sums) -> int | None:
    """Return what a call with a known price cost on the average."""
    return round(sums.cost_nusd / sums.priced) if sums.priced else None


def _rate(sums: Sums) -> float | None:
    return sums.errors / sums.calls if sums.calls else None


def _key(
    name: str,
    now: float | None,
    was: float | None,
    write: Callable[[float], str],
    better: int,
    href: str,
    values: Sequence[float | None],
    before: Measured | None,
) -> Key:
    change, tone = "", ""
    up = now is not None and was is not None and now > was
    if before is not None and now is not None and was:
        share = (now - was) / was
        change = _change(now / was)
        if change and better:
            tone = "good" if (share > 0) == (better > 0) else "bad"
    said = "" if before is None else f"{write(was)} before" if was is not None else "nothing before"
    return Key(name, fmt.UNSAID if now is None else write(now), change, up, tone, said, spark(values), href)


def _change(ratio: float) -> str:
    """Return how far a figure went, in percent, or by how many times where percents say nothing any more."""
    if ratio > MOST_TIMES:
        return f"over {MOST_TIMES:,} times"
    if ratio >= TIMES_FROM:
        return f"{ratio:,.0f} times"
    return f"{abs(ratio - 1) * 100:.0f} %" if abs(ratio - 1) >= 0.005 else ""


def rows(board: Board, measured: Measured, most: int) -> tuple[PartRow, ...]:
    """Return the values of the split for the table, the dearest first."""
    shown = [part for part in measured.parts if part.sums.calls or part.sums.priced][:most]
    priced = any(part.sums.priced for part in shown)
    sizes = [part.sums.cost_nusd if priced else part.sums.calls for part in shown]
    largest = max(sizes, default=0) or 1
    return tuple(
        PartRow(
            words_of(board.by, part.value),
            part,
            calls_by_key(board, term_of(board.by, part.value)),
            round(size / largest * 100, 1),
        )
        for part, size in zip(shown, sizes, strict=True)
    )


def words_of(by: str, value: str | None) -> str:
    """Return a value of a split as a reader sees it."""
    return f"no {SPLITS[by].words}" if value is None else value


def speed(board: Board, points: Sequence[CallPoint]) -> tuple[Chart, tuple[FitRow, ...]] | None:
    """Return latency against output tokens of the commonest models with their fits, ``None`` without a point."""
    by_model: dict[str, list[CallPoint]] = {}
    for point in points:
        by_model.setdefault(point.model, []).append(point)
    chosen = sorted(by_model, key=lambda model: (-len(by_model[model]), model))[:COLOURED]
    if not chosen:
        return None
    dots, fits, found, legend = [], [], [], []
    for n, model in enumerate(chosen, 1):
        of = by_model[model]
        line = fit([(float(point.output_tokens), point.duration_ms) for point in of])
        line = line if line is not None and line.slope > 0 else None  # no model is quicker the more it writes
        href = board.calls("tokens", f"kind:llm {term_of('model', model)} -status:error")
        found.append(FitRow(f"s{n}", model, line, len(of), href))
        legend.append(Legend(f"s{n}", model))
        if line is not None:
            fits.append((str(n), line))
        for point in of:
            title = f"{model}: {point.output_tokens:,} tokens in {fmt.duration(point.duration_ms)}"
            href = url(f"{PATH}/{point.span_id}", board.project)  # of hundreds: the ids are most of what they weigh
            dots.append((float(point.output_tokens), point.duration_ms, str(n), href, title))
    shown = sum(len(by_model[model]) for model in chosen)
    plot = scatter(
        dots, fits, fmt.duration, f"Latency against output tokens of the newest {fmt.plural(shown, 'call')}."
    )
    return Chart("Latency against output tokens", plot, tuple(legend)), tuple(found)


def elapsed_days(steps: Steps, now_ns: int) -> float:
    """Return how many days of the steps have passed."""
    return max(min(steps.end_ns, now_ns) - steps.first_ns, steps.step_ns) / DAY_NS


def _number(value: float) -> str:
    return fmt.tokens(round(value))


def _money(value: float) -> str:
    return fmt.money(round(value))
