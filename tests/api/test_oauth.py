"""Signing in and tokens: the ways that work, first of all those of an ordinary client library."""

import hashlib
import secrets
import time

import pytest
from authlib.integrations.requests_client import OAuth2Session

from support.client import Client
from support.people import FORM, REDIRECT, SCOPES, SignIn, challenge_of, newest_session, query_of, \
    send_form, token_in
from support.places import wait_for


@pytest.fixture(scope="session")
def app(people):
    return people.app()


@pytest.fixture(scope="session")
def backend(people):
    """A confidential client."""
    return people.app("confidential")


@pytest.fixture(scope="session")
def person(people):
    return people.person("head_office")


def library(app, port, **options):
    """An ordinary client library; it may speak plain HTTP to this machine."""
    session = OAuth2Session(app.id, app.secret, redirect_uri=REDIRECT,
                            code_challenge_method="S256", **options)
    session.base = f"http://127.0.0.1:{port}"
    return session


class TestWithAClientLibrary:
    def sign_in(self, session, anyone, person, **options):
        """What the person does in the browser."""
        verifier = secrets.token_urlsafe(48)
        url, state = session.create_authorization_url(session.base + "/oauth/authorize",
                                                      code_verifier=verifier, **options)
        target = url.removeprefix(session.base)
        page = anyone.get(target)
        assert page.status == 200, page
        sent = send_form(anyone, target, {
            "email": person.email, "password": person.password, "decision": "allow",
            "form_token": token_in(page)}, {"Origin": session.base})
        assert sent.status == 303, sent
        return session.fetch_token(session.base + "/oauth/token", state=state,
                                   authorization_response=sent.header("Location"),
                                   code_verifier=verifier)

    @pytest.mark.parametrize("kind, method", [
        ("public", "none"), ("confidential", "client_secret_basic"),
        ("confidential", "client_secret_post")])
    def test_code_refresh_and_revocation(self, people, server, anyone, person, kind, method,
                                         monkeypatch):
        monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
        session = library(people.app(kind), server.port, scope="schools:read people:read",
                          token_endpoint_auth_method=method)
        token = self.sign_in(session, anyone, person)
        assert token["token_type"] == "Bearer" and token["expires_in"] == 3600
        assert token["scope"] == "people:read schools:read"
        assert session.get(session.base + "/v1/schools").status_code == 200
        assert session.get(session.base + "/v1/clusters").status_code == 403
        before = dict(token)
        after = session.refresh_token(session.base + "/oauth/token")
        assert after["access_token"] != before["access_token"]
        assert after["refresh_token"] != before["refresh_token"]
        assert session.get(session.base + "/v1/schools").status_code == 200
        assert session.revoke_token(session.base + "/oauth/revoke",
                                    after["refresh_token"]).status_code == 200
        for each in (before, after):
            answer = anyone.get("/v1/schools", token=each["access_token"])
            assert answer.status == 401

    def test_client_credentials(self, backend, server, monkeypatch):
        monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
        session = library(backend, server.port, scope="schools:read")
        token = session.fetch_token(session.base + "/oauth/token",
                                    grant_type="client_credentials")
        assert token["scope"] == "schools:read" and "refresh_token" not in token
        assert session.get(session.base + "/v1/schools").status_code == 200
        assert session.get(session.base + "/v1/people").status_code == 403
        assert session.introspect_token(session.base + "/oauth/introspect",
                                        token["access_token"]).json()["active"] is True


class TestThePage:
    def test_says_who_asks_and_for_what(self, people, app, anyone):
        page = SignIn(anyone, app, scope="schools:read profile:write").page()
        assert page.status == 200
        assert page.header("Content-Type") == "text/html; charset=utf-8"
        assert page.header("Cache-Control") == "no-store"
        assert page.header("X-Frame-Options") == "DENY"
        assert page.header("Set-Cookie") is None
        assert app.document["name"] in page.text
        assert "See schools and their details." in page.text
        assert "Change your password and end your sign-ins." in page.text
        assert "See who has an account." not in page.text

    def test_escapes_what_others_wrote(self, people, anyone):
        name = f"<script>alert(1)</script> & \"sons\" {people.make.number()}"
        page = SignIn(anyone, people.app(name=name)).page()
        assert "<script" not in page.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;sons&quot;" in page.text

    def test_lets_its_form_go_to_the_client_only(self, people, anyone):
        for uri, source in ((REDIRECT, "https://app.example"),
                            ("http://127.0.0.1:7777/back?a=b", "http://127.0.0.1:7777"),
                            ("http://[::1]:7777/back", "http:"),
                            ("org.example.app:/back", "org.example.app:"),
                            ("http.example.app://a;script-src", "http.example.app:")):
            page = SignIn(anyone, people.app(redirect_uris=[uri])).page()
            policy = page.header("Content-Security-Policy")
            assert f"; form-action 'self' {source}; " in policy
            assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy

    def test_without_scope_all_that_the_client_may_ask_for(self, people, anyone, person):
        app = people.app(scopes=["clusters:read", "schools:read"])
        tokens = SignIn(anyone, app).tokens(person)
        assert tokens["scope"] == "clusters:read schools:read"

    def test_without_redirect_uri_the_only_one(self, app, anyone, person):
        sign_in = SignIn(anyone, app, redirect_uri=None)
        assert sign_in.tokens(person)["scope"] == " ".join(SCOPES)

    def test_a_loopback_address_may_have_any_port(self, people, anyone, person):
        app = people.app(redirect_uris=["http://127.0.0.1/back", "http://[::1]:1/back?a=b"])
        for uri in ("http://127.0.0.1:49152/back", "http://127.0.0.1/back",
                    "http://[::1]:65535/back?a=b", "http://[::1]/back?a=b"):
            sign_in = SignIn(anyone, app, redirect=uri)
            answer = sign_in.send(person.email, person.password)
            assert answer.header("Location").startswith(
                uri + ("&" if "?" in uri else "?") + "code="), answer
            code = query_of(answer.header("Location"))[1]["code"]
            assert sign_in.redeem(code).status == 200

    def test_state_comes_back_as_it_was(self, app, anyone, person):
        state = "a b&c=d#e%2F+é\"'<>~"
        sign_in = SignIn(anyone, app, state=state)
        answer = sign_in.send(person.email, person.password)
        assert query_of(answer.header("Location"))[1]["state"] == state
        sign_in = SignIn(anyone, app, state=None)
        answer = sign_in.send(person.email, person.password)
        assert set(query_of(answer.header("Location"))[1]) == {"code", "iss"}

    def test_what_it_does_not_know_is_ignored(self, app, anyone, person):
        sign_in = SignIn(anyone, app, nonce="n-0S6", prompt="login")
        assert sign_in.redeem(sign_in.code(person), resource="https://api.example").status == 200

    def test_deny(self, app, anyone):
        sign_in = SignIn(anyone, app)
        answer = sign_in.send("", "", decision="deny")
        where, query = query_of(answer.header("Location"))
        assert answer.status == 303 and where == REDIRECT
        assert query["error"] == "access_denied" and query["state"] == sign_in.query["state"]
        assert query["iss"] == sign_in.origin

    def test_the_name_is_not_a_matter_of_case(self, app, anyone, person):
        sign_in = SignIn(anyone, app)
        assert sign_in.send(person.email.upper(), person.password).status == 303

    def test_a_browser_that_hides_its_origin(self, app, anyone, person):
        sign_in = SignIn(anyone, app)
        for headers in ({"Origin": "null", "Sec-Fetch-Site": "same-origin"},
                        {"Sec-Fetch-Site": "same-origin"},
                        {"Referer": sign_in.origin + "/oauth/authorize"}):
            assert sign_in.send(person.email, person.password, headers=headers).status == 303

    def test_a_password_is_hashed_anew_when_the_cost_has_changed(self, people, app, anyone, stage):
        person = people.person("head_office")
        people.activate(person, memory=9, passes=2)
        ask = f"SELECT password FROM credential WHERE account_id = '{person.id}'"
        before = stage.cluster.psql(ask)
        assert "m=9216,t=2" in before
        SignIn(anyone, app).tokens(person)
        after = stage.cluster.psql(ask)
        assert "m=8192,t=1" in after
        SignIn(anyone, app).tokens(person)
        assert stage.cluster.psql(ask) == after


class TestTokens:
    def test_act_for_the_person(self, people, person, app, anyone):
        tokens = SignIn(anyone, app).tokens(person)
        school = anyone.post("/v1/schools", people.make.example("school"),
                             token=tokens["access_token"])
        assert school.status == 201
        written_by = people.stage.cluster.psql(
            f"SELECT written_by FROM school WHERE id = '{school.json['id']}'")
        assert written_by == person.id

    def test_every_role_signs_in(self, people):
        assert people.head_office().get("/v1/accounts").status == 200
        assert people.ambassador().get("/v1/schools").status == 200
        own = people.school()
        assert own.get(f"/v1/schools/{own.school['id']}").status == 200
        assert people.client_credentials().get("/v1/schools").status == 200
        for client in (people.ambassador(), people.school(), people.client_credentials()):
            assert client.get("/v1/accounts").status == 403

    def test_are_never_cached(self, backend, anyone):
        answer = send_form(anyone, "/oauth/token",
                           backend.fields(grant_type="client_credentials"))
        assert answer.header("Cache-Control") == "no-store"

    def test_are_kept_as_hashes_only(self, stage, person, app, anyone):
        sign_in = SignIn(anyone, app)
        code = sign_in.code(person)
        tokens = sign_in.redeem(code).json
        dump = stage.cluster.psql("SELECT t::text FROM token t UNION ALL SELECT r::text FROM refresh_token r "
                                  "UNION ALL SELECT c::text FROM authorization_code c")
        for secret in (code, tokens["access_token"], tokens["refresh_token"]):
            assert secret[4:] not in dump
            assert secret[4:].encode().hex() not in dump

    def test_refreshing_may_ask_for_less(self, person, app, anyone):
        tokens = SignIn(anyone, app, scope="schools:read clusters:read").tokens(person)
        less = send_form(anyone, "/oauth/token", app.fields(
            grant_type="refresh_token", refresh_token=tokens["refresh_token"],
            scope="schools:read"))
        assert less.json["scope"] == "schools:read"
        assert anyone.get("/v1/clusters", token=less.json["access_token"]).status == 403
        again = send_form(anyone, "/oauth/token", app.fields(
            grant_type="refresh_token", refresh_token=less.json["refresh_token"]))
        assert again.json["scope"] == "clusters:read schools:read"

    def test_refreshing_gives_no_more_than_the_client_still_may(self, people, person, anyone):
        app = people.app(scopes=["schools:read", "people:read"])
        tokens = SignIn(anyone, app).tokens(person)
        people.make.client.patch(f"/v1/clients/{app.id}", {"scopes": ["schools:read"]}, match="*")
        answer = send_form(anyone, "/oauth/token", app.fields(
            grant_type="refresh_token", refresh_token=tokens["refresh_token"]))
        assert answer.json["scope"] == "schools:read"

    def test_a_session_remembers_the_browser(self, stage, person, app, anyone):
        agent = f"Browser/{secrets.token_hex(4)}"
        sign_in = SignIn(anyone, app)
        sign_in.redeem(query_of(sign_in.send(person.email, person.password, headers={
            "Origin": sign_in.origin, "User-Agent": agent}).header("Location"))[1]["code"])
        stored = stage.cluster.psql("SELECT address, client_id, agent FROM session "
                                    f"WHERE id = '{newest_session(stage, person)}'")
        where, client, sealed = stored.split("|")
        assert client == app.id and where.startswith("~1.") and "127.0.0.1" not in where
        assert sealed.startswith("~1.") and agent not in sealed

    def test_a_revoked_session_is_refused_by_every_instance_at_once(self, stage, person, app,
                                                                    anyone):
        other = stage.server().start()
        try:
            tokens = SignIn(anyone, app).tokens(person)
            there = Client(other.port, tokens["access_token"])
            assert there.get("/v1/schools").status == 200
            send_form(anyone, "/oauth/revoke", app.fields(token=tokens["refresh_token"]))
            assert there.get("/v1/schools").status == 401
            again = SignIn(anyone, app).tokens(person)
            refreshed = send_form(Client(other.port), "/oauth/token", app.fields(
                grant_type="refresh_token", refresh_token=again["refresh_token"]))
            assert refreshed.status == 200
            there.close()
        finally:
            other.stop()


class TestRevocation:
    def test_of_an_access_token_leaves_the_session(self, person, app, anyone):
        tokens = SignIn(anyone, app).tokens(person)
        answer = send_form(anyone, "/oauth/revoke", app.fields(
            token=tokens["access_token"], token_type_hint="access_token"))
        assert (answer.status, answer.body) == (200, b"")
        assert anyone.get("/v1/schools", token=tokens["access_token"]).status == 401
        assert send_form(anyone, "/oauth/token", app.fields(
            grant_type="refresh_token", refresh_token=tokens["refresh_token"])).status == 200

    def test_is_recorded(self, stage, person, app, anyone):
        tokens = SignIn(anyone, app).tokens(person)
        for name, resource in (("access_token", "token"), ("refresh_token", "session")):
            answer = send_form(anyone, "/oauth/revoke", app.fields(token=tokens[name]))
            record = stage.cluster.psql(
                "SELECT actor, resource, outcome FROM audit_record WHERE operation = "
                f"'revoke_token' AND doc->>'request_id' = '{answer.header('X-Request-Id')}'")
            assert record == f"{person.id}|{resource}|done"

    def test_says_the_same_of_tokens_that_are_not_there(self, people, person, app, anyone):
        tokens = SignIn(anyone, app).tokens(person)
        other = people.app()
        for token in ("nonsense", "iqm_" + "A" * 43, tokens["access_token"],
                      tokens["refresh_token"]):
            answer = send_form(anyone, "/oauth/revoke", other.fields(token=token))
            assert (answer.status, answer.body) == (200, b"")
        assert anyone.get("/v1/schools", token=tokens["access_token"]).status == 200


class TestIntrospection:
    def ask(self, anyone, app, token):
        answer = send_form(anyone, "/oauth/introspect", {"token": token}, app.basic())
        assert answer.status == 200, answer
        return answer.json

    def test_of_own_tokens(self, person, backend, anyone):
        now = time.time()
        tokens = SignIn(anyone, backend, scope="schools:read").tokens(person)
        found = self.ask(anyone, backend, tokens["access_token"])
        assert 3590 < found.pop("exp") - now < 3610 and abs(found.pop("iat") - now) < 10
        assert found == {"active": True, "scope": "schools:read", "client_id": backend.id,
                         "sub": person.id, "token_type": "Bearer"}
        found = self.ask(anyone, backend, tokens["refresh_token"])
        assert 29 * 86400 < found["exp"] - now < 31 * 86400
        assert found["active"] and found["token_type"] == "refresh_token"
        send_form(anyone, "/oauth/revoke", backend.fields(token=tokens["refresh_token"]))
        for name in ("access_token", "refresh_token"):
            assert self.ask(anyone, backend, tokens[name]) == {"active": False}

    def test_of_the_tokens_of_others_nothing(self, people, person, app, backend, anyone):
        other = people.app("confidential")
        tokens = SignIn(anyone, other).tokens(person)
        for token in (*(tokens[n] for n in ("access_token", "refresh_token")), "nonsense"):
            assert self.ask(anyone, backend, token) == {"active": False}


class TestMetadata:
    TARGET = "/.well-known/oauth-authorization-server"

    def test_tells_where_everything_is(self, anyone, server):
        found = anyone.get(self.TARGET).json
        base = f"http://127.0.0.1:{server.port}"
        assert found["issuer"] == base
        assert found["authorization_endpoint"] == base + "/oauth/authorize"
        assert found["token_endpoint"] == base + "/oauth/token"
        assert found["code_challenge_methods_supported"] == ["S256"]
        assert found["response_types_supported"] == ["code"]
        assert found["authorization_response_iss_parameter_supported"] is True
        assert found["scopes_supported"] == SCOPES
        for name in ("revocation_endpoint", "introspection_endpoint"):
            answer = send_form(anyone, found[name].removeprefix(base), {"token": "x"})
            assert answer.json["error"] == "invalid_client"

    def test_can_be_kept(self, anyone):
        first = anyone.get(self.TARGET)
        again = anyone.get(self.TARGET, headers={"If-None-Match": first.etag})
        assert again.status == 304 and again.body == b""

    def test_names_the_public_address(self, stage):
        server = stage.server(IQM_PUBLIC_URL="https://api.example/iqm").start()
        try:
            found = Client(server.port).get(self.TARGET).json
            assert found["issuer"] == "https://api.example/iqm"
            assert found["token_endpoint"] == "https://api.example/iqm/oauth/token"
        finally:
            server.stop()


def test_pages_of_registered_origins_may_call(people, backend, anyone):
    origin = f"https://app{people.make.number()}.example"
    fields = backend.fields(grant_type="client_credentials")

    def allowed():
        answer = send_form(anyone, "/oauth/token", fields, {"Origin": origin})
        return answer.header("Access-Control-Allow-Origin") == origin
    assert not allowed()
    app = people.app(origins=[origin])
    wait_for(allowed, "the origin to be known")
    preflight = anyone.request("OPTIONS", "/oauth/token", headers={
        "Origin": origin, "Access-Control-Request-Method": "POST"})
    assert preflight.header("Access-Control-Allow-Origin") == origin
    people.make.client.delete(f"/v1/clients/{app.id}", "*")
    wait_for(lambda: not allowed(), "the origin to be forgotten")


def test_what_is_over_is_cleared_away(stage, person, app, anyone):
    """By a server that starts; and what is of use stays."""
    old, new = (SignIn(anyone, app).tokens(person) for _ in range(2))
    ids = [stage.cluster.psql(_session_of(stage, tokens)) for tokens in (old, new)]
    stage.cluster.psql(f"""
        UPDATE token SET expires_at = now() - interval '2 days' WHERE session_id = '{ids[0]}';
        UPDATE refresh_token SET expires_at = now() - interval '2 days'
        WHERE session_id = '{ids[0]}';
        UPDATE authorization_code SET expires_at = now() - interval '2 days'
        WHERE session_id = '{ids[0]}';
        UPDATE session SET created_at = now() - interval '99 days' WHERE id = '{ids[0]}'""")
    server = stage.server().start()
    try:
        count = ("SELECT (SELECT count(*) FROM token WHERE session_id = '{0}') + (SELECT count(*) "
                 "FROM refresh_token WHERE session_id = '{0}') + (SELECT count(*) FROM "
                 "authorization_code WHERE session_id = '{0}')")
        wait_for(lambda: stage.cluster.psql(count.format(ids[0])) == "0", "the old to go")
        assert stage.cluster.psql(count.format(ids[1])) == "3"
        assert stage.cluster.psql(
            f"SELECT revoked_at IS NOT NULL FROM session WHERE id = '{ids[0]}'") == "t"
        stage.cluster.psql(f"UPDATE session SET revoked_at = now() - interval '91 days' "
                           f"WHERE id = '{ids[0]}'")
        stage.cluster.psql("SELECT delete_due('sign_in', 'session', 5000)", user="iqm_server")
        assert stage.cluster.psql(f"SELECT count(*) FROM session WHERE id = '{ids[0]}'") == "0"
        assert anyone.get("/v1/schools", token=new["access_token"]).status == 200
    finally:
        server.stop()


def _session_of(stage, tokens):
    digest = hashlib.blake2b(tokens["refresh_token"].encode(), digest_size=32,
                             key=bytes.fromhex(stage.key)).hexdigest()
    return f"SELECT session_id FROM refresh_token WHERE hash = '\\x{digest}'"


def test_forms_are_what_is_taken(anyone, backend):
    answer = anyone.post("/oauth/token", {"grant_type": "client_credentials"})
    assert answer.status == 415 and answer.json["error"] == "invalid_request"
    assert send_form(anyone, "/oauth/token", backend.fields(grant_type="client_credentials"),
                     {"Content-Type": FORM + ";charset=UTF-8"}).status == 200
    for charset in ("utf-16", '"utf-16le"', "iso-8859-1", "utf-7"):
        answer = send_form(anyone, "/oauth/token", backend.fields(grant_type="client_credentials"),
                           {"Content-Type": f"{FORM}; charset={charset}"})
        assert answer.status == 415 and answer.json["error"] == "invalid_request"
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == \
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, appendix B
