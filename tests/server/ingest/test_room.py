"""Memory for requests is bounded in bytes: what does not fit is asked to come back, and nothing is leaked."""

from __future__ import annotations

import gzip
import threading

import pytest

from server.ingest.test_otlp_routes import PROTOBUF, kept, post, request, served
from spanwise_server.errors import Overloaded
from spanwise_server.ingest.room import Room


def test_what_does_not_fit_is_asked_to_come_back():
    room = Room(100)
    with room.hold() as first, room.hold() as second:
        first.take(60)
        second.take(40)
        with pytest.raises(Overloaded, match="SPANWISE_MAX_QUEUED_MB") as refusal:
            second.take(1)
        assert refusal.value.retry_after_s > 0
        assert room.taken == 100
    assert room.taken == 0


def test_alone_a_request_is_taken_however_large_it_is():
    room = Room(10)
    with room.hold() as held:
        for _ in range(5):
            held.take(50)
        with pytest.raises(Overloaded), room.hold() as other:
            other.take(1)
    with room.hold() as other:
        other.take(1)


def test_everything_is_given_back_after_a_failure():
    room = Room(10)

    def fail():
        with room.hold() as held:
            held.take(7)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert room.taken == 0


def test_many_at_once_never_take_more_than_there_is():
    room, seen = Room(1_000), []

    def work():
        for _ in range(300):
            with room.hold() as held:
                try:
                    for _ in range(4):
                        held.take(90)
                        seen.append(room.taken)
                except Overloaded:
                    pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(seen) <= 1_000
    assert room.taken == 0


def test_while_much_is_under_way_senders_are_sent_away_and_later_taken(tmp_path):
    body = request(*[{} for _ in range(50)]).SerializeToString()
    with served(tmp_path, max_queued_mb=1) as client:
        room = client.app.state.server.intake.room
        with room.hold() as others:
            others.take(999_999)
            answer = post(client, body)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            others_alone = room.taken
        assert others_alone == 999_999  # the refused request holds nothing
        assert post(client, body).status_code == 200
        assert (room.taken, kept(client)) == (0, 50)


def test_a_packed_body_takes_what_it_has_unpacked(tmp_path):
    body = gzip.compress(request({"name": "n" * 500_000}).SerializeToString())
    assert len(body) < 10_000
    with served(tmp_path, max_queued_mb=1) as client:
        with client.app.state.server.intake.room.hold() as others:
            others.take(600_000)
            assert post(client, body, PROTOBUF, content_encoding="gzip").status_code == 503
        assert post(client, body, PROTOBUF, content_encoding="gzip").status_code == 200
