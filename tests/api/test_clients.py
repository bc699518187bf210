"""Third-party programs: what may be registered, and their secrets."""

import hashlib

import pytest

from support import confidential
from support.expect import invalid, problem
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
        "http://localhost/back", "org.example.app:/back", "org.example.app://back"])
    def test_that_may_be(self, register, uri):
        assert register(redirect_uris=[uri]).status == 201

    @pytest.mark.parametrize("uri", [
        "http://front.example/", "//front.example/", "/back", "back", "javascript:alert(1)",
        "data:text/html,x", "https://", "https:///x", "https://user@front.example/",
        "https://front.example/#part", "https://front.example/ x", "https://front.example/\"",
        "https://front.example/<", "https://front.example\\@evil.example/", "HTTPS://front.example",
        "https://fröntend.example/", "http://127.0.0.1.evil.example/", "http://127.0.0.1@evil.example/",
        "http://localhost.evil.example/", "file:///etc/passwd", "https://front.example/\n"])
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
