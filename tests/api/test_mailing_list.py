"""The mailing list: only who consents at this very moment, each address once, as JSON and CSV; and who
was given what."""

import csv
import datetime
import io
import json
import re
import threading

import openpyxl
import pytest
from openpyxl.utils.escape import unescape

from support import confidential, consents, enquiries
from support.client import Client
from support.expect import bad_parameter, problem
from support.files import XLSX
from support.places import wait_for
from support.scratch import scratch_database

PATH = "/v1/mailing-list"
FIELDS = ["person_id", "name", "email", "since", "wording_version", "withdrawal_url"]


def listed(client):
    """All items, walked page by page."""
    items, target = [], f"{PATH}?limit=200"
    while target:
        response = client.get(target)
        assert response.status == 200, response
        items += response.json["items"]
        link = response.header("Link")
        assert (link is None) == (response.json["next"] is None)
        target = link and link[1:].split(">")[0]
    return items


def exported(client, **options):
    """The same of the CSV, read back."""
    response = client.get(PATH, headers={"Accept": "text/csv"}, **options)
    assert response.status == 200 and response.header("Content-Type") == "text/csv; charset=utf-8"
    assert response.text.endswith("\r\n") and response.text.startswith(",".join(FIELDS))
    return list(csv.DictReader(io.StringIO(response.text, newline="")))


def read_file(name, response):
    """Rows of a file by person."""
    if name == "csv":
        rows = csv.DictReader(io.StringIO(response.body.decode("utf-8-sig"), newline=""))
    elif name == "ndjson":
        rows = map(json.loads, response.text.splitlines())
    else:
        names, *values = openpyxl.load_workbook(io.BytesIO(response.body)).active.values
        rows = (dict(zip(names, (unescape(value) if isinstance(value, str) else value
                                 for value in row))) for row in values)
    return {row["person_id"]: row for row in rows}


def as_in_file(name, item):
    """An item as a file of this kind gives it back."""
    if name == "csv":
        return {**item, "wording_version": str(item["wording_version"]), "name": no_formula(item["name"])}
    if name == "xlsx":  # which has dates, without fractions of a second
        since = datetime.datetime.fromisoformat(item["since"].rstrip("Z"))
        return {**item, "since": since.replace(microsecond=0)}
    return item


def no_formula(text):
    return "'" + text if text[0] in "=+-@\t\r" else text


def ids(rows):
    return {row["person_id"] for row in rows}


@pytest.fixture
def person(head, make):
    person = make.person()
    consents.grant(head, person)
    return person


class TestWho:
    def test_only_with_a_live_consent_to_it(self, head, make, person):
        contact, nobody, gone = make.person(), make.person(), make.person()
        consents.grant(head, contact, "contact")
        consents.grant(head, gone)
        consents.withdraw(head, gone)
        found = ids(listed(head))
        assert person["id"] in found
        assert not found & {contact["id"], nobody["id"], gone["id"]}
        found = ids(exported(head))
        assert person["id"] in found and not found & {contact["id"], nobody["id"], gone["id"]}

    def test_an_item_says_all(self, head, person, stage):
        given = consents.records(head, person_id=person["id"])[0]
        item, = (i for i in listed(head) if i["person_id"] == person["id"])
        origin = f"http://{head.host}:{head.port}"
        assert item == {"person_id": person["id"], "name": person["name"], "email": person["email"],
                        "since": given["given_at"], "wording_version": given["wording_version"],
                        "withdrawal_url": origin + consents.link(stage, person)}
        row, = (r for r in exported(head) if r["person_id"] == person["id"])
        assert row == {**item, "wording_version": str(item["wording_version"])}
        assert list(row) == FIELDS

    def test_not_who_has_no_address(self, head, make):
        person = make.person(email=None)
        consents.grant(head, person)
        assert person["id"] not in ids(listed(head))
        email = confidential.note(f"late{make.number()}@example.org")
        assert head.patch(f"/v1/people/{person['id']}", {"email": email}, "*").status == 200
        assert person["id"] in ids(listed(head))

    def test_each_address_once(self, head, make, person):
        twin = make.person(email=person["email"].upper())
        consents.grant(head, twin)
        for found in (listed(head), exported(head)):
            assert len(ids(found) & {person["id"], twin["id"]}) == 1
        consents.withdraw(head, twin)
        assert not ids(listed(head)) & {person["id"], twin["id"]}

    def test_not_who_was_erased(self, stage, head, person):
        stage.cluster.psql("UPDATE person SET doc = json_build_object('id', id, 'erased_at', "
                           f"time_text(now())) WHERE id = '{person['id']}'")
        assert person["id"] not in ids(listed(head)) | ids(exported(head))

    def test_who_asks_by_the_form(self, head, make):
        yes, no = enquiries.send(make, True), enquiries.send(make, False)
        found = ids(listed(head))
        assert yes["person_id"] in found and no["person_id"] not in found

    def test_is_for_head_office(self, world, scoped, head):
        for role in ("ambassador", "school", "client"):
            problem(world.callers[role].get(PATH), 403, "forbidden")
        problem(scoped("people:read").get(PATH), 403, "insufficient_scope")
        assert scoped("mailing_list:read").get(f"{PATH}?limit=1").status == 200


class TestWithdrawals:
    """Each way counts in the very next export."""

    def own_account(self, head, make, world, stage):
        caller = world.people.coordinator(make.school())
        consents.grant(caller.client, caller.person)
        return caller.person, lambda: consents.withdraw(caller.client, caller.person)

    def head_office(self, head, make, world, stage):
        person = make.person()
        consents.grant(head, person)
        return person, lambda: consents.withdraw(head, person)

    def one_click_link(self, head, make, world, stage):
        made = enquiries.send(make, True)
        person = {"id": made["person_id"]}
        item, = (i for i in listed(head) if i["person_id"] == person["id"])
        path = item["withdrawal_url"].split(str(head.port), 1)[1]

        def click():
            response = Client(head.port).post(path, form={"List-Unsubscribe": "One-Click"})
            assert response.status == 200, response
        return person, click

    @pytest.mark.parametrize("way", ["own_account", "head_office", "one_click_link"])
    @pytest.mark.parametrize("read", [listed, exported])
    def test_count_at_once(self, head, make, world, stage, way, read):
        person, withdraw = getattr(self, way)(head, make, world, stage)
        assert person["id"] in ids(read(head))
        withdraw()
        assert person["id"] not in ids(read(head))
        assert consents.records(head, person_id=person["id"])[-1]["channel"] == way

    def test_count_whatever_is_granted_at_the_same_moment(self, head, make, stage):
        """The list has who the last record says it has; and once all is said, a withdrawal holds."""
        person = make.person()
        given = consents.body(head, person)
        stop = threading.Event()

        def grant():
            own = Client(head.port, head.token)
            while not stop.is_set():
                assert own.post("/v1/consent-records", given).status == 201
            own.close()

        other = threading.Thread(target=grant)
        other.start()
        try:
            for _ in range(5):
                Client(head.port).post(consents.link(stage, person))
                listed(head)
        finally:
            stop.set()
            other.join()
        last = consents.state(head, person)["marketing"]
        assert (person["id"] in ids(listed(head))) == last["live"]
        assert Client(head.port).post(consents.link(stage, person)).status == 200
        assert person["id"] not in ids(listed(head)) | ids(exported(head))


class TestForms:
    @pytest.mark.parametrize("accept, is_csv", [
        ("text/csv", True), ("application/json", False), ("*/*", False), ("text/*", True),
        ("text/csv, application/json", False), ("text/csv, */*", True),
        ("text/csv;q=0.5, application/json;q=0.4", True), ("application/*;q=0.2, text/csv;q=0.1", False),
        ("text/csv;q=0, */*", False), ("application/json;q=0.001, text/csv;q=0.002", True)])
    def test_as_accept_prefers(self, head, accept, is_csv):
        response = head.get(f"{PATH}?limit=1", headers={"Accept": accept})
        assert response.media_type == ("text/csv" if is_csv else "application/json")

    @pytest.mark.parametrize("name", ["csv", "ndjson", "xlsx"])
    def test_files_hold_the_same(self, head, person, name):
        wanted = {item["person_id"]: item for item in listed(head)}
        response = head.get(f"{PATH}?format={name}&bom=true")
        assert response.status == 200, response
        assert re.fullmatch(rf'attachment; filename="mailing-list-\d{{4}}-\d\d-\d\d\.{name}"',
                            response.header("Content-Disposition"))
        found = read_file(name, response)
        assert person["id"] in found and list(found[person["id"]]) == FIELDS
        for one, item in wanted.items():
            assert found.get(one) in (None, as_in_file(name, item))  # other tests withdraw consents

    @pytest.mark.parametrize("name", ["csv", "ndjson", "xlsx"])
    def test_columns_are_chosen(self, head, person, name):
        response = head.get(f"{PATH}?format={name}&fields=email,person_id,since")
        row = read_file(name, response)[person["id"]]
        assert list(row) == ["person_id", "email", "since"] and row["email"] == person["email"]

    @pytest.mark.parametrize("query, parameter", [
        ("format=csv&fields=telephone", "fields"), ("format=json", "format"), ("fields=email", "fields"),
        ("format=csv&cursor=abc", "cursor"), ("format=ndjson&fields=", "fields"), ("id=1", "id")])
    def test_what_cannot_be_asked(self, head, query, parameter):
        bad_parameter(head.get(f"{PATH}?{query}"), parameter)

    def test_a_file_as_accept_prefers(self, head):
        for media_type in ("application/x-ndjson", XLSX):
            response = head.get(PATH, headers={"Accept": media_type})
            assert (response.status, response.media_type) == (200, media_type)

    def test_head(self, head):
        for name in ("csv", "xlsx"):
            response = head.request("HEAD", f"{PATH}?format={name}")
            assert response.status == 200 and response.body == b""

    def test_none_other(self, head):
        problem(head.get(PATH, headers={"Accept": "text/html"}), 406, "not_acceptable")

    @pytest.mark.parametrize("name", [
        "=1+1", "+44 Ada", "-Ada", "@Ada", "\tAda", "\rAda", "Ada \"the\" Pine, MBE",
        "Ada\r\nPine", "Ada\nPine", "Zoë Ünal ✓", "'Ada", "A,B", ","])
    def test_csv_reads_back_and_is_no_formula(self, head, make, name):
        person = make.person(name=name)
        consents.grant(head, person)
        response = head.get(PATH, headers={"Accept": "text/csv"})
        rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
        found, = (row["name"] for row in rows if row["person_id"] == person["id"])
        assert found == no_formula(name)
        assert all(row[field][:1] not in "=+-@\t\r" or not row[field]
                   for row in rows for field in FIELDS)

    def test_pages(self, stage):
        with scratch_database(stage) as scratch, scratch.served(scratch.token()) as client:
            people = [client.post("/v1/people", {"name": f"Somebody {n}", "email":
                                                 f"somebody{n}@example.org"}).json for n in range(5)]
            for person in people:
                consents.grant(client, person)
            found, target = [], f"{PATH}?limit=2"
            while target:
                page = client.get(target)
                assert len(page.json["items"]) <= 2
                found += [item["person_id"] for item in page.json["items"]]
                link = page.header("Link")
                target = link and link[1:].split(">")[0]
            assert found == [person["id"] for person in people]
            assert [r["person_id"] for r in exported(client)] == found
            assert scratch.psql("SELECT count(*), count(DISTINCT recipient_id) FROM recipient") == "5|1"

    def test_more_than_is_read_at_once(self, stage, make):
        with scratch_database(stage) as scratch, scratch.served(
                scratch.token(), IQM_LIMIT_SIGN_IN=0, IQM_LIMIT_ADDRESS=0) as client:
            assert exported(client) == [] and listed(client) == []
            form = enquiries.body(make, True, **{
                f"{w['purpose']}_wording_id": w["wording_id"]
                for w in client.get("/v1/enquiry-form").json["wordings"]})
            for number in range(520):
                assert client.post(enquiries.PATH, {
                    **form, "email": f"crowd{number}@example.org"}).status == 202
            found = exported(client)
            assert {r["email"] for r in found} == {f"crowd{n}@example.org" for n in range(520)}
            assert len(found) == 520 and [r["person_id"] for r in found] == sorted(ids(found))
            assert [i["person_id"] for i in listed(client)] == [r["person_id"] for r in found]
            for name in ("ndjson", "xlsx"):
                rows = read_file(name, client.get(f"{PATH}?format={name}"))
                assert list(rows) == [r["person_id"] for r in found]
            assert scratch.psql("SELECT count(*) FROM recipient") == "520"

    @pytest.mark.parametrize("cursor", ["x", "AAAA", "AQ" * 40])
    def test_a_cursor_that_is_none(self, head, cursor):
        bad_parameter(head.get(f"{PATH}?cursor={cursor}"), "cursor")


class TestRecipients:
    def given(self, stage, person):
        rows = stage.cluster.psql("SELECT recipient_id, kind, what FROM recipient "
                                  f"WHERE person_id = '{person['id']}' ORDER BY 1, 3")
        return [tuple(row.split("|")) for row in rows.splitlines()]

    def test_who_was_given_the_list(self, stage, world, head, person):
        listed(world.officer.client)
        found = self.given(stage, person)
        assert (world.officer.account["id"], "account", "mailing_list") in found
        assert (world.people.application["id"], "client", "mailing_list") in found
        listed(head)
        assert (head.actor, "token", "mailing_list") in self.given(stage, person)

    def test_is_noted_once_with_first_and_last(self, stage, head, person):
        times = "SELECT first_at, last_at, first_at < last_at FROM recipient WHERE person_id = " \
                f"'{person['id']}' AND recipient_id = '{head.actor}' AND what = 'mailing_list'"
        listed(head)
        first = stage.cluster.psql(times).split("|")
        listed(head)
        again = stage.cluster.psql(times).split("|")
        assert again[0] == first[0] and again[2] == "t"

    @pytest.mark.parametrize("name", ["csv", "ndjson", "xlsx"])
    def test_who_was_given_a_file(self, stage, world, person, name):
        assert world.officer.client.get(f"{PATH}?format={name}&fields=person_id").status == 200
        assert (world.officer.account["id"], "account", "mailing_list") in self.given(stage, person)

    def test_not_who_was_refused(self, stage, world, person):
        for role in ("ambassador", "school", "client"):
            world.callers[role].get(PATH)
        actors = {row[0] for row in self.given(stage, person)}
        assert not actors & {world.ambassador.account["id"],
                             world.coordinators["own"].account["id"]}

    def test_a_program_that_read_the_person(self, stage, world, person):
        """Through which somebody looked."""
        assert world.officer.client.get(f"/v1/people/{person['id']}").status == 200
        wait_for(lambda: (world.people.application["id"], "client", "api")
                 in self.given(stage, person), "the note")
