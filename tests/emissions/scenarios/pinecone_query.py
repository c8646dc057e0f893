"""Pinecone's client, asked over loopback, where the one vector there is is near to all others."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import said
from pinecone import Pinecone


class Service(BaseHTTPRequestHandler):
    """Answers every query alike."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["content-length"]))
        match = {"id": "p-7", "score": 0.5, "metadata": {"text": said.TOOL_RESULT, "page": 7}}
        body = json.dumps({"matches": [match], "namespace": "atlas", "usage": {"readUnits": 1}}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


service = ThreadingHTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=service.serve_forever, daemon=True).start()
index = Pinecone(api_key="fake").Index(host=f"http://127.0.0.1:{service.server_address[1]}")
print(index.query(vector=[1.0, 0.0], top_k=1, namespace="atlas", include_metadata=True).matches[0].id)
service.shutdown()
