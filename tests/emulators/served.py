"""What every emulator shares: a real HTTP server that keeps a log, takes faults, and lets a person edit between calls.

An emulator is a function from `Call` to `Answer`. Calls are served one at a time. Each answer leaves in one write to
the socket: in two, Nagle's algorithm and the delayed acknowledgement would add 40 ms to every call.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Call:
    """One request. path: decoded, without the query. query: name -> values, in order."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None

    def one(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[-1]


@dataclass(frozen=True, slots=True)
class Answer:
    """body: what is sent as JSON; text or bytes are sent as they are; None sends nothing."""

    status: int = 200
    body: Any = None
    kind: str = "application/json; charset=UTF-8"
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> bytes:
        if self.body is None or isinstance(self.body, bytes):
            return self.body or b""
        return (self.body if isinstance(self.body, str) else json.dumps(self.body, ensure_ascii=False)).encode()


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one call. The default: the connection is cut and nothing was done.

    served: the call takes effect first (its answer is lost). answer: sent instead of the emulator's own. body_bytes:
    the connection is cut after so many bytes of the body. delay: seconds before anything is sent.
    """

    served: bool = False
    answer: Answer | None = None
    body_bytes: int | None = None
    delay: float = 0.0


BAD_GATEWAY = Answer(502, "<!DOCTYPE html><title>Error 502 (Server Error)!!1</title>", "text/html; charset=UTF-8")


class Emulator:
    """A server on loopback, from `with` to its end. *answer* is the emulated service.

    An exception of the service, or of what a test put in, is answered with 501 and raised at the end of the `with`.

    between: called before each call is served: a person edits. fault: what goes wrong with a call, None for nothing.
    calls: everything that came in, faulty calls included.
    """

    def __init__(self, answer: Callable[[Call], Answer], port: int = 0, *, log: bool = False) -> None:
        self.calls: list[Call] = []
        self.between: Callable[[Call], None] = lambda _call: None
        self.fault: Callable[[Call], Fault | None] = lambda _call: None
        self._answer, self._log, self._alone = answer, log, threading.Lock()
        self._broken: list[Exception] = []
        self._server = _Server(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        if self._broken:
            raise self._broken[0]

    def serve_forever(self) -> None:
        """For an emulator run as a program."""
        self._server.serve_forever()

    def unattended(self, act: Callable[[], object]) -> None:
        """For `between`: *act* may itself call the service, as if the call at hand had not come in yet."""
        self._alone.release()
        try:
            act()
        finally:
            self._alone.acquire()

    def served(self, call: Call) -> tuple[Answer | None, Fault]:
        """The answer to *call* (None: no answer comes) and what goes wrong on its way."""
        with self._alone:
            self.calls.append(call)
            try:
                return self._unbroken(call)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where the test can see it
                self._broken.append(error)
                return Answer(501, repr(error), "text/plain; charset=UTF-8"), Fault(served=True)

    def _unbroken(self, call: Call) -> tuple[Answer | None, Fault]:
        self.between(call)
        fault = self.fault(call)
        if fault is None:
            answer, fault = self._answer(call), Fault(served=True)
        else:
            own = self._answer(call) if fault.served else None
            answer = fault.answer or (own if fault.body_bytes is not None or fault.delay else None)
        if self._log:
            print(call.method, call.path, call.query or "", answer.status if answer else "cut", flush=True)  # noqa: T201
        return answer, fault


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def _handler(emulator: Emulator) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = parse_qs(parts.query, keep_blank_values=True)
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer, fault = emulator.served(Call(self.command, unquote(parts.path), query, headers, body))
            time.sleep(fault.delay)
            if answer is not None:
                self._send(answer, fault.body_bytes)
            if answer is None or fault.body_bytes is not None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815  # names of http.server

        def _send(self, answer: Answer, body_bytes: int | None) -> None:
            reason = HTTPStatus(answer.status).phrase
            headers = {"Content-Type": answer.kind, "Content-Length": str(len(answer.data)), **answer.headers}
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            self.wfile.write(f"HTTP/1.1 {answer.status} {reason}\r\n{head}\r\n".encode() + answer.data[:body_bytes])

        def log_message(self, *_: object) -> None:
            """The emulator keeps its own log."""

    return Handler
