"""Clients that create and change records as fast as they may and note what was acknowledged, and
the check that all of it is there afterwards. Knows nothing of what is killed meanwhile."""
import json
import threading
import uuid

from wire import Closed

CLIENTS = 6


class Writers:
    """Each client owns its records; `acknowledged` maps id to {version: tag} answered with 2xx."""

    def __init__(self, server, clients=CLIENTS):
        self.server = server
        self.over = threading.Event()
        self.acknowledged, self.deleted, self.unknown = {}, set(), set()
        self.count = 0
        self.wrong = []
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive(), "a writer hangs"
        assert self.wrong == [], self.wrong
        return self

    def _run(self):
        while not self.over.is_set():
            try:
                self._life_of_a_record()
            except (Closed, OSError):
                self.over.wait(0.01)  # the server is gone, or not back yet
            except Exception as problem:  # told to the test, which fails with it
                self.wrong.append(problem)
                return

    def _life_of_a_record(self):
        """Created, changed a few times, sometimes deleted; given up at the first doubt."""
        tag = uuid.uuid4().hex
        answer = self._ask("POST", "/v1/clusters", self._members(tag), None)
        if answer is None or answer.status != 201:
            return
        record = answer.json["id"]
        self.acknowledged[record] = {1: tag}
        target = f"/v1/clusters/{record}"
        for version in range(1, 5):
            tag = uuid.uuid4().hex
            if not self._change(target, record, version, tag):
                return
        if tag[0] in "01234567":
            self._delete(target, record, 5)

    def _members(self, tag):
        """Two members always changed together: half a change would show."""
        return {"name": f"Crash {tag}", "notes": f"{tag} " * 20, "region": tag}

    def _change(self, target, record, version, tag):
        self.unknown.add(record)
        answer = self._ask("PATCH", target, self._members(tag), f'"{version}"')
        if answer is None or answer.status != 200:
            return False
        self.unknown.discard(record)
        self.acknowledged[record][version + 1] = tag
        assert answer.get("ETag") == f'"{version + 1}"' and answer.json["region"] == tag, answer
        return True

    def _delete(self, target, record, version):
        self.unknown.add(record)
        answer = self._ask("DELETE", target, None, f'"{version}"')
        if answer is not None and answer.status == 204:
            self.deleted.add(record)

    def _ask(self, method, target, body, etag):
        headers = {"If-Match": etag} if etag else {}
        answer = self.server.ask(method, target, body, headers)
        assert answer.status in (200, 201, 204, 503), answer
        if answer.status == 503:
            return None
        self.count += 1
        return answer


def _stored(cluster):
    """Every version there is: {id: {version: document or None}}, and which one is current."""
    rows = cluster.sql("SELECT id, version, doc, 'current' FROM cluster UNION ALL"
                       " SELECT id, version, doc, 'past' FROM history WHERE resource = 'cluster'")
    versions, current = {}, {}
    for record, version, document, kind in rows:
        held = versions.setdefault(record, {})
        assert int(version) not in held, f"{record} has version {version} twice"
        held[int(version)] = json.loads(document) if document else None
        if kind == "current":
            current[record] = int(version)
    return versions, current


def _check_whole(record, versions):
    """Versions without a gap, each document whole and of one mind about its version."""
    assert sorted(versions) == list(range(1, len(versions) + 1)), (record, sorted(versions))
    for version, document in versions.items():
        if document is None:
            assert version == len(versions), f"{record} lives on after its deletion"
            continue
        assert document["version"] == version and document["id"] == record
        if document["name"].startswith("Crash "):
            tag = document["region"]
            assert document["name"] == f"Crash {tag}" and document["notes"] == f"{tag} " * 20


def check_all_there(writers, cluster, server):
    """Every acknowledged version is stored as it was answered, and nothing is half there."""
    versions, current = _stored(cluster)
    for record, held in versions.items():
        _check_whole(record, held)
    for record, acknowledged in writers.acknowledged.items():
        assert record in versions, f"{record} was acknowledged and is gone"
        for version, tag in acknowledged.items():
            assert version in versions[record], f"{record} lost version {version}"
            assert versions[record][version]["region"] == tag, (record, version)
        newest = max(acknowledged)
        if record not in writers.unknown and record not in writers.deleted:
            assert current.get(record) == newest, (record, current.get(record), newest)
    for record in writers.deleted:
        assert record not in current and versions[record][6] is None, record
    _check_through_api(server, list(current.items())[-40:])


def _check_through_api(server, sample):
    with server.wire() as wire:
        for record, version in sample:
            answer = server.ask("GET", f"/v1/clusters/{record}", wire=wire)
            assert answer.status == 200 and answer.get("ETag") == f'"{version}"', answer
            assert answer.json["version"] == version
