"""The code of a request without signing in comes by mail, and in no other way."""

import email
import email.policy
import re
from contextlib import contextmanager

import pytest

from support import confidential
from support.client import Client
from support.places import wait_for
from support.scratch import scratch_database
from support.serving import serving
from support.smtp import mail_server

PATH = "/v1/request-verifications"


@contextmanager
def client_of(server, token=None):
    client = Client(server.port, token)
    yield client
    client.close()


@pytest.fixture
def office(stage):
    """A server that sends mail, its mail server, head office and anybody; all of its own."""
    with mail_server() as post, scratch_database(stage) as scratch, serving(
            scratch, IQM_SMTP_URL=post.url, IQM_MAIL_FROM="IQM <mail@iqm.example>",
            IQM_PUBLIC_URL="https://api.iqm.example", IQM_WORKERS=1) as server, client_of(
                server, scratch.token()) as head, client_of(server) as anyone:
        yield post, head, anyone, scratch


def code_in(post):
    """Of the first mail."""
    wait_for(lambda: post.mails, "the mail")
    text = email.message_from_bytes(post.mails[0].data, policy=email.policy.default).get_content()
    code, = re.findall(r"(?m)^ *([0-9]{8})\r?$", text)
    return code


def test_who_reads_the_mail_confirms(office, stage):
    post, head, anyone, scratch = office
    address = confidential.note(f"hildegard{stage.number()}@post.example")
    people = [head.post("/v1/people", {"name": confidential.note(f"Hildegard Briefperson{number}"),
                                       "email": address}).json for number in range(2)]
    made = anyone.post(PATH, {"email": address, "kind": "access"})
    other = anyone.post(PATH, {"email": "somebody.else@post.example", "kind": "access"})
    assert made.status == other.status == 202
    code = confidential.note(code_in(post))
    assert address in str(post.mails[0].recipients)
    assert code not in made.text and code not in scratch.psql("SELECT * FROM outbox")
    assert anyone.post(f"{PATH}/{other.json['id']}/confirmation", {"code": code}).status == 422
    assert anyone.post(f"{PATH}/{made.json['id']}/confirmation", {"code": code}).status == 200
    found = head.get("/v1/privacy-requests").json["items"]
    assert sorted(r["person_id"] for r in found) == sorted(p["id"] for p in people)
    assert len(post.mails) == 1


def test_what_was_confirmed_goes_with_the_person(office, stage):
    """And is told as long as it is there."""
    post, head, anyone, scratch = office
    address = confidential.note(f"hildegard{stage.number()}@post.example")
    person = head.post("/v1/people", {"name": confidential.note("Hildegard Briefperson"),
                                      "email": address}).json
    made = anyone.post(PATH, {"email": address, "kind": "complaint",
                              "details": confidential.note("What she said.")}).json
    code = confidential.note(code_in(post))
    assert anyone.post(f"{PATH}/{made['id']}/confirmation", {"code": code}).status == 200
    rows = scratch.psql("SELECT email_index, confirmed FROM request_verification")
    index, confirmed = rows.split("|")
    assert confirmed == "t" and scratch.psql("SELECT details FROM request_verification_person") == ""
    places = head.get(f"/v1/people/{person['id']}/personal-data").json["places"]
    assert [row["id"] for one in places if one["place"] == "request_verification"
            for row in one["rows"]] == [made["id"]]
    assert head.post(f"/v1/people/{person['id']}/erasure", {}).status == 201
    assert index not in scratch.psql("SELECT * FROM request_verification")
