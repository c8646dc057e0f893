"""A dataset folder of Hugging Face in a zip: Parquet, a file for each split, and the card that names them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from tempfile import TemporaryFile
from typing import IO, Any, Final

from ..datasets.example import Example
from .about import about
from .chat import NO_QUESTION, conversation, output_text, question
from .export import Export
from .sink import Sink

_GROUP: Final = 500
#: Where an example is of no split.
_WHOLE: Final = "train"
_PART: Final = 1 << 20
_TEXT: Final = (
    "id", "input", "messages", "expected_output", "actual_output", "rejected_output", "tools", "verdict", "critique",
    "model", "prompt", "prompt_version", "session_id", "trace_id", "span_id", "content_hash",
)  # fmt: skip
_LISTS: Final = ("assertions", "context", "codes", "tags", "annotators")


def can_write() -> bool:
    """Say whether the library that writes Parquet is installed."""
    return find_spec("pyarrow") is not None


def row(example: Example) -> dict[str, Any]:
    """Return one row: texts and lists of texts; what is ragged, messages and tools, is JSON as text."""
    known, messages = about(example), conversation(example.input)
    version = known.pop("prompt_version", None)
    values = {
        **known,
        "id": example.id,
        "input": question(example),
        "messages": json.dumps(messages, ensure_ascii=False),
        "expected_output": output_text(example.expected_output),
        "actual_output": output_text(example.actual_output),
        "rejected_output": output_text(example.rejected_output),
        "tools": json.dumps(list(example.tools), ensure_ascii=False) if example.tools else None,
        "prompt_version": None if version is None else str(version),
        "assertions": list(example.assertions),
        "context": list(example.context),
    }
    return {name: values.get(name) for name in _TEXT} | {name: list(values.get(name) or ()) for name in _LISTS}


def left_out(example: Example) -> str | None:
    """Return why this is no row, or ``None``."""
    return None if question(example) else NO_QUESTION


def write(examples: Iterable[Example]) -> Iterator[bytes]:
    """Yield the zip; needs pyarrow. Rows wait in a file of their split until the last one was seen."""
    files = _files(examples)
    sink = Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as folder:
        folder.writestr("README.md", _card(files))
        for split, file in files.items():
            with file, folder.open(_path(split), "w", force_zip64=True) as entry:
                file.seek(0)
                while part := file.read(_PART):
                    entry.write(part)
                    yield sink.taken()
    yield sink.taken()


def _files(examples: Iterable[Example]) -> dict[str, IO[bytes]]:
    import pyarrow as pa  # noqa: PLC0415  # half a second, and optional
    from pyarrow import parquet  # noqa: PLC0415  # as above

    text = pa.string()
    schema = pa.schema([*((name, text) for name in _TEXT), *((name, pa.list_(text)) for name in _LISTS)])
    files: dict[str, IO[bytes]] = {}
    writers: dict[str, Any] = {}
    waiting: dict[str, list[dict[str, Any]]] = {}

    def flush(split: str) -> None:
        writers[split].write_table(pa.Table.from_pylist(waiting.pop(split, []), schema=schema))

    for example in examples:
        split = example.split or _WHOLE
        if split not in writers:
            files[split] = TemporaryFile()  # noqa: SIM115  # closed once it is in the zip
            writers[split] = parquet.ParquetWriter(files[split], schema, compression="zstd")
        waiting.setdefault(split, []).append(row(example))
        if len(waiting[split]) == _GROUP:
            flush(split)
    for split, writer in writers.items():
        flush(split)
        writer.close()
    return files


def _path(split: str) -> str:
    return f"data/{split}-00000-of-00001.parquet"


def _card(splits: Iterable[str]) -> str:
    """Return the card: its head tells ``load_dataset`` which file is which split."""
    named = "".join(f"      - split: {split}\n        path: {_path(split)}\n" for split in splits)
    files = f"    data_files:\n{named}" if named else "    data_files: []\n"
    return f"---\nconfigs:\n  - config_name: default\n{files}---\n\nMade of labelled traces by Spanwise.\n"


EXPORT = Export(
    name="huggingface",
    title="Hugging Face",
    sentence="Parquet by split, zipped",
    media_type="application/zip",
    extension="zip",
    write=write,
    left_out=left_out,
    can_write=can_write,
    extra="parquet",
)
