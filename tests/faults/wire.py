"""HTTP on a bare socket: what is sent is sent as it is, what comes back is read strictly. Helps no
request along; a server's every mistake must be seen."""
import json
import select
import socket
import struct
import time

PATIENCE = 15.0
HTML_STATUSES = {400, 413, 414, 431, 501, 505}  # what the contract leaves to the parser


class Closed(Exception):
    """The connection ended before an answer began."""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        assert len(values) <= 1, f"{name} stands twice in {self.headers}"
        return values[0] if values else None

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def is_bare(self):
        """Made by the parser, before there was a request. One test holds these to the contract."""
        return not self.all("X-Request-Id") and self.body.startswith(b"<html>")

    def check(self):
        """What holds for every answer, as the contract describes errors."""
        kind = self.get("Content-Type") or ""
        if self.is_bare:
            assert self.status in HTML_STATUSES, self
            assert self.get("Connection") == "close", self
            return self
        assert self.get("X-Request-Id"), self
        # A page tells its errors as pages; "/" is one, which a broken target may become.
        if self.status >= 400 and self.body and not kind.startswith("text/html"):
            assert kind == "application/problem+json", self
            assert self.json["status"] == self.status, self
        if self.status == 503:
            assert self.get("Retry-After"), self
        return self

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:300]!r}>"


def reset(sock):
    """Closes with RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Wire:
    def __init__(self, port, patience=PATIENCE, receive_buffer=None):
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(patience)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        """A server may refuse before all is sent, and close: its answer counts then."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return self

    def finish(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return self

    def _more(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed(self.buffer)
        self.buffer += data

    def _take(self, count):
        while len(self.buffer) < count:
            self._more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def _line(self):
        while b"\r\n" not in self.buffer:
            self._more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def _chunks(self):
        body = b""
        while True:
            size = int(self._line(), 16)
            body += self._take(size)
            assert self._line() == b""
            if size == 0:
                return body

    def _body(self, status, headers, method):
        fields = {key.lower(): value for key, value in headers}
        if method == "HEAD" or status in (204, 304) or status < 200:
            return b""
        if "transfer-encoding" in fields:
            assert "content-length" not in fields, headers
            return self._chunks()
        return self._take(int(fields["content-length"]))

    def begun(self):
        """The status of the next answer as soon as its head is there; takes nothing of it."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        return int(self.buffer.split(b" ", 2)[1])

    def read(self, method="GET"):
        """The next answer, whole."""
        version, status, _ = self._line().split(b" ", 2)
        assert version in (b"HTTP/1.1", b"HTTP/1.0"), version
        headers = []
        while line := self._line():
            key, value = line.decode("latin-1").split(":", 1)
            headers.append((key, value.strip()))
        return Answer(int(status), headers, self._body(int(status), headers, method))

    def ended(self):
        """True when the server has closed and sent nothing more; fails on bytes."""
        try:
            self._more()
        except Closed:
            assert self.buffer == b"", self.buffer[:300]
            return True
        raise AssertionError(f"more than one answer: {self.buffer[:300]!r}")

    def drip(self, data, every, seconds):
        """Sends byte after byte; the seconds it took until the server closed."""
        started = time.monotonic()
        for byte in data:
            if time.monotonic() - started > seconds:
                break
            readable, _, _ = select.select([self.sock], [], [], every)
            try:
                if readable and self.sock.recv(65536) == b"":
                    break
                self.sock.send(bytes([byte]))
            except (BrokenPipeError, ConnectionResetError):
                break
        return time.monotonic() - started
