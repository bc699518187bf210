"""What programs that work offline cost: an unchanged one beside GET, a first sync beside lists of the same
documents, and how many bytes a phone gets."""
import gzip
import http.client
import json
import statistics
import time

import searches

UNCHANGED_OVER_GET, FIRST_OVER_LISTS = 1.0, 0.6
KINDS = {"school": "schools", "cluster": "clusters", "award": "awards", "meeting": "meetings",
         "attendance": "attendances", "plan": "plans", "project": "projects", "review": "reviews",
         "project_update": "project-updates", "contribution": "contributions"}
IN_THE_HALL = ("cluster.name,school.name,school.town,school.status,person.name,meeting.held_on,"
               "meeting.start_time,meeting.cluster_id,meeting.location,attendance.school_id,"
               "attendance.meeting_id,attendance.status")
# Two years of all, and no more than the present awards.
TWO_YEARS = """
SET session_replication_role = replica;
DELETE FROM attendance WHERE meeting_id IN (SELECT id FROM meeting WHERE held_on < '2024-09-01');
DELETE FROM meeting WHERE held_on < '2024-09-01';
DELETE FROM plan WHERE academic_year < '2024/25';
DELETE FROM contribution WHERE academic_year < '2024/25';
DELETE FROM review WHERE scheduled_on < '2024-09-01';
"""
CHANGES = """
UPDATE meeting SET version = version + 1, doc = document_with(doc, json_build_object('version',
    version + 1, 'notes', 'Told anew.')) WHERE id IN (SELECT id FROM meeting ORDER BY id LIMIT 20);
"""


class Phone:
    """One connection, one request after the other."""

    def __init__(self, side):
        self.http = http.client.HTTPConnection("127.0.0.1", side.port, timeout=60)
        self.headers = {"Authorization": f"Bearer {side.token}"}

    def get(self, target, packed=False):
        """The answer and its length on the wire."""
        headers = {**self.headers, **({"Accept-Encoding": "gzip"} if packed else {})}
        self.http.request("GET", target, headers=headers)
        answer = self.http.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"compare: {target}: {answer.status} {body[:300]}")
        text = gzip.decompress(body) if answer.getheader("Content-Encoding") else body
        return json.loads(text), len(body)

    def sync(self, since=None, packed=False, fields=None):
        """Documents, bytes and where it ends."""
        documents = length = 0
        asked = "/v1/sync?limit=1000" + (f"&fields={fields}" if fields else "")
        while True:
            page, more = self.get(asked + (f"&since={since}" if since else ""), packed)
            documents += len(page["changes"])
            length += more
            since = page["since"]
            if not page["more"]:
                return documents, length, since

    def lists(self):
        documents = 0
        for name in KINDS.values():
            cursor = ""
            while cursor is not None:
                page, _ = self.get(f"/v1/{name}?limit=100{cursor and '&cursor=' + cursor}")
                documents += len(page["items"])
                cursor = page["next"]
        return documents


def rate(work):
    start = time.monotonic()
    documents = work()
    return documents, documents / (time.monotonic() - start)


def first_beside_lists(side, rounds, say):
    phone, ratios = Phone(side), []
    for number in range(rounds):
        listed, list_rate = rate(phone.lists)
        synced, sync_rate = rate(lambda: phone.sync()[0])
        ratios.append(sync_rate / list_rate)
        say(f"round {number + 1}: first sync {synced} documents, {sync_rate:.0f}/s; lists {listed}, "
            f"{list_rate:.0f}/s")
    return statistics.median(ratios)


def print_bytes(side, iqmd, title):
    phone = Phone(side)
    documents, first, since = phone.sync(packed=True)
    plain = phone.sync()[1]
    nothing = phone.sync(since, packed=True)[1]
    few, small, _ = phone.sync(packed=True, fields=IN_THE_HALL)
    iqmd.database.sql(iqmd.name, CHANGES)
    changed, daily, _ = phone.sync(since, packed=True)
    print(f"\n{title}: first sync {documents} documents in {first / 1024:.0f} KiB with gzip "
          f"({plain / 1024:.0f} KiB without); a day without a change {nothing} bytes, with {changed} "
          f"changed {daily} bytes; of what a meeting needs {few} documents in {small / 1024:.0f} KiB")


def unchanged(side, iqmd):
    """A pull that is told nothing, and the ambassador's own school: for load.lua."""
    phone = Phone(side)
    since = phone.sync()[2]
    school = phone.get("/v1/schools?limit=1")[0]["items"][0]["id"]
    iqmd.database.sql(iqmd.name, "VACUUM (ANALYZE);\nCHECKPOINT;")
    return f"sync?since={since}", f"schools/{school}"


def ambassador(server, iqmd, n=1):
    return searches.as_person(server, iqmd, n, "ambassador")
