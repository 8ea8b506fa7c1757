"""A web server on loopback that keeps what it is sent and answers as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Taken:
    """One request as it came; its answer is none of it."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: after a while, and in pieces with waits between them where there are several."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0
    drips: int = 0


@dataclass(slots=True)
class Web:
    """What arrived, in order. `replies` are used up one by one, and 200 stands for the others."""

    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    at_request: Callable[[], None] = lambda: None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/hook") -> str:
        return f"http://{self.host}{path}"


def handler_of(web: Web) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            web.taken.append(Taken(self.path, headers, body))
            web.at_request()
            reply = web.replies.pop(0) if web.replies else Reply()
            time.sleep(reply.after)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(reply.body)
                for _ in range(reply.drips):
                    self.wfile.write(b".")
                    self.wfile.flush()
                    time.sleep(0.1)
            except OSError:
                # Who asked has hung up, which is what such an answer is for.
                return

        do_GET = do_PUT = do_POST

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def web_server() -> Iterator[Web]:
    """Run the server."""
    web = Web()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(web))
    server.daemon_threads = True
    web.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
