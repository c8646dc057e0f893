"""What ``import spanwise`` and ``init()`` take beyond OpenTelemetry's SDK: CPU and memory of programs of their own."""

from __future__ import annotations

import json
import subprocess
import sys

ROUNDS = 15
IMPORT_LIMIT_MS = 60.0
INIT_LIMIT_MS = 10.0
MEMORY_LIMIT_MB = 15.0

SDK = """
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
"""
PROGRAM = """
import json, resource, sys, time
def kb():
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * resource.getpagesize() / 1024
before = time.process_time()
{sdk}
sdk = time.process_time()
sdk_kb = kb()
{ours}
imported = time.process_time()
{init}
ready = time.process_time()
print(json.dumps([(sdk - before) * 1e3, (imported - sdk) * 1e3, (ready - imported) * 1e3, (kb() - sdk_kb) / 1024]))
"""


def least(ours: str, init: str) -> list[float]:
    """Return the least that any round took: of the SDK, of our import and of ``init()`` in ms, and in MB of memory."""
    program = PROGRAM.format(sdk=SDK, ours=ours, init=init)
    command = [sys.executable, "-I", "-c", program]
    runs = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(ROUNDS)
    ]
    return [min(figures) for figures in zip(*runs, strict=True)]


def main() -> int:
    """Print the figures; return 1 where a limit is broken."""
    _, _, _, idle_mb = least("", "")
    sdk_ms, import_ms, init_ms, grown_mb = least("import spanwise", 'spanwise.init(spool="off")')
    grown_mb -= idle_mb
    print(f"import: opentelemetry-sdk {sdk_ms:.0f} ms, spanwise +{import_ms:.0f} ms (limit {IMPORT_LIMIT_MS:.0f})")
    print(f"init(): {init_ms:.1f} ms (limit {INIT_LIMIT_MS:.0f})")
    print(f"memory: +{grown_mb:.1f} MB (limit {MEMORY_LIMIT_MB:.0f})")
    return 0 if import_ms <= IMPORT_LIMIT_MS and init_ms <= INIT_LIMIT_MS and grown_mb <= MEMORY_LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main())
