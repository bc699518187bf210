"""People who sign in as fast as the server lets them: the page once, then the form again and again.

Each sign-in that succeeds costs the server one Argon2id hash of its default parameters.
"""
import html
import http.client
import re
import threading
import time
import urllib.parse

NAME, PASSWORD = "bench@example.org", "a long enough phrase for a benchmark"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def ask(port, method, target, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


class SignIns:
    def __init__(self, iqmd, server, people):
        self.port, self.people, self.done = server.port, people, 0
        self.form = {**FORM, "Origin": f"http://127.0.0.1:{server.port}"}
        link = iqmd.call("user", "invite", "--name", "Bench", "--email", NAME, "--role",
                         "head_office").split()[-1]
        client = iqmd.call("client", "create", "--name", "Bench", "--kind", "public", "--redirect",
                           "https://bench.example/", "--scope", "schools:read").split()[-1]
        self.choose_password(urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)["link"][0])
        self.target = "/oauth/authorize?" + urllib.parse.urlencode(
            {"response_type": "code", "client_id": client, "code_challenge": "x" * 43,
             "code_challenge_method": "S256", "state": "bench"})
        self.body = self.fill_in()

    def choose_password(self, link):
        body = urllib.parse.urlencode({"link": link, "password": PASSWORD, "repeat": PASSWORD})
        status, text = ask(self.port, "POST", "/account/password", body, self.form)
        if status != 200:
            raise SystemExit(f"compare: the password was not taken: {status} {text[-600:]}")

    def fill_in(self):
        _, page = ask(self.port, "GET", self.target)
        token = html.unescape(re.search(r'name="form_token" value="([^"]+)"', page)[1])
        return urllib.parse.urlencode({"email": NAME, "password": PASSWORD, "decision": "allow",
                                       "form_token": token})

    def sign_in_until(self, end):
        while time.monotonic() < end:
            status, text = ask(self.port, "POST", self.target, self.body, self.form)
            if status == 303:
                self.done += 1
            elif status != 503:  # all places in the queue for hashing are taken
                raise SystemExit(f"compare: a sign-in got {status}: {text[-600:]}")

    def start(self, seconds):
        self.done = 0
        end = time.monotonic() + seconds
        threads = [threading.Thread(target=self.sign_in_until, args=(end,))
                   for _ in range(self.people)]
        for thread in threads:
            thread.start()
        return threads
