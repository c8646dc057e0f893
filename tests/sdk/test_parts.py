"""The small parts: JSON of anything, registries, the vocabulary and the provider contract."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import types
import zipfile
from pathlib import Path

import pytest

from spanwise import documents, encode, registry, vocabulary
from spanwise.announced import is_announced
from spanwise.instrument.engine import Provider, Route
from spanwise.providers.openai import ROUTES


@dataclasses.dataclass
class Point:
    x: int
    inner: object = None


class Old:
    def dict(self):
        return {"old": True}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Point(1, Point(2)), {"x": 1, "inner": {"x": 2, "inner": None}}),
        ({1: {2}}, {"1": [2]}),
        (range(2), [0, 1]),
        (b"abc", "<3 bytes>"),
        (Old(), {"old": True}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (Point, "<class '"),
        (2**70, str(2**70)),
        ("\ud800", "'\\ud800'"),
        (0, 0),
        (None, None),
    ],
)
def test_anything_becomes_json(value, text):
    told = json.loads(encode.to_json(value))
    assert told == text or (isinstance(text, str) and told.startswith(text))


def test_a_circle_becomes_text():
    circle: list[object] = []
    circle.append(circle)
    assert json.loads(encode.to_json(circle)) == "[[...]]"


def test_text_that_is_not_json_stays_text():
    assert encode.from_json("{") == "{"
    assert encode.from_json("{}") == {}


def test_documents_are_recognised_and_others_are_not():
    assert documents.as_documents([]) == []
    assert documents.as_documents(["a"]) == [{"content": "a"}]
    assert documents.as_documents([{"title": "no content"}]) is None
    assert documents.as_documents("text") is None
    assert documents.as_documents(7) is None
    assert documents.as_documents([(7, 0.5)]) is None


def test_objects_are_loaded_by_their_import_string():
    assert registry.load_object("spanwise.providers.openai:PROVIDER").name == "openai"
    assert registry.load_object("spanwise.providers.openai:PROVIDER.name") == "openai"
    with pytest.raises(ValueError, match="not of the form"):
        registry.load_object("spanwise.providers.openai")


def test_a_package_can_add_and_replace_parts(monkeypatch, caplog, tmp_path):
    metadata = tmp_path / "plugged-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
    (tmp_path / "plugged.py").write_text("theirs, added = 'theirs', 'added'\n")
    group = "spanwise.tested"
    assert not is_announced([group])
    announced = "openai = plugged:theirs\nnew = plugged:added\nbad = plugged:missing\n"
    (metadata / "entry_points.txt").write_text(f"[other]\n[{group}]\n{announced}")
    monkeypatch.syspath_prepend(tmp_path)
    assert is_announced([group])
    found = dict(registry.load_all(registry.PROVIDERS, group))
    assert found["openai"] == "theirs"
    assert found["new"] == "added"
    assert found["anthropic"].name == "anthropic"
    assert "bad" not in found
    assert "could not load bad from the entry-point group" in caplog.text


def test_what_an_archive_announces_is_asked_of_its_metadata(monkeypatch, tmp_path):
    archive = tmp_path / "plugged.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("plugged-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
        packed.writestr("plugged-1.0.dist-info/entry_points.txt", "[spanwise.tested]\nzipped = packed_plugin:added\n")
        packed.writestr("packed_plugin.py", "added = 'from the archive'\n")
    monkeypatch.syspath_prepend(archive)
    assert dict(registry.load_all({}, "spanwise.tested")) == {"zipped": "from the archive"}


#: Their clients are too heavy beside all others: they are run in environments of their own, by ``make matrix``.
IN_THE_MATRIX = {"chroma", "chroma-async", "qdrant", "pinecone", "vertexai"}


@pytest.mark.parametrize("name", [name for name in registry.PROVIDERS if name not in IN_THE_MATRIX])
def test_every_provider_keeps_the_contract(name):
    provider = registry.load_object(registry.PROVIDERS[name])
    assert isinstance(provider, Provider)
    assert provider.name == name
    assert f"{provider.module}.".startswith(f"{registry.CLIENTS[name]}.")
    for method in (*provider.methods, *provider.generators):
        where, colon, what = method.rpartition(":")
        if where == "aiobotocore.client":  # comes with aioboto3, which has boto3 of an older date
            continue
        owner = __import__(where if colon else provider.module, fromlist=["_"])
        for attribute in what.split("."):
            owner = getattr(owner, attribute)
        assert callable(owner), f"{method} is not in {provider.module}"
    size = len(Path(sys.modules[registry.PROVIDERS[name].partition(":")[0]].__file__).read_text().splitlines())
    assert size < 300


@pytest.mark.parametrize("route", ROUTES.values(), ids=list(ROUTES))
def test_every_route_has_a_kind_that_exists(route):
    assert isinstance(route, Route)
    assert route.kind in vocabulary.KINDS


def test_only_the_vocabulary_spells_attribute_names():
    spelled = re.compile(r"""["'](gen_ai|spanwise|session|user|openai)\.[a-z][a-z_.]+["']""")
    root = Path(vocabulary.__file__).parent
    allowed = {"vocabulary.py", "registry.py", "redact.py"}  # redact.py: also the names that others write
    for path in root.rglob("*.py"):
        if path.name not in allowed:
            found = [m[0] for m in spelled.finditer(path.read_text())]
            assert not found, f"{path.name} spells {found}"


def test_no_name_is_spelled_twice():
    names = [value for key, value in vars(vocabulary).items() if key.isupper() and isinstance(value, str)]
    assert len(names) == len(set(names))
