"""The SDK's settings: one table of name, variable, default and sentence, read once by ``init()``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from .outgoing import BeforeSend
from .rules import Rule, read_rules
from .sampling import KEEP_ERRORS, Keep, read_keep

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

StreamUsage = Literal["auto", "always", "never"]
Export = Literal["llm", "all"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: documentation and tests loop over these."""

    name: str
    variable: str
    """Environment variable; empty where a setting can only be given in code."""
    default: str
    sentence: str


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("endpoint", "SPANWISE_ENDPOINT", "http://127.0.0.1:4318", "Root of the server that spans are sent to."),
    Setting("api_key", "SPANWISE_API_KEY", "", "Key that the server knows the project by."),
    Setting("project", "SPANWISE_PROJECT", "", "Project to file spans under where no key says it."),
    Setting("service", "SPANWISE_SERVICE", "", "Name of this program."),
    Setting("environment", "SPANWISE_ENVIRONMENT", "", "Where it runs, such as production or staging."),
    Setting("release", "SPANWISE_RELEASE", "", "Its version, such as a tag or a commit."),
    Setting("enabled", "SPANWISE_ENABLED", "true", "Whether anything is recorded at all."),
    Setting("capture_content", "SPANWISE_CAPTURE_CONTENT", "true", "Whether messages, inputs and outputs are kept."),
    Setting("hide_content_of", "SPANWISE_HIDE_CONTENT_OF", "", "Providers whose content is not kept."),
    Setting("hide_content_in", "SPANWISE_HIDE_CONTENT_IN", "", "Environments in which content is not kept."),
    Setting(
        "redact", "SPANWISE_REDACT", "none", "What is taken out of all text: names of detectors, patterns, functions."
    ),
    Setting("sample_rate", "SPANWISE_SAMPLE_RATE", "1", "Share of the traces that are kept, from 0 to 1."),
    Setting("keep", "SPANWISE_KEEP", "errors", "Traces that are kept beside the share: errors, slow:MS, tokens:COUNT."),
    Setting("max_capture_kb", "SPANWISE_MAX_CAPTURE_KB", "1000", "Longest input or output kept of a function, in KB."),
    Setting("export", "SPANWISE_EXPORT", "llm", "Which spans are sent: those about models (llm), or all."),
    Setting("instrument", "SPANWISE_INSTRUMENT", "all", "Providers to instrument: all, none, or names."),
    Setting("exclude", "SPANWISE_EXCLUDE", "", "Providers not to instrument."),
    Setting("stream_usage", "SPANWISE_STREAM_USAGE", "auto", "When to ask for token counts of a stream."),
    Setting(
        "estimate_tokens",
        "SPANWISE_ESTIMATE_TOKENS",
        "true",
        "Whether tokens that nobody reported are counted, and marked.",
    ),
    Setting("max_queued_mb", "SPANWISE_MAX_QUEUED_MB", "128", "Memory held by what waits to be sent, in MB."),
    Setting("export_interval_ms", "SPANWISE_EXPORT_INTERVAL_MS", "100", "Longest that a span waits to be packed."),
    Setting("spool", "SPANWISE_SPOOL", "", "Folder for what the server does not take; off for none."),
    Setting("max_spool_mb", "SPANWISE_MAX_SPOOL_MB", "512", "Most that it may hold, in MB; then its oldest go."),
    Setting("spool_after_ms", "SPANWISE_SPOOL_AFTER_MS", "200", "Longest that a span is in memory alone."),
    Setting("exit_timeout_s", "SPANWISE_EXIT_TIMEOUT_S", "5", "Longest that the end of the program waits for sending."),
    Setting("announce_after_ms", "SPANWISE_ANNOUNCE_AFTER_MS", "500", "How long a span runs until it is announced."),
    Setting(
        "prompt_ttl_s", "SPANWISE_PROMPT_TTL_S", "60", "How long a fetched prompt is used before it is asked for anew."
    ),
    Setting("prompt_timeout_s", "SPANWISE_PROMPT_TIMEOUT_S", "1", "Longest that a prompt's first fetch is waited for."),
    Setting("prompt_folder", "SPANWISE_PROMPT_FOLDER", "", "Folder for the prompts last fetched; off for none."),
    Setting("before_send", "", "None", "Function that sees each span before it leaves and may change or drop it."),
    Setting("span_exporter", "", "None", "OpenTelemetry span exporter that takes the place of sending to the server."),
)


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one ``init()``, checked."""

    endpoint: str = "http://127.0.0.1:4318"
    api_key: str = ""
    project: str = ""
    service: str = ""
    environment: str = ""
    release: str = ""
    enabled: bool = True
    capture_content: bool = True
    hide_content_of: tuple[str, ...] = ()
    hide_content_in: tuple[str, ...] = ()
    redact: tuple[Rule, ...] = ()
    sample_rate: float = 1.0
    keep: Keep = KEEP_ERRORS
    max_capture_kb: int = 1_000
    export: Export = "llm"
    instrument: tuple[str, ...] | None = None
    """Names of providers; ``None`` for all of them."""
    exclude: tuple[str, ...] = ()
    stream_usage: StreamUsage = "auto"
    estimate_tokens: bool = True
    max_queued_mb: int = 128
    export_interval_ms: int = 100
    spool: str = ""
    """Folder; the user's own where empty, none where ``off``."""
    max_spool_mb: int = 512
    spool_after_ms: int = 200
    """0 writes each span to the disk before it is finished."""
    exit_timeout_s: float = 5.0
    announce_after_ms: int = 500
    """0 for never."""
    prompt_ttl_s: float = 60.0
    prompt_timeout_s: float = 1.0
    prompt_folder: str = ""
    """The user's own where empty, none where ``off`` or where the spool is."""
    before_send: BeforeSend | None = None
    span_exporter: SpanExporter | None = None


def read_config(given: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Config:
    """Return the settings *given* in code, else those of the environment, else the defaults.

    Raises ValueError with a sentence where a setting makes no sense: the one error of this library that an
    application is to see, and at its very start.
    """
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        value = given.get(setting.name)
        if value is None and setting.variable:
            value = environ.get(setting.variable) or None
        if value is not None:
            read: Callable[[Setting, Any], Any] = _READ.get(setting.name, _text)
            values[setting.name] = read(setting, value)
    return Config(**values)


def _text(setting: Setting, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"{setting.name} is {value!r}, not text.")


def _endpoint(setting: Setting, value: Any) -> str:
    text = _text(setting, value).rstrip("/")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{setting.name} is {value!r}, not a URL such as {setting.default}.")
    return text


def _truth(setting: Setting, value: Any) -> bool:
    truths = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    found = value if isinstance(value, bool) else truths.get(str(value).strip().lower())
    if found is None:
        raise ValueError(f"{setting.name} is {value!r}, neither true nor false.")
    return found


def _count(setting: Setting, value: Any) -> int:
    text = str(value)
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise ValueError(f"{setting.name} is {value!r}, not a whole number above 0.")


def _count_or_none(setting: Setting, value: Any) -> int:
    return 0 if str(value) == "0" else _count(setting, value)


def _seconds(setting: Setting, value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if 0 <= seconds < 86_400:
        return seconds
    raise ValueError(f"{setting.name} is {value!r}, not a number of seconds.")


def _names(setting: Setting, value: Any) -> tuple[str, ...] | None:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, Sequence) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"{setting.name} is {value!r}, not a list of provider names.")
    if list(value) == ["all"]:
        return None
    return () if list(value) == ["none"] else tuple(value)


def _stream_usage(setting: Setting, value: Any) -> str:
    if value in ("auto", "always", "never"):
        return str(value)
    raise ValueError(f"{setting.name} is {value!r}, not auto, always or never.")


def _share(setting: Setting, value: Any) -> float:
    try:
        share = float(value)
    except (TypeError, ValueError):
        share = -1.0
    if 0 <= share <= 1:
        return share
    raise ValueError(f"{setting.name} is {value!r}, not a number from 0 to 1.")


def _export(setting: Setting, value: Any) -> str:
    if value in ("llm", "all"):
        return str(value)
    raise ValueError(f"{setting.name} is {value!r}, neither llm nor all.")


def _some_names(setting: Setting, value: Any) -> tuple[str, ...]:
    names = _names(setting, value)
    if names is None:
        raise ValueError(f"{setting.name} is {value!r}, not a list of names.")
    return names


def _as_given(setting: Setting, value: Any) -> Any:  # noqa: ARG001  # every reader is called alike
    return value


_READ: Final[Mapping[str, Callable[[Setting, Any], Any]]] = {
    "endpoint": _endpoint,
    "enabled": _truth,
    "capture_content": _truth,
    "hide_content_of": _some_names,
    "hide_content_in": _some_names,
    "redact": lambda _setting, value: read_rules(value),
    "sample_rate": _share,
    "keep": lambda _setting, value: read_keep(value),
    "export": _export,
    "instrument": _names,
    "exclude": _some_names,
    "stream_usage": _stream_usage,
    "max_capture_kb": _count,
    "estimate_tokens": _truth,
    "max_queued_mb": _count,
    "export_interval_ms": _count,
    "max_spool_mb": _count,
    "spool_after_ms": _count_or_none,
    "announce_after_ms": _count_or_none,
    "exit_timeout_s": _seconds,
    "prompt_ttl_s": _seconds,
    "prompt_timeout_s": _seconds,
    "before_send": _as_given,
    "span_exporter": _as_given,
}
