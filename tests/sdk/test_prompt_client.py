"""Prompts of the registry in an application: fetched once, kept, and never a reason to wait or to fail."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import spanwise
from spanwise import PromptMessages, PromptText, client
from spanwise.client import PROMPTS
from spanwise_server.prompts.content import Content


class Registry:
    """A server that gives prompts as ours does, counts who asks, and fails as it is told."""

    def __init__(self) -> None:
        self.template: Any = "You work for {{company}}."
        self.format = "plain"
        self.version = 1
        self.status = 200
        self.asked: list[tuple[str, str]] = []
        self.held: threading.Event | None = None
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.asked.append((self.path, self.headers.get("if-none-match", "")))
                if registry.held is not None:
                    registry.held.wait(20)
                etag = f'"{registry.version}"'
                known = registry.status == 200 and self.headers.get("if-none-match") == etag
                body = b"" if known else registry.body()
                with contextlib.suppress(OSError):
                    self.send_response(304 if known else registry.status)
                    self.send_header("etag", etag)
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def body(self) -> bytes:
        content = Content(self.template, "plain")
        return json.dumps(
            {
                **content.as_json(), "format": self.format, "version": self.version,
                "template_hash": content.template_hash, "model": "gpt-4o-mini", "params": {"temperature": 0.2},
            }
        ).encode()  # fmt: skip

    def close(self) -> None:
        if self.held is not None:
            self.held.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry()
    yield made
    spanwise.shutdown(0)
    made.close()


def start(registry: Registry, tmp_path: Path, **more: Any) -> None:
    """Begin as a new program would."""
    settings = {"prompt_folder": str(tmp_path / "prompts"), "prompt_timeout_s": 5.0, **more}
    spanwise.init(endpoint=registry.url, instrument="none", spool="off", **settings)
    PROMPTS._config = None


def restart(registry: Registry, tmp_path: Path, **more: Any) -> None:
    spanwise.shutdown(0)
    start(registry, tmp_path, **more)


def until(what) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)


def idle() -> bool:
    return not PROMPTS._under_way


def test_a_prompt_is_fetched_once_and_rendered_often(registry: Registry, tmp_path: Path) -> None:
    start(registry, tmp_path)
    for _ in range(5):
        support = spanwise.prompt("shop/support")
        said = support.render(company="Acme")
        assert isinstance(said, PromptText)
        assert said == "You work for Acme."
    assert registry.asked == [("/api/v1/prompts/shop/support?label=production", "")]
    assert (support.version, support.label, support.model) == ("1", "production", "gpt-4o-mini")
    assert support.params == {"temperature": 0.2}
    assert not support.is_fallback
    use = said.prompt
    assert (use.name, use.version, use.hash) == ("shop/support", "1", Content(registry.template).template_hash)
    assert use.variables == {"company": "Acme"}


def test_messages_are_rendered_as_messages(registry: Registry, tmp_path: Path) -> None:
    registry.template = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "{{question}}"}]
    start(registry, tmp_path)
    said = spanwise.prompt("support", version=3).render(question="Why?")
    assert isinstance(said, PromptMessages)
    assert said == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Why?"}]
    assert registry.asked == [("/api/v1/prompts/support?version=3", "")]


def test_what_is_old_is_used_while_it_is_fetched_anew(registry: Registry, tmp_path: Path) -> None:
    start(registry, tmp_path, prompt_ttl_s=0)
    assert spanwise.prompt("support").version == "1"
    registry.version, registry.held = 2, threading.Event()
    assert spanwise.prompt("support").version == "1", "while the server thinks about it"
    until(lambda: len(registry.asked) == 2)
    assert registry.asked[1][1] == '"1"', "it is asked whether anything changed"
    registry.held.set()
    until(lambda: spanwise.prompt("support").version == "2")


def test_a_version_that_is_numbered_is_never_asked_for_again(registry: Registry, tmp_path: Path) -> None:
    start(registry, tmp_path, prompt_ttl_s=0)
    for _ in range(3):
        spanwise.prompt("support", version=1)
    assert len(registry.asked) == 1


def test_a_server_that_fails_later_changes_nothing(registry: Registry, tmp_path: Path) -> None:
    start(registry, tmp_path, prompt_ttl_s=0)
    spanwise.prompt("support")
    registry.status = 500
    for _ in range(3):
        assert spanwise.prompt("support").version == "1"
        until(idle)
    assert len(registry.asked) == 2, "after a failure there is a pause"


@pytest.mark.parametrize("status", [404, 401, 500, 503])
def test_where_the_server_gives_none_the_disk_does_and_then_the_fallback(
    registry: Registry, tmp_path: Path, status
) -> None:
    registry.status = status
    start(registry, tmp_path)
    given = spanwise.prompt("support", fallback="Fallback for {{company}}.")
    assert given.is_fallback
    assert given.render(company="Acme") == "Fallback for Acme."
    registry.status = 200
    restart(registry, tmp_path)
    assert spanwise.prompt("support", fallback="Fallback.").version == "1"
    registry.status = status
    restart(registry, tmp_path)
    kept = spanwise.prompt("support", fallback="Fallback.")
    assert (kept.version, kept.is_fallback) == ("1", False)
    assert kept.render(company="Acme") == "You work for Acme."


def test_without_server_disk_or_fallback_it_says_so(registry: Registry, tmp_path: Path) -> None:
    registry.status = 404
    start(registry, tmp_path, prompt_folder="off")
    with pytest.raises(LookupError, match="give a fallback"):
        spanwise.prompt("support")
    assert not list(tmp_path.iterdir())


def test_a_server_that_hangs_is_waited_for_once_and_not_longer_than_said(registry: Registry, tmp_path: Path) -> None:
    registry.held = threading.Event()
    start(registry, tmp_path, prompt_timeout_s=0.1)
    assert spanwise.prompt("support", fallback="F").is_fallback
    PROMPTS._settings = spanwise.config.read_config({"endpoint": registry.url, "prompt_timeout_s": 1_000})
    assert spanwise.prompt("support", fallback="F").is_fallback, "nobody waits a second time"
    PROMPTS._settings = spanwise.config.read_config({"endpoint": registry.url, "prompt_timeout_s": 0.1})
    registry.held.set()
    until(lambda: not spanwise.prompt("support", fallback="F").is_fallback)


def test_where_nobody_listens_the_fallback_comes(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        spanwise.init(
            endpoint=f"http://127.0.0.1:{held.getsockname()[1]}", spool="off", instrument="none", prompt_folder="off"
        )
        PROMPTS._config = None
        assert spanwise.prompt("support", fallback="F").render() == "F"
    spanwise.shutdown(0)


def test_a_prompt_that_this_program_could_not_render_is_not_taken(registry: Registry, tmp_path: Path) -> None:
    start(registry, tmp_path)
    registry.format = "mustache-of-tomorrow"
    assert spanwise.prompt("support", fallback="F").is_fallback


def test_a_damaged_file_is_no_prompt(registry: Registry, tmp_path: Path) -> None:
    start(registry, tmp_path)
    spanwise.prompt("support")
    (file,) = (tmp_path / "prompts").iterdir()
    assert file.stat().st_mode & 0o077 == 0, "it is its user's alone"
    file.write_bytes(file.read_bytes()[:40])
    registry.status = 500
    restart(registry, tmp_path)
    assert spanwise.prompt("support", fallback="F").is_fallback


def test_many_threads_that_need_one_prompt_ask_once(registry: Registry, tmp_path: Path) -> None:
    registry.held = threading.Event()
    start(registry, tmp_path)
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(spanwise.prompt, "support") for _ in range(16)]
        until(lambda: registry.asked)
        registry.held.set()
        assert {future.result().version for future in asked} == {"1"}
    assert len(registry.asked) == 1


def test_async_waits_without_holding_the_loop_up(registry: Registry, tmp_path: Path) -> None:
    registry.held = threading.Event()
    start(registry, tmp_path)

    async def program() -> str:
        fetching = asyncio.ensure_future(spanwise.aprompt("support"))
        await asyncio.to_thread(until, lambda: registry.asked)
        assert registry.held is not None
        registry.held.set()
        fetched = await fetching
        assert (await spanwise.aprompt("support")).version == fetched.version
        return str(fetched.render(company="Acme"))

    assert asyncio.run(program()) == "You work for Acme."
    assert len(registry.asked) == 1


def test_async_falls_back_too(registry: Registry, tmp_path: Path) -> None:
    registry.held = threading.Event()
    start(registry, tmp_path, prompt_timeout_s=0.05)
    assert asyncio.run(spanwise.aprompt("support", fallback="F")).is_fallback


def test_another_project_has_prompts_of_its_own(registry: Registry, tmp_path: Path) -> None:
    start(registry, tmp_path)
    spanwise.prompt("support")
    restart(registry, tmp_path, project="other")
    spanwise.prompt("support")
    assert len(registry.asked) == 2
    assert len(list((tmp_path / "prompts").iterdir())) == 2


def test_a_forked_process_fetches_for_itself(registry: Registry, tmp_path: Path) -> None:
    registry.held = threading.Event()
    start(registry, tmp_path, prompt_timeout_s=0.05)
    spanwise.prompt("support", fallback="F")
    child = multiprocessing.get_context("fork").Process(target=_forked)
    child.start()
    registry.held.set()
    child.join(30)
    assert child.exitcode == 0


def _forked() -> None:
    PROMPTS._entries.clear()
    PROMPTS._settings = spanwise.config.read_config({"endpoint": PROMPTS.endpoint, "prompt_timeout_s": 20})
    assert spanwise.prompt("support").version == "1"


def test_variables_go_into_render_and_label_and_version_exclude_each_other(registry: Registry, tmp_path: Path) -> None:
    start(registry, tmp_path)
    with pytest.raises(TypeError, match="render"):
        spanwise.prompt("support", company="Acme")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="not by both"):
        spanwise.prompt("support", label="production", version=1)
    with pytest.raises(ValueError, match="needs a value for"):
        spanwise.prompt("support").render()
    assert client.PAUSE_S > 0


def test_with_a_template_in_code_nothing_is_fetched_and_label_is_a_variable(registry: Registry, tmp_path: Path) -> None:
    start(registry, tmp_path)
    assert spanwise.prompt("x", "{{label}} {{fallback}}", label="a", fallback="b") == "a b"
    assert registry.asked == []
