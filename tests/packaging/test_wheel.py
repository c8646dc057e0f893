"""The wheel, the editable install and the checkout all find what the program looks for at run time."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[2]
SHIPPED = ("web", "migrations", "examples")
LOOK = """
import sys
from pathlib import Path
import spanwise, spanwise_server
from spanwise_server.resources import resource_dir
for name in ("web/templates/base.html", "web/static/icons.svg", "web/docs/quickstart.md", "migrations/env.py",
             "examples/support_bot/__main__.py", "examples/fake_provider/server.py"):
    folder, _, rest = name.partition("/")
    path = resource_dir(folder) / rest
    assert path.is_file(), path
    print(path)
print(spanwise.__file__)
print(spanwise_server.__file__)
"""
RUN = """
import sys
from pathlib import Path
from starlette.testclient import TestClient
from spanwise_server.app import create_app
from spanwise_server.settings import Settings
with TestClient(create_app(Settings(data=Path(sys.argv[1]))), base_url="http://127.0.0.1:4318") as client:
    assert client.get("/readyz").status_code == 200
    page = client.get("/traces")
    assert page.status_code == 200, page.text
    assert "<html" in page.text
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    built = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("dist")), versions=["standard"])
    return Path(next(iter(built)))


@pytest.fixture(scope="module")
def names(wheel) -> set[str]:
    with zipfile.ZipFile(wheel) as packed:
        return set(packed.namelist())


@pytest.fixture(scope="module")
def unpacked(wheel, tmp_path_factory) -> Path:
    """Lay the wheel out as an installer would."""
    site = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    return site


def tracked(folder: str) -> set[str]:
    """Return the files of a folder that belong to the project, built and cached ones aside."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not {"__pycache__", "_compiled"} & set(path.parts)
    }


def look(*pythonpath: Path, cwd: Path) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if pythonpath:
        environment["PYTHONPATH"] = os.pathsep.join(map(str, pythonpath))
    done = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("folder", SHIPPED)
def test_every_file_of_the_folder_is_in_the_wheel(folder, names) -> None:
    files = tracked(folder)
    assert files
    assert {f"spanwise_server/{name}" for name in files} <= names


def test_nothing_else_is_in_the_wheel(names) -> None:
    ours = {
        name.removeprefix(prefix)
        for prefix, folder in (("sdk/", "sdk/spanwise"), ("server/", "server/spanwise_server"))
        for name in tracked(folder)
    }
    shipped = {f"spanwise_server/{name}" for folder in SHIPPED for name in tracked(folder)}
    metadata = {name for name in names if name.split("/")[0].endswith(".dist-info")}
    assert names - metadata == ours | shipped | {"spanwise_auto.pth"}


def test_nothing_cached_is_in_the_wheel(names) -> None:
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".db", ".lock"))]


def test_the_wheel_names_its_command_licence_and_python(wheel) -> None:
    with zipfile.ZipFile(wheel) as packed:
        read = {
            name.rpartition("/")[2]: packed.read(name).decode() for name in packed.namelist() if ".dist-info/" in name
        }
    metadata = email.message_from_string(read["METADATA"])
    assert metadata["Name"] == "spanwise"
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "spanwise = spanwise_server.cli:main" in read["entry_points.txt"]
    assert "Apache License" in read["LICENSE"]


def test_the_sdk_alone_asks_for_no_server_library(wheel) -> None:
    with zipfile.ZipFile(wheel) as packed:
        name = next(name for name in packed.namelist() if name.endswith("METADATA"))
        metadata = email.message_from_string(packed.read(name).decode())
    always = [need for need in metadata.get_all("Requires-Dist", []) if "extra ==" not in need]
    assert {need.split(">")[0].split("[")[0] for need in always} == {
        "opentelemetry-sdk", "orjson", "wrapt",
    }  # fmt: skip


def test_a_wheel_finds_everything_inside_itself(unpacked, tmp_path) -> None:
    for path in look(unpacked, cwd=tmp_path):
        assert path.startswith(str(unpacked)), path


@pytest.mark.parametrize("folders", [(), (ROOT / "sdk", ROOT / "server")], ids=["editable", "checkout"])
def test_an_editable_install_and_a_checkout_find_everything_in_the_checkout(folders, tmp_path) -> None:
    for path in look(*folders, cwd=tmp_path):
        assert path.startswith(str(ROOT)), path


def test_a_server_from_the_wheel_migrates_and_shows_a_page(unpacked, tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path / "data")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_without_the_server_extra_the_command_says_what_to_install(unpacked, tmp_path) -> None:
    """Only the SDK's own needs are on the path, as after a plain install."""
    bare = (
        "import sys, importlib.util as u\n"
        "real = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name in ('fastapi', 'uvicorn') else real(name, package)\n"
        "from spanwise_server.cli import main\n"
        "assert not {'fastapi', 'uvicorn', 'sqlmodel'} & set(sys.modules)\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    for command in (["serve"], ["demo"], ["keys", "list"]):
        done = subprocess.run(
            [sys.executable, "-c", bare, *command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(unpacked)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert 'pip install "spanwise[server]"' in done.stderr
        assert "Traceback" not in done.stderr
