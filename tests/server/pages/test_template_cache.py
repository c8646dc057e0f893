"""Compiled templates are kept for the next start of a server, and never used for another source."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jinja2 import DictLoader

from spanwise_server.pages import template_cache, templating
from spanwise_server.pages.template_cache import CompiledTemplates
from spanwise_server.pages.templating import Templates


@pytest.fixture
def compiled(monkeypatch):
    """The names of the templates that were compiled, in order; what is compiled may be kept."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    names = []
    plain = Templates.compile

    def counted(self, source, name=None, filename=None, *args, **kwargs):
        names.append(name)
        return plain(self, source, name, filename, *args, **kwargs)

    monkeypatch.setattr(Templates, "compile", counted)
    return names


def page(folder, source="<b>{{ x }}</b>"):
    loader = DictLoader({"page": source})
    made = Templates(loader=loader, autoescape=True, bytecode_cache=CompiledTemplates(folder))
    return made.get_template("page").render(x="<i>")


def test_a_template_is_compiled_once_for_all_starts(tmp_path, compiled):
    assert page(tmp_path / "kept") == page(tmp_path / "kept") == "<b>&lt;i&gt;</b>"
    assert compiled == ["page"]


def test_another_source_or_another_compiler_is_compiled_anew(tmp_path, compiled, monkeypatch):
    page(tmp_path)
    assert page(tmp_path, "<u>{{ x }}</u>") == "<u>&lt;i&gt;</u>"
    other = tmp_path / "templating.py"
    other.write_text("# another one")
    monkeypatch.setattr(templating, "__file__", str(other))
    page(tmp_path, "<u>{{ x }}</u>")
    assert compiled == ["page"] * 3


def test_what_is_broken_or_cannot_be_kept_is_compiled(tmp_path, compiled, monkeypatch):
    page(tmp_path)
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:-20])
    assert page(tmp_path) == "<b>&lt;i&gt;</b>"
    file = tmp_path / "file"
    file.write_text("no folder")
    assert page(file) == page(file) == "<b>&lt;i&gt;</b>"
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    page(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    assert template_cache.FOLDER.name == "__pycache__"


def test_what_is_cut_off_while_it_is_kept_leaves_nothing(tmp_path, compiled, monkeypatch):
    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert page(tmp_path) == page(tmp_path) == "<b>&lt;i&gt;</b>"
    assert compiled == ["page"] * 2
    assert not list(tmp_path.iterdir())
