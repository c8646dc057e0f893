"""How a number, a time or a text is written for a reader: one place, so that every page agrees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from markupsafe import Markup

from ..record import NANO, Cost, Usage

#: What stands where nothing was said.
UNSAID = "—"
SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS


def duration(ms: float | None) -> str:
    """Return milliseconds as ``842 ms``, ``3.41 s``, ``16.1 s``, ``2 m 10 s``, ``1 h 5 m`` or ``2 d 3 h``."""
    if ms is None:
        return UNSAID
    if ms < 0:
        return f"-{duration(-ms)}"
    if ms < 999.5:
        return _small_ms(ms)
    seconds = ms / 1000
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    return _long(round(seconds))


def _long(seconds: int) -> str:
    size, unit, part, part_unit = next(scale for scale in _SCALES if seconds >= scale[0])
    rest = seconds % size // part
    return f"{seconds // size} {unit} {rest} {part_unit}" if rest else f"{seconds // size} {unit}"


_SCALES = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "m"), (60, "m", 1, "s"))


def _small_ms(ms: float) -> str:
    if ms == 0 or ms >= 9.95:
        return f"{ms:.0f} ms"
    return f"{ms:.1f} ms" if ms >= 0.1 else "<0.1 ms"


def money(nusd: int | None) -> str:
    """Return nano-dollars as ``$0.0042``, ``$48.20``, ``$1,204`` or ``<$0.0001``."""
    if nusd is None:
        return UNSAID
    if nusd < 0:
        return f"-{money(-nusd)}"
    dollars = nusd / NANO
    if nusd == 0:
        return "$0"
    if dollars < 0.0001:
        return "<$0.0001"
    if dollars < 0.99995:
        return f"${dollars:.4f}"
    return f"${dollars:,.2f}" if dollars < 999.995 else f"${dollars:,.0f}"


def cost(nusd: int | None, *, unpriced: bool) -> str:
    """Return money, or ``unpriced`` where tokens were used at a price nobody knows."""
    return "unpriced" if nusd is None and unpriced else money(nusd)


def tokens(count: int | None) -> str:
    """Return a count of tokens as ``412``, ``4.1k`` or ``1.2M``."""
    if count is None:
        return UNSAID
    if count < 1_000:
        return str(count)
    if count < 999_950:
        return f"{count / 1_000:.1f}k"
    return f"{count / 1_000_000:.1f}M"


def count(number: int | None) -> str:
    """Return a whole number with its thousands apart, such as ``12,481``."""
    return UNSAID if number is None else f"{number:,}"


def percent(share: float) -> str:
    """Return a share of one as ``75 %``."""
    return f"{share * 100:.0f} %" if share == 0 or share >= 0.01 else "<1 %"


def size(octets: int) -> str:
    """Return a size as ``84 B``, ``64 KB`` or ``3.1 MB``."""
    if octets < 1_000:
        return f"{octets} B"
    for unit, factor in (("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000)):
        value = octets / factor
        if value < 999.5:
            return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"
    return f"{octets / 1_000_000_000_000:.1f} TB"


def plural(number: int, one: str, many: str | None = None) -> str:
    """Return ``1 trace`` or ``12,481 traces``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def short_id(text: str) -> str:
    """Return a long id as its ends, ``4f8a1c…9be2``."""
    return text if len(text) <= 12 else f"{text[:6]}…{text[-4:]}"


def one_line(text: str | None, limit: int = 200) -> str:
    """Return *text* on one line, cut at *limit* characters."""
    if text is None:
        return ""
    flat = " ".join(text[: limit * 2].split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


_BUCKETS: tuple[tuple[str, str], ...] = (
    ("input_uncached", "input, not cached"),
    ("cache_read", "read from cache"),
    ("cache_write", "written to cache"),
    ("input_audio", "audio in"),
    ("input_image", "images in"),
    ("output_visible", "output"),
    ("reasoning", "reasoning"),
    ("output_audio", "audio out"),
    ("output_image", "images out"),
    ("unsplit", "not split"),
)


def usage_split(usage: Usage | None) -> str:
    """Return the exact split of tokens for a tooltip, ``4,086 input, not cached · 312 output``."""
    if usage is None:
        return ""
    said = ((getattr(usage, name), word) for name, word in _BUCKETS)
    return " · ".join(f"{number:,} {word}" for number, word in said if number is not None)


def bar(percent: float) -> str:
    """Return the classes of an element that has a bar of so many percent, 0 to 100, after its figure."""
    return f"lat w{min(max(round(percent), 0), 100)}"


def cost_sum(cost: Cost, usage: Usage | None) -> str:
    """Return how a call's cost comes about, for a tooltip: ``1,204 input at $0.15 a million + ... = $0.0002``."""
    parts = []
    if usage is not None:
        for nusd, number, words in (
            (cost.input_nusd, usage.input_tokens, "input"),
            (cost.output_nusd, usage.output_tokens, "output"),
        ):
            if nusd is not None and number:
                cached = f" ({usage.cache_read:,} cached)" if words == "input" and usage.cache_read else ""
                parts.append(f"{number:,} {words}{cached} at {_rate(nusd, number)} a million = {_exact(nusd)}")
    total = f"{' + '.join(parts)}; {_exact(cost.total_nusd)} in all" if len(parts) > 1 else " ".join(parts)
    source = f"price {cost.price_id}" if cost.price_id else "as the call reported it"
    if cost.source == "estimated":
        source = f"{source}, of tokens that nobody reported"
    return f"{total or _exact(cost.total_nusd)}, {source}"


def _rate(nusd: int, number: int) -> str:
    return f"${nusd / number * 1_000_000 / NANO:,.4g}"


def _exact(nusd: int) -> str:
    return f"${nusd / NANO:,.9f}".rstrip("0").rstrip(".")


def utc(ns: int) -> str:
    """Return the exact moment, ``2026-11-23 19:23:37.204 UTC``."""
    return f"{_day_and_time(ns)} UTC"


def iso(ns: int) -> str:
    """Return RFC 3339 with milliseconds, for the ``datetime`` attribute."""
    return f"{_day_and_time(ns).replace(' ', 'T')}Z"


def _day_and_time(ns: int) -> str:
    moment = datetime.fromtimestamp(ns // SECOND_NS, timezone.utc)
    return f"{moment.replace(tzinfo=None)}.{ns % SECOND_NS // 1_000_000:03d}"


def zone(name: str | None) -> tzinfo:
    """Return the time zone of that IANA name, UTC where there is none."""
    return _zone(name) if name and len(name) < 64 else timezone.utc


@lru_cache(maxsize=512)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (
        ValueError,
        OSError,
        KeyError,
    ):  # ill-formed, not a file, not known: all from a cookie that anyone can write
        return timezone.utc


@dataclass(frozen=True, slots=True)
class Clock:
    """The reader's now and time zone, which every time on one page is written by."""

    now_ns: int
    tz: tzinfo = timezone.utc

    def at(self, ns: int) -> datetime:
        """Return the moment in the reader's time zone."""
        return datetime.fromtimestamp(ns / SECOND_NS, self.tz)

    def age(self, ns: int) -> str:
        """Return how long ago, ``4 s``, ``17 m``, ``3 h``; from a day on the local date, ``21 Nov 14:03``."""
        if not self.is_recent(ns):
            return self.local(ns)
        seconds = max((self.now_ns - ns) // SECOND_NS, 0)
        if seconds < 60:
            return f"{seconds} s"
        return f"{seconds // 60} m" if seconds < 3_600 else f"{seconds // 3_600} h"

    def is_recent(self, ns: int) -> bool:
        """Say whether the age is told in hours at most; clocks of two machines never agree to the second."""
        return -60 * SECOND_NS < self.now_ns - ns < DAY_NS

    def ago(self, ns: int) -> str:
        """Return the age as a phrase, ``4 s ago``, or the local date from a day on."""
        age = self.age(ns)
        return f"{age} ago" if age[-1] in "smh" and age[:-2].isdecimal() else age

    def local(self, ns: int) -> str:
        """Return the local date and time, ``21 Nov 14:03``, with the year where it is another."""
        moment, today = self.at(ns), self.at(self.now_ns)
        year = "" if moment.year == today.year else f" {moment.year}"
        return f"{moment.day} {moment:%b}{year} {moment:%H:%M}"

    def exact(self, ns: int) -> str:
        """Return the local time to the millisecond, ``14:03:07.204``."""
        return f"{self.at(ns):%H:%M:%S}.{ns % SECOND_NS // 1_000_000:03d}"

    def tag(self, ns: int, *, phrase: bool = False) -> Markup:
        """Return a ``<time>`` element: the age, with the exact UTC as its tooltip."""
        words = self.ago(ns) if phrase else self.age(ns)
        # Letter for letter, digits and our own words: there is nothing to escape, and a list has hundreds of times.
        exact = _day_and_time(ns)
        return Markup(f'<time datetime="{exact.replace(" ", "T")}Z" title="{exact} UTC">{words}</time>')  # noqa: S704
