"""A version as a file: its name, its headers and its bytes, whichever program asks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

import orjson

from ..datasets.example import Example
from ..datasets.version import Dataset, Version
from ..media import with_content
from ..store.datasets import Datasets
from .census import census
from .export import Export, written

#: Gives a content by project and SHA-256.
ContentOf = Callable[[str, str], bytes | None]


@dataclass(frozen=True, slots=True)
class Download:
    """One file on its way out."""

    media_type: str
    headers: Mapping[str, str]
    body: Iterator[bytes]


def download(datasets: Datasets, dataset: Dataset, version: Version, export: Export, content_of: ContentOf) -> Download:
    """Return *version* in a format; headers say how many examples it holds, and what it leaves out and why."""
    reasons = census(datasets, version).left_out[export.name]
    left_out = sum(reasons.values())
    headers = {
        "Content-Disposition": _attachment(f"{dataset.name}-v{version.number}.{export.extension}"),
        "ETag": f'"{version.content_hash}-{version.forgotten}-{export.name}"',
        "X-Spanwise-Dataset-Version": str(version.number),
        "X-Spanwise-Content-Hash": version.content_hash,
        "X-Spanwise-Examples": str(version.held - left_out),
        "X-Spanwise-Left-Out": str(left_out),
    }
    if reasons:
        headers["X-Spanwise-Left-Out-Why"] = "; ".join(f"{n} {reason}" for reason, n in reasons.items())
    examples = datasets.examples(version.id)
    if export.holds_media:
        examples = with_media(examples, lambda digest: content_of(dataset.project, digest))
    return Download(export.media_type, headers, written(export, examples))


def with_media(examples: Iterable[Example], content_of: Callable[[str], bytes | None]) -> Iterator[Example]:
    """Yield *examples* with their media as base64; what is no longer kept stays as what stands for it."""
    for example in examples:
        body = orjson.dumps(example.as_json()).decode()
        whole = with_content(body, lambda media: content_of(media.digest))
        yield example if whole is body or whole == body else Example.from_json(orjson.loads(whole))


def _attachment(name: str) -> str:
    """Return the header that saves a file under *name*, whatever letters it has."""
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.") or "dataset"
    exact = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{exact}'
