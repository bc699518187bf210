"""An endpoint of webhooks on loopback that does as it is told: answers, refuses, holds. Verifies
signatures in its own way. Knows no server of ours."""

import base64
import hashlib
import hmac
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.places import wait_for


class Call:
    """One POST that arrived."""

    def __init__(self, handler, body):
        self.path, self.body, self.port = handler.path, body, handler.client_address[1]
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.id, self.event = self.headers["webhook-id"], json.loads(body)
        self.type, self.about = self.event["type"], self.event["data"]["id"]

    def signatures(self):
        return self.headers["webhook-signature"].split(" ")

    def is_signed_with(self, secret):
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        text = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        right = "v1," + base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
        return right in self.signatures()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        call = Call(self, body)
        with receiver.lock:
            receiver.calls.append(call)
        if self.path in receiver.held:
            receiver.released.wait(120)
        if self.path in receiver.spoken:
            self.close_connection = True
            self._speak(receiver.spoken[self.path])
            return
        status, headers, answer = receiver.answers.get(self.path, (204, {}, b""))
        try:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(answer)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)
        except OSError:
            self.close_connection = True  # the other side has given up, or has read enough

    def _speak(self, speak):
        try:
            speak(self.connection)
        except OSError:
            pass  # the other side has read enough

    def log_message(self, *_):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        """Whoever does not trust the certificate, or dies, ends the connection: that is no news."""


class Receiver:
    """`answers`: (status, headers, body) by path; else 204. `held`: paths that get no answer until the end.
    `spoken`: by path, what is called with the connection in place of an answer."""

    def __init__(self, tls=None):
        self.calls, self.answers, self.held, self.spoken = [], {}, set(), {}
        self.lock, self.released = threading.Lock(), threading.Event()
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.receiver = self
        self.scheme = "https" if tls else "http"
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)

    def url(self, path):
        return f"{self.scheme}://127.0.0.1:{self.server.server_address[1]}{path}"

    def answer(self, path, status, headers=None, body=b""):
        self.answers[path] = (status, headers or {}, body)

    def at(self, path):
        with self.lock:
            return [call for call in self.calls if call.path == path]

    def wait_for(self, path, count=1):
        return wait_for(lambda: len(self.at(path)) >= count and self.at(path),
                        f"{count} calls at {path}")


@contextmanager
def receiver(tls=None):
    made = Receiver(tls)
    thread = threading.Thread(target=made.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.released.set()
        made.server.shutdown()
        made.server.server_close()


# ---- what is spoken in place of an answer ----

def says(answer):
    """These bytes, whatever they are, and the end."""
    return lambda connection: connection.sendall(answer)


def says_and_holds(answer):
    """These bytes, and nothing more until the other side goes."""
    def speak(connection):
        connection.sendall(answer)
        connection.settimeout(120)
        connection.recv(1)
    return speak


class Flood:
    """A beginning, and then the same piece without end; `sent` counts what the other side let it send."""

    ENOUGH = 64_000_000

    def __init__(self, beginning, piece):
        self.beginning, self.piece, self.sent, self.over = beginning, piece, 0, False

    def __call__(self, connection):
        connection.settimeout(120)
        try:
            connection.sendall(self.beginning)
            while self.sent < self.ENOUGH:
                self.sent += connection.send(self.piece)
        finally:
            self.over = True


# ---- to where nobody is ----

def nowhere(make):
    """An endpoint that is active, at an address at which nobody listens."""
    return make.webhook_endpoint(url="http://127.0.0.1:9/hook", status="active")


def undelivered(make):
    """A delivery to such an endpoint; whether it was tried yet, nobody knows."""
    made = make.client.post(f"/v1/webhook-endpoints/{nowhere(make)['id']}/test")
    assert made.status == 201, made
    return made.json


def over(make, stage):
    """One that nobody sends any more, whichever servers run on the shared database."""
    made = undelivered(make)
    wait_for(lambda: stage.cluster.psql(
        f"UPDATE webhook_delivery SET doc = replace(doc::text, '\"waiting\"', '\"failed\"')::json "
        f"WHERE id = '{made['id']}' AND taken_until IS NULL RETURNING status", user="iqm_owner"),
        "an attempt to be over")
    return made
