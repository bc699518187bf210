"""What must not work at the OAuth endpoints, each with the exact answer."""

import base64
import ctypes
import ctypes.util
import hashlib
import pathlib
import re
import secrets
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.away import without_database
from support.client import Client, send_raw
from support.people import REDIRECT, SignIn, newest_session, query_of, send_form, token_in
from support.places import wait_for

CHALLENGE = 'Basic realm="iqm"'
WRONG = "The e-mail address or the password is not right."
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
TRIES_OF_PLACE = 10  # with one name, at once
TRIES_WITH_NAME = 20  # from everywhere, at once


@pytest.fixture(scope="session")
def app(people):
    return people.app()


@pytest.fixture(scope="session")
def backend(people):
    return people.app("confidential")


@pytest.fixture(scope="session")
def loopback(people):
    """A client on the person's own machine."""
    return people.app(redirect_uris=["http://127.0.0.1/back"])


@pytest.fixture(scope="session")
def person(people):
    return people.person("head_office")


def refused(answer, status, error):
    """As RFC 6749, 5.2 has it."""
    assert (answer.status, answer.media_type) == (status, "application/json"), answer
    assert answer.json["error"] == error, answer.json
    assert set(answer.json) == {"error", "error_description"}
    assert answer.header("Cache-Control") == "no-store"
    assert answer.header("WWW-Authenticate") == (CHALLENGE if status == 401 else None)


def sent_back(answer, error, sign_in):
    """A redirect to the registered address that says what is wrong, and nothing else."""
    assert answer.status == 303, answer
    where, query = query_of(answer.header("Location"))
    assert where == sign_in.redirect
    assert query.pop("error_description")
    assert query == {"error": error, "state": sign_in.query["state"], "iss": sign_in.origin}


def page(answer, status):
    """A page for the person, and no redirect."""
    assert (answer.status, answer.media_type) == (status, "text/html"), answer
    assert answer.header("Location") is None
    return answer


class TestClientAndRedirect:
    @pytest.mark.parametrize("client_id", [None, "", "nobody", UNKNOWN_ID, UNKNOWN_ID + "'--",
                                           "x" * 101])
    def test_unknown_client(self, app, anyone, client_id):
        page(SignIn(anyone, app, client_id=client_id).page(), 400)

    @pytest.mark.parametrize("uri", [
        REDIRECT + "/", REDIRECT + "x", REDIRECT[:-1], REDIRECT + "?a=b", REDIRECT + "#here",
        REDIRECT + "/../signed-in", REDIRECT.replace("signed", "Signed"), REDIRECT.upper(),
        REDIRECT.replace("https", "http"), REDIRECT.replace("app.", "app.example."),
        REDIRECT.replace("//app", "//user@app"), REDIRECT.replace(".example", ".example:443"),
        REDIRECT.replace("app.example", "app.example.evil.example"),
        REDIRECT.replace("app.example", "evil.example\\@app.example"),
        REDIRECT.replace("/s", "/%73"), REDIRECT.replace("/s", "%2Fs"), REDIRECT + "%00",
        REDIRECT + "\r\nX-Evil: 1", " " + REDIRECT, REDIRECT + " ", "//app.example/signed-in",
        "/signed-in", "javascript:alert(1)", "data:text/html,x", "https://evil.example/",
        REDIRECT + " https://evil.example/", "x" * 601])
    def test_redirect_that_is_not_registered(self, app, anyone, uri):
        page(SignIn(anyone, app, redirect_uri=uri).page(), 400)

    @pytest.mark.parametrize("uri", [
        "http://127.0.0.1:1234/other", "http://127.0.0.1:/back", "http://127.0.0.1:0/back",
        "http://127.0.0.1:65536/back", "http://127.0.0.1:01/back", "http://127.0.0.1:1x/back",
        "http://127.0.0.1:99999999999999999999/back", "http://127.0.0.1:1@evil.example/back",
        "http://127.0.0.1.evil.example/back", "http://127.0.0.2:1/back", "http://[::1]:1/back",
        "https://127.0.0.1:1/back", "http://localhost:1/back", "http://127.0.0.1:1/back/",
        "http://127.0.0.1:1/back?x=y", "http://127.1:1/back"])
    def test_of_a_loopback_address_only_the_port_varies(self, loopback, anyone, uri):
        page(SignIn(anyone, loopback, redirect_uri=uri).page(), 400)

    def test_ports_of_other_hosts_do_not_vary(self, people, anyone):
        app = people.app(redirect_uris=["https://app.example:8443/a", "http://localhost:5000/a",
                                        "org.example.app:/a"])
        for uri in ("https://app.example:8444/a", "https://app.example/a",
                    "http://localhost:5001/a", "org.example.app:1/a"):
            page(SignIn(anyone, app, redirect_uri=uri).page(), 400)
        assert SignIn(anyone, app, redirect="http://localhost:5000/a").page().status == 200

    def test_which_of_two_must_be_said(self, people, anyone):
        app = people.app(redirect_uris=[REDIRECT, REDIRECT + "2"])
        page(SignIn(anyone, app, redirect_uri=None).page(), 400)

    def test_a_client_without_redirects_signs_nobody_in(self, people, anyone):
        app = people.app("confidential", redirect_uris=[])
        page(SignIn(anyone, app, redirect_uri=None, redirect="x").page(), 400)
        page(SignIn(anyone, app, redirect=REDIRECT).page(), 400)

    def test_a_parameter_that_is_repeated_goes_nowhere(self, app, anyone):
        sign_in = SignIn(anyone, app, scope="schools:read")
        for name, value in (("redirect_uri", "https://evil.example/"), ("client_id", app.id),
                            ("state", "other"), ("scope", "people:read")):
            target = f"{sign_in.target}&{name}={urllib.parse.quote(value)}"
            page(anyone.get(target), 400)

    @pytest.mark.parametrize("text", ["%00", "%ff", "%zz", "%c0%af", "%ed%a0%80"])
    def test_text_that_is_none(self, app, anyone, text):
        page(anyone.get(SignIn(anyone, app, state=None).target + "&state=" + text), 400)

    def test_the_same_holds_for_the_form(self, people, app, anyone, person):
        good = token_in(SignIn(anyone, app).page())
        for changes in ({"client_id": UNKNOWN_ID}, {"redirect_uri": "https://evil.example/"}):
            answer = SignIn(anyone, app, **changes).send(
                person.email, person.password, form_token=good)
            page(answer, 400)


class TestRequest:
    @pytest.mark.parametrize("error, changes", [
        ("invalid_request", {"response_type": None}), ("invalid_request", {"response_type": ""}),
        ("unsupported_response_type", {"response_type": "token"}),
        ("unsupported_response_type", {"response_type": "code token"}),
        ("invalid_request", {"code_challenge": None}), ("invalid_request", {"code_challenge": ""}),
        ("invalid_request", {"code_challenge": "A" * 42}),
        ("invalid_request", {"code_challenge": "A" * 44}),
        ("invalid_request", {"code_challenge": "A" * 129}),
        ("invalid_request", {"code_challenge": "A" * 42 + "="}),
        ("invalid_request", {"code_challenge": "A" * 42 + "~"}),
        ("invalid_request", {"code_challenge": "é" + "A" * 42}),
        ("invalid_request", {"code_challenge_method": None}),
        ("invalid_request", {"code_challenge_method": "plain"}),
        ("invalid_request", {"code_challenge_method": "s256"}),
        ("invalid_scope", {"scope": "schools:read everything"}),
        ("invalid_scope", {"scope": "*"}), ("invalid_scope", {"scope": "schools:read,people:read"}),
        ("invalid_scope", {"scope": "{schools:read}"})])
    def test_faults_go_back_to_the_client(self, app, anyone, error, changes):
        sign_in = SignIn(anyone, app, **changes)
        sent_back(sign_in.page(), error, sign_in)

    def test_scope_that_the_client_has_not(self, people, anyone):
        sign_in = SignIn(anyone, people.app(scopes=["schools:read"]),
                         scope="schools:read people:read")
        sent_back(sign_in.page(), "invalid_scope", sign_in)

    def test_the_same_holds_for_the_form(self, app, anyone, person):
        sign_in = SignIn(anyone, app, code_challenge_method="plain")
        answer = sign_in.send(person.email, person.password, form_token="1.x")
        sent_back(answer, "invalid_request", sign_in)


class TestForm:
    """It is ours, of this request, of now."""

    @pytest.mark.parametrize("headers", [
        {}, {"Origin": "https://evil.example"}, {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
        {"Referer": "https://evil.example/oauth/authorize"}])
    def test_of_another_site(self, app, anyone, person, headers):
        page(SignIn(anyone, app).send(person.email, person.password, headers=headers), 403)

    def test_of_a_site_whose_address_begins_alike(self, app, anyone, person):
        sign_in = SignIn(anyone, app)
        for headers in ({"Origin": sign_in.origin + "0"},
                        {"Referer": sign_in.origin + ".evil.example/"},
                        {"Origin": sign_in.origin, "Sec-Fetch-Site": "cross-site"}):
            page(sign_in.send(person.email, person.password, headers=headers), 403)

    def test_token_of_another_request(self, app, anyone, person):
        first, second = SignIn(anyone, app), SignIn(anyone, app)
        token = token_in(first.page())
        page(second.send(person.email, person.password, form_token=token), 403)
        page(second.send("", "", decision="deny", form_token=token), 403)

    @pytest.mark.parametrize("change", [
        lambda t: t[:-1], lambda t: t + "A", lambda t: "0" + t, lambda t: " " + t,
        lambda t: str(int(t.split(".")[0]) + 600) + "." + t.split(".")[1],
        lambda t: t.split(".")[0] + ".", lambda t: "9" * 30, lambda t: "x"])
    def test_token_that_is_changed(self, app, anyone, person, change):
        sign_in = SignIn(anyone, app)
        page(sign_in.send(person.email, person.password,
                          form_token=change(token_in(sign_in.page()))), 403)

    def test_token_that_has_waited_too_long(self, stage, app, anyone, person):
        """Made here as the server makes it, with its key."""
        key = ctypes.create_string_buffer(32)
        sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
        sodium.crypto_kdf_derive_from_key(key, ctypes.c_size_t(32), ctypes.c_uint64(1),
                                          b"iqm_form", bytes.fromhex(stage.key))
        sign_in = SignIn(anyone, app)

        def made(until):
            data = until.to_bytes(8, "little") + sign_in.target.split("?")[1].encode()
            mac = hashlib.blake2b(data, digest_size=32, key=key.raw).digest()
            return f"{until}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
        now = int(time.time())
        again = page(sign_in.send(person.email, person.password, form_token=made(now - 1)), 200)
        assert "ten minutes" in again.text
        assert sign_in.send(person.email, person.password, form_token=token_in(again)).status == 303
        assert sign_in.send(person.email, person.password, form_token=made(now + 60)).status == 303

    @pytest.mark.parametrize("fields", [
        {"decision": "maybe"}, {"more": "x"}, {"email": "e" * 321}, {"password": "p" * 1025}])
    def test_fields_that_the_page_does_not_send(self, app, anyone, fields):
        answer = SignIn(anyone, app).send(**{"email": "a@b.example", "password": "x", **fields})
        page(answer, 422)

    @pytest.mark.parametrize("body", [
        b"decision=allow&decision=deny", b"email=%00&decision=allow", b"email=%ff",
        b"email=%zz", b"&".join(b"f%d=x" % i for i in range(65))])
    def test_bodies_that_are_no_form(self, app, anyone, body):
        sign_in = SignIn(anyone, app)
        page(send_form(anyone, sign_in.target, body, {"Origin": sign_in.origin}), 400)

    def test_a_body_that_is_too_long(self, app, anyone):
        sign_in = SignIn(anyone, app)
        page(send_form(anyone, sign_in.target, b"x" * 16385, {"Origin": sign_in.origin}), 413)


class TestSignIn:
    def wrong(self, answer):
        assert WRONG in page(answer, 403).text
        return answer

    def test_tells_nothing_about_who_is_there(self, people, app, anyone):
        """The same page, but for what changes with each."""
        known, suspended, invited = people.person("head_office"), people.person("head_office"), \
            people.person("head_office", active=False)
        people.make.client.patch(f"/v1/accounts/{suspended.id}", {"suspended": True}, match="*")
        pages = []
        for email, password in ((known.email, "not that one"), (suspended.email, "not that one"),
                                (suspended.email, suspended.password),
                                (invited.email, "not that one"), (invited.email, ""),
                                (f"nobody{secrets.token_hex(4)}@example.org", "not that one")):
            sign_in = SignIn(anyone, app, state="s", code_challenge="A" * 43)
            answer = self.wrong(sign_in.send(email, password))
            text = answer.text.replace(email, "…").replace(token_in(answer), "…")
            pages.append((text, [(name, value) for name, value in answer.headers if name not in (
                "Date", "X-Request-Id", "Content-Length", "RateLimit")]))
        assert all(one == pages[0] for one in pages[1:])

    def test_takes_as_long_for_nobody(self, people, stage):
        """Told from the processor's time, which other work of the machine does not change; hashing
        takes nearly all of it."""
        server = stage.server(IQM_PASSWORD_MEMORY=64, IQM_PASSWORD_PASSES=2).start()
        try:
            client, app = Client(server.port), people.app()
            person = people.person("head_office", active=False)
            people.activate(person, memory=64, passes=2)

            def ticks():
                fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().split()
                return int(fields[13]) + int(fields[14])

            def spent_on(email):
                before = ticks()
                for _ in range(4):
                    self.wrong(SignIn(client, app).send(email, "not that one"))
                return ticks() - before
            spent_on(f"warm{secrets.token_hex(4)}@nowhere.example")
            known, unknown = spent_on(person.email), spent_on("nobody@nowhere.example")
            assert known > 10 and 0.6 < known / unknown < 1.7, (known, unknown)
            client.close()
        finally:
            server.stop()

    @pytest.mark.parametrize("change", [str.upper, lambda p: p + " ", lambda p: " " + p,
                                        lambda p: p[:-1], lambda p: "p" * 1024,
                                        lambda p: "é" * 1000, lambda p: "' OR ''='"])
    def test_a_password_is_taken_verbatim(self, people, app, anyone, change):
        person = people.person("head_office")
        self.wrong(SignIn(anyone, app).send(person.email, change(person.password)))

    @pytest.mark.parametrize("ours, other", [("k", "\u212a"), ("i", "\u0130"), ("s", "\u017f")])
    def test_letters_that_only_look_like_ours_are_nobodys(self, people, app, anyone, ours, other):
        """Each spelling of a name that found the account would be another name to the limits."""
        person = people.person("head_office")
        email = f"kiss.{person.email}"
        people.make.client.patch(f"/v1/people/{person.document['id']}", {"email": email}, match="*")
        assert SignIn(anyone, app).send(email.upper(), person.password).status == 303
        for name in (email.replace(ours, other, 1), email.upper().replace(ours.upper(), other, 1)):
            self.wrong(SignIn(anyone, app).send(name, person.password))

    def test_what_was_typed_comes_back_escaped(self, app, anyone):
        answer = self.wrong(SignIn(anyone, app).send('"><script>x</script>', "x"))
        assert "&quot;&gt;&lt;script&gt;" in answer.text and "<script" not in answer.text

    def test_a_changed_password_voids_codes_under_way(self, people, app, anyone):
        person = people.person("head_office")
        sign_in = SignIn(anyone, app)
        code = sign_in.code(person)
        people.activate(person)
        refused(sign_in.redeem(code), 400, "invalid_grant")

    def test_ending_all_sign_ins_ends_those_under_way(self, people, app, anyone):
        person = people.person("head_office")
        tokens = SignIn(anyone, app).tokens(person)
        sign_in = SignIn(anyone, app)
        code = sign_in.code(person)
        assert anyone.delete("/v1/me/sessions", token=tokens["access_token"]).status == 204
        refused(sign_in.redeem(code), 400, "invalid_grant")

    def test_a_code_does_not_outlive_a_suspension(self, people, app, anyone):
        person = people.person("head_office")
        sign_in = SignIn(anyone, app)
        code = sign_in.code(person)
        for suspended in (True, False):
            people.make.client.patch(f"/v1/accounts/{person.id}", {"suspended": suspended},
                                     match="*")
        refused(sign_in.redeem(code), 400, "invalid_grant")

    def test_suspension_ends_codes_sessions_and_tokens(self, people, app, anyone):
        person = people.person("head_office")
        tokens = SignIn(anyone, app).tokens(person)
        sign_in = SignIn(anyone, app)
        code = sign_in.code(person)
        people.make.client.patch(f"/v1/accounts/{person.id}", {"suspended": True}, match="*")
        assert anyone.get("/v1/schools", token=tokens["access_token"]).status == 401
        refused(sign_in.redeem(code), 400, "invalid_grant")
        refused(refresh(anyone, app, tokens), 400, "invalid_grant")
        people.make.client.patch(f"/v1/accounts/{person.id}", {"suspended": False}, match="*")
        refused(refresh(anyone, app, tokens), 400, "invalid_grant")
        assert SignIn(anyone, app).send(person.email, person.password).status == 303

    def test_is_recorded_by_ids_only(self, people, app, anyone, stage):
        person = people.person("head_office")
        suspended = people.person("head_office")
        people.make.client.patch(f"/v1/accounts/{suspended.id}", {"suspended": True}, match="*")
        seen = {}
        for outcome, email, password in (
                ("done", person.email, person.password), ("failed", person.email, "wrong"),
                ("failed", "nobody@nowhere.example", "wrong"),
                ("denied", suspended.email, suspended.password)):
            answer = SignIn(anyone, app).send(email, password)
            record = stage.cluster.psql("SELECT doc FROM audit_record WHERE doc->>'request_id' = "
                                        f"'{answer.header('X-Request-Id')}'")
            assert f'"outcome":"{outcome}"' in record.replace(" ", ""), record
            assert "@" not in record and app.id in record
            seen[outcome, email] = record
        assert person.id in seen["done", person.email]
        assert person.id in seen["failed", person.email]


class TestThrottling:
    """Each with a server of its own: its buckets are full, and it believes a proxy here, so that
    one machine can be many places."""

    @pytest.fixture
    def places(self, stage):
        server = stage.server(IQM_TRUSTED_PROXIES="127.0.0.1", IQM_WORKERS=2).start()

        def try_from(place, app, email, password):
            client = Client(server.port)
            sign_in = SignIn(client, app)
            answer = sign_in.send(email, password, headers={
                "Origin": sign_in.origin, "X-Forwarded-For": place})
            client.close()
            return answer
        yield try_from
        server.stop()

    @staticmethod
    def held_up(answer):
        page(answer, 429)
        assert 0 < int(answer.header("Retry-After")) <= 1800
        assert "too many tries" in answer.text

    def test_one_place_with_one_name(self, people, app, places):
        """Some wrong ones at once, whoever has the name; then also the right one has to wait."""
        person = people.person("head_office")
        for email in (person.email, "nobody@nowhere.example"):
            tries = [places("192.0.2.1", app, email, "wrong").status
                     for _ in range(TRIES_OF_PLACE)]
            assert tries == [403] * TRIES_OF_PLACE
            self.held_up(places("192.0.2.1", app, email, person.password))
            self.held_up(places("192.0.2.1", app, email.upper(), person.password))
        assert places("192.0.2.2", app, person.email, person.password).status == 303

    def test_nobody_is_locked_out_by_others(self, people, app, places):
        """Attackers elsewhere stop other strangers, but not who has been here before."""
        person, stranger = people.person("head_office"), people.person("head_office")
        sign_in_at_home = places("2001:db8:1:1::7", app, person.email, person.password)
        code = query_of(sign_in_at_home.header("Location"))[1]["code"]
        people.stage.cluster.psql(f"""
            INSERT INTO session (account_id, client_id, scopes, address)
            SELECT account_id, client_id, scopes, address FROM authorization_code
            WHERE account_id = '{person.id}'""")
        assert code
        for who in (person, stranger):
            tries = [places(f"198.51.100.{i}", app, who.email, "wrong").status
                     for i in range(TRIES_WITH_NAME)]
            assert tries == [403] * TRIES_WITH_NAME
            self.held_up(places("198.51.100.99", app, who.email, who.password))
        assert places("2001:db8:1:1:ffff::8", app, person.email, person.password).status == 303
        self.held_up(places("2001:db8:1:2::7", app, person.email, person.password))

    def test_one_place_cannot_use_up_the_tries_of_all(self, people, app, places):
        """Neither at once nor in the long run: what it may try comes back far more slowly than
        what is taken from all."""
        def pace(answer, name):
            self.held_up(answer)
            found = re.fullmatch(r'"([a-z_]+)";q=([0-9]+);w=([0-9]+)',
                                 answer.header("RateLimit-Policy"))
            assert found[1] == name
            return int(found[2]) / int(found[3])
        email = people.person("head_office").email
        tries = [places("192.0.2.1", app, email, "wrong") for _ in range(2 * TRIES_OF_PLACE)]
        assert [t.status for t in tries].count(429) == TRIES_OF_PLACE
        for i in range(TRIES_WITH_NAME - TRIES_OF_PLACE):
            assert places(f"192.0.2.{2 + i}", app, email, "wrong").status == 403
        refused = places("192.0.2.99", app, email, "wrong")
        assert 10 * pace(tries[-1], "sign_in_pair") <= pace(refused, "sign_in_account")
        assert int(refused.header("Retry-After")) <= 120

    def test_what_goes_well_does_not_count(self, people, app, places):
        person = people.person("head_office")
        for _ in range(TRIES_OF_PLACE + 2):
            assert places("192.0.2.1", app, person.email, person.password).status == 303

    def test_many_at_once_get_no_further(self, people, app, places):
        person = people.person("head_office")
        with ThreadPoolExecutor(TRIES_OF_PLACE + 4) as pool:
            found = sorted(pool.map(lambda _: places("192.0.2.1", app, person.email, "wrong").status,
                                    range(TRIES_OF_PLACE + 4)))
        assert found == [403] * TRIES_OF_PLACE + [429] * 4

    def test_forms_of_one_address(self, stage, app):
        server = stage.server(IQM_LIMIT_SIGN_IN=2).start()
        try:
            client = Client(server.port)
            statuses = [SignIn(client, app).send(f"n{i}@nowhere.example", "x").status
                        for i in range(3)]
            assert statuses == [403, 403, 429]
            assert SignIn(client, app).page().status == 200
            client.close()
        finally:
            server.stop()

    def test_is_recorded(self, people, app, places, stage):
        person = people.person("head_office")
        answers = [places("192.0.2.1", app, person.email, "wrong")
                   for _ in range(TRIES_OF_PLACE + 1)]
        record = stage.cluster.psql("SELECT doc->>'outcome', doc->>'resource_id' FROM audit_record "
                                    "WHERE doc->>'request_id' = "
                                    f"'{answers[-1].header('X-Request-Id')}'")
        assert record == f"denied|{person.id}"


def refresh(client, app, tokens, **more):
    return send_form(client, "/oauth/token", app.fields(
        grant_type="refresh_token", refresh_token=tokens["refresh_token"], **more))


class TestCodes:
    def test_shown_twice_end_what_came_of_them(self, app, anyone, person, stage):
        sign_in = SignIn(anyone, app)
        code = sign_in.code(person)
        tokens = sign_in.redeem(code).json
        assert anyone.get("/v1/schools", token=tokens["access_token"]).status == 200
        again = sign_in.redeem(code)
        refused(again, 400, "invalid_grant")
        assert anyone.get("/v1/schools", token=tokens["access_token"]).status == 401
        refused(refresh(anyone, app, tokens), 400, "invalid_grant")
        record = stage.cluster.psql("SELECT doc->>'outcome', doc->>'operation' FROM audit_record "
                                    "WHERE doc->>'request_id' = "
                                    f"'{again.header('X-Request-Id')}'")
        assert record == "denied|create_token"

    def test_at_once_are_good_for_one(self, app, server, person):
        for _ in range(5):
            client = Client(server.port)
            sign_in = SignIn(client, app)
            code = sign_in.code(person)
            barrier = threading.Barrier(4)

            def redeem(_):
                mine = Client(server.port)
                barrier.wait()
                try:
                    return send_form(mine, "/oauth/token", app.fields(
                        grant_type="authorization_code", code=code,
                        redirect_uri=sign_in.redirect, code_verifier=sign_in.verifier))
                finally:
                    mine.close()
            with ThreadPoolExecutor(4) as pool:
                answers = list(pool.map(redeem, range(4)))
            good = [a for a in answers if a.status == 200]
            assert len(good) == 1
            for answer in answers:
                if answer is not good[0]:
                    refused(answer, 400, "invalid_grant")
            # Three showed it again: nothing is left of what the first got.
            assert client.get("/v1/schools", token=good[0].json["access_token"]).status == 401
            client.close()

    @pytest.mark.parametrize("changes", [
        {"code_verifier": "A" * 43}, {"redirect_uri": None}, {"redirect_uri": REDIRECT + "/"},
        {"redirect_uri": "https://evil.example/"}])
    def test_are_spent_by_a_wrong_try(self, app, anyone, person, changes):
        sign_in = SignIn(anyone, app)
        code = sign_in.code(person)
        refused(sign_in.redeem(code, **changes), 400, "invalid_grant")
        refused(sign_in.redeem(code), 400, "invalid_grant")

    def test_belong_to_their_client(self, people, app, backend, anyone, person):
        for other in (people.app(), backend):
            sign_in = SignIn(anyone, app)
            code = sign_in.code(person)
            stolen = sign_in.redeem(code, **other.fields())
            refused(stolen, 400, "invalid_grant")
            refused(sign_in.redeem(code), 400, "invalid_grant")

    def test_last_a_minute(self, app, anyone, person, stage):
        sign_in = SignIn(anyone, app)
        code = sign_in.code(person)
        left = stage.cluster.psql("SELECT max(expires_at) - now() < interval '61 s' FROM "
                                  f"authorization_code WHERE account_id = '{person.id}'")
        assert left == "t"
        stage.cluster.psql(f"""UPDATE authorization_code SET expires_at = now() - interval '1 ms'
                               WHERE account_id = '{person.id}' AND spent_at IS NULL""")
        refused(sign_in.redeem(code), 400, "invalid_grant")

    @pytest.mark.parametrize("code", ["nonsense", "iqc_" + "A" * 43, "'--", "é"])
    def test_that_are_none(self, app, anyone, code):
        refused(SignIn(anyone, app).redeem(code), 400, "invalid_grant")

    @pytest.mark.parametrize("changes", [
        {"code_verifier": None}, {"code_verifier": ""}, {"code_verifier": "A" * 42},
        {"code_verifier": "A" * 129}, {"code_verifier": "A" * 42 + "+"},
        {"code_verifier": "A" * 201}, {"code": None}, {"code": ""}, {"code": "c" * 201},
        {"grant_type": None}, {"grant_type": ""}])
    def test_requests_that_lack_something(self, app, anyone, person, changes):
        """They spend nothing."""
        sign_in = SignIn(anyone, app)
        code = sign_in.code(person)
        refused(sign_in.redeem(**{"code": code, **changes}), 400, "invalid_request")
        assert sign_in.redeem(code).status == 200

    def test_scopes_do_not_grow(self, people, anyone, person):
        """What the client may no longer ask for is not granted; scope here is not looked at."""
        app = people.app(scopes=["schools:read", "people:read"])
        sign_in = SignIn(anyone, app, scope="schools:read")
        assert sign_in.redeem(sign_in.code(person), scope="people:read").json["scope"] == \
            "schools:read"
        sign_in = SignIn(anyone, app, scope="people:read")
        code = sign_in.code(person)
        people.make.client.patch(f"/v1/clients/{app.id}", {"scopes": ["schools:read"]}, match="*")
        refused(sign_in.redeem(code), 400, "invalid_grant")


class TestRefreshTokens:
    def test_shown_twice_end_the_session(self, app, anyone, person):
        first = SignIn(anyone, app).tokens(person)
        second = refresh(anyone, app, first).json
        refused(refresh(anyone, app, first), 400, "invalid_grant")
        for tokens in (first, second):
            assert anyone.get("/v1/schools", token=tokens["access_token"]).status == 401
        refused(refresh(anyone, app, second), 400, "invalid_grant")

    def test_at_once_are_good_for_one(self, app, server, person):
        for _ in range(5):
            client = Client(server.port)
            tokens = SignIn(client, app).tokens(person)
            barrier = threading.Barrier(4)

            def use(_):
                mine = Client(server.port)
                barrier.wait()
                try:
                    return refresh(mine, app, tokens)
                finally:
                    mine.close()
            with ThreadPoolExecutor(4) as pool:
                answers = list(pool.map(use, range(4)))
            good = [a for a in answers if a.status == 200]
            assert len(good) == 1
            assert client.get("/v1/schools", token=good[0].json["access_token"]).status == 401
            refused(refresh(client, app, good[0].json), 400, "invalid_grant")
            client.close()

    def test_belong_to_their_client(self, people, app, backend, anyone, person):
        tokens = SignIn(anyone, app).tokens(person)
        for other in (people.app(), backend):
            refused(refresh(anyone, other, tokens), 400, "invalid_grant")
        assert refresh(anyone, app, tokens).status == 200

    def test_do_not_grow(self, people, anyone, person):
        app = people.app(scopes=["schools:read", "people:read"])
        tokens = SignIn(anyone, app, scope="schools:read").tokens(person)
        for scope in ("schools:read people:read", "people:read", "everything", "*",
                      "schools:write"):
            refused(refresh(anyone, app, tokens, scope=scope), 400, "invalid_scope")
        assert refresh(anyone, app, tokens).status == 200

    @pytest.mark.parametrize("what, change", [
        ("the token", "UPDATE refresh_token SET expires_at = now() - interval '1 ms' WHERE "
                      "session_id = '{0}'"),
        ("the session", "UPDATE session SET revoked_at = now() WHERE id = '{0}'")])
    def test_end(self, app, anyone, person, stage, what, change):
        tokens = SignIn(anyone, app).tokens(person)
        stage.cluster.psql(change.format(newest_session(stage, person)))
        refused(refresh(anyone, app, tokens), 400, "invalid_grant")

    def test_live_for_a_year_in_all(self, app, anyone, person, stage):
        tokens = SignIn(anyone, app).tokens(person)
        session = newest_session(stage, person)
        stage.cluster.psql("UPDATE session SET created_at = now() - interval '1 year' + "
                           f"interval '1 hour' WHERE id = '{session}'")
        tokens = refresh(anyone, app, tokens).json
        stage.cluster.psql("UPDATE session SET created_at = created_at - interval '1 hour' "
                           f"WHERE id = '{session}'")
        last = stage.cluster.psql(
            "SELECT max(expires_at) < now() + interval '61 min' FROM refresh_token JOIN session "
            f"ON session.id = session_id WHERE session.id = '{session}' AND spent_at IS NULL")
        assert last == "t"

    @pytest.mark.parametrize("token", ["nonsense", "iqr_" + "A" * 43, "iqm_" + "A" * 43])
    def test_that_are_none(self, app, anyone, token):
        refused(refresh(anyone, app, {"refresh_token": token}), 400, "invalid_grant")

    def test_are_no_access_tokens_and_the_other_way_round(self, app, anyone, person):
        tokens = SignIn(anyone, app).tokens(person)
        assert anyone.get("/v1/schools", token=tokens["refresh_token"]).status == 401
        refused(refresh(anyone, app, {"refresh_token": tokens["access_token"]}), 400,
                "invalid_grant")

    def test_must_be_sent(self, app, anyone):
        refused(send_form(anyone, "/oauth/token", app.fields(grant_type="refresh_token")), 400,
                "invalid_request")


ENDPOINTS = [("/oauth/token", {"grant_type": "client_credentials"}),
             ("/oauth/revoke", {"token": "x"}), ("/oauth/introspect", {"token": "x"})]


@pytest.mark.parametrize("target, fields", ENDPOINTS, ids=["token", "revoke", "introspect"])
class TestClientAuthentication:
    def test_missing_or_wrong(self, people, backend, app, anyone, target, fields):
        other = people.app("confidential")
        for more in ({}, {"client_id": backend.id}, {"client_id": "nobody", "client_secret": "x"},
                     {"client_id": UNKNOWN_ID, "client_secret": backend.secret},
                     {"client_id": backend.id, "client_secret": other.secret},
                     {"client_id": backend.id, "client_secret": backend.secret + "A"},
                     {"client_id": app.id, "client_secret": backend.secret},
                     {"client_secret": backend.secret}):
            refused(send_form(anyone, target, {**fields, **more}), 401, "invalid_client")

    @pytest.mark.parametrize("header", [
        "Basic", "Basic !!!!", "Basic " + "A" * 7, "Basic bm9jb2xvbg==", "Basic AGE6Yg==",
        "Basic JXp6OngK", "Bearer iqm_" + "A" * 43, "Digest x"])
    def test_headers_that_are_no_credentials(self, anyone, target, fields, header):
        refused(send_form(anyone, target, fields, {"Authorization": header}), 401,
                "invalid_client")

    def test_by_header(self, backend, anyone, target, fields):
        assert send_form(anyone, target, fields, backend.basic()).status == 200
        assert send_form(anyone, target, {**fields, "client_id": backend.id},
                         backend.basic()).status == 200
        refused(send_form(anyone, target, fields, backend.basic("wrong")), 401, "invalid_client")

    def test_in_two_ways_at_once(self, people, backend, anyone, target, fields):
        refused(send_form(anyone, target, {**fields, **backend.fields()}, backend.basic()), 400,
                "invalid_request")
        other = people.app()
        refused(send_form(anyone, target, {**fields, "client_id": other.id}, backend.basic()), 400,
                "invalid_request")

    def test_a_new_secret_replaces_the_old_at_once(self, people, anyone, target, fields):
        app = people.app("confidential")
        old, app.secret = app.secret, people.secret_of(app.id)
        refused(send_form(anyone, target, fields, app.basic(old)), 401, "invalid_client")
        assert send_form(anyone, target, fields, app.basic()).status == 200

    def test_without_a_secret_made_nobody_is_confidential(self, people, anyone, target, fields):
        app = people.app("confidential", secret=False)
        for more in (app.fields(), {"client_id": app.id, "client_secret": "x"}):
            refused(send_form(anyone, target, {**fields, **more}), 401, "invalid_client")

    @pytest.mark.parametrize("body", [
        b"grant_type=a&grant_type=b", b"token=a&token=b", b"token=%00", b"token=%ff", b"token=%z",
        b"client_id=" + b"c" * 101, b"&".join(b"f%d=x" % i for i in range(65)), b""])
    def test_bodies_that_are_no_form(self, anyone, target, fields, body):
        refused(send_form(anyone, target, body), 400, "invalid_request")

    def test_bodies_that_are_too_long(self, anyone, target, fields):
        refused(send_form(anyone, target, b"x" * 16385), 413, "invalid_request")

    def test_two_authorization_headers(self, server, backend, target, fields):
        header = backend.basic()["Authorization"]
        answer = send_raw(server.port, (
            f"POST {target} HTTP/1.1\r\nHost: x\r\nAuthorization: {header}\r\n"
            f"Authorization: {header}\r\nContent-Length: 7\r\nContent-Type: "
            "application/x-www-form-urlencoded\r\n\r\ntoken=x").encode(), "POST", target)
        assert answer.status == 400 and answer.json["type"] == "/problems/malformed_request"

    def test_what_is_in_the_query_is_not_looked_at(self, backend, anyone, target, fields):
        query = urllib.parse.urlencode({**fields, **backend.fields()})
        refused(send_form(anyone, f"{target}?{query}", fields), 400, "invalid_request")


class TestGrants:
    def test_that_there_are_none_of(self, backend, anyone):
        for kind in ("password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer",
                     "Client_credentials"):
            refused(send_form(anyone, "/oauth/token", backend.fields(grant_type=kind)), 400,
                    "unsupported_grant_type")

    def test_public_clients_act_for_people_only(self, app, anyone):
        refused(send_form(anyone, "/oauth/token", app.fields(grant_type="client_credentials")),
                400, "unauthorized_client")
        refused(send_form(anyone, "/oauth/introspect", app.fields(token="x")), 400,
                "unauthorized_client")

    def test_scopes_do_not_grow(self, people, anyone):
        app = people.app("confidential", scopes=["schools:read"])
        for scope in ("people:read", "schools:read people:read", "*", "schools:read\tx"):
            refused(send_form(anyone, "/oauth/token", app.fields(
                grant_type="client_credentials", scope=scope)), 400, "invalid_scope")

    def test_a_deleted_client_is_gone_with_all_it_had(self, people, anyone, person):
        app = people.app("confidential")
        tokens = SignIn(anyone, app).tokens(person)
        own = send_form(anyone, "/oauth/token", app.fields(grant_type="client_credentials")).json
        assert people.make.client.delete(f"/v1/clients/{app.id}", "*").status == 204
        for token in (tokens, own):
            assert anyone.get("/v1/schools", token=token["access_token"]).status == 401
        refused(refresh(anyone, app, tokens), 401, "invalid_client")


class TestWhatIsKept:
    """The server's role can store only what does not stand in the way of others."""

    def test_of_a_code_where_the_person_sat_is_sealed(self, people, app, stage):
        person = people.person("head_office")
        verified = stage.cluster.psql(
            f"SELECT password FROM credential WHERE account_id = '{person.id}'")

        def grant(place):
            return stage.cluster.psql(
                f"SELECT grant_code(sha256('{secrets.token_hex(8)}'), '{app.id}', '{person.id}', "
                f"'{verified}', NULL, NULL, repeat('A', 43), '{{schools:read}}', '{place}', NULL, "
                f"'{UNKNOWN_ID}')", user="iqm_server")
        assert grant("~1.sealed") == "t"
        with pytest.raises(Exception, match="authorization_code_address_check"):
            grant("192.0.2.1")

    def test_of_a_password_is_a_hash(self, people, stage):
        person = people.person("head_office")
        with pytest.raises(Exception, match="credential_password_check"):
            stage.cluster.psql("UPDATE credential SET password = 'secret' "
                               f"WHERE account_id = '{person.id}'")


def test_when_the_database_is_away(stage, app):
    with without_database(stage, IQM_DATABASE_TIMEOUT=500) as server:
        client = Client(server.port)
        assert page(SignIn(client, app).page(), 503).header("Retry-After")
        for target, fields in ENDPOINTS:
            refused(send_form(client, target, {**fields, **app.fields()}), 503,
                    "temporarily_unavailable")
        client.close()


def test_codes_are_redeemed_while_others_change_the_password(people, app, server):
    """Whatever comes first: no session of the old password outlives the change."""
    person = people.person("head_office")
    for _ in range(5):
        client = Client(server.port)
        sign_in = SignIn(client, app)
        code = sign_in.code(person)
        change = f"""BEGIN; UPDATE credential SET changed_at = now() WHERE account_id =
            '{person.id}'; SELECT end_sessions('{person.id}'); COMMIT"""
        with ThreadPoolExecutor(2) as pool:
            redeemed = pool.submit(sign_in.redeem, code)
            pool.submit(people.stage.cluster.psql, change).result()
            answer = redeemed.result()
        if answer.status == 200:
            wait_for(lambda: client.get("/v1/schools", token=answer.json[
                "access_token"]).status == 401, "the session to be over", 2)
        else:
            refused(answer, 400, "invalid_grant")
        client.close()
