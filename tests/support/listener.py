"""Who listens to events (WHATWG HTML, server-sent events), as a program would; the clock is the caller's.

Reads what comes while it is asked for something, and remembers the last id as browsers do.
"""

import json
import socket
import time

from support.client import Response, Stream, record

PATH = "/v1/sync/events"


class Ended(Exception):
    """The server has ended the stream."""


class Listener:
    """A stream of events; where it is refused, `answer` is the whole answer and nothing comes."""

    def __init__(self, client, last=None, since=None, method="GET"):
        target = PATH + (f"?since={since}" if since else "")
        headers = [("Authorization", f"Bearer {client.token}")] if client.token else []
        headers += [("Last-Event-ID", last)] if last is not None else []
        self.last, self.events, self.retry, self.beats = last or since, [], None, 0
        self._text, self._begun = b"", {}
        self.stream = Stream(client.host, client.port)
        lines = [f"{method} {target} HTTP/1.1", f"Host: {client.host}:{client.port}"]
        lines += [f"{name}: {value}" for name, value in headers]
        self.stream.send("\r\n".join([*lines, "", ""]).encode())
        self.answer = self._read_head(method)
        self._exchange = method, target, headers

    def _read_head(self, method):
        _, status, *_ = self.stream.line().decode().split(" ", 2)
        headers = []
        while line := self.stream.line():
            name, value = line.decode("latin-1").split(":", 1)
            headers.append((name, value.strip()))
        named = {name.lower(): value for name, value in headers}
        self.is_open = status == "200" and method == "GET"
        body = b"" if self.is_open or method == "HEAD" else \
            self.stream.exactly(int(named["content-length"]))
        return Response(int(status), headers, body)

    def _read_chunk(self):
        size = int(self.stream.line(), 16)
        text = self.stream.exactly(size)
        self._text += text
        self.answer.body += text
        self.stream.line()
        if size == 0:
            self.is_open = False
            raise Ended

    def _take_line(self, line):
        name, _, value = line.decode().partition(":")
        value = value.removeprefix(" ")
        if not line:
            if "data" in self._begun:
                self.events.append({**self._begun, "data": json.loads(self._begun["data"])})
            self._begun = {}
        elif not name:
            self.beats += 1
        elif name == "retry":
            self.retry = int(value)
        else:
            assert name in ("event", "id", "data") and value, line
            self._begun[name] = value
            if name == "id":
                self.last = value

    def _take_text(self):
        *lines, self._text = self._text.split(b"\n")
        for line in lines:
            self._take_line(line)

    def until(self, met, seconds=30):
        """Reads until `met()` says something true, and returns it."""
        deadline = time.monotonic() + seconds
        while not (found := met()):
            left = deadline - time.monotonic()
            assert left > 0, f"not within {seconds} s; came: {self.events}"
            self.stream.socket.settimeout(left)
            try:
                self._read_chunk()
            except socket.timeout:
                continue
            self._take_text()
        return found

    def changes(self):
        """All that came so far, as a phone is told: (change, type, id)."""
        return {(one["change"], one["type"], one["id"]) for event in self.events
                if event["event"] == "changes" for one in event["data"]["changes"]}

    def begin(self):
        """Until its first event; what comes after that, it is told of."""
        self.until(lambda: self.events)
        return self

    def hears(self, *change):
        return self.until(lambda: change in self.changes())

    def hears_of(self, record_id):
        return self.until(lambda: record_id in {one[2] for one in self.changes()})

    def ends(self, seconds=30):
        """The stream ends, as it should: with its last chunk."""
        try:
            self.until(lambda: False, seconds)
        except Ended:
            return True
        raise AssertionError("not reached")

    def close(self):
        """Also records what came, in whole lines."""
        if self.is_open:
            self.answer.body = self.answer.body[:self.answer.body.rfind(b"\n") + 1]
        method, target, headers = self._exchange
        if self.stream.socket.fileno() >= 0:
            record(method, target, headers, b"", self.answer)
        self.stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def answer_of(client):
    """How a stream begins, for who wants no more of it."""
    with Listener(client) as listener:
        return listener.answer
