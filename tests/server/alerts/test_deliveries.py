"""Alerts on their way: to a real mail server and a real web server on loopback, refused, slow and hostile ones too."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks import Webhook

from spanwise_server.alerts.message import trial_body
from spanwise_server.errors import ConfigError
from spanwise_server.jobs import webhook
from spanwise_server.jobs.deliveries import NO_MAIL, Sender
from spanwise_server.jobs.mail import MailRefused, MailServer, mail_server
from spanwise_server.store.alert_outbox import PAUSES_S, Outbox
from spanwise_server.store.alerts import Alerts
from store_engines import opened

SECRET = b"s" * 32
NOW = 1_790_000_000_000_000_000
MESSAGE = trial_body("default", "oncall", NOW, "https://spanwise.example.com")


@pytest.fixture
def store():
    with opened("sqlite") as made:
        yield made


# --- webhooks --------------------------------------------------------------------------------------------------------


class Receiver:
    """A web server that notes what is posted to it, and answers as it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []

    @contextmanager
    def running(self) -> Iterator[str]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status, headers = receiver.answers.pop(0) if receiver.answers else (204, {})
                self.send_response(status)
                for name, value in {"content-length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *said: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def hook(receiver: Receiver) -> Iterator[str]:
    with receiver.running() as url:
        yield url


def sender(store, *, allow_private: bool = True, mail: MailServer | None = None, now: int | None = None) -> Sender:
    clock = {} if now is None else {"clock": lambda: now}
    return Sender(store, SECRET, mail, allow_private=allow_private, **clock)


def sent_to(store, url: str, one: Sender):
    """Send one message to a webhook, and return what the outbox then says of it."""
    channel = Alerts(store).create_channel("default", "webhook", "oncall", url)
    Outbox(store).put(channel, MESSAGE, one.clock())
    one.send_waiting()
    return Outbox(store).of_channel(channel)[0]


def test_a_webhook_is_signed_as_its_receivers_library_checks_it(store, receiver, hook):
    assert sent_to(store, f"{hook}/alerts?team=a", sender(store)).state == "sent"
    ((headers, body),) = receiver.got
    (channel,) = Alerts(store).channels("default")
    assert Webhook(channel.secret(SECRET)).verify(body, headers) == json.loads(json.dumps(MESSAGE))
    other = Alerts(store).new_secret("default", channel.id)
    key = base64.b64decode(other.secret(SECRET).removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    again = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] != f"v1,{again}", "a new secret makes the old one worthless"


def test_a_message_is_tried_again_under_the_same_id_after_a_restart(tmp_path, receiver, hook):
    receiver.answers = [(503, {})]
    from spanwise_server.store.sqlite import SqliteStore

    for now in (NOW, NOW + PAUSES_S[0] * 1_000_000_000):
        with closing(SqliteStore(tmp_path / "main.db")) as store:
            store.open()
            if now == NOW:
                assert sent_to(store, hook, sender(store, now=now)).error == "It answered 503."
            else:
                assert sender(store, now=now).send_waiting() == 1
    ids = [headers["webhook-id"] for headers, _ in receiver.got]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    stamps = [headers["webhook-timestamp"] for headers, _ in receiver.got]
    assert int(stamps[1]) - int(stamps[0]) == PAUSES_S[0]


def test_an_end_waits_for_one_receiver_at_most_and_loses_nothing(store, receiver, hook):
    channel = Alerts(store).create_channel("default", "webhook", "oncall", hook)
    for _ in range(3):
        Outbox(store).put(channel, MESSAGE, NOW)
    assert sender(store, now=NOW).send_waiting(lambda: len(receiver.got) == 1) == 1
    assert sender(store, now=NOW).send_waiting() == 2
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 3


def test_private_addresses_are_reached_only_where_the_operator_allows_it(store, receiver, hook):
    refused = sent_to(store, hook, sender(store, allow_private=False))
    assert (refused.state, receiver.got) == ("failed", [])
    assert "not a public address" in refused.error
    assert "SPANWISE_ALLOW_PRIVATE" in refused.error
    named = sent_to(store, hook.replace("127.0.0.1", "localhost"), sender(store, allow_private=False))
    assert (named.state, receiver.got) == ("failed", []), "a name is resolved before it is looked at"


def test_redirects_are_not_followed(store, receiver, hook):
    receiver.answers = [(307, {"location": f"{hook}/elsewhere"})]
    refused = sent_to(store, hook, sender(store))
    assert (refused.state, refused.error) == ("failed", "It answered 307; redirects are not followed.")
    assert len(receiver.got) == 1


def test_a_receiver_that_is_gone_is_left_alone(store, receiver, hook):
    receiver.answers = [(410, {})]
    assert sent_to(store, hook, sender(store)).state == "failed"


def test_nobody_at_the_address_is_tried_again(store):
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        port = closed.getsockname()[1]
    one = sent_to(store, f"http://127.0.0.1:{port}/", sender(store))
    assert (one.state, one.attempts) == ("waiting", 1)
    assert one.error


def test_a_receiver_that_says_a_byte_at_a_time_is_not_waited_for(store, monkeypatch):
    monkeypatch.setattr(webhook, "LONGEST_S", 0.5)
    monkeypatch.setattr(webhook, "TIMEOUT_S", 1.0)
    done = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
            with suppress(OSError):  # nobody listens any more
                while not done.wait(0.1):
                    connection.sendall(b"y")

    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        thread = threading.Thread(target=drip, args=(server,), daemon=True)
        thread.start()
        one = sent_to(store, f"http://127.0.0.1:{server.getsockname()[1]}/", sender(store))
        done.set()
        thread.join()
    assert one.state == "waiting"


# --- mail ------------------------------------------------------------------------------------------------------------


class Box:
    """A mailbox that notes what comes, and refuses whom it is told to."""

    def __init__(self) -> None:
        self.got: list = []
        self.refuses: dict[str, str] = {}

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.got.append((envelope, session))
        return "250 taken"


@pytest.fixture
def box() -> Box:
    return Box()


@contextmanager
def mail_running(box: Box, **options) -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def mailed(store, mail: MailServer | None, to: str = "ana@example.com, ben@example.com"):
    channel = Alerts(store).create_channel("default", "email", "oncall", to)
    one = sender(store, mail=mail)
    Outbox(store).put(channel, MESSAGE, one.clock())
    one.send_waiting()
    return Outbox(store).of_channel(channel)[0]


def test_an_alert_comes_by_mail(store, box):
    with mail_running(box) as port:
        assert mailed(store, mail_server(f"smtp+plain://127.0.0.1:{port}", "alerts@example.com")).state == "sent"
    ((envelope, _),) = box.got
    assert envelope.rcpt_tos == ["ana@example.com", "ben@example.com"]
    message = message_from_bytes(envelope.content, policy=policy.default)
    assert (message["from"], message["subject"]) == ("alerts@example.com", "[Spanwise] A test of oncall")
    assert message["message-id"].startswith("<msg_")
    assert "https://spanwise.example.com/dashboard/alerts" in message.get_content()


def certificate(folder) -> tuple[str, str]:
    """A key and a certificate for 127.0.0.1 that signs itself."""
    from datetime import datetime, timedelta, timezone
    from ipaddress import ip_address

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "key.pem", folder / "cert.pem"
    files[0].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    files[1].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return str(files[0]), str(files[1])


def test_mail_goes_over_tls_with_a_password_and_only_to_a_server_that_proves_who_it_is(
    store, box, tmp_path, monkeypatch
):
    key, cert = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    def who(server, session, envelope, mechanism, said):
        right = (said.login, said.password) == (b"ana@example.com", b"p@ss:word")
        return AuthResult(success=right, handled=right)

    options = {"tls_context": context, "require_starttls": True, "authenticator": who, "auth_required": True}
    with mail_running(box, **options) as port:
        url = f"smtp://ana%40example.com:p%40ss%3Aword@127.0.0.1:{port}"
        unknown = mailed(store, mail_server(url, ""))
        assert (unknown.state, box.got) == ("waiting", [])
        assert "CERTIFICATE_VERIFY_FAILED" in unknown.error
        monkeypatch.setenv("SSL_CERT_FILE", cert)
        assert mailed(store, mail_server(url, "")).state == "sent"
        wrong = mailed(store, mail_server(url.replace("word", "ward"), ""))
        assert (wrong.state, wrong.error[:3]) == ("failed", "535")
    ((envelope, session),) = box.got
    assert session.ssl is not None
    assert envelope.mail_from == "ana@example.com"


def test_a_server_without_tls_is_given_no_mail_unless_its_address_says_plain(store, box):
    with mail_running(box) as port:
        one = mailed(store, mail_server(f"smtp://127.0.0.1:{port}", "alerts@example.com"))
    assert (one.state, box.got) == ("waiting", [])
    assert "STARTTLS" in one.error


def test_a_mailbox_that_is_full_is_tried_again_and_one_that_is_not_there_is_not(store, box):
    with mail_running(box) as port:
        mail = mail_server(f"smtp+plain://127.0.0.1:{port}", "alerts@example.com")
        box.refuses = {"ana@example.com": "452 full"}
        assert mailed(store, mail, "ana@example.com").state == "waiting"
        box.refuses = {"ana@example.com": "550 nobody"}
        assert mailed(store, mail, "ana@example.com").state == "failed"
        some = mailed(store, mail)
    assert (some.state, "550 nobody" in some.error) == ("failed", True)
    assert [envelope.rcpt_tos for envelope, _ in box.got] == [["ben@example.com"]], "who took it has it once"


def test_without_a_mail_server_it_says_what_is_missing(store):
    assert mailed(store, None).error == NO_MAIL


def test_no_mail_server_where_none_is_named_and_a_sentence_where_it_is_wrong():
    assert mail_server("", "") is None
    assert mail_server("smtps://mail.example.com", "").port == 465
    assert "secret" not in repr(mail_server("smtp://me:secret@mail.example.com", ""))
    for wrong in ("mail.example.com", "http://mail.example.com", "smtp://", "smtp://a:b", "smtp://host/path"):
        with pytest.raises(ConfigError):
            mail_server(wrong, "")
    with pytest.raises(MailRefused):
        mail_server("smtp+plain://127.0.0.1:1", "").send("ana@example.com", "s", "t", "m")
