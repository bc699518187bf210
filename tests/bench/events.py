"""What thousands who listen to events cost: memory, and how much later others are answered."""
import hashlib
import http.client
import json
import resource
import secrets
import selectors
import socket
import statistics
import threading
import time

import counters

LISTENERS, EACH = 5000, 20  # streams in all, and of one person
MEMORY_BELOW = 100
SLOWER_BELOW = 2  # p99 of GET beside them, over that without
WRITES = 20  # a second, while the feed is busy

# Coordinators of the first schools, signed in.
PEOPLE = """
CREATE TEMP TABLE made AS
SELECT n, hash, uuid7() AS person, uuid7() AS account, uuid7() AS session, s.id AS school
FROM unnest(:'hashes'::bytea[]) WITH ORDINALITY AS h (hash, n)
    JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM school) AS s USING (n);
INSERT INTO person (id, version, doc) SELECT person, 1,
    json_build_object('id', person, 'email', '~1..listener' || n) FROM made;
INSERT INTO account (id, version, doc) SELECT account, 1, json_build_object('person_id', person,
    'roles', json_build_array('school'), 'suspended', false, 'school_id', school) FROM made;
INSERT INTO client (id, version, doc) VALUES ('01990000-0000-7000-b0ff-000000000001', 1,
    json_build_object('name', 'listeners', 'kind', 'public', 'redirect_uris', '[]'::json,
        'scopes', '[]'::json, 'origins', '[]'::json));
INSERT INTO session (id, account_id, client_id, scopes)
SELECT session, account, '01990000-0000-7000-b0ff-000000000001', '{*}' FROM made;
INSERT INTO token (id, hash, name, scopes, client_id, account_id, roles, session_id)
SELECT uuid7(), hash, 'listener', '{*}', '01990000-0000-7000-b0ff-000000000001', account, '{school}',
    session FROM made;
"""


def make_people(iqmd, count):
    """Tokens of so many people."""
    key = bytes.fromhex(iqmd.environment["IQM_TOKEN_KEY"])
    tokens = ["iqm_" + secrets.token_urlsafe(32) for _ in range(count)]
    hashes = [hashlib.blake2b(one.encode(), digest_size=32, key=key).hexdigest() for one in tokens]
    iqmd.database.sql(iqmd.name, PEOPLE, hashes="{" + ",".join(f'"\\\\x{one}"' for one in hashes) + "}")
    iqmd.database.sql(iqmd.name, "VACUUM (ANALYZE);\nCHECKPOINT;")
    return tokens


class Listeners:
    """Streams that are read as they come, by one thread."""

    def __init__(self, server, tokens):
        self.events = self.beats = self.begun = self.ended = 0
        self.selector, self.stopping = selectors.DefaultSelector(), False
        self.sockets = []
        for number in range(LISTENERS):
            self._begin(server.port, tokens[number % len(tokens)])
            if number % 50 == 49:
                time.sleep(0.02)
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _begin(self, port, token):
        one = socket.create_connection(("127.0.0.1", port))
        one.sendall(("GET /v1/sync/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                     f"Authorization: Bearer {token}\r\n\r\n").encode())
        self.sockets.append(one)
        self.selector.register(one, selectors.EVENT_READ)

    def _read(self):
        while not self.stopping:
            for key, _ in self.selector.select(0.2):
                data = key.fileobj.recv(65536)
                if not data:
                    self.ended += 1
                    self.selector.unregister(key.fileobj)
                self.begun += data.startswith(b"HTTP/1.1 200")
                self.events += data.count(b"event: changes")
                self.beats += data.count(b":\n")

    def await_all(self, seconds):
        end = time.monotonic() + seconds
        while (self.begun < LISTENERS or self.events < LISTENERS) and time.monotonic() < end:
            time.sleep(0.2)
        if self.begun < LISTENERS or self.events < LISTENERS or self.ended:
            raise SystemExit(f"compare: of {LISTENERS} streams {self.begun} began, {self.events} were told "
                             f"where they are, {self.ended} ended")

    def stop(self):
        self.stopping = True
        self.thread.join()
        for one in self.sockets:
            one.close()


class Writer:
    """Changes schools, so many a second, of which some are the listeners' own."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.headers = {"Authorization": f"Bearer {server.token}", "If-Match": "*",
                        "Content-Type": "application/merge-patch+json"}
        self.done, self.stopping, self.refused = 0, False, None
        self.thread = threading.Thread(target=self._write)
        self.thread.start()

    def _write(self):
        try:
            self._write_on()
        except BaseException as error:  # a thread's own end would be told to nobody
            self.refused = error

    def _write_on(self):
        due = time.monotonic()
        while not self.stopping:
            school = f"01990000-0000-7000-8000-1{self.done * 7 % 10000:011d}"
            self.connection.request("PATCH", f"/v1/schools/{school}", headers=self.headers,
                                    body=json.dumps({"town": secrets.token_hex(8)}))
            answer = self.connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise ValueError(f"{answer.status} {text[:300]}")
            self.done += 1
            due += 1 / WRITES
            time.sleep(max(0, due - time.monotonic()))

    def stop(self):
        self.stopping = True
        self.thread.join()
        if self.refused or not self.done:
            raise SystemExit(f"compare: a change was not made: {self.refused!r}")


def resident_megabytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def measure(server, seconds, busy):
    writer = Writer(server) if busy else None
    try:
        return server.run("get", seconds)
    finally:
        if writer:
            writer.stop()


def idle_cost(server, seconds):
    """Processors that the server takes for listeners to whom nothing happens."""
    before = counters.cpu_seconds(server.process.pid)
    time.sleep(seconds)
    return (counters.cpu_seconds(server.process.pid) - before) / seconds


def compare(server, iqmd, rounds, seconds, say):
    """Each round without listeners, then with them; the feed idle, then busy."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    tokens = make_people(iqmd, LISTENERS // EACH)
    server.run("get", 2)
    alone = resident_megabytes(server.process.pid)
    ratios, memory = {False: [], True: []}, []
    for number in range(rounds):
        without = {busy: measure(server, seconds, busy).p99 for busy in ratios}
        listeners = Listeners(server, tokens)
        try:
            listeners.await_all(240)
            idle = idle_cost(server, 5)
            told = {}
            for busy, found in ratios.items():
                before = listeners.events
                p99 = measure(server, seconds, busy).p99
                told[busy] = (listeners.events - before) / seconds
                found.append(p99 / without[busy])
                say(f"round {number + 1}, feed {'busy' if busy else 'idle'}: p99 {p99:.2f} ms, without "
                    f"listeners {without[busy]:.2f} ms; {told[busy]:.0f} events a second")
            memory.append(resident_megabytes(server.process.pid))
            say(f"round {number + 1}: {memory[-1]:.1f} MB; {idle:.3f} processors while nothing happens; "
                f"{listeners.beats} heartbeats")
        finally:
            listeners.stop()
        time.sleep(25)  # until heartbeats have found that they are gone
    return report(ratios, memory, alone)


def report(ratios, memory, alone):
    rows = [(f"MB of iqmd with {LISTENERS} listeners ({alone:.0f} without)", max(memory), MEMORY_BELOW)]
    rows += [(f"p99 of GET one school with {LISTENERS} listeners / without, feed "
              f"{f'busy ({WRITES} changes a second)' if busy else 'idle'}", statistics.median(found),
              SLOWER_BELOW) for busy, found in ratios.items()]
    print("\n| | measured | below | |\n|---|---:|---:|---|")
    for title, value, limit in rows:
        print(f"| {title} | {value:.2f} | {limit} | {'yes' if value < limit else 'NO'} |")
    return all(value < limit for _, value, limit in rows)
