"""By hand: load every file in the library it is for, and keep the shape that the library itself declares of a row.

    python -m venv /tmp/one && /tmp/one/bin/pip install inspect-ai   # or any of LOADERS
    python tests/server/exports/load_in_targets.py make FOLDER        # here: writes a file of each format
    /tmp/one/bin/python tests/server/exports/load_in_targets.py load FOLDER NAME...

Each target wants an environment of its own: they exclude each other. ``load`` fails where a target refuses a row, and
writes ``shapes/NAME.json`` where the target declares its rows with pydantic.
"""

from __future__ import annotations

import json
import re
import sys
import warnings
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

SHAPES = Path(__file__).parent / "shapes"


def make(folder: Path) -> None:
    """Write a file of each format."""
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from shop_examples import EVERY_KIND
    from spanwise_server.exports.export import exports, written

    folder.mkdir(parents=True, exist_ok=True)
    for name, export in exports().items():
        (folder / name).write_bytes(b"".join(written(export, EVERY_KIND)))


def lines(path: Path) -> list[Any]:
    """Return the rows of a file of JSON lines, or of one JSON list."""
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]


def declare(name: str, package: str, model: Any, *, by_alias: bool = True) -> None:
    """Keep what *package* declares a row of *model* to be."""
    schema = model.model_json_schema(by_alias=by_alias)
    said = {"$comment": f"{model.__module__}.{model.__name__} of {package} {version(package)}"}
    (SHAPES / f"{name}.json").write_text(json.dumps({**said, **schema}, indent=1) + "\n", encoding="utf-8")


def inspect(path: Path) -> None:
    """Inspect AI reads the file as a dataset of samples."""
    from inspect_ai.dataset import Sample, json_dataset

    jsonl = path.with_suffix(".jsonl")
    jsonl.write_bytes(path.read_bytes())
    assert len(json_dataset(str(jsonl))) == len(lines(path))
    declare("inspect", "inspect-ai", Sample)


def langsmith(path: Path) -> None:
    """LangSmith's client checks each row as an example to create."""
    from langsmith.schemas import ExampleCreate

    for row in lines(path):
        ExampleCreate(**row)
    declare("langsmith", "langsmith", ExampleCreate, by_alias=False)


def langfuse(path: Path) -> None:
    """Langfuse's client takes each row as the body that makes an item."""
    from langfuse.api import CreateDatasetItemRequest

    for row in lines(path):
        snake = {
            re.sub("([A-Z])", lambda capital: f"_{capital[0].lower()}", name): value for name, value in row.items()
        }
        assert snake.keys() <= CreateDatasetItemRequest.model_fields.keys()
        CreateDatasetItemRequest(dataset_name="d", **snake)


def phoenix(path: Path) -> None:
    """Phoenix's client recognises the rows as examples."""
    from phoenix.client.resources.datasets import _is_iterable_of_input_dataset_examples as recognised

    assert recognised(lines(path))


def braintrust(path: Path) -> None:
    """Braintrust's client takes each row as the arguments of an insert."""
    from inspect import signature

    from braintrust.logger import Dataset

    for row in lines(path):
        signature(Dataset.insert).bind(None, **row)


def huggingface(path: Path) -> None:
    """``load_dataset`` finds the splits of the unpacked folder."""
    from datasets import load_dataset

    folder = path.with_name("huggingface-folder")
    zipfile.ZipFile(path).extractall(folder)
    assert {"train", "test"} <= set(load_dataset(str(folder)))


def trl(path: Path) -> None:
    """``load_dataset`` reads the lines with one schema, as a trainer does."""
    from datasets import load_dataset

    assert load_dataset("json", data_files=str(path), split="train").num_rows == len(lines(path))


def label_studio(path: Path) -> None:
    """Label Studio checks each task and annotation against the interface."""
    from label_studio_sdk.label_interface import LabelInterface

    source = (Path(__file__).parents[3] / "server/spanwise_server/exports/label_studio.py").read_text(encoding="utf-8")
    interface = LabelInterface(source.partition('INTERFACE: Final = """')[2].partition('"""')[0])
    for task in lines(path):
        assert interface.validate_task({"data": task["data"]})
        assert all(interface.validate_annotation(annotation) for annotation in task["annotations"])


def deepeval(path: Path) -> None:
    """DeepEval reads the list of goldens."""
    from deepeval.dataset import EvaluationDataset, Golden

    file = path.with_suffix(".json")
    file.write_bytes(path.read_bytes())
    dataset = EvaluationDataset()
    dataset.add_goldens_from_json_file(str(file))
    assert len(dataset.goldens) == len(lines(path))
    declare("deepeval", "deepeval", Golden, by_alias=False)


def argilla(path: Path) -> None:
    """Argilla makes a record of each row."""
    from argilla.records._resource import Record

    for row in lines(path):
        made = Record.from_dict(row)
        assert (made.id, len(list(made.responses))) == (row["id"], len(row["responses"]))


def ragas(path: Path) -> None:
    """Ragas makes a sample of each row."""
    from ragas.dataset_schema import MultiTurnSample, SingleTurnSample

    for row in lines(path):
        (MultiTurnSample if isinstance(row["user_input"], list) else SingleTurnSample)(**row)


def mlflow(path: Path) -> None:
    """MLflow takes each row as a record of an evaluation dataset."""
    from mlflow.entities.dataset_record_source import DatasetRecordSource

    for row in lines(path):
        assert set(row) <= {"inputs", "expectations", "tags", "outputs", "source"}
        assert all(isinstance(value, str) for value in row["tags"].values())
        if "source" in row:
            DatasetRecordSource.from_dict(row["source"])


LOADERS = {
    "inspect": inspect, "langsmith": langsmith, "langfuse": langfuse, "phoenix": phoenix, "braintrust": braintrust,
    "huggingface": huggingface, "trl-sft": trl, "trl-preference": trl, "trl-kto": trl, "trl-stepwise": trl,
    "label-studio": label_studio, "deepeval": deepeval, "argilla": argilla, "ragas": ragas, "mlflow": mlflow,
}  # fmt: skip


if __name__ == "__main__":
    act, folder, *names = sys.argv[1:]
    if act == "make":
        make(Path(folder))
    for name in names if act == "load" else ():
        warnings.simplefilter("error" if name == "langsmith" else "ignore")
        LOADERS[name](Path(folder) / name)
        print(name, "loads")
