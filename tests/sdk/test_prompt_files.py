"""Prompts as files: what is written is what was meant, and the commands move it both ways."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server_process import ServerProcess, run_cli
from spanwise.prompt_file import name_of, path_of, read, written

TEXTS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=60) | st.sampled_from(
    ["--- system", "\\--- text", "a\n--- json\nb", "\n", "x\n", "\r\n", "{}", ""]
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant"]), "content": TEXTS | st.just([{"type": "text"}])}
)


@given(template=TEXTS | st.lists(MESSAGES, min_size=1, max_size=4), model=st.none() | st.just("gpt-4o"))
def test_what_is_written_is_read_again(template: Any, model: str | None) -> None:
    content = {"template": template, "format": "jinja", "model": model, "params": {"b": 1, "a": [2]}, "tools": []}
    text = written(content)
    assert text == written(dict(reversed(content.items())))
    again = read(text)
    assert again["template"] == template
    assert again.get("model") == model
    assert written({**content, **again}) == text


def test_a_file_reads_as_a_person_would_write_it() -> None:
    text = written(
        {
            "template": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "{{question}}"}],
            "format": "plain", "model": "gpt-4o-mini", "params": {"temperature": 0.2},
        }
    )  # fmt: skip
    assert text.split("\n") == [
        "{", '  "model": "gpt-4o-mini",', '  "params": {', '    "temperature": 0.2', "  }", "}",
        "--- system", "Be kind.", "--- user", "{{question}}", "",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["support", "shop/returns letter", "a:b/c.d", "über"])
def test_a_name_is_a_path_and_back(name) -> None:
    assert name_of(PurePosixPath(path_of(name))) == name


@pytest.mark.parametrize("text", ["", "{}", "{}\n--- text\na\n--- user\nb", '{"model": ', '{"other": 1}\n--- text\nx'])
def test_what_is_no_prompt_is_refused(text) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(text)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "data") as running:
        yield running


def prompts(server: ServerProcess, *arguments: str, code: int = 0) -> str:
    done = run_cli("prompts", *arguments, SPANWISE_ENDPOINT=server.url, SPANWISE_PROJECT="shop")
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def fetched(server: ServerProcess, name: str, **asked: Any) -> Any:
    query = "&".join(f"{key}={value}" for key, value in {"project": "shop", **asked}.items())
    return server.get(f"/api/v1/prompts/{name}?{query}")


@pytest.mark.e2e
def test_files_are_pushed_compared_and_pulled(server: ServerProcess, tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    (folder / "shop").mkdir(parents=True)
    support, tone = folder / "shop" / "support.prompt", folder / "tone.prompt"
    support.write_text('{"model": "gpt-4o-mini"}\n--- system\n{{> tone}}\n--- user\n{{question}}\n')
    tone.write_text("{}\n--- text\nBe kind.\n")
    assert "+Be kind." in prompts(server, "diff", str(folder), code=1)
    said = prompts(server, "push", str(folder), "--label", "staging", "--note", "commit 1")
    assert said.splitlines() == ["new  tone@1", "new  shop/support@1"], "what is included goes first"
    assert fetched(server, "shop/support", label="staging")["template"][0]["content"] == "Be kind."
    assert fetched(server, "shop/support")["note"] == "commit 1"
    assert prompts(server, "diff", str(folder)) == ""
    assert prompts(server, "push", str(folder)).count("same") == 2, "the same again is no new version"
    pulled = tmp_path / "pulled"
    prompts(server, "pull", str(pulled))
    assert sorted(f.relative_to(pulled).as_posix() for f in pulled.rglob("*.prompt")) == [
        "shop/support.prompt", "tone.prompt",
    ]  # fmt: skip
    assert "{{> tone}}" in (pulled / "shop" / "support.prompt").read_text()
    assert prompts(server, "pull", str(pulled)) == "", "what is there already is left alone"
    assert prompts(server, "diff", str(pulled)) == ""
    tone.write_text("{}\n--- text\nBe brief.\n")
    assert prompts(server, "diff", str(folder), code=1).splitlines()[-2:] == ["-Be kind.", "+Be brief."]
    (pulled / "gone.prompt").write_text(tone.read_text())
    assert "removed" in prompts(server, "pull", str(pulled), "--delete")
    assert not (pulled / "gone.prompt").exists()


@pytest.mark.e2e
def test_what_cannot_be_pushed_is_said_and_fails(server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "a.prompt").write_text('{"format": "jinja"}\n--- text\n{% if %}\n')
    (tmp_path / "b.prompt").write_text("{}\n--- text\n{{> nowhere}}\n")
    said = prompts(server, "push", str(tmp_path), code=2)
    assert "a: This is no Jinja template" in said
    assert "b: There is no prompt 'nowhere'." in said
    (tmp_path / "c.prompt").write_text("no prompt")
    assert "The file of 'c' is no prompt" in prompts(server, "push", str(tmp_path), code=2)
    nobody = run_cli("prompts", "diff", str(tmp_path), SPANWISE_ENDPOINT="http://127.0.0.1:9")
    assert nobody.returncode == 2
    assert "cannot be reached" in nobody.stderr
