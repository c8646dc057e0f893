"""Media from the request to the file, to who asks for it, and away again."""

from __future__ import annotations

import json
import os
import time
from hashlib import sha256
from pathlib import Path

import pytest

from media_made import START_NS, ask, b64, blob, export, png, send, wav
from spanwise_server.jobs.housekeeping import Housekeeper
from spanwise_server.media import media_of
from spanwise_server.query.filters import Query

TRACE, OTHER = "4f" * 16, "5e" * 16
PICTURE = png()
DIGEST = sha256(PICTURE).hexdigest()


def store_of(client):
    return client.app.state.server.store


def files(client) -> set[str]:
    return {file.name for file in Path(store_of(client).media.path).glob("*/*")}


def test_a_picture_leaves_its_span_and_is_given_back_byte_by_byte(client):
    send(client, ask({"type": "text", "content": "What is it?"}, blob(PICTURE, "image/png")))
    span = client.get(f"/api/v1/spans/{'b2' * 8}").json()
    text, part = span["input_messages"][0]["parts"]
    assert text["content"] == "What is it?"
    assert (part["type"], part["modality"], part["mime_type"]) == ("blob", "image", "image/png")
    media = media_of(part["content"])
    assert (media.digest, media.size) == (DIGEST, len(PICTURE))
    assert b64(PICTURE)[:100] not in json.dumps(span)
    answer = client.get(f"/api/v1/media/{DIGEST}")
    assert answer.content == PICTURE
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "immutable" in answer.headers["cache-control"]
    assert "content-disposition" not in answer.headers
    assert client.get(f"/api/v1/media/{DIGEST}", headers={"range": "bytes=8-15"}).content == PICTURE[8:16]


def test_what_could_hold_a_script_is_saved_not_shown(client):
    for content, mime_type in ((b"<svg onload=alert(1)>" * 200, "image/svg+xml"), (b"%PDF-1.4 " * 300, "image/png")):
        url = {"type": "uri", "modality": "image", "uri": f"data:{mime_type};base64,{b64(content)}"}
        send(client, ask(url))
        answer = client.get(f"/api/v1/media/{sha256(content).hexdigest()}")
        assert answer.content == content
        assert answer.headers["content-type"] in ("application/octet-stream", "application/pdf")
        assert answer.headers["content-disposition"].startswith("attachment")


def test_one_project_does_not_see_the_media_of_another(client):
    send(client, ask(blob(PICTURE, "image/png")), project="one")
    assert client.get(f"/api/v1/media/{DIGEST}", params={"project": "one"}).status_code == 200
    for project in ("two", "default"):
        answer = client.get(f"/api/v1/media/{DIGEST}", params={"project": project})
        assert answer.status_code == 404
        assert answer.json()["error"]["hint"]
    send(client, ask({"type": "text", "content": f"spanwise-media:sha256-{DIGEST}:12"}), project="two")
    assert client.get(f"/api/v1/media/{DIGEST}", params={"project": "two"}).status_code == 404
    assert client.get("/api/v1/media/..%2F..%2Fmain.db").status_code == 404


def test_a_picture_in_a_log_record_leaves_it_too_before_the_span_and_after(client):
    body = {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": b64(PICTURE)}}]}}
    record = {
        "timeUnixNano": str(START_NS + 5), "traceId": TRACE, "spanId": "b2" * 8, "body": body,
        "attributes": [{"key": "event.name", "value": {"stringValue": "gen_ai.user.message"}}],
    }  # fmt: skip
    logs = {"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {}, "logRecords": [record]}]}]}
    assert client.post("/v1/logs", json=logs).status_code == 200
    assert client.get(f"/api/v1/media/{DIGEST}").content == PICTURE
    assert store_of(client).sweep_media(grace_s=-1) == 0
    send(client, ask(blob(wav(), "audio/wav")))
    assert client.get(f"/api/v1/media/{DIGEST}").content == PICTURE
    assert client.get(f"/api/v1/media/{sha256(wav()).hexdigest()}").headers["content-type"] == "audio/wav"
    assert store_of(client).sweep_media(grace_s=-1) == 0


def test_a_file_goes_when_the_last_trace_that_needs_it_has_gone_and_not_before(client):
    for trace in (TRACE, OTHER):
        send(client, ask(blob(PICTURE, "image/png"), trace=trace))
    store = store_of(client)
    assert files(client) == {DIGEST}
    assert store.delete_trace("default", TRACE)
    assert store.sweep_media(grace_s=-1) == 0
    assert store.delete_trace("default", OTHER)
    assert client.get(f"/api/v1/media/{DIGEST}").status_code == 404
    assert store.sweep_media() == 0  # one that came just now may be a span's that waits to be written
    assert store.sweep_media(grace_s=-1) == 1
    assert not files(client)


def test_an_example_of_a_dataset_keeps_its_picture_and_the_training_file_holds_it(client):
    send(client, ask({"type": "text", "content": "What is it?"}, blob(PICTURE, "image/png")))
    queue = client.post("/api/v1/queues", json={"name": "seen"}).json()
    item = client.get(f"/api/v1/queues/{queue['id']}").json()["items"][0]
    label = {"annotator": "ana", "label": "pass"}
    assert client.post(f"/api/v1/queues/{queue['id']}/items/{item['id']}/label", json=label).status_code == 201
    made = client.post("/api/v1/datasets", json={"name": "seen", "examples": {"queue_id": queue["id"]}})
    assert made.status_code == 201, made.text
    store = store_of(client)
    assert store.delete_trace("default", TRACE)
    assert store.sweep_media(grace_s=-1) == 0
    assert client.get(f"/api/v1/media/{DIGEST}").content == PICTURE
    address = f"/api/v1/datasets/{made.json()['id']}/export"
    whole = client.get(address, params={"format": "openai-chat"})
    content = json.loads(whole.text)["messages"][0]["content"]
    assert content[1]["image_url"]["url"] == f"data:image/png;base64,{b64(PICTURE)}"
    reference = json.loads(client.get(address, params={"format": "jsonl"}).text)["input"]["messages"][0]["parts"][1]
    assert media_of(reference["content"]).digest == DIGEST


def test_a_full_disk_refuses_the_request_and_takes_it_later(client, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(store_of(client).media, "keep", full)
        answer = client.post("/v1/traces", json=export(ask(blob(PICTURE, "image/png"))))
        assert answer.status_code == 503
        assert "No space left" in answer.text
        assert int(answer.headers["retry-after"]) >= 1
    assert not store_of(client).find_spans(Query("default")).items
    send(client, ask(blob(PICTURE, "image/png")))
    assert client.get(f"/api/v1/media/{DIGEST}").content == PICTURE


@pytest.mark.parametrize("left", ["4f" * 16 + ".part", DIGEST])
def test_what_a_killed_server_left_is_swept(client, left):
    """A file without a span, and half a file: both come about by a kill between the file and the commit."""
    folder = Path(store_of(client).media.path) / left[:2]
    folder.mkdir(parents=True)
    (folder / left).write_bytes(b"half")
    long_ago = time.time() - 10_000
    os.utime(folder / left, (long_ago, long_ago))
    keeper = Housekeeper(store_of(client), first_s=0.01, every_s=0.01)
    try:
        for _ in range(500):
            if not files(client):
                break
            time.sleep(0.02)
    finally:
        keeper.close()
    assert not files(client)


def test_media_sent_again_are_written_once_and_wanted_again(client):
    send(client, ask(blob(PICTURE, "image/png")))
    (file,) = Path(store_of(client).media.path).glob("*/*")
    os.utime(file, (1, 1))
    inode = file.stat().st_ino
    send(client, ask(blob(PICTURE, "image/png"), trace=OTHER))
    assert file.stat().st_ino == inode
    assert file.stat().st_mtime > time.time() - 100
