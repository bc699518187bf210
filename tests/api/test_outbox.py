"""Mail: from the outbox to a mail server, whatever that one does; and what is told to nobody."""

import email
import email.header
import email.policy
import email.utils
import json
import re
import secrets
import signal
import time
from contextlib import contextmanager

import pytest

from support import confidential
from support.away import give_back, take_away
from support.client import Client
from support.metrics import metric
from support.places import wait_for
from support.scratch import scratch_database
from support.sealing import person_key, seal
from support.server import free_port
from support.serving import serving
from support.smtp import mail_server, make_certificate

FROM = "Inclusion Quality Mark <mail@iqm.example>"
LINK = "https://api.iqm.example/v1/consent-withdrawals/a1b2"
CODE = {"code": confidential.note("774-193-508"), "minutes": 30}
STOPS_WITHIN = 8  # seconds, with sanitizers


class Office:
    """A database of this module's own, with people who can be written to."""

    def __init__(self, stage, scratch, client):
        self.stage, self.scratch, self.client = stage, scratch, client

    def person(self, **members):
        number = self.stage.number()
        return self.client.post("/v1/people", {
            "name": confidential.note(f"Hildegard Briefperson{number}"),
            "email": confidential.note(f"hildegard{number}@post.example"), **members}).json

    def seal(self, person, text):
        if person is None:
            return seal(secrets.token_bytes(32), "", "outbox", "body", text)
        key = person_key(self.stage, self.scratch.keys, person["id"])
        return seal(key, person["id"], "outbox", "body", text)

    def enqueue(self, person, kind="request_code", parameters=None):
        body = self.seal(person, json.dumps(CODE if parameters is None else parameters))
        return self.put(person["id"] if person else None, kind, body)

    def put(self, person_id, kind, body):
        who = f"'{person_id}'" if person_id else "NULL"
        return self.scratch.psql(f"SELECT enqueue_mail({who}, '{kind}', '{body}')",
                                 user="iqm_server")

    def look(self, mail, columns="state, attempts, last_error"):
        return self.scratch.psql(f"SELECT {columns} FROM outbox WHERE id = '{mail}'")

    def wait_for(self, mail, wanted):
        wait_for(lambda: self.look(mail) == wanted or None, f"{wanted}, not {self.look(mail)}")

    def change(self, mail, what):
        self.scratch.psql(f"UPDATE outbox SET {what} WHERE id = '{mail}'")

    @contextmanager
    def sending(self, post=None, **settings):
        """A server that sends to a mail server."""
        settings = {"IQM_MAIL_FROM": FROM, "IQM_SMTP_URL": post.url if post else "",
                    "IQM_PUBLIC_URL": "https://api.iqm.example", "IQM_WORKERS": 1, **settings}
        with serving(self.scratch, **settings) as server:
            yield server


@pytest.fixture(scope="module")
def own_office(stage):
    with scratch_database(stage) as scratch, serving(scratch) as server:
        client = Client(server.port, scratch.token())
        yield Office(stage, scratch, client)
        client.close()


@pytest.fixture
def office(own_office):
    own_office.scratch.psql("DELETE FROM outbox")
    return own_office


@pytest.fixture
def post():
    with mail_server() as server:
        yield server


@pytest.fixture(scope="class")
def own_post():
    with mail_server() as server:
        yield server


@pytest.fixture(scope="class")
def sender(own_office, own_post):
    """One server for a class of tests that need nothing special of it."""
    with own_office.sending(own_post) as server:
        yield server


@pytest.fixture
def kind_post(own_post, sender):
    """What that server sends to, as good as new."""
    own_post.answers.clear()
    own_post.mails.clear()
    own_post.commands.clear()
    return own_post


def read(mail):
    return email.message_from_bytes(mail.data, policy=email.policy.default)


def shown_to(mail):
    """Name and address of the recipient, decoded strictly: words that are encoded follow each other
    without a space, and those between quotes are none (RFC 2047, 5 and 6.2)."""
    field, = [value for name, value in email.message_from_bytes(mail.data).items() if name == "To"]
    name, _, address = field.rpartition("<")
    name = name.rstrip()
    if name.startswith('"'):
        return re.sub(r"\\(.)", r"\1", name[1:-1]), address[:-1]
    return str(email.header.make_header(email.header.decode_header(name))), address[:-1]


def text_of(mail):
    return read(mail).get_content().replace("\r\n", "\n")


def was_asked(post):
    """Whether anybody came so far as to name a sender."""
    return any(command.startswith("MAIL") for command in post.commands)


def stop_quickly(server):
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < STOPS_WITHIN
    server.start()


class TestMessages:
    def test_arrive_whole(self, office, kind_post, sender):
        person = office.person()
        mail = office.enqueue(person)
        got, = kind_post.wait_for_mails()
        office.wait_for(mail, "sent|1|")
        line, = sender.wait_for_log(event="mail_sent", id=mail)
        assert (line["kind"], line["attempt"]) == ("request_code", 1)
        assert (got.sender, got.recipients) == ("mail@iqm.example", [person["email"]])
        assert got.greeted_as == "api.iqm.example"
        message = read(got)
        assert message["From"] == FROM
        assert message["To"] == person["email"]
        assert message["Subject"] == "Your code to confirm a request"
        assert message["Message-ID"] == f"<{mail}@api.iqm.example>"
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["MIME-Version"] == "1.0"
        assert message.get_content_type() == "text/plain"
        assert message["List-Unsubscribe"] is None
        sent = email.utils.parsedate_to_datetime(message["Date"]).timestamp()
        assert abs(sent - time.time()) < 120
        text = text_of(got)
        assert f"\n    {CODE['code']}\n" in text and "for 30 minutes" in text and "{" not in text

    def test_hold_nothing_a_mail_server_could_mind(self, office, kind_post):
        office.enqueue(office.person(name="Ærlig Ødegård " * 10), "request_refused", {
            "request": "access", "reference": "R-1", "reason": ".\r\n.\nFrom ü\r" + "wörd " * 400})
        got, = kind_post.wait_for_mails()
        assert got.data.isascii() and b"\0" not in got.data
        lines = got.data.split(b"\r\n")
        assert all(len(line) <= 78 and b"\r" not in line and b"\n" not in line for line in lines)
        assert ".\n.\nFrom ü\n" + "wörd " * 400 in text_of(got)

    def test_of_marketing_can_be_unsubscribed_from(self, office, kind_post):
        office.enqueue(office.person(), "consent_confirmation",
                       {"wording": "You may write to me about cafés.", "link": LINK})
        got, = kind_post.wait_for_mails()
        message = read(got)
        assert message["List-Unsubscribe"] == f"<{LINK}>"
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "about cafés" in text_of(got) and LINK in text_of(got)

    @pytest.mark.parametrize("name, shown", [
        ('Zoë "Zed" Ångström', None), ("O'Brien, Pat \\ Son", None), ('Plain "Quoted" Name', None),
        ("李小龍 🎉", None), ("x" * 200, None), ("é" * 200, None), ("=?UTF-8?Q?odd?=", None),
        ("A\r\nBcc: other@post.example", "A  Bcc: other@post.example"),
        ("Ä\r\n\r\nBcc: other@post.example", "Ä    Bcc: other@post.example")])
    def test_are_for_whom_they_should_be(self, office, kind_post, name, shown):
        person = office.person(name=name)
        office.enqueue(person, "consent_withdrawn", {})
        got, = kind_post.wait_for_mails()
        assert got.recipients == [person["email"]]
        message = read(got)
        assert message["Bcc"] is None
        assert shown_to(got) == (shown or name, person["email"])

    @pytest.mark.parametrize("kind, parameters", [
        ("request_code", CODE), ("enquiry_received", {}),
        ("consent_confirmation", {"wording": "You may.", "link": LINK})])
    def test_that_anybody_can_have_sent_name_nobody(self, office, kind_post, kind, parameters):
        person = office.person(name="WIN NOW https://evil.example")
        office.enqueue(person, kind, parameters)
        got, = kind_post.wait_for_mails()
        assert shown_to(got) == ("", person["email"]) and b"WIN NOW" not in got.data

    def test_name_dates_as_people_do(self, office, kind_post):
        office.enqueue(office.person(), "request_received",
                       {"request": "access", "reference": "R-7", "due_on": "2026-03-09"})
        got, = kind_post.wait_for_mails()
        assert "by 9 March 2026 at the latest" in text_of(got)

    @pytest.mark.parametrize("kind, parameters, error", [
        ("no_such_kind", {}, "unknown_kind"), ("request_code", {"code": "1"}, "bad_parameters"),
        ("request_code", {"code": "1", "minutes": [30]}, "bad_parameters"),
        ("request_code", [], "bad_parameters"),
        ("request_received", {"request": "a", "reference": "b", "due_on": "soon"}, "bad_parameters"),
        ("consent_confirmation", {"wording": "w", "link": "https://a.example/>\r\nBcc: b"},
         "bad_parameters"),
        ("consent_confirmation", {"wording": "w", "link": "mailto:a@b.example"}, "bad_parameters")])
    def test_that_cannot_be_written_are_given_up(self, office, kind_post, kind, parameters, error):
        mail = office.enqueue(office.person(), kind, parameters)
        office.wait_for(mail, f"failed|1|{error}")
        assert not was_asked(kind_post)

    def test_to_who_has_no_address_are_given_up(self, office, kind_post):
        mail = office.enqueue(office.person(email=None))
        office.wait_for(mail, "failed|1|no_address")
        assert not was_asked(kind_post)

    def test_that_do_not_open_are_given_up(self, office, kind_post):
        mail = office.put(office.person()["id"], "request_code", office.seal(None, "{}"))
        office.wait_for(mail, "failed|1|not_opened")
        assert not was_asked(kind_post)

    def test_to_who_has_no_key_any_more_are_given_up(self, office, kind_post):
        person = office.person()
        office.stage.cluster.psql(f"DELETE FROM person_key WHERE person_id = '{person['id']}'",
                                  database=office.scratch.keys)
        mail = office.put(person["id"], "request_code", office.seal(None, "{}"))
        office.wait_for(mail, "failed|1|key_gone")

    def test_to_nobody_are_nothing(self, office, kind_post):
        mail = office.enqueue(None)
        assert office.look(mail) == "void|0|"
        office.enqueue(office.person())
        kind_post.wait_for_mails()
        assert len(kind_post.mails) == 1 and office.look(mail) == "void|0|"


class TestRefusals:
    @pytest.mark.parametrize("command", ["RCPT", "DATA", "."])
    def test_for_good_are_taken_at_their_word(self, office, kind_post, sender, command):
        person = office.person()
        kind_post.answers[command] = f"550 5.1.1 <{person['email']}> is nobody"
        mail = office.enqueue(person)
        office.wait_for(mail, "failed|1|refused")
        line, = sender.wait_for_log(event="mail_failed", id=mail)
        assert (line["reply"], line["reason"]) == (550, "refused")
        assert kind_post.mails == []

    @pytest.mark.parametrize("command", ["RCPT", "DATA", "."])
    def test_for_now_are_tried_again_later(self, office, kind_post, command):
        kind_post.answers[command] = "451 4.7.1 Greylisted"
        mail = office.enqueue(office.person())
        office.wait_for(mail, "waiting|1|put_off")
        pause = float(office.look(mail, "extract(epoch FROM not_before - now())"))
        assert 30 < pause < 75
        office.change(mail, "not_before = now()")
        office.wait_for(mail, "waiting|2|put_off")
        pause = float(office.look(mail, "extract(epoch FROM not_before - now())"))
        assert 80 < pause < 145
        del kind_post.answers[command]
        office.change(mail, "not_before = now()")
        office.wait_for(mail, "sent|3|")
        assert len(kind_post.mails) == 1

    def test_for_now_come_to_an_end(self, office, kind_post):
        kind_post.answers["RCPT"] = "452 4.2.2 Full"
        mail = office.enqueue(office.person())
        office.change(mail, "attempts = 11")
        office.wait_for(mail, "failed|12|put_off")

    @pytest.mark.parametrize("command, answer, error", [
        ("MAIL", "550 5.7.1 Not from you", "sender_refused"), ("", "554 5.3.2 Not today", "broken_off"),
        ("RCPT", "421 4.3.2 Shutting down", "broken_off")])
    def test_of_ourselves_cost_no_mail_an_attempt(self, office, kind_post, sender, command, answer,
                                                  error):
        kind_post.answers[command] = answer
        mail = office.enqueue(office.person())
        office.wait_for(mail, f"waiting|0|{error}")
        assert sender.wait_for_log(event="mail_waits", id=mail)[0]["reason"] == error
        del kind_post.answers[command]
        office.wait_for(mail, "sent|1|")

    def test_of_one_hold_up_no_other(self, office, kind_post):
        kind_post.answers["."] = "451 4.3.0 Not this one"
        first = office.enqueue(office.person())
        office.wait_for(first, "waiting|1|put_off")
        kind_post.answers.clear()
        office.wait_for(office.enqueue(office.person()), "sent|1|")


class TestAMailServer:
    def test_that_is_down_is_waited_for(self, office):
        port = free_port()
        with office.sending(IQM_SMTP_URL=f"smtp://127.0.0.1:{port}") as server:
            mail = office.enqueue(office.person())
            office.wait_for(mail, "waiting|0|no_connection")
            assert server.wait_for_log(event="mail_waits")
            with mail_server(port=port) as post:
                office.wait_for(mail, "sent|1|")
                assert len(post.mails) == 1

    def test_that_is_not_there_leaves_mail_waiting(self, office):
        mail = office.enqueue(office.person())
        with office.sending() as server:
            wait_for(lambda: metric(server, "iqm_mail_waiting") == 1, "the metric", 30)
            assert office.look(mail) == "waiting|0|"
            assert server.find_log(event="mail_waits") == []

    @pytest.mark.parametrize("command", ["", "EHLO", "MAIL", "RCPT", "DATA", "."])
    def test_that_hangs_is_left(self, office, post, command):
        post.hangs.add(command)
        with office.sending(post, IQM_SMTP_TIMEOUT=1):
            mail = office.enqueue(office.person())
            office.wait_for(mail, "waiting|0|timed_out")
            post.hangs.clear()
            office.wait_for(mail, "sent|1|")

    @pytest.mark.parametrize("answers, wanted", [
        ({}, "sent|1|"), ({"RCPT": "550 5.1.1 Who?"}, "failed|1|refused")])
    def test_need_not_say_goodbye(self, office, post, answers, wanted):
        post.hangs.add("QUIT")
        post.answers.update(answers)
        with office.sending(post):
            mail = office.enqueue(office.person())
            office.wait_for(mail, wanted)

    @pytest.mark.parametrize("command", ["", "RCPT", ".", "QUIT"])
    def test_that_hangs_holds_nobody_up(self, office, post, command):
        post.hangs.add(command)
        with office.sending(post) as server:
            office.enqueue(office.person())
            assert post.hanging.wait(20)
            client = Client(server.port)
            wait_for(lambda: client.get("/readyz").status == 200, "the worker's database")
            client.close()
            stop_quickly(server)

    def test_that_stays_silent_until_we_stop_gets_the_mail_later(self, office, post):
        post.hangs.add("MAIL")
        mail = office.enqueue(office.person())
        with office.sending(post):
            assert post.hanging.wait(20)
        assert office.look(mail) == "waiting|0|interrupted"
        post.hangs.clear()
        with office.sending(post):
            office.wait_for(mail, "sent|1|")


class TestKeys:
    def test_that_are_away_are_waited_for(self, office, post):
        person = office.person()
        body = office.seal(person, json.dumps(CODE))
        with office.sending(post):
            take_away(office.stage.cluster, office.scratch.keys)
            try:
                mail = office.put(person["id"], "request_code", body)
                office.wait_for(mail, "waiting|0|keys_away")
            finally:
                give_back(office.stage.cluster, office.scratch.keys)
            office.wait_for(mail, "sent|1|")


class TestLeases:
    def test_outlive_a_process_that_is_killed(self, office, post):
        post.hangs.add(".")
        with office.sending(post) as server:
            mail = office.enqueue(office.person())
            assert post.hanging.wait(20)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait(20)
            post.hangs.clear()
            server.start()
            office.wait_for(office.enqueue(office.person()), "sent|1|")
            assert office.look(mail) == "waiting|1|"
            left = float(office.look(mail, "extract(epoch FROM not_before - now())"))
            assert 0 < left <= 120
            office.change(mail, "not_before = now()")
            office.wait_for(mail, "sent|2|")
        assert [read(got)["Message-ID"] for got in post.mails].count(
            f"<{mail}@api.iqm.example>") == 1

    def test_give_each_mail_to_one_instance(self, office, post):
        people = [office.person() for _ in range(5)]
        with office.sending(post) as one, office.sending(post) as two:
            mails = {office.enqueue(person) for _ in range(10) for person in people}
            post.wait_for_mails(50)
            wait_for(lambda: office.scratch.psql(
                "SELECT count(*) FROM outbox WHERE state = 'sent' AND attempts = 1") == "50", "all")

            def sent():
                return [{line["id"] for line in server.find_log(event="mail_sent")} for server in (one, two)]
            # Each is told only after it was entered.
            wait_for(lambda: mails == set.union(*sent()), "the last lines of both logs")
            first, second = sent()
        assert len(post.mails) == 50
        assert not first & second

    def test_of_an_attempt_that_is_over_settle_nothing(self, office):
        mail = office.enqueue(office.person())
        take = "SELECT attempt FROM take_mail(60)"
        assert office.scratch.psql(take, user="iqm_server") == "1"
        assert office.scratch.psql(take, user="iqm_server") == ""
        office.change(mail, "not_before = now()")
        assert office.scratch.psql(take, user="iqm_server") == "2"
        settle = f"SELECT settle_mail('{mail}', %d, '%s', NULL)"
        assert office.scratch.psql(settle % (1, "failed"), user="iqm_server") == ""
        assert office.scratch.psql(settle % (2, "sent"), user="iqm_server") == "sent"
        assert office.scratch.psql(settle % (2, "sent"), user="iqm_server") == ""


class TestKeeping:
    def tend(self, office):
        return office.scratch.psql("SELECT tend_outbox()", user="iqm_server")

    def test_ends_after_thirty_days(self, office):
        person = office.person()
        mails = {state: office.enqueue(person) for state in ("waiting", "failed", "sent")}
        mails["void"] = office.enqueue(None)
        office.change(mails["failed"], "state = 'failed'")
        office.change(mails["sent"], "state = 'sent', sent_at = now(), body = NULL")
        assert self.tend(office) == "1"
        sweep = "SELECT rows FROM delete_due('mail', 'outbox', 10)"
        office.scratch.psql("UPDATE outbox SET not_before = now() - interval '29 days'")
        assert office.scratch.psql(sweep, user="iqm_server") == "0"
        office.scratch.psql("UPDATE outbox SET not_before = now() - interval '31 days'")
        assert office.scratch.psql(sweep, user="iqm_server") == "3"
        assert office.scratch.psql("SELECT id FROM outbox") == mails["waiting"]

    def test_gives_up_what_waits_in_vain(self, office):
        old, doomed = office.enqueue(office.person()), office.enqueue(office.person())
        office.change(old, "created_at = now() - interval '121 hours'")
        office.change(doomed, "attempts = 12")
        assert self.tend(office) == "0"
        assert office.look(old) == "failed|0|too_late"
        assert office.look(doomed) == "failed|12|never_ended"

    def test_is_never_of_what_is_clear(self, office):
        person = office.person()
        done = office.scratch.psql(f"SELECT enqueue_mail('{person['id']}', 'request_code', '{{}}')",
                                   user="iqm_server", check=False)
        assert "outbox_body_check" in done.stderr
        office.enqueue(person)
        row = office.scratch.psql("SELECT o::text FROM outbox AS o")
        assert confidential.found_in(row) == [] and CODE["code"] not in row

    def test_leaves_no_body_of_what_was_sent(self, office, post):
        mail = office.enqueue(office.person())
        with office.sending(post):
            office.wait_for(mail, "sent|1|")
        assert office.look(mail, "body IS NULL, sent_at IS NOT NULL") == "t|t"

    def test_ends_with_the_person(self, office):
        person = office.person()
        mail = office.enqueue(person)
        assert office.client.delete(f"/v1/people/{person['id']}", "*").status == 204
        assert office.look(mail) == ""


class TestEncryption:
    @pytest.fixture(scope="class")
    def certificate(self, tmp_path_factory):
        return make_certificate(tmp_path_factory.mktemp("tls"))

    @pytest.mark.parametrize("implicit", [False, True])
    def test_comes_before_the_password(self, office, certificate, implicit):
        tls, authorities = certificate
        password = confidential.note("four lazy otters")
        with mail_server(tls=tls, implicit_tls=implicit, accounts={"iqm": password}) as post:
            with office.sending(post, IQM_SMTP_TLS="required", IQM_SMTP_AUTHORITIES=authorities,
                                IQM_SMTP_USER="iqm", IQM_SMTP_PASSWORD=password):
                office.wait_for(office.enqueue(office.person()), "sent|1|")
            got, = post.mails
            assert got.secure and got.user == "iqm"

    def test_is_not_given_up_when_required(self, office, post):
        with office.sending(post, IQM_SMTP_TLS="required"):
            office.wait_for(office.enqueue(office.person()), "waiting|0|tls_failed")
        assert not was_asked(post)

    @pytest.mark.parametrize("implicit", [False, True])
    def test_with_a_stranger_is_none(self, office, certificate, implicit):
        with mail_server(tls=certificate[0], implicit_tls=implicit) as post:
            with office.sending(post, IQM_SMTP_TLS="required"):
                office.wait_for(office.enqueue(office.person()), "waiting|0|tls_failed")
            assert not was_asked(post)

    @pytest.mark.parametrize("offered", [False, True])
    def test_is_taken_where_it_is_offered(self, office, certificate, offered):
        with mail_server(tls=certificate[0] if offered else None) as post:
            with office.sending(post, IQM_SMTP_TLS="opportunistic"):
                office.wait_for(office.enqueue(office.person()), "sent|1|")
            assert post.mails[0].secure == offered

    def test_is_not_asked_of_this_machine(self, office, certificate):
        with mail_server(tls=certificate[0]) as post:
            with office.sending(post):
                office.wait_for(office.enqueue(office.person()), "sent|1|")
            assert not post.mails[0].secure

    def test_does_not_help_a_wrong_password(self, office, certificate):
        tls, authorities = certificate
        with mail_server(tls=tls, accounts={"iqm": "right"}) as post:
            with office.sending(post, IQM_SMTP_TLS="required", IQM_SMTP_AUTHORITIES=authorities,
                                IQM_SMTP_USER="iqm", IQM_SMTP_PASSWORD="wrong one"):
                office.wait_for(office.enqueue(office.person()), "waiting|0|sign_in_refused")
            assert post.mails == []


@pytest.mark.parametrize("name, settings", [
    ("IQM_SMTP_URL", {"IQM_SMTP_URL": "mail.example"}),
    ("IQM_SMTP_URL", {"IQM_SMTP_URL": "http://mail.example"}),
    ("IQM_SMTP_URL", {"IQM_SMTP_URL": "smtp://"}),
    ("IQM_SMTP_URL", {"IQM_SMTP_URL": "smtp://user:secret@mail.example"}),
    ("IQM_SMTP_URL", {"IQM_SMTP_URL": "smtp://mail.example/path"}),
    ("IQM_SMTP_TLS", {"IQM_SMTP_TLS": "yes"}),
    ("IQM_SMTP_TLS", {"IQM_SMTP_TLS": "off", "IQM_SMTP_URL": "smtps://mail.example"}),
    ("IQM_SMTP_USER", {"IQM_SMTP_USER": "me", "IQM_SMTP_TLS": "opportunistic"}),
    ("IQM_SMTP_USER", {"IQM_SMTP_USER": "me", "IQM_SMTP_TLS": "off"}),
    ("IQM_MAIL_FROM", {"IQM_MAIL_FROM": ""}), ("IQM_MAIL_FROM", {"IQM_MAIL_FROM": "somebody"}),
    ("IQM_MAIL_FROM", {"IQM_MAIL_FROM": "A <a@b.example"}),
    ("IQM_MAIL_FROM", {"IQM_MAIL_FROM": "A\r\nB <a@b.example>"}),
    ("IQM_MAIL_FROM", {"IQM_MAIL_FROM": "A" * 300 + " <a@b.example>"}),
    ("IQM_SMTP_TIMEOUT", {"IQM_SMTP_TIMEOUT": "0"})])
def test_settings_that_make_no_sense_are_told(stage, name, settings):
    good = {"IQM_SMTP_URL": "smtp://mail.example", "IQM_MAIL_FROM": FROM}
    done = stage.iqmd("serve", settings={**good, **settings}, check=False)
    assert done.returncode == 2 and name in done.stderr and "secret" not in done.stderr
