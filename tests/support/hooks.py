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
        self.path, self.body = handler.path, body
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
        status, headers, answer = receiver.answers.get(self.path, (204, {}, b""))
        try:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(answer)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)
        except OSError:
            self.close_connection = True  # the other side has given up, or has read enough

    def log_message(self, *_):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Whoever does not trust the certificate, or dies, ends the connection: that is no news."""


class Receiver:
    """`answers`: (status, headers, body) by path; else 204. `held`: paths that get no answer until the end."""

    def __init__(self, tls=None):
        self.calls, self.answers, self.held = [], {}, set()
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
