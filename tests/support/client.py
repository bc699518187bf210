"""An HTTP/1.1 client that sends what it is told, byte for byte, and records every exchange.

Keeps the order, spelling and repetition of headers. Must not repair or judge anything.
"""

import base64
import gzip
import json
import os
import socket
import urllib.parse

from support.places import traffic_dir

UNSET = object()
BODILESS = (204, 304)
REQUEST_BODY_MAX = 1 << 20  # of what is recorded


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        """The only value of a header, or None."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} stands there {len(values)} times"
        return values[0] if values else None

    @property
    def text(self):
        coding = self.header("Content-Encoding")
        assert coding in (None, "gzip")
        return (gzip.decompress(self.body) if coding else self.body).decode()

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def etag(self):
        return self.header("ETag")

    @property
    def media_type(self):
        return (self.header("Content-Type") or "").split(";")[0]

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:600]!r}>"


class Stream:
    """A socket that is read by line and by length."""

    def __init__(self, host, port, timeout=30):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionResetError("the server closed the connection")
        self.buffer += piece

    def line(self):
        while b"\n" not in self.buffer:
            self._more()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r")

    def exactly(self, length):
        while len(self.buffer) < length:
            self._more()
        data, self.buffer = self.buffer[:length], self.buffer[length:]
        return data

    def to_the_end(self):
        try:
            while True:
                self._more()
        except ConnectionResetError:
            data, self.buffer = self.buffer, b""
            return data

    def close(self):
        self.socket.close()


def _read_chunks(stream):
    body = b""
    while True:
        size = int(stream.line().split(b";")[0], 16)
        body += stream.exactly(size)
        stream.line()
        if size == 0:
            return body


def _read_body(stream, method, status, headers):
    named = {key.lower(): value for key, value in headers}
    if method == "HEAD" or status in BODILESS or 100 <= status < 200:
        return b""
    if named.get("transfer-encoding", "").lower() == "chunked":
        return _read_chunks(stream)
    if "content-length" in named:
        return stream.exactly(int(named["content-length"]))
    return stream.to_the_end()


def read_response(stream, method="GET"):
    """The next final answer; interim ones are passed over."""
    while True:
        version, status, *_ = stream.line().decode("latin-1").split(" ", 2)
        assert version in ("HTTP/1.1", "HTTP/1.0"), version
        headers = []
        while line := stream.line():
            name, value = line.decode("latin-1").split(":", 1)
            headers.append((name, value.strip()))
        if not 100 <= int(status) < 200:
            break
    return Response(int(status), headers, _read_body(stream, method, int(status), headers))


def _text_or_base64(data):
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _without_secret(name, value):
    return (name, "…") if name.lower() == "authorization" else (name, value)


def record(method, target, headers, body, response, raw=False):
    """One line in this process's file; `raw` marks what no well-behaved client would send."""
    line = {"test": os.environ.get("PYTEST_CURRENT_TEST", ""), "raw": raw, "method": method,
            "target": target, "headers": [_without_secret(*pair) for pair in headers],
            "body": _text_or_base64(body[:REQUEST_BODY_MAX]),
            "body_whole": len(body) <= REQUEST_BODY_MAX,
            "status": response.status, "answer_headers": response.headers,
            "answer_body": _text_or_base64(response.body)}
    with open(traffic_dir() / f"{os.getpid()}.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def send_raw(port, data, method="GET", target="", host="127.0.0.1"):
    """Sends bytes on a new connection and returns the first answer; recorded as raw."""
    stream = Stream(host, port)
    try:
        stream.send(data)
        response = read_response(stream, method)
    finally:
        stream.close()
    record(method, target, [], b"", response, raw=True)
    return response


class Client:
    def __init__(self, port, token=None, host="127.0.0.1"):
        self.host, self.port, self.token = host, port, token
        self.stream = None

    def close(self):
        if self.stream is not None:
            self.stream.close()
        self.stream = None

    def _compose(self, method, json_body, form, body, headers, token):
        """(headers, body) as they go out."""
        headers = list(headers.items() if isinstance(headers, dict) else headers)
        names = {name.lower() for name, _ in headers}
        token = self.token if token is UNSET else token
        if token is not None and "authorization" not in names:
            headers.append(("Authorization", f"Bearer {token}"))
        if json_body is not UNSET:
            kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
            body = json.dumps(json_body).encode()
            if "content-type" not in names:
                headers.append(("Content-Type", kind))
        if form is not UNSET:
            body = urllib.parse.urlencode(form).encode()
            headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        return headers, body

    def _send(self, data, method):
        """A kept connection may have been closed meanwhile: then once more on a new one."""
        for fresh in (self.stream is None, True):
            if self.stream is None:
                self.stream = Stream(self.host, self.port)
            try:
                self.stream.send(data)
            except ConnectionError:
                pass  # refused before the whole body was sent: the answer is there to be read
            try:
                return read_response(self.stream, method)
            except ConnectionError:
                self.close()
                if fresh:
                    raise
        raise AssertionError("not reached")

    def request(self, method, target, *, json=UNSET, form=UNSET, body=None, headers=(),
                token=UNSET, chunked=False):
        """`token=None` sends none. `form`: a dict or pairs. A body as bytes goes out as it is."""
        headers, body = self._compose(method, json, form, body, headers, token)
        framing = []
        data = body or b""
        if chunked:
            framing = [("Transfer-Encoding", "chunked")]
            pieces = [data[i:i + 1000] for i in range(0, len(data), 1000)]
            data = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
        elif body is not None:
            framing = [("Content-Length", str(len(data)))]
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        lines += [f"{name}: {value}" for name, value in [*headers, *framing]]
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        response = self._send(head + data, method)
        if (response.header("Connection") or "").lower() == "close":
            self.close()
        record(method, target, [*headers, *framing], body or b"", response)
        return response

    def get(self, target, **options):
        return self.request("GET", target, **options)

    def post(self, target, json=UNSET, **options):
        return self.request("POST", target, json=json, **options)

    def put(self, target, json=UNSET, **options):
        return self.request("PUT", target, json=json, **options)

    def patch(self, target, json=UNSET, match=None, **options):
        if match is not None:
            options["headers"] = {**dict(options.get("headers", {})), "If-Match": match}
        return self.request("PATCH", target, json=json, **options)

    def delete(self, target, match=None, **options):
        if match is not None:
            options["headers"] = {**dict(options.get("headers", {})), "If-Match": match}
        return self.request("DELETE", target, **options)
