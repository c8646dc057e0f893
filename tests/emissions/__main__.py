"""``python -m emissions NAME... --python PROGRAM``: capture again, or list what there is."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from fake_provider import Answer, FakeProvider, Request

from . import scrub
from .answers import answer
from .corpus import CORPUS
from .emitter import Emitter, all_emitters
from .expect import expected
from .sink import Posted, Sink
from .wires.server import WireServer, as_counted

SCENARIOS = Path(__file__).with_name("scenarios")
REQUESTS = {"traces": ExportTraceServiceRequest, "logs": ExportLogsServiceRequest}


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="emissions")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--python", default=sys.executable, help="the program to run scenarios with, also node")
    parser.add_argument("--folder", type=Path, help="for node: the folder with node_modules")
    parser.add_argument("--packages", action="store_true", help="print what to install")
    parser.add_argument(
        "--table", action="store_true", help="print dialect x field over the whole corpus, and what emitters say wrong"
    )
    said = parser.parse_args()
    emitters = all_emitters()
    if said.table:
        from .table import markdown, mistakes

        print(markdown(), mistakes(), sep="\n")
    elif said.packages:
        print(*(package for name in said.names for package in emitters[name].packages))
    elif not said.names:
        print(*emitters, sep="\n")
    for name in said.names if not said.packages else ():
        capture(emitters[name], said.python, said.folder)


def capture(emitter: Emitter, program: str, folder: Path | None) -> None:
    """Run one emitter and keep what it posted, and what it should have said."""
    log: list[tuple[Request, Answer]] = []

    def answering(request: Request) -> Answer:
        answered = as_counted(request, answer(request))
        if request.headers.get("x-stainless-retry-count", "0") == "0":  # a try again is the same call
            log.append((request, answered))
        return answered

    with FakeProvider(answering) as provider, WireServer(answering) as wires, Sink() as sink:
        run(replace(emitter, env={"WIRES_URL": wires.url, **emitter.env}), program, folder, provider, sink)
    change = scrub.change_of(machine(program, folder))
    versions = installed(emitter, program, folder)
    write(emitter.name, sink.posted, change, {"packages": versions, "calls": [expected(*pair) for pair in log]})
    print(f"{emitter.name}: {len(log)} calls, {len(sink.posted)} requests")


def run(emitter: Emitter, program: str, folder: Path | None, provider: FakeProvider, sink: Sink) -> None:
    """Run the scenario in a process of its own."""
    env = {
        "PATH": os.environ["PATH"],
        "OPENAI_BASE_URL": provider.openai_url,
        "OPENAI_API_BASE": provider.openai_url,
        "OPENAI_API_KEY": "fake",
        "ANTHROPIC_BASE_URL": provider.url,
        "ANTHROPIC_API_KEY": "fake",
        "ANTHROPIC_OPEN_TELEMETRY": "false",  # the client's own spans, beside those of the instrumentation
        "FAKE_PROVIDER_URL": provider.url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": "corpus",
        "PYTHONDONTWRITEBYTECODE": "1",
        **emitter.env,
    }
    script = SCENARIOS / emitter.scenario
    with tempfile.TemporaryDirectory() as home:
        copy = None
        if folder is not None:  # node looks for packages from where the file lies
            copy = folder / f".{script.name}"
            shutil.copy(script, copy.with_name(script.name))
            script = copy.with_name(script.name)
        subprocess.run([program, script, *emitter.args], env={**env, "HOME": home}, cwd=home, check=True, timeout=240)


def machine(program: str, folder: Path | None) -> list[tuple[str, str]]:
    """Return what names this machine, and what stands for it."""
    here = [(str(Path(program).parent.parent), "/env"), (str(Path(__file__).parents[2]), "/app")]
    if folder is not None:
        here.append((str(folder), "/env"))
    here.append((str(Path(sys.base_prefix)), "/python"))
    return [*here, (str(Path.home()), "/home/user"), (socket.gethostname(), "machine")]


def installed(emitter: Emitter, program: str, folder: Path | None) -> dict[str, str]:
    """Return the versions of the emitter's packages."""
    if folder is not None:
        manifests = {name: folder / "node_modules" / name / "package.json" for name in map(bare, emitter.packages)}
        return {name: json.loads(path.read_text())["version"] for name, path in manifests.items()}
    code = "import sys, importlib.metadata as m; print(*(m.version(name) for name in sys.argv[1:]))"
    names = [bare(package) for package in emitter.packages]
    ran = subprocess.run([program, "-c", code, *names], check=True, capture_output=True, text=True)
    return dict(zip(names, ran.stdout.split(), strict=True))


def bare(package: str) -> str:
    """Return a package's name without extras and versions."""
    start, scoped = ("@", package[1:]) if package.startswith("@") else ("", package)
    for mark in "[<>=@":
        scoped = scoped.partition(mark)[0]
    return start + scoped


def write(name: str, posted: list[Posted], change: scrub.Change, said: dict[str, object]) -> None:
    """Keep what was posted, one file for each signal and form."""
    folder = CORPUS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for signal, request_type in REQUESTS.items():
        bodies = [post.body for post in posted if (post.signal, post.form) == (signal, "pb")]
        if bodies:
            request = request_type.FromString(b"".join(bodies))  # one after the other they are one request
            scrub.message(request, change)
            packed = request.SerializeToString(deterministic=True)
            (folder / f"{signal}.pb.gz").write_bytes(gzip.compress(packed, mtime=0))
        texts = [post.body.decode() for post in posted if (post.signal, post.form) == (signal, "json")]
        if texts:
            merged: dict[str, list[object]] = {}
            for text in texts:
                for key, items in json.loads(scrub.body(text, change)).items():
                    merged.setdefault(key, []).extend(items)
            packed = json.dumps(merged, separators=(",", ":")).encode()
            (folder / f"{signal}.json.gz").write_bytes(gzip.compress(packed, mtime=0))
    (folder / "expected.json").write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
