"""A line between a client and a mail server that fails when a mail has been handed over: cut, slow, or hung up."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Slip:
    """What happens to the server's answer to a mail: held back for seconds, passed on or not, the last one or not."""

    hold: float = 0.0
    passed: bool = True
    last: bool = False


CUT = Slip(passed=False, last=True)
HUNG_UP = Slip(last=True)


@contextmanager
def line(port: int, slips: Mapping[int, Slip]) -> Iterator[int]:
    """The port of a line to the server on *port*. slips: what happens to the n-th mail, counted from 1."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        exchange = _Exchange(port, slips)
        threading.Thread(target=exchange.take_calls, args=[listener], daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


@dataclass
class _Exchange:
    port: int
    slips: Mapping[int, Slip]
    handed_over: int = 0
    due: list[Slip] = field(default_factory=list)

    def take_calls(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                caller, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self.port))
                for pump, source, target in ((self._out, caller, server), (self._back, server, caller)):
                    threading.Thread(target=_pumping, args=[pump, source, target], daemon=True).start()

    def _out(self, caller: socket.socket, server: socket.socket) -> None:
        seen = b""
        while chunk := caller.recv(65536):
            seen = (seen + chunk)[-5:]
            if seen == b"\r\n.\r\n":
                self.handed_over += 1
                self.due += [self.slips[self.handed_over]] if self.handed_over in self.slips else []
            server.sendall(chunk)

    def _back(self, server: socket.socket, caller: socket.socket) -> None:
        while chunk := server.recv(65536):
            slip = self.due.pop() if self.due else Slip()
            time.sleep(slip.hold)
            if slip.passed:
                caller.sendall(chunk)
            if slip.last:
                return


def _pumping(pump: object, source: socket.socket, target: socket.socket) -> None:
    """Pumps until one side ends, then ends both."""
    with suppress(OSError):
        pump(source, target)  # type: ignore[operator]
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
