"""Contents for tests of media, and spans that carry them."""

from __future__ import annotations

import base64
import json
import random
import struct
import zlib
from typing import Any

from starlette.testclient import TestClient

START_NS = 1_795_000_000_000_000_000


def png(seed: int = 1, side: int = 48) -> bytes:
    """Return a real picture of noise, which packs to more than a kilobyte."""
    noise = random.Random(seed)  # nothing secret
    rows = b"".join(b"\0" + noise.randbytes(side * 3) for _ in range(side))

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def wav(samples: int = 4_000) -> bytes:
    """Return half a second of silence."""
    body = b"\0\0" * samples
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8_000, 16_000, 2, 16)
    return b"RIFF" + struct.pack("<I", 36 + len(body)) + b"WAVE" + form + b"data" + struct.pack("<I", len(body)) + body


def b64(content: bytes) -> str:
    """Return *content* as base64."""
    return base64.b64encode(content).decode()


def blob(content: bytes, mime_type: str) -> dict[str, str]:
    """Return a part of a message, as OpenTelemetry writes it."""
    family = mime_type.partition("/")[0]
    modality = "document" if family == "application" else family
    return {"type": "blob", "modality": modality, "mime_type": mime_type, "content": b64(content)}


def ask(*parts: dict[str, Any], trace: str = "4f" * 16, span: str = "b2" * 8) -> dict[str, Any]:
    """Return a span in OTLP's JSON: a call that was asked with *parts*."""
    said = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": list(parts)}]),
        "gen_ai.output.messages": json.dumps(
            [{"role": "assistant", "parts": [{"type": "text", "content": "Noise."}], "finish_reason": "stop"}]
        ),
    }
    return {
        "traceId": trace, "spanId": span, "name": "chat", "kind": 3,
        "startTimeUnixNano": str(START_NS), "endTimeUnixNano": str(START_NS + 10**9),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in said.items()],
    }  # fmt: skip


def export(*spans: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a request with *spans*."""
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {"name": "test"}, "spans": list(spans)}]}]}


def send(client: TestClient, *spans: dict[str, Any], project: str = "default") -> None:
    """Have the server take *spans*."""
    answer = client.post("/v1/traces", json=export(*spans), headers={"x-spanwise-project": project})
    assert answer.status_code == 200, answer.text
    assert not answer.json().get("partialSuccess")
