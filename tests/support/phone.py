"""A program that works offline: holds what it was given, and what its person may see to compare with.

The phone knows nothing of clusters and rights: it keeps, drops and goes on as it is told.
"""

import base64
import hashlib

from support.contract import DOCUMENT

# Words of a cursor, as read_since gives them.
EPOCH, XID, RECORD, SIGHT, DAY = 1, 6, 7, 8, 12

KINDS = [name for name, one in DOCUMENT["x-resources"].items() if one.get("sync")]


class Phone:
    """`client` has a token of its person; `fields`: what it wants of which kinds."""

    def __init__(self, client, fields=None):
        self.client, self.fields, self.pages = client, fields, 0
        self.forget()

    def forget(self):
        self.held, self.since = {}, None

    def ask(self, limit=None):
        query = [f"since={self.since}"] if self.since else []
        query += [f"limit={limit}"] if limit else []
        query += [f"fields={self.fields}"] if self.fields else []
        return self.client.get("/v1/sync" + ("?" + "&".join(query) if query else ""))

    def take(self, page):
        """A page and its since, in one step."""
        for change in page["changes"]:
            key = change["type"], change["id"]
            if change["change"] == "changed":
                self.held[key] = change["document"]
            else:
                assert "document" not in change, change
                self.held.pop(key, None)
        self.since = page["since"]
        self.pages += 1

    def pull(self, limit=None):
        """Until there is no more: the changes that came."""
        changes = []
        while True:
            answer = self.ask(limit)
            assert answer.status == 200, answer
            page = answer.json
            self.take(page)
            changes += page["changes"]
            if not page["more"]:
                return changes

    def ids(self, kind):
        return {found for name, found in self.held if name == kind}

    def versions(self):
        return {(kind, found): doc["version"] for (kind, found), doc in self.held.items()}


def told(changes):
    """What came, without the documents."""
    return {(one["change"], one["type"], one["id"]) for one in changes}


_SEEN = " UNION ALL ".join(
    f"SELECT '{kind}', id, version, doc->>'updated_at' FROM {kind}" for kind in KINDS)


def may_see(cluster, actor, roles):
    """Kind, id and version of every synced record that the database shows to somebody."""
    rows = cluster.psql(f"""
        SET ROLE iqm_server;
        SELECT set_config('iqm.roles', '{roles}', false), set_config('iqm.actor', '{actor}', false);
        SELECT '|', kind, id, version FROM ({_SEEN}) AS seen (kind, id, version, at)""",
                        user="iqm_owner")
    found = {}
    for line in rows.splitlines():
        if line.startswith("||"):
            _, _, kind, record, version = line.split("|")
            found[kind, record] = int(version)
    return found


def listed(client, path):
    """Every document of a list."""
    items, link = [], f"{path}?limit=100"
    while link:
        page = client.get(link).json
        items += page["items"]
        link = page["next"] and f"{path}?limit=100&cursor={page['next']}"
    return items


def all_listed(client):
    """As a phone would hold it, by way of the lists."""
    return {(kind, one["id"]): one for kind in KINDS
            for one in listed(client, DOCUMENT["x-resources"][kind]["collection"])}


def read_since(since):
    """The words of a cursor, as the server wrote them."""
    raw = base64.urlsafe_b64decode(since + "=" * (-len(since) % 4))
    return raw[16:].decode().split(" ")


def sign_since(words, key):
    text = " ".join(words).encode()
    mac = hashlib.blake2b(text, key=bytes.fromhex(key), digest_size=32).digest()[:16]
    return base64.urlsafe_b64encode(mac + text).rstrip(b"=").decode()

