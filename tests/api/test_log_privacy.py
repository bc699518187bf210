"""No value that the contract declares personal reaches the log, whatever becomes of the request."""

import re
import secrets
import urllib.parse

import pytest

from support import confidential
from support.contract import DOCUMENT, FORM, METHODS, resolve

NOBODY = "00000000-0000-4000-8000-000000000000"


def is_personal(schema):
    return schema.get("x-personal", "never") != "never"


def text_for(schema, canary):
    """The canary as a value that this schema may take."""
    return {"email": f"{canary}@example.org", "uri": f"https://{canary}.example/"}.get(
        schema.get("format"), canary)


def filled(schema, canary):
    """A value with the canary wherever it is personal, and nothing else; None where nowhere."""
    schema = resolve(schema)
    if is_personal(schema):
        return text_for(schema, canary)
    if "items" in schema:
        item = filled(schema["items"], canary)
        return None if item is None else [item]
    members = {name: filled(child, canary) for name, child in schema.get("properties", {}).items()}
    return {name: value for name, value in members.items() if value is not None} or None


def written(path, operation):
    """The schema of what is sent: of a merge patch, that of the resource."""
    content = operation.get("requestBody", {}).get("content", {})
    for media_type in ("application/json", "application/merge-patch+json", FORM):
        if media_type in content:
            schema = content[media_type]["schema"]
            if operation.get("x-action") == "patch":
                name = DOCUMENT["x-resources"][operation["x-resource"]]["schema"]
                schema = {"$ref": f"#/components/schemas/{name}"}
            return media_type, schema
    return None, {}


def cases():
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            operation = item.get(method)
            if operation is None:
                continue
            parameters = [resolve(one) for one in
                          (*item.get("parameters", []), *operation.get("parameters", []))]
            personal = [one for one in parameters if is_personal(resolve(one["schema"]))]
            media_type, schema = written(path, operation)
            if personal or filled(schema, "x"):
                yield pytest.param(path, method, personal, media_type, schema,
                                   id=operation["operationId"])


def query_of(parameters):
    return "?" + urllib.parse.urlencode(parameters) if parameters else ""


@pytest.mark.parametrize("path, method, personal, media_type, schema", cases())
def test_nothing_of_a_request(head, server, path, method, personal, media_type, schema):
    canary = confidential.note("canary" + secrets.token_hex(8))
    target = re.sub(r"\{[^}]*\}", NOBODY, path)
    sent = {place: {one["name"]: canary for one in personal if one["in"] == place}
            for place in ("query", "header")}
    body = {} if media_type is None else {
        "form" if media_type == FORM else "json": filled(schema, canary)}
    response = head.request(method.upper(), target + query_of(sent["query"]),
                            headers={**sent["header"], "If-Match": '"1"'}, **body)
    server.wait_for_log(request_id=response.header("X-Request-Id"))
    assert canary not in server.log_path.read_text()


def test_nothing_of_what_is_kept(head, server, make):
    """The same of a person that is made, found, changed, refused and deleted."""
    canary = confidential.note("canary" + secrets.token_hex(8))
    person = make.person(name=f"{canary} Ames", email=f"{canary}@example.org", job_title=canary)
    where = f"/v1/people/{person['id']}"
    head.get(where)
    head.post("/v1/people", {"name": canary, "telephone": f"call {canary}"})
    changed = head.patch(where, {"telephone": "020 7946 0000"}, match='"1"')
    assert changed.status == 200, changed
    response = head.delete(where, match=changed.etag)
    server.wait_for_log(request_id=response.header("X-Request-Id"))
    assert canary not in server.log_path.read_text()


@pytest.mark.parametrize("target", [
    "/v1/nothing/{}", "/v1/people/{}", "/v1/people?{}=1", "/v1/people?cursor={}",
    "/v1/people?school_id={}", "/account/password?link={}",
    "/v1/calendars/{}/feed.ics", "/oauth/authorize?state={}&client_id={}"])
def test_nothing_of_a_target(head, server, target):
    """Whatever a program puts where it does not belong, a secret in a path included."""
    canary = confidential.note("canary" + secrets.token_hex(8))
    response = head.get(target.replace("{}", canary))
    server.wait_for_log(request_id=response.header("X-Request-Id"))
    assert canary not in server.log_path.read_text()
