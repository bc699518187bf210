"""The few kinds of request that are needed here, over connections that are kept."""
import http.client
import json
import threading
import time
import urllib.parse


class Refused(Exception):
    """A request that did not go well, with what was said of it."""


class Api:
    """May be used by several threads: each has a connection of its own."""

    def __init__(self, url, token):
        self.url, self.token = url.rstrip("/"), token
        parts = urllib.parse.urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.prefix, self.kept = parts.path, threading.local()
        self.connect = lambda: kind(parts.hostname, parts.port, timeout=60)

    def send(self, method, path, body, headers):
        """The answer and its body. A kept connection that the server has closed is made anew."""
        connection = getattr(self.kept, "connection", None)
        while True:
            fresh = connection is None
            connection = self.kept.connection = self.connect() if fresh else connection
            try:
                connection.request(method, self.prefix + path, body, headers)
                answer = connection.getresponse()
                return answer, answer.read()
            except (ConnectionError, http.client.BadStatusLine) as error:
                connection.close()
                connection = self.kept.connection = None
                if fresh:
                    raise Refused(f"{self.url} does not answer: {error}") from error
            except (OSError, http.client.HTTPException) as error:
                raise Refused(f"{self.url} does not answer: {error}") from error

    def request(self, method, path, body=None, kind="application/json", headers=None):
        """The document that was answered. Waits when there were too many requests."""
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": "Bearer " + self.token, **(headers or {})}
        if sent is not None:
            headers["Content-Type"] = kind
        while True:
            answer, said = self.send(method, path, sent, headers)
            if answer.status in (429, 503) and answer.headers["Retry-After"]:
                time.sleep(int(answer.headers["Retry-After"]))
                continue
            if answer.status >= 300:
                sent = "" if isinstance(body, bytes) else f"\ndemo: what was sent: {json.dumps(body)}"
                raise Refused(f"{method} {path} was answered with {answer.status}: "
                              f"{said.decode(errors='replace')}{sent}")
            return json.loads(said)

    def get(self, path):
        return self.request("GET", path)

    def create(self, path, document):
        return self.request("POST", path, document)

    def change(self, path, members):
        return self.request("PATCH", path, members, "application/merge-patch+json", {"If-Match": "*"})

    def step(self, path, document):
        return self.request("POST", path, document, headers={"If-Match": "*"})

    def upload(self, path, data, kind, name):
        return self.request("PUT", path, data, kind, {
            "If-Match": "*", "Content-Disposition": f'attachment; filename="{name}"'})
