"""The few kinds of request that are needed here, over connections that are kept."""
import copy
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

    def with_token(self, token):
        """The same server with the token of somebody else, over the same connections."""
        other = copy.copy(self)
        other.token = token
        return other

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

    def send_when_allowed(self, method, path, body, headers):
        """As `send`, but waits when there were too many requests."""
        while True:
            answer, said = self.send(method, path, body, headers)
            if answer.status not in (429, 503) or not answer.headers["Retry-After"]:
                return answer, said
            time.sleep(int(answer.headers["Retry-After"]))

    def form(self, method, path, fields, headers):
        """The answer and its body, whatever it says, to a form or a page; without the token."""
        if fields is None:
            return self.send_when_allowed(method, path, None, headers)
        return self.send_when_allowed(method, path, urllib.parse.urlencode(fields).encode(), {
            "Content-Type": "application/x-www-form-urlencoded", **headers})

    def request(self, method, path, body=None, kind="application/json", headers=None):
        """The document that was answered."""
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": "Bearer " + self.token, **(headers or {})}
        if sent is not None:
            headers["Content-Type"] = kind
        answer, said = self.send_when_allowed(method, path, sent, headers)
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
