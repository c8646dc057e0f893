"""E-mail through the operator's own server, by the standard library."""

from __future__ import annotations

import smtplib
import ssl
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from typing import Final
from urllib.parse import unquote, urlsplit

from ..errors import ConfigError

TIMEOUT_S: Final = 20.0
#: Scheme -> the usual port.
PORTS: Final = {"smtp": 587, "smtps": 465, "smtp+plain": 25}


class MailRefused(Exception):
    """A message that was not taken; ``for_good`` where trying again would not help."""

    def __init__(self, why: str, *, for_good: bool) -> None:
        super().__init__(why)
        self.for_good = for_good


@dataclass(frozen=True, slots=True)
class MailServer:
    """One mail server, as ``SPANWISE_SMTP`` names it."""

    scheme: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    sender: str

    def send(self, to: str, subject: str, text: str, message_id: str) -> None:
        """Hand one message over; MailRefused where the server did not take it."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, to, subject
        message["Date"] = formatdate(time.time(), localtime=False)
        message["Message-ID"] = f"<{message_id}@{self.sender.rpartition('@')[2].strip('<> ') or 'spanwise'}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        try:
            with self._connected() as server:
                refused = server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            raise _refused(error.recipients) from error
        except smtplib.SMTPResponseException as error:
            said = (
                error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
            )
            raise MailRefused(f"{error.smtp_code} {said}", for_good=500 <= error.smtp_code < 600) from error
        except (OSError, smtplib.SMTPException) as error:
            raise MailRefused(f"{self.host}:{self.port}: {error}", for_good=False) from error
        if refused:  # some of several: those that took it have it, so that it is not sent again
            raise MailRefused(str(_refused(refused)), for_good=True)

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S)
        try:
            if self.scheme == "smtp":
                server.starttls(context=context)
            if self.user:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server


def mail_server(url: str, sender: str) -> MailServer | None:
    """Return the server that *url* names, ``None`` where it is empty; ConfigError says what is wrong with it."""
    if not url:
        return None
    hint = "Write it as smtp://user:password@mail.example.com:587, smtps://… or smtp+plain://… for one without TLS."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"SPANWISE_SMTP is no address: {error}.", hint) from error
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/"):
        raise ConfigError("SPANWISE_SMTP names no mail server.", hint)
    user = unquote(parts.username or "")
    return MailServer(
        parts.scheme,
        parts.hostname,
        port or PORTS[parts.scheme],
        user,
        unquote(parts.password or ""),
        sender or (user if "@" in user else f"spanwise@{parts.hostname}"),
    )


def _refused(recipients: dict[str, tuple[int, bytes]]) -> MailRefused:
    said = "; ".join(f"{who}: {code} {why.decode(errors='replace')}" for who, (code, why) in recipients.items())
    return MailRefused(said, for_good=all(500 <= code < 600 for code, _ in recipients.values()))
