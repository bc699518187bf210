"""Third-party programs: what may be registered, and their secrets."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import confidential
from support.expect import invalid, oauth_error, problem
from support.people import App, SignIn, send_form
from support.places import wait_for
from support.resources import client as example


@pytest.fixture
def register(head, make):
    def post(**members):
        return head.post("/v1/clients", {**example(make), **members})
    return post


def new_secret(head, client):
    response = head.post(f"/v1/clients/{client['id']}/secret")
    assert response.status == 201, response
    assert response.json.keys() == {"client_id", "client_secret"}
    return confidential.note(response.json["client_secret"])


def kept(stage, client):
    return stage.cluster.psql("SELECT encode(hash, 'hex') FROM client_secret WHERE client_id = "
                              f"'{client['id']}'")


class TestRedirects:
    @pytest.mark.parametrize("uri", [
        "https://front.example", "https://front.example:8443/a/b?c=d&e=%20",
        "http://127.0.0.1/back", "http://127.0.0.1:8080/back", "http://[::1]:1/", 
        "http://localhost/back", "org.example.app:/back", "org.example.app://back",
        "https://front.example/a;b,c:d@e", "https://192.0.2.1:65535/", "https://[2001:db8::1]:1"])
    def test_that_may_be(self, register, uri):
        assert register(redirect_uris=[uri]).status == 201

    @pytest.mark.parametrize("uri", [
        "http://front.example/", "//front.example/", "/back", "back", "javascript:alert(1)",
        "data:text/html,x", "https://", "https:///x", "https://user@front.example/",
        "https://front.example/#part", "https://front.example/ x", "https://front.example/\"",
        "https://front.example/<", "https://front.example\\@evil.example/", "HTTPS://front.example",
        "https://fröntend.example/", "http://127.0.0.1.evil.example/", "http://127.0.0.1@evil.example/",
        "http://localhost.evil.example/", "file:///etc/passwd", "https://front.example/\n",
        "https://front.example;script-src/x", "https://front.example,evil.example/",
        "https://*.example/", "https://front.example:99999/", "https://front.example:0/",
        "https://front.example:/", "https://front.example:1;x/", "http://127.0.0.1:65536/",
        "http://[::1]x/", "http://[::1/", "https://front..example/", "https://front.example:+1/"])
    def test_that_may_not(self, register, uri):
        invalid(register(redirect_uris=["https://front.example/", uri]), "/redirect_uris/1")

    def test_a_public_client_has_one(self, register):
        invalid(register(kind="public", redirect_uris=[]), "/redirect_uris")
        assert register(kind="confidential", redirect_uris=[]).status == 201


class TestClients:
    def test_scopes_are_those_of_the_service(self, register):
        invalid(register(scopes=["schools:read", "schools:red", "*"]), "/scopes/1", "/scopes/2")
        invalid(register(scopes=[]), "/scopes")

    @pytest.mark.parametrize("origin", ["https://front.example/", "front.example", "*", "null",
                                        "https://a.example,https://b.example", "ftp://a.example"])
    def test_origins_are_bare(self, register, origin):
        invalid(register(origins=[origin]), "/origins/0")

    def test_are_for_head_office(self, register, people_of, reader):
        client = register().json
        path = f"/v1/clients/{client['id']}"
        for other in (reader, people_of("ambassador"), people_of("school")):
            problem(other.get(path), 403, "forbidden")
            problem(other.patch(path, {"scopes": ["accounts:write"]}, "*"), 403, "forbidden")
            problem(other.post(f"{path}/secret"), 403, "forbidden")


@pytest.fixture
def people_of(world):
    return {"ambassador": world.ambassador.client,
            "school": world.coordinators["own"].client}.get


class TestSecrets:
    def test_are_kept_as_a_hash(self, register, head, stage):
        client = register().json
        assert kept(stage, client) == ""
        secret = new_secret(head, client)
        digest = hashlib.blake2b(secret.encode(), key=bytes.fromhex(stage.key), digest_size=32)
        assert secret.startswith("iqs_") and len(secret) == 47
        assert kept(stage, client) == digest.hexdigest()

    def test_take_each_others_place(self, register, head, stage):
        client = register().json
        first = new_secret(head, client), kept(stage, client)
        second = new_secret(head, client), kept(stage, client)
        assert first[0] != second[0] and first[1] != second[1]

    def test_are_not_for_public_clients(self, register, head, stage):
        client = register(kind="public").json
        problem(head.post(f"/v1/clients/{client['id']}/secret"), 409, "conflict")
        assert kept(stage, client) == ""

    def test_end_when_a_client_becomes_public(self, register, head, stage):
        client = register().json
        new_secret(head, client)
        assert head.patch(f"/v1/clients/{client['id']}", {"kind": "public"}, "*").status == 200
        assert kept(stage, client) == ""

    def test_of_no_client(self, head):
        problem(head.post("/v1/clients/00000000-0000-4000-8000-000000000000/secret"), 404,
                "not_found")
        problem(head.post("/v1/clients/x/secret"), 400, "invalid_parameters")

    def test_are_in_the_audit_log_but_not_in_the_log(self, register, head, stage, server):
        client = register().json
        secret = new_secret(head, client)
        assert stage.cluster.psql(
            "SELECT outcome FROM audit_record WHERE operation = 'create_client_secret' "
            f"AND resource = 'client' AND resource_id = '{client['id']}'") == "done"
        assert secret not in server.log_path.read_text()
        assert secret not in stage.cluster.psql("SELECT doc FROM audit_record WHERE "
                                                f"resource_id = '{client['id']}'")

    def test_need_the_scopes_of_the_client(self, register, head, scoped, stage):
        """Whoever holds the secret has them."""
        client = register(scopes=["schools:read", "people:read"]).json
        narrow = scoped("clients:write", "schools:read")
        problem(narrow.post(f"/v1/clients/{client['id']}/secret"), 403, "forbidden")
        assert kept(stage, client) == ""
        head.patch(f"/v1/clients/{client['id']}", {"scopes": ["schools:read"]}, "*")
        assert narrow.post(f"/v1/clients/{client['id']}/secret").status == 201


class TestLentScopes:
    """Nobody gives a client more than the own token may."""

    @pytest.fixture
    def narrow(self, scoped):
        return scoped("clients:write", "clients:read", "schools:read")

    def test_to_a_new_one(self, narrow, make):
        for scopes, status in ((["schools:read"], 201), (["people:read"], 403),
                               (["schools:read", "people:read"], 403)):
            response = narrow.post("/v1/clients", {**example(make), "scopes": scopes})
            assert response.status == status, response
            assert status == 201 or "scopes" in problem(response, 403, "forbidden")["detail"]

    def test_to_one_that_is_there(self, narrow, register):
        client = register(scopes=["schools:read"]).json
        path = f"/v1/clients/{client['id']}"
        problem(narrow.patch(path, {"scopes": ["schools:read", "people:read"]}, "*"), 403,
                "forbidden")
        assert narrow.patch(path, {"scopes": ["clients:read"]}, "*").status == 200

    def test_nor_leads_them_elsewhere(self, narrow, register):
        """Who changes where codes are sent, or who needs no secret, may get what they are for."""
        client = register(scopes=["schools:read", "people:read"]).json
        path = f"/v1/clients/{client['id']}"
        for members in ({"redirect_uris": ["https://other.example/"]}, {"kind": "public"}):
            problem(narrow.patch(path, members, "*"), 403, "forbidden")
        assert narrow.patch(path, {"origins": []}, "*").status == 200
        assert narrow.patch(path, {"scopes": ["schools:read"]}, "*").status == 200


class TestLiveTokens:
    """What a client holds follows its record at once."""

    SCOPES = ["clusters:read", "schools:read"]

    @pytest.fixture(scope="class")
    def person(self, people):
        return people.person("head_office")

    @staticmethod
    def own(anyone, app):
        answer = send_form(anyone, "/oauth/token", app.fields(grant_type="client_credentials"))
        assert answer.status == 200, answer
        return confidential.note(answer.json["access_token"])

    @staticmethod
    def refresh(anyone, app, tokens):
        return send_form(anyone, "/oauth/token", app.fields(
            grant_type="refresh_token", refresh_token=tokens["refresh_token"]))

    @staticmethod
    def change(head, app, **members):
        assert head.patch(f"/v1/clients/{app.id}", members, "*").status == 200

    def test_lose_scopes_that_it_loses(self, people, person, head, anyone):
        app, other = (people.app("confidential", scopes=self.SCOPES) for _ in range(2))
        tokens, bystander = SignIn(anyone, app).tokens(person), self.own(anyone, other)
        mine = [tokens["access_token"], self.own(anyone, app)]
        self.change(head, app, scopes=["schools:read", "meetings:read"])
        for _ in range(2):
            for token in mine:
                assert anyone.get("/v1/clusters?limit=1", token=token).status == 403
                assert anyone.get("/v1/schools?limit=1", token=token).status == 200
            self.change(head, app, scopes=self.SCOPES)  # what is lost does not come back
        assert self.refresh(anyone, app, tokens).json["scope"] == "schools:read"
        assert anyone.get("/v1/clusters?limit=1", token=bystander).status == 200

    def test_end_when_no_scope_is_left(self, people, person, head, anyone):
        app = people.app("confidential", scopes=self.SCOPES)
        tokens = SignIn(anyone, app).tokens(person)
        mine = [tokens["access_token"], self.own(anyone, app)]
        self.change(head, app, scopes=["meetings:read"])
        for token in mine:
            problem(anyone.get("/v1/schools?limit=1", token=token), 401, "unauthorized")
        self.change(head, app, scopes=self.SCOPES)
        oauth_error(self.refresh(anyone, app, tokens), 400, "invalid_grant")

    def test_of_its_own_end_with_the_secret(self, people, person, head, anyone):
        """Who signed in stays; the next refresh needs the new secret."""
        app = people.app("confidential")
        tokens, mine = SignIn(anyone, app).tokens(person), self.own(anyone, app)
        was, app.secret = app.secret, new_secret(head, app.document)
        problem(anyone.get("/v1/schools?limit=1", token=mine), 401, "unauthorized")
        assert anyone.get("/v1/schools?limit=1", token=tokens["access_token"]).status == 200
        oauth_error(self.refresh(anyone, App(app.document, was), tokens), 401, "invalid_client")
        assert self.refresh(anyone, app, tokens).status == 200

    def test_of_its_own_end_when_it_becomes_public(self, people, person, head, anyone):
        app = people.app("confidential")
        tokens, mine = SignIn(anyone, app).tokens(person), self.own(anyone, app)
        self.change(head, app, kind="public")
        problem(anyone.get("/v1/schools?limit=1", token=mine), 401, "unauthorized")
        assert self.refresh(anyone, App(app.document), tokens).status == 200

    def test_are_refreshed_with_a_secret_once_it_has_one(self, people, person, head, anyone):
        app = people.app()
        tokens = SignIn(anyone, app).tokens(person)
        self.change(head, app, kind="confidential")
        oauth_error(self.refresh(anyone, app, tokens), 401, "invalid_client")
        app.secret = new_secret(head, app.document)
        assert self.refresh(anyone, app, tokens).status == 200

    def test_do_not_come_of_codes_sent_where_it_is_no_more(self, people, person, head, anyone):
        app = people.app()
        first, second = SignIn(anyone, app), SignIn(anyone, app)
        codes = [sign_in.code(person) for sign_in in (first, second)]
        self.change(head, app, redirect_uris=[app.redirect, "https://other.example/"])
        assert first.redeem(codes[0]).status == 200
        self.change(head, app, redirect_uris=["https://other.example/"])
        oauth_error(second.redeem(codes[1]), 400, "invalid_grant")

    def test_made_meanwhile_have_the_scopes_of_after(self, people, stage, anyone):
        """Who asks for one while the client is changed waits for that."""
        app = people.app("confidential", scopes=self.SCOPES)
        change = f"""
            BEGIN;
            UPDATE client SET doc = document_with(doc, '{{"scopes": ["schools:read"]}}')
            WHERE id = '{app.id}';
            SELECT pg_advisory_xact_lock(hashtext('{app.id}'));
            DO $$ BEGIN
                FOR i IN 1..1000 LOOP
                    EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE NOT granted
                        AND transactionid = pg_current_xact_id()::xid);
                    PERFORM pg_sleep(0.01);
                END LOOP;
            END $$;
            COMMIT"""
        is_changing = ("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND "
                       f"objid::bigint = hashtext('{app.id}')::bigint & 4294967295")
        with ThreadPoolExecutor(1) as pool:
            changed = pool.submit(stage.cluster.psql, change)
            wait_for(lambda: stage.cluster.psql(is_changing) == "1", "the change is under way")
            token = self.own(anyone, app)
            changed.result()
        assert anyone.get("/v1/schools?limit=1", token=token).status == 200
        assert anyone.get("/v1/clusters?limit=1", token=token).status == 403
