"""Nothing is lost: what the server does not take waits on the disk, for this process or the next."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import spanwise
from spanwise.config import read_config
from spanwise.delivery import Delivery, Parcel, choose_sender
from spanwise.outbox import Outbox, drain
from spanwise.runtime import HELD
from spanwise.segment import Segment
from spanwise.spool import Spool, destinations
from spanwise.spool_folder import spool_folder

from .receiver import Receiver
from .test_export import free_port, work

DOWN = "http://127.0.0.1:9"  # the discard port: nobody listens
WAYS = {
    "answers 503": lambda _number, _size: (503, {"retry-after": "0"}),
    "answers 429": lambda _number, _size: (429, {"retry-after": "0"}),
    "hangs": lambda _number, _size: time.sleep(60),
}


@pytest.fixture(autouse=True)
def shut_down():
    yield
    spanwise.shutdown(0.5)


def wait_for(condition, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"it never came about: {spanwise.status()}"
        time.sleep(0.01)


def run(program, *args, check=True):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program), *map(str, args)],
        capture_output=True, text=True, timeout=60, check=check, env={**os.environ, "SPANWISE_STRICT": "1"},
    )  # fmt: skip


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# --- this process ----------------------------------------------------------------------------------


def test_while_all_is_well_the_disk_is_not_touched(tmp_path):
    with Receiver() as receiver:
        spanwise.init(endpoint=receiver.url, spool=str(tmp_path / "spool"), spool_after_ms=60_000)
        work(1000)
        assert spanwise.flush()
        assert spanwise.shutdown()
        assert len(receiver.names()) == 1000
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize("way", WAYS)
def test_what_a_server_does_not_take_now_it_gets_when_it_does(way, tmp_path, caplog):
    refuse = WAYS[way]
    with Receiver(lambda *asked: refuse(*asked) if troubled else None) as receiver:
        troubled = True
        spanwise.init(endpoint=receiver.url, spool=str(tmp_path))
        HELD.runtime.exporter._sender._transport._timeout_s = 0.5
        work(700)
        wait_for(lambda: spanwise.status() == spanwise.Status(spooled=700))
        spanwise.annotate("thumb", label="up", trace_id="1" * 32)
        wait_for(lambda: caplog.text)  # a busy machine may have them on the disk before the first attempt ends
        troubled = False
        wait_for(lambda: spanwise.status() == spanwise.Status(sent=701))
        assert len(receiver.names()) == 700
        assert len(receiver.annotations) == 1
    assert caplog.text.count("does not take what is sent") == 1


def test_a_server_that_is_down_and_comes_back_misses_nothing(tmp_path):
    port = free_port()
    spanwise.init(endpoint=f"http://127.0.0.1:{port}", spool=str(tmp_path))
    work(1500)
    assert not spanwise.flush()
    wait_for(lambda: spanwise.status() == spanwise.Status(spooled=1500))
    with Receiver(port=port) as receiver:
        work(10, "late")
        assert spanwise.flush()
        assert receiver.names().count("work") == 1500
        assert receiver.names().count("late") == 10
        assert len(receiver.requests) < 20, "what waited is sent in batches"
        assert spanwise.status() == spanwise.Status(sent=1510)
    assert spanwise.shutdown()
    assert files(tmp_path) == ["destination.json"]


def test_a_full_spool_drops_its_oldest_counts_them_and_says_so_once(tmp_path, caplog):
    spanwise.init(endpoint=DOWN, spool=str(tmp_path), max_spool_mb=4)
    for number in range(800):
        with spanwise.span(f"n{number}", input=os.urandom(10_000).hex()):
            pass
    wait_for(lambda: spanwise.status().queued == 0)
    status = spanwise.status()
    assert status.dropped > 0
    assert status.spooled + status.dropped == 800
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.seg")) <= 4_000_000
    assert caplog.text.count("is full") == 1
    spanwise.shutdown(0)
    with Receiver() as receiver:
        sent = send_left(tmp_path, receiver.url, as_if=DOWN)
        assert sent == status.spooled
        assert "n799" in receiver.names()
        assert "n0" not in receiver.names()


def send_left(folder, url, as_if):
    """Send what is in the spool as the next program would, whose server has moved to *url*."""
    spool = Spool(folder, read_config({"endpoint": as_if}, {}))
    return empty(spool, read_config({"endpoint": url}, {})).sent


def empty(spool, config):
    """Send what processes that are gone have left."""
    spool.adopt()
    sender = choose_sender(config)
    try:
        return drain(spool, sender)
    finally:
        sender.close()
        spool.close()


class SlowServer:
    """A server that does not answer until it may."""

    def __init__(self):
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def post(self, parcel):
        self.asked.set()
        assert self.may_answer.wait(60)
        return Delivery(sent=parcel.count)

    def close(self):
        pass


class Watched(threading.Condition):
    """A condition that tells that one of *threads* waits for it."""

    def __init__(self, threads):
        super().__init__(threading.RLock())
        self._threads, self.waited_for = threads, threading.Event()

    def wait(self, timeout=None):
        if threading.current_thread() in self._threads:
            self.waited_for.set()
        return super().wait(timeout)


def test_two_threads_that_find_a_batch_waiting_write_it_once(tmp_path):
    config = read_config({"endpoint": DOWN})
    spool, server, threads = Spool(tmp_path, config), SlowServer(), []
    append, written, both, may_write = spool.append, [], threading.Event(), threading.Event()
    changed = Watched(threads)

    def slow_append(*batch):
        written.append(batch)
        if len(written) > 1:
            both.set()
        assert may_write.wait(60)
        return append(*batch)

    spool.append = slow_append
    outbox = Outbox(config, server, spool, changed)
    outbox.put(Parcel("spans", 7, b"seven", 5, time.monotonic() - 60), lambda: None)
    assert server.asked.wait(60)
    threads += [threading.Thread(target=outbox.keep_old) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_for(lambda: both.is_set() or changed.waited_for.is_set())
    may_write.set()
    for thread in threads:
        thread.join(60)
    assert len(written) == 1
    assert (outbox.spooled, outbox.dropped) == (7, 0)
    server.may_answer.set()
    wait_for(lambda: outbox.tally.sent == 7 and not outbox.spooled)
    outbox.close()


def test_a_disk_that_takes_nothing_is_said_and_memory_has_to_do(tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    port = free_port()
    spanwise.init(endpoint=f"http://127.0.0.1:{port}", spool=str(tmp_path / "file" / "spool"))
    work(20)
    assert not spanwise.flush()
    wait_for(lambda: spanwise.status() == spanwise.Status(queued=20))
    assert caplog.text.count("cannot write to its spool") == 1
    with Receiver(port=port) as receiver:
        assert spanwise.flush()
        assert receiver.names().count("work") == 20


def test_memory_that_is_full_makes_the_program_pack_and_loses_nothing(tmp_path, monkeypatch):
    spanwise.init(endpoint=DOWN, spool=str(tmp_path), max_queued_mb=1, export_interval_ms=60_000)
    exporter = HELD.runtime.exporter
    monkeypatch.setattr(exporter, "_pack_all", lambda: None)  # the thread that packs gets no turn
    most = 0
    for _ in range(40):
        work(100)
        most = max(most, exporter._bytes)
    assert most < 2_000_000
    monkeypatch.undo()
    spanwise.flush()
    wait_for(lambda: spanwise.status().queued == 0)
    assert spanwise.status() == spanwise.Status(spooled=4000)


# --- the end, and the next process -----------------------------------------------------------------


def test_what_a_short_program_cannot_send_the_next_one_sends(tmp_path):
    port = free_port()
    program = """
        import sys, spanwise
        spanwise.init(endpoint=sys.argv[1], spool=sys.argv[2], exit_timeout_s=0.5)
        with spanwise.span(sys.argv[3]):
            pass
    """
    run(program, f"http://127.0.0.1:{port}", tmp_path, "first")
    with Receiver(port=port) as receiver:
        run(program, f"http://127.0.0.1:{port}", tmp_path, "second")
        assert sorted(receiver.names()) == ["first", "second"]
    assert files(tmp_path) == ["destination.json"]


def test_the_next_program_sends_it_even_if_it_records_nothing(tmp_path):
    port = free_port()
    spanwise.init(endpoint=f"http://127.0.0.1:{port}", spool=str(tmp_path))
    work(3)
    assert not spanwise.shutdown(0.5)
    with Receiver(port=port) as receiver:
        spanwise.init(endpoint=f"http://127.0.0.1:{port}", spool=str(tmp_path))
        receiver.wait_for(lambda: len(receiver.names()) == 3)


def test_another_project_or_key_never_gets_it(tmp_path):
    with Receiver() as receiver:
        for key in ("one", "two"):
            spool = Spool(tmp_path, read_config({"endpoint": receiver.url, "api_key": key}, {}))
            if key == "one":
                assert spool.append("spans", 1, b"x") is not None
                spool.close()
            else:
                assert not spool.adopt()
    (told,) = destinations(tmp_path)
    assert told.endpoint == receiver.url
    assert "one" not in "".join(path.read_text() for path in tmp_path.rglob("*.json")), "keys are not written down"


KILLED = """
    import os, signal, sys, spanwise
    spanwise.init(endpoint=sys.argv[1], spool=sys.argv[2], spool_after_ms=int(sys.argv[3]))
    for number in range(300):
        with spanwise.span(f"n{number}", input="x" * 500):
            pass
    if sys.argv[3] != "0":
        while spanwise.status().queued:
            pass
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system knows no kill -9")
@pytest.mark.parametrize("after_ms", [0, 200])
@pytest.mark.parametrize("way", [*WAYS, "is down"])
def test_a_kill_loses_nothing_that_was_on_the_disk(way, after_ms, tmp_path):
    """Written through, that is everything up to the last span; else all but the last 200 ms."""
    with Receiver(WAYS.get(way, lambda *_: None)) as receiver:
        url = DOWN if way == "is down" else receiver.url
        done = run(KILLED, url, tmp_path, after_ms, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
    with Receiver() as receiver:
        # A kill between writing and marking may leave a batch twice, which the server counts once.
        assert send_left(tmp_path, receiver.url, as_if=url) >= 300
        assert {f"n{number}" for number in range(300)} == set(receiver.names())


def test_two_programs_share_a_spool_and_each_span_is_sent_once(tmp_path):
    port = free_port()
    program = """
        import sys, spanwise
        spanwise.init(endpoint=sys.argv[1], spool=sys.argv[2], exit_timeout_s=0)
        for number in range(200):
            with spanwise.span(f"{sys.argv[3]}-{number}", input="x" * 2000):
                pass
    """
    url = f"http://127.0.0.1:{port}"
    names = ["a", "b", "c"]
    running = [
        subprocess.Popen([sys.executable, "-c", textwrap.dedent(program), url, str(tmp_path), name]) for name in names
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    with Receiver(port=port) as receiver:
        config = read_config({"endpoint": url}, {})
        spools = [Spool(tmp_path, config) for _ in range(3)]
        tallies = []

        threads = [threading.Thread(target=lambda s=spool: tallies.append(empty(s, config))) for spool in spools]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(tally.sent for tally in tallies) == 600
        assert sorted(receiver.names()) == sorted(f"{name}-{number}" for name in names for number in range(200))


def test_a_program_that_lives_keeps_its_spool_to_itself(tmp_path):
    config = read_config({"endpoint": DOWN}, {})
    one, other = Spool(tmp_path, config), Spool(tmp_path, config)
    one.append("spans", 5, b"x")
    assert not other.adopt()
    one.close()
    assert other.adopt()
    assert other.waiting == 5
    other.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_leaves_the_spool_of_its_parent_alone(tmp_path):
    port = free_port()
    program = """
        import os, sys, spanwise
        spanwise.init(endpoint=sys.argv[1], spool=sys.argv[2], exit_timeout_s=0.2)
        with spanwise.span("parent"):
            pass
        spanwise.flush(5)
        assert spanwise.status().spooled == 1
        child = os.fork()
        if child == 0:
            assert spanwise.status() == spanwise.Status(), spanwise.status()
            with spanwise.span("child"):
                pass
            spanwise.shutdown()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with spanwise.span("after"):
            pass
    """
    url = f"http://127.0.0.1:{port}"
    run(program, url, tmp_path)
    with Receiver() as receiver:
        assert send_left(tmp_path, receiver.url, as_if=url) == 3
        assert sorted(receiver.names()) == ["after", "child", "parent"]


# --- the files -------------------------------------------------------------------------------------


def test_a_frame_that_was_cut_by_a_crash_is_passed_over(tmp_path):
    path = tmp_path / "1.seg"
    segment = Segment.create(path)
    segment.append("spans", 1, b"whole")
    segment.append("spans", 2, b"cut")
    segment.close()
    os.truncate(path, path.stat().st_size - 1)
    read = Segment.read(path)
    assert read.left == 1
    assert read.next().body == b"whole"
    assert read.next() is None
    read.append("annotations", 3, b"after")
    assert read.next().body == b"after"
    read.close()


def test_a_frame_that_was_damaged_is_given_up_and_said(tmp_path, caplog):
    path = tmp_path / "1.seg"
    segment = Segment.create(path)
    first = segment.append("spans", 4, b"damaged")
    segment.append("spans", 1, b"sound")
    segment.close()
    raw = bytearray(path.read_bytes())
    raw[-len(b"sound") - 17] ^= 1  # the last byte of the first body
    path.write_bytes(bytes(raw))
    read = Segment.read(path)
    assert read.left == 5
    assert read.next().body == b"sound"
    assert read.left == 1
    assert "4 items" in caplog.text
    assert first.offset == 0
    read.close()


def test_what_is_sent_is_marked_so_and_not_sent_again(tmp_path):
    segment = Segment.create(tmp_path / "1.seg")
    sent, kept = segment.append("spans", 1, b"a"), segment.append("spans", 2, b"b")
    segment.done(sent)
    segment.done(sent)
    segment.close()
    read = Segment.read(tmp_path / "1.seg")
    assert read.left == kept.count
    assert read.next().body == b"b"
    read.close()


@pytest.mark.skipif(os.name == "nt", reason="files have no modes there")
def test_nobody_else_can_read_the_spool(tmp_path):
    spool = Spool(tmp_path / "spool", read_config({"endpoint": DOWN}, {}))
    spool.append("spans", 1, b"secret")
    for path in spool.folder.rglob("*"):
        if path.is_dir() or path.suffix == ".seg":
            assert path.stat().st_mode & 0o077 == 0, path
    spool.close()


@pytest.mark.skipif(sys.platform != "linux", reason="each system has a place of its own")
def test_the_spool_lies_in_the_users_own_folder_or_where_that_is_read_only_in_the_temporary_one(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert spool_folder("") == tmp_path / "spanwise" / "spool"
    assert spool_folder("~/mine").name == "mine"
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/none")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = spool_folder("")
    assert found == tmp_path / f"spanwise-spool-{os.getuid()}"
    found.rmdir()
    found.symlink_to("/")
    assert spool_folder("").name != found.name, "a trap that somebody laid is not stepped into"


def test_an_error_of_the_disk_never_reaches_the_program(tmp_path, monkeypatch, caplog):
    spool = Spool(tmp_path, read_config({"endpoint": DOWN}, {}))
    assert spool.append("spans", 1, b"first") is not None

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("spanwise.segment.os.write", full)
    with caplog.at_level(logging.WARNING):
        assert spool.append("spans", 1, b"second") is None
    monkeypatch.undo()
    assert "No space left" in caplog.text
    assert spool.append("spans", 1, b"third") is not None
    assert [spool.next().body, spool.next().body] == [b"first", b"third"]
    spool.close()
