"""ClickHouse's HTTP interface over chdb, which is the real engine within a process: what its real client speaks to.

    python bridge.py FOLDER [CONFIG]

Prints the port that it listens on. It has a few sessions and no users; everything else that the client uses is there:
parameters and settings in the URL or a form, inserts with their data behind them, compression both ways, errors with
their code.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import tempfile
import threading
import uuid
import zlib
from contextlib import contextmanager
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import chdb
import lz4.frame
import zstandard

#: Parameters of the interface itself; every other one is a setting of the query.
OF_THE_INTERFACE = frozenset({
    "query", "database", "default_format", "session_id", "session_timeout", "session_check", "query_id", "compress",
    "decompress", "enable_http_compression", "http_zlib_compression_level", "user", "password", "quota_key",
    "wait_end_of_query", "role", "client_protocol_version", "send_progress_in_http_headers",
    "http_headers_progress_interval_ms", "buffer_size", "cancel_http_readonly_queries_on_client_close",
})  # fmt: skip
INSERT = re.compile(
    rb"^\s*(INSERT\s+INTO\s+.*?)(\s+SETTINGS\s+.*?)?\s+FORMAT\s+(\w+)\s*?(?:\n|$|\s)", re.IGNORECASE | re.DOTALL
)
FORMAT_AT_END = re.compile(rb"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
CODE = re.compile(r"Code:\s*(\d+)")
UNKNOWN_TABLE = "60"
SHORTEST_PACKED = 1_024
#: Queries that run at the same time; the rest wait.
SESSIONS = 8
UNPACKED = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
    "lz4": lz4.frame.decompress,
}
PACKED = {"lz4": lz4.frame.compress, "zstd": zstandard.compress, "gzip": lambda body: gzip.compress(body, 1)}


class Session:
    """One connection to the engine; one query at a time is of it."""

    def __init__(self, path: str) -> None:
        self._connection = chdb.connect(path)
        self.database: str | None = None
        self.settings: dict[str, str] = {}

    def fitted(self, database: str | None, settings: dict[str, str]) -> chdb.Connection:
        """Return the connection, in a database and with these settings and no others."""
        if database and database != self.database:
            self._connection.query(f"USE `{database}`", "TabSeparated")
            self.database = database
        for name in self.settings.keys() - settings.keys():
            self._connection.query(f"SET {name} = DEFAULT", "TabSeparated")
            del self.settings[name]
        for name, value in settings.items():
            if self.settings.get(name) != value:
                self._connection.query(f"SET {name} = {quoted(value)}", "TabSeparated")
                self.settings[name] = value
        return self._connection


class Engine:
    """The engine within this process: as a server's, its queries run beside each other, each in a session."""

    def __init__(self, folder: str, config: str | None) -> None:
        path = folder if config is None else f"{folder}?config-file={config}"
        self._free = [Session(path) for _ in range(SESSIONS)]
        self._some_free = threading.Semaphore(SESSIONS)
        self._lock = threading.Lock()

    @contextmanager
    def session(self, database: str | None, settings: dict[str, str]):
        """Give a session, alone, with these settings: one that had the same before, where there is one."""
        with self._some_free:
            with self._lock:
                like = (s for s in reversed(self._free) if (s.database, s.settings) == (database, settings))
                found = next(like, self._free[0])
                self._free.remove(found)
            try:
                yield found.fitted(database, settings)
            finally:
                with self._lock:
                    self._free.append(found)


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    #: Headers and body leave together: apart, the second waits until the client has acknowledged the first.
    wbufsize = -1
    disable_nagle_algorithm = True
    engine: Engine

    def log_message(self, *_said: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            body = b"".join(parts)
        else:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
        unpack = UNPACKED.get(self.headers.get("content-encoding", ""))
        return body if unpack is None else unpack(body)

    def _asked(self) -> tuple[dict[str, str], bytes]:
        """Return the parameters, of the URL and of a form, and the statement with whatever follows it."""
        asked = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body, kind = self._body(), self.headers.get("content-type", "")
        if kind.startswith("multipart/form-data"):
            form = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
            for part in form.get_payload():
                name = part.get_param("name", header="content-disposition")
                asked[name] = part.get_payload(decode=True).decode()
            body = b""
        query = asked.get("query", "").encode()
        return asked, query + (b"\n" if query and body else b"") + body

    def _answer(self) -> None:
        if urlsplit(self.path).path == "/ping":
            self._reply(200, b"Ok.\n", {})
            return
        asked, statement = self._asked()
        headers = {
            "X-ClickHouse-Query-Id": asked.get("query_id") or str(uuid.uuid4()),
            "X-ClickHouse-Timezone": "UTC",
            "Content-Type": "application/octet-stream",
        }
        try:
            body, more = self._run(asked, statement)
        except Exception as error:  # noqa: BLE001  # whatever the engine says, the client is told
            found = CODE.search(str(error))
            code = found[1] if found else "1"
            status = 404 if code == UNKNOWN_TABLE else 500
            self._reply(status, str(error).encode(), {**headers, "X-ClickHouse-Exception-Code": code})
            return
        headers |= more
        accepted = self.headers.get("accept-encoding", "")
        way = next((way for way in PACKED if way in accepted), None)
        if asked.get("enable_http_compression") in ("1", "true") and len(body) > SHORTEST_PACKED and way is not None:
            body, headers["Content-Encoding"] = PACKED[way](body), way
        self._reply(200, body, headers)

    def _run(self, asked: dict[str, str], statement: bytes) -> tuple[bytes, dict[str, str]]:
        parameters = {name[6:]: value for name, value in asked.items() if name.startswith("param_")}
        settings = {n: v for n, v in asked.items() if n not in OF_THE_INTERFACE and not n.startswith("param_")}
        insert = INSERT.match(statement)
        with self.engine.session(asked.get("database"), settings) as connection:
            if insert is not None and insert[3].upper() != b"VALUES":
                return b"", _inserted(connection, insert, statement[insert.end() :])
            found = FORMAT_AT_END.search(statement)
            form = self.headers.get("X-ClickHouse-Format") or asked.get("default_format") or "TabSeparated"
            form = found[1].decode() if found else form
            done = connection.query(statement.decode(), form, params=parameters)
            said = {
                "read_rows": str(done.rows_read()), "read_bytes": str(done.bytes_read()),
                "elapsed_ns": str(int(done.elapsed() * 1e9)),
            }  # fmt: skip
            return done.bytes() or b"", {"X-ClickHouse-Format": form, "X-ClickHouse-Summary": json.dumps(said)}

    def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _inserted(connection: chdb.Connection, insert: re.Match[bytes], data: bytes) -> dict[str, str]:
    """Insert *data*, which the engine reads from a file here, as the statement says."""
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(data)
    try:
        settings = (insert[2] or b"").decode()
        done = connection.query(
            f"{insert[1].decode()} FROM INFILE '{file.name}'{settings} FORMAT {insert[3].decode()}", "TabSeparated"
        )
    finally:
        Path(file.name).unlink()
    said = {"written_rows": str(done.rows_read()), "written_bytes": str(done.bytes_read())}
    return {"X-ClickHouse-Summary": json.dumps(said)}


def main() -> None:
    Handler.engine = Engine(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
