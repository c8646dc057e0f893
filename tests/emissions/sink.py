"""A loopback server that keeps every OTLP request as it came."""

from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

UNPACK: Final[Mapping[str, Callable[[bytes], bytes]]] = {"gzip": gzip.decompress, "deflate": zlib.decompress}


@dataclass(frozen=True, slots=True)
class Posted:
    """One request that a program posted."""

    signal: str
    """``traces``, ``logs`` or ``metrics``."""
    form: str
    """``pb`` or ``json``."""
    body: bytes


class Sink:
    """A port that takes whatever is posted to ``.../v1/traces``, ``logs`` or ``metrics``."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self._body()
                body = UNPACK.get(self.headers.get("content-encoding", ""), bytes)(body)
                form = "json" if "json" in self.headers.get("content-type", "") else "pb"
                sink.posted.append(Posted(self.path.rstrip("/").rpartition("/")[2], form, body))
                self.send_response(200)
                answer = b"{}" if form == "json" else b""
                self.send_header("content-type", self.headers.get("content-type", "application/x-protobuf"))
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def _body(self) -> bytes:
                if "chunked" not in self.headers.get("transfer-encoding", ""):
                    return self.rfile.read(int(self.headers.get("content-length") or 0))
                read = b""
                while size := int(self.rfile.readline().strip() or b"0", 16):
                    read += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return read

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """The endpoint to export to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Sink:  # noqa: PYI034  # Self is not in the standard library of Python 3.10
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
