"""Whatever a sender can name is on the page about sending."""

from __future__ import annotations

from pathlib import Path

import pytest

from spanwise.vocabulary import PROJECT_HEADER
from spanwise_server.api import otlp
from spanwise_server.dialects import DIALECT_GROUP, DIALECTS
from spanwise_server.ingest.batch import REASONS
from spanwise_server.ingest.limits import ENCODINGS
from spanwise_server.ingest.otlp import MEDIA_TYPES
from spanwise_server.ingest.pipeline import PROJECT_ATTRIBUTES

PAGE = (Path(__file__).parents[3] / "web" / "docs" / "ingest.md").read_text(encoding="utf-8")
PATHS = [route.path for route in otlp.router.routes]


@pytest.mark.parametrize(
    "name",
    [*DIALECTS, DIALECT_GROUP, *ENCODINGS, *MEDIA_TYPES.values(), *PROJECT_ATTRIBUTES, PROJECT_HEADER],
)
def test_every_name_is_documented(name):
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize(("reason", "sentence"), REASONS.items())
def test_every_reason_for_refusing_a_span_is_documented(reason, sentence):
    assert f"| `{reason}` | {sentence} |" in PAGE


@pytest.mark.parametrize("path", PATHS)
def test_every_path_is_documented(path):
    assert f"`POST {path}`" in PAGE
