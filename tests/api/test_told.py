"""What people are told by mail: about their requests, their consents and their enquiries, in the
transaction that is the reason, sent by a real mail server; and what nobody can have sent to others."""

import email
import email.policy
import re

import pytest

from support import confidential, consents, enquiries
from support.client import Client
from support.places import wait_for
from support.resources import Maker
from support.scratch import scratch_database
from support.serving import serving
from support.smtp import mail_server

REQUESTS = "/v1/privacy-requests"
PUBLIC = "/v1/request-verifications"
WORDS = {"access": "access to your data", "rectification": "correction of your data",
         "erasure": "erasure of your data", "objection": "objection to how we use your data",
         "complaint": "complaint about how we use your data"}
RECEIVED = "We have received your request"
CODE = "Your code to confirm a request"
ENQUIRED = "We have received your enquiry"
AGREED = "You have agreed to hear from us"
WITHDRAWN = "You will not hear from us any more"


class Office:
    """A server that sends mail, and a mail server that takes it."""

    def __init__(self, stage, scratch, server, post):
        self.stage, self.scratch, self.server, self.post = stage, scratch, server, post
        self.head = Client(server.port, scratch.token())
        self.make = Maker(self.head, stage.number)

    def anyone(self):
        return Client(self.server.port)

    def told(self, address, *subjects):
        """The mails to an address once there are these, in their order: subject and text."""
        self.post.wait_for_mails(len(subjects))
        self.wait_until_sent()
        mails = [email.message_from_bytes(mail.data, policy=email.policy.default)
                 for mail in self.post.mails if mail.recipients == [address]]
        assert sorted(mail["Subject"] for mail in mails) == sorted(subjects)
        return {mail["Subject"]: (mail, mail.get_content().replace("\r\n", "\n"))
                for mail in mails}

    def wait_until_sent(self):
        wait_for(lambda: self.outbox("waiting") == "0", "all mail to be sent")
        assert self.outbox("failed") == "0"

    def outbox(self, state):
        return self.scratch.psql(f"SELECT count(*) FROM outbox WHERE state = '{state}'",
                                 user="postgres")

    def step(self, request, step, **body):
        done = self.head.post(f"{REQUESTS}/{request['id']}/{step}", body, headers={"If-Match": "*"})
        assert done.status == 200, done
        return done.json


@pytest.fixture(scope="module")
def own_office(stage):
    with scratch_database(stage) as scratch, mail_server() as post, serving(
            scratch, IQM_SMTP_URL=post.url, IQM_MAIL_FROM="IQM <mail@iqm.example>",
            IQM_PUBLIC_URL="https://api.iqm.example") as server:
        yield Office(stage, scratch, server, post)


@pytest.fixture
def office(own_office):
    own_office.post.mails.clear()
    own_office.scratch.psql("DELETE FROM outbox", user="postgres")
    return own_office


def day_in_words(date):
    year, month, day = map(int, date.split("-"))
    months = ("January February March April May June July August September October November "
              "December").split()
    return f"{day} {months[month - 1]} {year}"


class TestRequests:
    @pytest.mark.parametrize("kind", WORDS)
    def test_on_behalf_of_somebody(self, office, kind):
        person = office.make.person()
        request = office.make.privacy_request(person_id=person["id"], kind=kind)
        mail, text = office.told(person["email"], RECEIVED)[RECEIVED]
        assert mail["To"] == f"{person['name']} <{person['email']}>"
        assert WORDS[kind] in text and request["id"] in text
        assert f"by {day_in_words(request['due_on'])} at the latest" in text

    def test_at_each_step(self, office):
        person = office.make.person()
        request = office.make.privacy_request(person_id=person["id"], kind="access")
        office.step(request, "pause", reason="clarification", question="Which year do you mean?")
        office.step(request, "resume")
        extended = office.step(request, "extend", extension_reason="There are very many papers.")
        office.step(request, "complete", outcome="Sent by post.")
        told = office.told(person["email"], RECEIVED, "Your request will take us longer",
                           "We need something from you to answer your request",
                           "Your request has been carried out")
        assert "\n\nWhich year do you mean?\n\n" in told[
            "We need something from you to answer your request"][1]
        longer = told["Your request will take us longer"][1]
        assert "\n\nThere are very many papers.\n\n" in longer
        assert day_in_words(extended["due_on"]) in longer
        assert all(request["id"] in text for _, text in told.values())

    def test_when_refused(self, office):
        person = office.make.person()
        request = office.make.privacy_request(person_id=person["id"], kind="erasure")
        office.step(request, "refuse", ground="excessive", explanation="You asked ten times.")
        told = office.told(person["email"], RECEIVED, "Our answer to your request")
        assert "\n\nYou asked ten times.\n\n" in told["Our answer to your request"][1]

    def test_nothing_where_nothing_was_done(self, office):
        """Refused by a rule, by a version, or as unknown."""
        request = office.make.privacy_request(kind="access")
        path = f"{REQUESTS}/{request['id']}"
        office.wait_until_sent()
        office.scratch.psql("DELETE FROM outbox", user="postgres")
        for step, body, match, status in (
                ("pause", {"reason": "identity", "question": "Who?"}, '"7"', 412),
                ("refuse", {"ground": "legal_hold", "explanation": "Held."}, "*", 409),
                ("resume", {}, "*", 409)):
            refused = office.head.post(f"{path}/{step}", body, headers={"If-Match": match})
            assert refused.status == status, refused
        assert office.scratch.psql("SELECT count(*) FROM outbox", user="postgres") == "0"

    def test_who_has_no_address_is_told_nothing(self, office):
        person = office.make.person(email=None)
        request = office.make.privacy_request(person_id=person["id"])
        office.step(request, "complete", outcome="Told by telephone.")
        assert office.scratch.psql("SELECT DISTINCT state FROM outbox", user="postgres") == "void"

    def test_who_is_erased_is_told_nothing_more(self, office):
        person = office.make.person()
        request = office.make.privacy_request(person_id=person["id"], kind="erasure")
        office.told(person["email"], RECEIVED)
        done = office.head.post(f"/v1/people/{person['id']}/erasure", {"request_id": request["id"]})
        assert done.status == 201
        office.step(request, "complete")
        assert office.scratch.psql("SELECT count(*) FROM outbox WHERE state <> 'void'",
                                   user="postgres") == "0"
        assert len(office.post.mails) == 1

    def test_in_public(self, office):
        """With the code that is mailed; of several with the address one is told, once."""
        person = office.make.person()
        office.make.person(email=person["email"].upper())
        asked = office.anyone().post(PUBLIC, {"email": person["email"], "kind": "objection"})
        assert asked.status == 202
        code, = re.findall(r"\n    (\d{8})\n", office.told(person["email"], CODE)[CODE][1])
        wrong = office.anyone().post(f"{PUBLIC}/{asked.json['id']}/confirmation",
                                     {"code": "00000000"})
        assert wrong.status == 422 or wrong.status == 403, wrong
        right = office.anyone().post(f"{PUBLIC}/{asked.json['id']}/confirmation", {"code": code})
        assert right.status == 200, right
        _, text = office.told(person["email"], CODE, RECEIVED)[RECEIVED]
        reference, = re.findall(r"Our reference is ([0-9a-f-]{36})\.", text)
        request = office.head.get(f"{REQUESTS}/{reference}").json
        assert (request["person_id"], request["kind"]) == (person["id"], "objection")
        assert WORDS["objection"] in text and day_in_words(request["due_on"]) in text

    def test_in_public_by_nobody(self, office):
        """An address that nobody has: all is done but the mail."""
        asked = office.anyone().post(PUBLIC, {"email": "nobody@example.org", "kind": "access"})
        refused = office.anyone().post(f"{PUBLIC}/{asked.json['id']}/confirmation",
                                       {"code": "20761234"})
        assert asked.status == 202 and refused.status in (403, 422)
        assert office.scratch.psql("SELECT state FROM outbox", user="postgres") == "void"
        assert office.post.mails == []


class TestConsent:
    def test_is_confirmed_with_a_link_that_ends_it(self, office):
        person = office.make.person()
        wording = consents.in_force(office.head)["marketing"]["text"]
        consents.grant(office.head, person, note=confidential.note("He said it by telephone."))
        mail, text = office.told(person["email"], AGREED)[AGREED]
        assert f"\n\n{wording}\n\n" in text
        link, = re.findall(r"\n(https://api\.iqm\.example/v1/consent-withdrawals/\S+)\n", text)
        assert mail["List-Unsubscribe"] == f"<{link}>"
        path = link.removeprefix("https://api.iqm.example")
        done = office.anyone().post(path, form={"List-Unsubscribe": "One-Click"})
        assert done.status == 200, done
        assert not consents.state(office.head, person)["marketing"]["live"]
        again = office.anyone().post(path, form={"List-Unsubscribe": "One-Click"})
        assert again.status == 200
        office.told(person["email"], AGREED, WITHDRAWN)

    def test_withdrawn_is_told_once(self, office):
        person = office.make.person()
        consents.grant(office.head, person)
        consents.withdraw(office.head, person)
        consents.withdraw(office.head, person)
        office.told(person["email"], AGREED, WITHDRAWN)

    def test_never_given_is_not_withdrawn(self, office):
        consents.withdraw(office.head, office.make.person())
        assert office.scratch.psql("SELECT count(*) FROM outbox", user="postgres") == "0"

    def test_to_be_contacted_is_no_marketing(self, office):
        person = office.make.person()
        consents.grant(office.head, person, "contact")
        consents.withdraw(office.head, person, "contact")
        assert office.scratch.psql("SELECT count(*) FROM outbox", user="postgres") == "0"

    def test_refused_is_not_told(self, office):
        person = office.make.person()
        body = consents.body(office.head, person)
        contact = consents.in_force(office.head)["contact"]["wording_id"]
        refused = office.head.post("/v1/consent-records", {**body, "wording_id": contact})
        assert refused.status == 422
        assert office.scratch.psql("SELECT count(*) FROM outbox", user="postgres") == "0"


class TestEnquiries:
    def send(self, office, **members):
        sent = office.anyone().post("/v1/enquiries", enquiries.body(office.make, **members))
        assert sent.status == 202, sent

    def test_are_received(self, office):
        address = confidential.note(f"asks{office.stage.number()}@example.org")
        self.send(office, email=address)
        mail, text = office.told(address, ENQUIRED)[ENQUIRED]
        assert mail["To"] == address and "in touch with you" in text

    def test_with_consent_to_marketing(self, office):
        address = confidential.note(f"agrees{office.stage.number()}@example.org")
        self.send(office, email=address, marketing=True)
        mail, text = office.told(address, ENQUIRED, AGREED)[AGREED]
        assert consents.in_force(office.head)["marketing"]["text"] in text
        assert mail["List-Unsubscribe"].startswith("<https://api.iqm.example/v1/consent-")

    def test_mail_an_address_once_a_day(self, office):
        """In whatever case it is written, and with whatever name: neither is the form's to spread."""
        address = confidential.note(f"flooded{office.stage.number()}@example.org")
        for written in (address, address.upper(), address, address):
            self.send(office, email=written, marketing=True, name="BUY NOW https://evil.example")
        told = office.told(address, ENQUIRED, AGREED)
        assert all(b"BUY NOW" not in mail.as_bytes() for mail, _ in told.values())
        assert office.outbox("void") == "6"
        office.scratch.psql("UPDATE outbox SET created_at = created_at - interval '25 hours'",
                            user="postgres")
        self.send(office, email=address)
        office.wait_until_sent()
        assert len(office.post.mails) == 3

    def test_with_a_consent_of_elsewhere_count_together(self, office):
        person = office.make.person()
        consents.grant(office.head, person)
        office.told(person["email"], AGREED)
        self.send(office, email=person["email"], marketing=True)
        office.told(person["email"], AGREED, ENQUIRED)


def test_nothing_of_it_is_clear_in_the_outbox(office):
    office.post.answers["MAIL"] = "451 4.3.2 Later"
    try:
        person = office.make.person()
        request = office.make.privacy_request(person_id=person["id"])
        consents.grant(office.head, person)
        office.step(request, "pause", reason="identity", question="Who is it that asks?")
        bodies = office.scratch.psql("SELECT body FROM outbox WHERE state = 'waiting'",
                                     user="postgres").splitlines()
        assert len(bodies) == 3 and all(body.startswith("~1.") for body in bodies)
    finally:
        office.post.answers.clear()
