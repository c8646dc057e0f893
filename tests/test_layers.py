"""The layering rule, read from the imports themselves."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = {"spanwise": ROOT / "sdk", "spanwise_server": ROOT / "server"}

#: Layer of a module or package: what lies in one may import what lies in it or below. The longest name counts.
LEVEL = {
    "spanwise_server": 0,
    "spanwise_server.compiled": 0,
    "spanwise_server.frozen": 0,
    "spanwise_server.record": 0,
    "spanwise_server.odd_numbers": 0,
    "spanwise_server.outline": 0,
    "spanwise_server.recent": 0,
    "spanwise_server.media": 0,
    "spanwise_server.thumbnail": 0,
    "spanwise_server.errors": 0,
    "spanwise_server.settings": 0,
    "spanwise_server.resources": 0,
    "spanwise_server.urls": 0,
    "spanwise_server.claim": 0,
    "spanwise_server.ingest": 1,
    "spanwise_server.dialects": 1,
    "spanwise_server.pricing": 1,
    "spanwise_server.query": 1,
    "spanwise_server.store": 2,
    "spanwise_server.labelling": 2,
    "spanwise_server.datasets": 2,
    "spanwise_server.experiments": 2,
    "spanwise_server.exports": 2,
    "spanwise_server.prompts": 2,
    "spanwise_server.alerts": 2,
    "spanwise_server.ingest.intake": 3,
    "spanwise_server.ingest.pipeline": 3,
    "spanwise_server.ingest.writer": 3,
    "spanwise_server.auth": 3,
    "spanwise_server.jobs": 3,
    "spanwise_server.playground": 3,
    "spanwise_server.api": 4,
    "spanwise_server.pages": 4,
    "spanwise_server.app": 5,
    "spanwise_server.cli": 6,
    "spanwise_server.__main__": 6,
    "spanwise_server.demo": 6,
    "spanwise_server.serving": 6,
    "spanwise_server.compiling": 6,
}
#: The only modules of the SDK that the server may import.
SHARED = {"spanwise.interval", "spanwise.vocabulary", "spanwise.registry", "spanwise.template", "spanwise._version"}
#: Library -> the only places of the server that may import it.
ONLY_IN = {
    "sqlalchemy": {"spanwise_server.store"},
    "sqlmodel": {"spanwise_server.store"},
    "alembic": {"spanwise_server.store"},
    "sqlite3": {"spanwise_server.store"},
    "fastapi": {"spanwise_server.api", "spanwise_server.pages", "spanwise_server.auth", "spanwise_server.app"},
    "starlette": {"spanwise_server.api", "spanwise_server.pages", "spanwise_server.auth", "spanwise_server.app"},
    "PIL": {"spanwise_server.thumbnail"},
    "grpc": {"spanwise_server.api.otlp_grpc"},
    "google.protobuf": {"spanwise_server.ingest", "spanwise_server.api.otlp_grpc"},
    "opentelemetry.proto": {"spanwise_server.ingest", "spanwise_server.api.otlp"},
}


def modules() -> dict[str, Path]:
    found = {}
    for package, folder in SOURCES.items():
        for path in sorted((folder / package).rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


@cache
def imports(module: str) -> frozenset[str]:
    """Return the dotted names that *module* imports at any depth, made absolute, resolved to modules of ours."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            name = ".".join(filter(None, (base, node.module)))
            inner = {f"{name}.{alias.name}" for alias in node.names}
            ours = inner & MODULES.keys()
            names |= ours or {name}
            if ours and ours != inner:
                names.add(name)
    return frozenset(names)


def within(module: str, place: str) -> bool:
    return module == place or module.startswith(f"{place}.")


def level_of(module: str) -> int:
    place = max((name for name in LEVEL if within(module, name)), key=len)
    assert place != "spanwise_server" or module == place, f"{module} has no layer: give it one in LEVEL"
    return LEVEL[place]


SERVER = [name for name in MODULES if within(name, "spanwise_server")]
SDK = [name for name in MODULES if within(name, "spanwise")]


def test_a_module_imports_only_its_own_layer_and_lower_ones() -> None:
    wrong = [
        f"{module} may not import {name}"
        for module in SERVER
        for name in imports(module)
        if within(name, "spanwise_server") and level_of(name) > level_of(module)
    ]
    assert wrong == []


def test_every_module_of_the_server_has_a_layer() -> None:
    assert all(level_of(module) >= 0 for module in SERVER)


def test_the_server_shares_only_words_and_registries_with_the_sdk() -> None:
    shared = {module: {name for name in imports(module) if within(name, "spanwise")} - SHARED for module in SERVER}
    assert {module: names for module, names in shared.items() if names} == {}


def test_the_sdk_never_imports_the_server() -> None:
    assert SDK
    assert [module for module in SDK if any(within(name, "spanwise_server") for name in imports(module))] == []


def test_a_library_is_used_only_where_it_belongs() -> None:
    wrong = [
        f"{module} may not import {name}"
        for module in SERVER
        for name in imports(module)
        for library, places in ONLY_IN.items()
        if within(name, library) and not any(within(module, place) for place in places)
    ]
    assert wrong == []


def test_api_and_pages_never_import_each_other() -> None:
    for module in SERVER:
        other = {"spanwise_server.api": "spanwise_server.pages", "spanwise_server.pages": "spanwise_server.api"}
        for here, there in other.items():
            if within(module, here):
                assert not {n for n in imports(module) if within(n, there)}, f"{module} imports {there}"


def test_no_import_goes_in_a_circle() -> None:
    graph = {module: (imports(module) & MODULES.keys()) - {module} for module in MODULES}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"a circle: {' -> '.join((*path[path.index(module) :], module))}"
        if module not in done:
            for name in sorted(graph[module]):
                visit(name, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())
