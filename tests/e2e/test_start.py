"""How a server starts, and what it says where it does not."""

from __future__ import annotations

import json
import signal
import socket
from urllib.parse import urlencode

import pytest

from e2e.otlp_load import request_of
from server_process import ServerProcess, run_cli

pytestmark = pytest.mark.e2e
PROTOBUF = {"content-type": "application/x-protobuf"}
PASSWORD = "three green tents"


def test_a_taken_port_is_named_with_the_way_out(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = run_cli("serve", "--port", str(port), "--data", str(tmp_path))
    assert refused.returncode == 2
    assert f"Port {port} on 127.0.0.1 is taken" in refused.stderr
    assert "--port" in refused.stderr
    assert f"PORT={port + 1}" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_demo_says_so_too(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = run_cli("demo", "--once", "--port", str(port), "--data", str(tmp_path))
    assert refused.returncode == 2
    assert f"Port {port}" in refused.stderr


def test_an_open_address_without_a_password_is_refused_with_the_way_to_allow_it(tmp_path) -> None:
    refused = run_cli("serve", "--host", "0.0.0.0", "--port", "0", "--data", str(tmp_path))
    assert refused.returncode == 2
    assert "will not listen on 0.0.0.0 without a password" in refused.stderr
    assert "spanwise users password" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not refused.stdout


def test_an_open_address_with_a_password_is_served_to_those_who_know_it(tmp_path) -> None:
    with ServerProcess(tmp_path, "--host", "0.0.0.0", fresh=True, SPANWISE_PASSWORD=PASSWORD) as server:
        assert server.call("/api/v1/traces")[0] == 401
        assert server.call("/healthz")[0] == 200


def test_one_data_folder_has_one_server(tmp_path) -> None:
    with ServerProcess(tmp_path, fresh=True):
        refused = run_cli("serve", "--port", "0", "--data", str(tmp_path))
    assert refused.returncode == 2
    assert f"Another Spanwise server uses the data in {tmp_path}" in refused.stderr


def test_ctrl_c_ends_it_in_order(tmp_path) -> None:
    server = ServerProcess(tmp_path, fresh=True).start()
    assert server.end(signal.SIGINT) == 0
    assert not any("Traceback" in line for line in server.said)


def test_keys_open_a_closed_server_to_programs_until_they_are_revoked(tmp_path) -> None:
    data = ("--data", str(tmp_path))
    assert run_cli("users", "password", *data, stdin=PASSWORD + "\n").returncode == 0
    made = run_cli("keys", "create", "--project", "shop", "--name", "ci", *data)
    secret = made.stdout.strip()
    header = {"authorization": f"Bearer {secret}"}
    body, ids = request_of(3, project="elsewhere")
    with ServerProcess(tmp_path) as server:
        assert server.call("/v1/traces", body, PROTOBUF)[0] == 401
        assert server.call("/v1/traces", body, {**PROTOBUF, **header})[0] == 200
        found = json.loads(server.call("/api/v1/spans", headers=header)[1])["items"]
        assert {span["span_id"] for span in found} == ids  # the key's project, whatever the spans say
        assert server.call("/api/v1/spans?project=elsewhere", headers=header)[0] == 403
    listed = run_cli("keys", "list", *data)
    assert "shop" in listed.stdout
    assert secret not in listed.stdout
    assert run_cli("keys", "revoke", "1", *data).returncode == 0
    with ServerProcess(tmp_path) as server:
        assert server.call("/v1/traces", body, {**PROTOBUF, **header})[0] == 401


def test_the_password_opens_the_viewer(tmp_path) -> None:
    assert run_cli("users", "password", "--data", str(tmp_path), stdin=PASSWORD + "\n").returncode == 0
    with ServerProcess(tmp_path) as server:
        assert server.call("/traces")[0] == 303
        page = server.call("/login")[1].decode()
        assert 'name="password"' in page
        wrong = urlencode({"password": "guess guess"}).encode()
        assert server.call("/login", wrong)[0] in {401, 403}


def test_a_short_password_is_refused(tmp_path) -> None:
    refused = run_cli("users", "password", "--data", str(tmp_path), stdin="short\n")
    assert refused.returncode == 2
    assert "at least 8" in refused.stderr


def test_a_sender_that_closes_afterwards_reads_why_its_body_was_too_large(tmp_path) -> None:
    """It would be cut off in the middle of its body, and try again for ever."""
    with ServerProcess(tmp_path, "--max-body-mb", "1") as server:
        for _ in range(5):
            status, said = server.call("/v1/traces", bytes(30_000_000), {"content-type": "application/json"})
            assert status == 413
            assert "SPANWISE_MAX_BODY_MB" in json.loads(said)["message"]
