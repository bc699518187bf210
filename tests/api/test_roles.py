"""Who may do what: roles, scopes, and tokens that are none."""

import re

import pytest

from support import files
from support.client import Client
from support.contract import OPERATIONS
from support.expect import invalid, problem
from support.places import wait_for
from support.resources import RESOURCES

CHALLENGE = 'Bearer realm="iqm"'
INVALID = 'Bearer realm="iqm", error="invalid_token"'
SECURED = [o for o in OPERATIONS.values() if o.node["security"]]
# But for those of OAuth, which have tests of their own.
PUBLIC = [o for o in OPERATIONS.values() if not o.node["security"] and "x-errors" not in o.node]
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


def scope_of(operation):
    return operation.node["security"][0]["oauth2"][0]


def call(client, operation, make=None, **options):
    """A request the operation would take, on a record that is not there."""
    target = re.sub("{[^}]*}", UNKNOWN_ID, operation.path)
    method = operation.method.upper()
    headers = dict(options.pop("headers", {}))
    if method in ("PUT", "PATCH", "DELETE"):
        headers["If-Match"] = '"1"'
    if operation.id == "search_contributions":
        target += "?q=corner"
    if operation.id == "create_register_import":
        return client.request(method, target + "?dry_run=true", body=b"URN\r\n",
                              headers={**headers, "Content-Type": "text/csv"}, **options)
    if operation.id == "put_evidence_file":
        return files.upload(client, {"id": UNKNOWN_ID}, headers=headers, **options)
    if method in ("POST", "PUT"):
        body = make.example(operation.resource) if make and operation.resource else {}
        return client.request(method, target, json=body, headers=headers, **options)
    if method == "PATCH":
        return client.request(method, target, json={}, headers=headers, **options)
    return client.request(method, target, headers=headers, **options)


def refused(response, challenge):
    problem(response, 401, "unauthorized")
    assert response.header("WWW-Authenticate") == challenge


def lacks_scope(response, scope):
    """RFC 6750, 3.1: another token of the same caller might do."""
    found = problem(response, 403, "insufficient_scope")
    assert found["detail"] == f"The token does not have the scope {scope}, which this needs."
    assert response.header("WWW-Authenticate") == \
        f'Bearer realm="iqm", error="insufficient_scope", scope="{scope}"'


def lacks_role(response, who=None):
    """No scope would help, and none is asked for."""
    found = problem(response, 403, "forbidden")
    assert response.header("WWW-Authenticate") is None
    assert re.fullmatch(r"Only [a-z ,]+ may do this\.", found["detail"]), found
    assert who is None or found["detail"] == f"Only {who} may do this."


@pytest.mark.parametrize("operation", SECURED, ids=lambda o: o.id)
class TestEveryOperation:
    def test_wants_a_token(self, operation, anyone):
        refused(call(anyone, operation), CHALLENGE)

    def test_wants_a_known_token(self, operation, anyone):
        refused(call(anyone, operation, token="iqm_" + "A" * 43), INVALID)

    def test_knows_its_roles(self, operation, reader, make):
        response = call(reader, operation, make)
        if "client" in operation.node["x-roles"]:
            assert response.status in (200, 404), response
        else:
            lacks_role(response)

    def test_tells_nothing_before_it_knows_the_caller(self, operation, anyone):
        """What is wrong with a request is for those who might have made it."""
        path = operation.path.replace("{", "").replace("}", "")
        refused(anyone.request(operation.method.upper(), path + "?no_such=1"), CHALLENGE)


@pytest.mark.parametrize("operation", PUBLIC, ids=lambda o: o.id)
def test_public_operations_look_at_no_token(operation, anyone):
    statuses = {call(anyone, operation, token=token).status
                for token in (None, "nonsense", "iqm_" + "A" * 43)}
    assert len(statuses) == 1 and not statuses & {401, 403}


class TestScopes:
    @pytest.mark.parametrize("resource", RESOURCES.values(), ids=RESOURCES)
    def test_reading_is_not_writing(self, resource, scoped, make):
        record = make.create(resource.name)
        reads, writes = scoped(f"{resource.plural}:read"), scoped(f"{resource.plural}:write")
        assert reads.get(resource.path(record)).status == 200
        assert reads.get(resource.collection + "?limit=1").status == 200
        lacks_scope(reads.delete(resource.path(record), "*"), f"{resource.plural}:write")
        lacks_scope(writes.get(resource.path(record)), f"{resource.plural}:read")
        lacks_scope(writes.get(resource.path(record, "/history")), f"{resource.plural}:read")
        lacks_scope(reads.post(resource.collection, make.example(resource.name)),
                    f"{resource.plural}:write")
        assert writes.delete(resource.path(record), "*").status == 204

    def test_a_scope_gives_a_role_nothing_more(self, scoped):
        client = scoped("people:read", "schools:write", role="client")
        lacks_role(client.get("/v1/people"), "head office, ambassadors and schools")
        lacks_role(client.post("/v1/schools", {"name": "x", "status": "open"}), "head office")
        lacks_scope(client.get("/v1/schools"), "schools:read")

    def test_none_of_the_others(self, scoped, make):
        client = scoped("schools:read")
        for resource in list(RESOURCES.values())[1:]:
            lacks_scope(client.get(resource.collection), f"{resource.plural}:read")

    def test_a_refused_write_leaves_no_trace(self, reader, head, make):
        school = make.school()
        path = f"/v1/schools/{school['id']}"
        lacks_role(reader.patch(path, {"town": "Nowhere"}, "*"))
        lacks_role(reader.delete(path, "*"))
        assert head.get(path).json == school
        assert len(head.get(path + "/history").json["items"]) == 1


class TestTokens:
    @pytest.mark.parametrize("header", [
        "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer abc", "Token iqm_" + "A" * 43,
        "iqm_" + "A" * 43, "Bearer iqm_" + "A" * 42, "Bearer iqm_" + "A" * 44,
        "Bearer iqm_" + "A" * 43 + " x", "Bearer iqm_" + "*" * 43, "BearerX iqm_" + "A" * 43,
        "Bearer IQM_" + "A" * 43, "Bearer iqm_" + "A" * 43 + ", Bearer iqm_" + "A" * 43])
    def test_that_are_none(self, anyone, header):
        refused(anyone.get("/v1/schools", headers={"Authorization": header}), INVALID)

    def test_the_scheme_has_no_case(self, head):
        for scheme in ("bearer", "BEARER", "Bearer ", "Bearer"):
            response = head.get("/v1/schools?limit=1",
                                headers={"Authorization": f"{scheme} {head.token}"})
            assert response.status == 200

    def test_of_two_neither_counts(self, head):
        good = ("Authorization", f"Bearer {head.token}")
        problem(head.get("/v1/schools", headers=[good, good]), 400, "malformed_request")
        problem(head.get("/v1/schools", headers=[good, ("authorization", "Bearer x")]), 400,
                "malformed_request")

    def test_in_the_query_they_are_refused(self, head, anyone, server):
        for name in ("access_token", "token", "authorization"):
            target = f"/v1/schools?{name}={head.token}"
            refused(anyone.get(target), CHALLENGE)
            found = problem(head.get(target), 400, "invalid_parameters")
            assert head.token not in str(found)

    def test_in_a_cookie_they_are_nothing(self, head, anyone):
        refused(anyone.get("/v1/schools", headers={"Cookie": f"token={head.token}"}), CHALLENGE)

    def test_one_letter_makes_the_difference(self, head, anyone):
        last = "A" if head.token[-5] != "A" else "B"
        token = head.token[:-5] + last + head.token[-4:]
        refused(anyone.get("/v1/schools", token=token), INVALID)

    def test_expired(self, stage, anyone):
        name = f"expired {stage.number()}"
        token = stage.issue_token(name, days=1)
        assert anyone.get("/v1/schools?limit=1", token=token).status == 200
        stage.cluster.psql("UPDATE token SET expires_at = now() - interval '1 second' "
                           f"WHERE name = '{name}'", user="iqm_owner")
        refused(anyone.get("/v1/schools?limit=1", token=token), INVALID)

    def test_revoked_is_refused_by_every_instance_at_once(self, stage, server, anyone):
        name = f"revoked {stage.number()}"
        token = stage.issue_token(name)
        other = stage.server().start()
        elsewhere = Client(other.port)
        try:
            for client in (anyone, elsewhere):
                assert client.get("/v1/schools?limit=1", token=token).status == 200
            stage.iqmd("token", "revoke", stage.token_id(name))
            for client in (anyone, elsewhere):
                refused(client.get("/v1/schools?limit=1", token=token), INVALID)
                refused(client.post("/v1/schools", {"name": "x", "status": "open"}, token=token),
                        INVALID)
        finally:
            elsewhere.close()
            other.stop()

    def test_under_another_key_they_are_unknown(self, stage, head):
        other = stage.server(IQM_TOKEN_KEY="ab" * 32).start()
        client = Client(other.port, head.token)
        try:
            refused(client.get("/v1/schools"), INVALID)
        finally:
            client.close()
            other.stop()

    def test_the_first_use_is_noted(self, stage, anyone):
        name = f"used {stage.number()}"
        token = stage.issue_token(name)
        assert anyone.get("/v1/schools?limit=1", token=token).status == 200
        wait_for(lambda: stage.cluster.psql(
            f"SELECT last_used_at IS NOT NULL FROM token WHERE name = '{name}'") == "t",
            "the use of a token to be noted", 30)


def test_who_may_not_is_not_told_what_is_wrong(reader, anyone):
    refused(anyone.post("/v1/schools", {"nonsense": 1}), CHALLENGE)
    lacks_role(reader.post("/v1/schools", {"nonsense": 1}))
    lacks_role(reader.post("/v1/schools", body=b"{", headers={"Content-Type": "text/plain"}))
    lacks_role(reader.get("/v1/people?limit=0"))
    lacks_role(reader.delete(f"/v1/schools/{UNKNOWN_ID}"))


def test_a_member_that_is_not_theirs_before_anything_is_wrong_with_it(world):
    """Who may call the operation is told what to mend, never that they may not call it."""
    body = {**world.body("attendance", "own"), "impact": "Mine.", "status": "late"}
    invalid(world.callers["ambassador"].post("/v1/attendances", body), "/status")
    found = problem(world.callers["ambassador"].post(
        "/v1/attendances", {**body, "status": "present"}), 403, "member_forbidden")
    assert [e["pointer"] for e in found["errors"]] == ["/impact"]
