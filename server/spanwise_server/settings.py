"""The server's settings: one table of name, variable, default and sentence, read once at start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from .errors import ConfigError


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: documentation and command line loop over these."""

    name: str
    variable: str
    default: str
    sentence: str


SETTINGS: tuple[Setting, ...] = (
    Setting("host", "SPANWISE_HOST", "127.0.0.1", "Address to listen on; any but loopback needs a password."),
    Setting("port", "SPANWISE_PORT", "4318", "Port for ingest, viewer and API."),
    Setting(
        "grpc_port",
        "SPANWISE_GRPC_PORT",
        "",
        "Port for OTLP/gRPC, or off; where empty 4317 beside port 4318, else off.",
    ),
    Setting("data", "SPANWISE_DATA", "", "Folder of the embedded store; the user data folder where empty."),
    Setting("store", "SPANWISE_STORE", "", "Where data is kept: a file or a URL such as postgresql://; else SQLite."),
    Setting("full_text", "SPANWISE_FULL_TEXT", "", "on or off: whether PostgreSQL indexes texts; else as before."),
    Setting("password", "SPANWISE_PASSWORD", "", "Login password of the viewer, in place of a stored one."),
    Setting(
        "allow_private",
        "SPANWISE_ALLOW_PRIVATE",
        "off",
        "Whether the playground and webhooks may reach private addresses.",
    ),
    Setting("public_url", "SPANWISE_PUBLIC_URL", "", "Address that people open the viewer by, for links in alerts."),
    Setting("smtp", "SPANWISE_SMTP", "", "Mail server for alerts, such as smtp://user:password@mail.example.com:587."),
    Setting("smtp_from", "SPANWISE_SMTP_FROM", "", "Sender of alerts by e-mail; else the user of the mail server."),
    Setting("max_body_mb", "SPANWISE_MAX_BODY_MB", "20", "Largest request body taken, in MB as sent."),
    Setting("max_unpacked_mb", "SPANWISE_MAX_UNPACKED_MB", "100", "Largest request body taken, in MB unpacked."),
    Setting("max_queued_spans", "SPANWISE_MAX_QUEUED_SPANS", "50000", "Spans waiting to be written before 503."),
    Setting("max_queued_mb", "SPANWISE_MAX_QUEUED_MB", "256", "Requests under way before 503, in MB of their bodies."),
    Setting("max_request_spans", "SPANWISE_MAX_REQUEST_SPANS", "100000", "Most spans, or log records, in one request."),
    Setting("max_span_attributes", "SPANWISE_MAX_SPAN_ATTRIBUTES", "10000", "Most attributes of one span."),
    Setting("max_attribute_mb", "SPANWISE_MAX_ATTRIBUTE_MB", "16", "Largest attribute of a span, in MB."),
    Setting("max_depth", "SPANWISE_MAX_DEPTH", "30", "Deepest nesting of lists and maps in an attribute."),
    Setting("max_span_logs", "SPANWISE_MAX_SPAN_LOGS", "10000", "Most log records kept of one span."),
    Setting("max_waiting_logs_mb", "SPANWISE_MAX_WAITING_LOGS_MB", "256", "Log records waiting for spans, in MB."),
    Setting("log_wait_hours", "SPANWISE_LOG_WAIT_HOURS", "24", "Hours that a log record waits for its span."),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one server, checked."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 4318
    grpc_port: int | Literal["off", "auto"] = "off"
    """``auto`` is the usual port, if grpcio is installed and nobody else listens there."""
    store: str = ""
    """The URL of the store; empty is SQLite in the data folder."""
    full_text: bool | None = None
    """Whether words of texts are indexed where that is a choice; ``None`` is as before."""
    password: str = ""
    max_body_mb: int = 20
    max_unpacked_mb: int = 100
    max_queued_spans: int = 50_000
    max_queued_mb: int = 256
    max_request_spans: int = 100_000
    max_span_attributes: int = 10_000
    max_attribute_mb: int = 16
    max_depth: int = 30
    max_span_logs: int = 10_000
    max_waiting_logs_mb: int = 256
    log_wait_hours: int = 24
    allow_private: bool = False
    public_url: str = ""
    smtp: str = field(default="", repr=False)
    """Names a mail server, perhaps with its password."""
    smtp_from: str = ""

    @property
    def base_url(self) -> str:
        """The address that links to the viewer begin with."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host  # noqa: S104 - compared with
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def load(given: Mapping[str, str | None] | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return settings from *given* (the command line), else the environment, else the defaults."""
    chosen: dict[str, str] = {}
    for setting in SETTINGS:
        value = (given or {}).get(setting.name)
        chosen[setting.name] = value if value is not None else environ.get(setting.variable) or setting.default
    return Settings(
        data=Path(chosen["data"]).expanduser().absolute() if chosen["data"] else user_data_dir(),
        host=chosen["host"],
        port=_number(chosen, "port", 0, 65_535),
        grpc_port=_grpc_port(chosen),
        store=chosen["store"],
        full_text=_switch(chosen, "full_text"),
        password=chosen["password"],
        max_body_mb=_number(chosen, "max_body_mb", 1, 1_024),
        max_unpacked_mb=_number(chosen, "max_unpacked_mb", 1, 4_096),
        max_queued_spans=_number(chosen, "max_queued_spans", 1, 10_000_000),
        max_queued_mb=_number(chosen, "max_queued_mb", 1, 65_536),
        max_request_spans=_number(chosen, "max_request_spans", 1, 10_000_000),
        max_span_attributes=_number(chosen, "max_span_attributes", 1, 1_000_000),
        max_attribute_mb=_number(chosen, "max_attribute_mb", 1, 4_096),
        max_depth=_number(chosen, "max_depth", 1, 30),
        max_span_logs=_number(chosen, "max_span_logs", 1, 1_000_000),
        max_waiting_logs_mb=_number(chosen, "max_waiting_logs_mb", 1, 65_536),
        log_wait_hours=_number(chosen, "log_wait_hours", 1, 8_760),
        allow_private=chosen["allow_private"].strip().lower() in {"on", "true", "1", "yes"},
        public_url=_web_address(chosen, "public_url"),
        smtp=chosen["smtp"].strip(),
        smtp_from=chosen["smtp_from"].strip(),
    )


def user_data_dir() -> Path:
    """Return the folder for data of this user's programs that the operating system suggests."""
    from platformdirs import user_data_path  # noqa: PLC0415  # the SDK alone has its commands without the server's needs

    return user_data_path("spanwise", appauthor=False)


def _web_address(chosen: Mapping[str, str], name: str) -> str:
    text = chosen[name].strip()
    if text and not (text.startswith(("http://", "https://")) and text.isascii() and text.isprintable()):
        raise ConfigError(f"{name} is {text!r}, no address of a web page.", "Write it as https://spanwise.example.com.")
    return text


def _grpc_port(chosen: Mapping[str, str]) -> int | Literal["off", "auto"]:
    text = chosen["grpc_port"]
    if text == "off":
        return "off"
    if text:
        return _number(chosen, "grpc_port", 0, 65_535)
    return "auto" if chosen["port"] == "4318" else "off"


def _switch(chosen: Mapping[str, str], name: str) -> bool | None:
    if chosen[name] in ("on", "off", ""):
        return chosen[name] == "on" if chosen[name] else None
    variable = next(s.variable for s in SETTINGS if s.name == name)
    option = name.replace("_", "-")
    raise ConfigError(f"{name} is {chosen[name]!r}, neither on nor off.", f"Correct --{option} or {variable}.")


def _number(chosen: Mapping[str, str], name: str, low: int, high: int) -> int:
    text = chosen[name]
    if text.isdecimal() and low <= int(text) <= high:
        return int(text)
    variable = next(s.variable for s in SETTINGS if s.name == name)
    raise ConfigError(
        f"{name} is {text!r}, not a whole number from {low} to {high}.", f"Correct --{name} or {variable}."
    )
