"""Every resource alike: create, get, put, patch, delete, history. Special rules: test_rules.py."""

import csv
import io
import json
import re
import uuid

import pytest

from support.contract import DOCUMENT, as_sent
from support.expect import bad_parameter, invalid, problem
from support.resources import RESOURCES, change_of, ours

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture(params=RESOURCES.values(), ids=RESOURCES)
def resource(request):
    return request.param


@pytest.fixture
def record(resource, make):
    return make.create(resource.name)


# Taken away, these would make a meeting of no cluster, term dates that hold for everyone, and a link
# to nowhere; or are chosen by the server.
KEPT = ("cluster_id", "local_authority_code", "framework_id", "applied_on", "url", "placed_on", "status")
CLASHING = [resource for resource in RESOURCES.values() if resource.clash]
# An award goes to no other school (test_awards.py), and what is worked on stays with its award.
CLASHING_LATER = [resource for resource in CLASHING
                  if resource.name not in ("award", "plan", "project", "project_update")]
REFERRED = [resource for resource in RESOURCES.values() if resource.refer]
WITH_OPTIONAL = [resource for resource in RESOURCES.values()
                 if resource.name not in ("term_dates", "account", "client", "attendance",
                                          "plan", "bank_holiday", "legal_hold")]


def only(resources):
    """Runs a test over some of the resources."""
    return pytest.mark.parametrize("resource", resources, ids=lambda r: r.name, indirect=True)


def schema_of(resource):
    return DOCUMENT["components"]["schemas"][DOCUMENT["x-resources"][resource.name]["schema"]]


def missing(resource):
    return f"{resource.collection}/{uuid.uuid4()}"


class TestCreate:
    def test_answers_what_is_stored(self, resource, head, make):
        body = make.example(resource.name)
        response = head.post(resource.collection, body)
        assert response.status == 201
        assert response.etag == '"1"'
        made = response.json
        assert response.header("Location") == resource.path(made)
        assert UUID7.fullmatch(made["id"])
        assert made["version"] == 1
        assert TIME.fullmatch(made["created_at"]) and made["created_at"] == made["updated_at"]
        assert ours(made, resource.name) == {k: v for k, v in body.items() if v is not None}
        again = head.get(resource.path(made))
        assert (again.status, again.body, again.etag) == (200, response.body, '"1"')

    def test_members_come_in_the_order_of_the_contract(self, resource, record):
        assert list(record) == [n for n in schema_of(resource)["properties"] if n in record]

    def test_nulls_are_left_out(self, resource, head, make):
        schema = schema_of(resource)
        nullable = [n for n, m in schema["properties"].items() if "null" in m.get("type", [])]
        body = make.example(resource.name)
        spare = [n for n in nullable if n not in body]
        response = head.post(resource.collection, {**body, **{n: None for n in spare}})
        assert response.status == 201, response
        assert not set(spare) & set(response.json)

    def test_refuses_what_breaks_the_contract(self, resource, head, make):
        member, bad = resource.wrong
        body = {**make.example(resource.name), member: bad, "no_such_member": 1}
        found = problem(head.post(resource.collection, body), 422, "validation_failed")
        if member not in ("left_on", "ends_on", "academic_year"):
            assert {e["pointer"] for e in found["errors"]} == {f"/{member}", "/no_such_member"}
        del body["no_such_member"]
        invalid(head.post(resource.collection, body), f"/{member}")

    def test_names_every_missing_member(self, resource, head):
        needed = as_sent(schema_of(resource))["required"]
        found = problem(head.post(resource.collection, {}), 422, "validation_failed")
        assert sorted(e["pointer"] for e in found["errors"]) == sorted(f"/{n}" for n in needed)

    def test_refuses_what_the_server_sets(self, resource, head, make):
        body = {**make.example(resource.name), "id": str(uuid.uuid4()), "version": 7}
        found = problem(head.post(resource.collection, body), 422, "validation_failed")
        assert {e["pointer"] for e in found["errors"]} == {"/id", "/version"}

    @only(CLASHING)
    def test_refuses_a_clash(self, resource, record, head, make):
        clashing = resource.clash(make, record)
        found = problem(head.post(resource.collection, clashing), 409, "conflict")
        assert found["errors"], found
        assert all(e["pointer"].strip("/") in clashing for e in found["errors"])

    def test_refuses_a_reference_into_the_void(self, resource, head, make):
        body = make.example(resource.name)
        links = [name for name in body if name.endswith("_id")]
        for name in links:
            found = problem(head.post(resource.collection, {**body, name: str(uuid.uuid4())}),
                            422, "validation_failed")
            assert [e["pointer"] for e in found["errors"]] == [f"/{name}"]


class TestGet:
    def test_knows_what_the_client_holds(self, resource, record, head):
        path = resource.path(record)
        for tag in ('"1"', 'W/"1"', '"1.gz"', '*', '"0", "1"', '"x" , W/"1"'):
            response = head.get(path, headers={"If-None-Match": tag})
            assert (response.status, response.body, response.etag) == (304, b"", '"1"'), tag
        for tag in ('"2"', '"11"', '"gz"', '""'):
            assert head.get(path, headers={"If-None-Match": tag}).status == 200, tag

    @pytest.mark.parametrize("tag", ['"01"', '"1x"', '"2"', '"-1"', '"9999999999999999999999"'])
    def test_sends_it_to_who_holds_another(self, resource, record, head, tag):
        response = head.get(resource.path(record), headers={"If-None-Match": tag})
        assert (response.status, response.json) == (200, record)

    def test_head_is_get_without_its_body(self, resource, record, head):
        path = resource.path(record)
        full, short = head.get(path), head.request("HEAD", path)
        volatile = ("Date", "X-Request-Id", "RateLimit")
        assert short.status == 200 and short.body == b""
        assert [h for h in short.headers if h[0] not in volatile] == \
            [h for h in full.headers if h[0] not in volatile]
        assert int(full.header("Content-Length")) == len(full.body)
        assert head.request("HEAD", path, headers={"If-None-Match": '"1"'}).status == 304
        assert head.request("HEAD", missing(resource)).status == 404

    def test_a_missing_one(self, resource, head):
        problem(head.get(missing(resource)), 404, "not_found")

    @pytest.mark.parametrize("text", ["x", "00000000-0000-0000-0000-00000000000G",
                                      "00000000-0000-0000-0000-000000000000%20",
                                      "0F0F0F0F-0000-4000-8000-000000000000"])
    def test_an_id_that_is_none(self, resource, head, text):
        found = problem(head.get(f"{resource.collection}/{text}"), 400, "invalid_parameters")
        assert found["errors"][0]["in"] == "path"


class TestPut:
    def test_creates_under_an_id_of_the_clients_own(self, resource, head, make):
        path = missing(resource)
        body = make.example(resource.name)
        response = head.put(path, body, headers={"If-None-Match": "*"})
        assert response.status == 201
        assert response.header("Location") == path and response.etag == '"1"'
        assert resource.path(response.json) == path
        assert head.get(path).body == response.body
        again = head.put(path, make.example(resource.name), headers={"If-None-Match": "*"})
        problem(again, 412, "precondition_failed")

    def test_does_not_take_the_id_of_a_deleted_one(self, resource, record, head, make):
        path = resource.path(record)
        assert head.delete(path, '"1"').status == 204
        again = head.put(path, make.example(resource.name), headers={"If-None-Match": "*"})
        assert "deleted" in problem(again, 412, "precondition_failed")["detail"]
        problem(head.get(path), 404, "not_found")

    def test_may_name_its_id_in_the_body(self, resource, head, make):
        path = missing(resource)
        wanted = path.rsplit("/", 1)[1]
        body = {**make.example(resource.name), "id": str(uuid.uuid4())}
        invalid(head.put(path, body, headers={"If-None-Match": "*"}), "/id")
        body["id"] = wanted
        assert head.put(path, body, headers={"If-None-Match": "*"}).status == 201

    def test_replaces_the_version_named(self, resource, record, head, make):
        path, body = resource.path(record), make.example(resource.name)
        if resource.keeps:
            body.update(resource.change, **{name: record[name] for name in resource.keeps})
        response = head.put(path, body, headers={"If-Match": '"1"'})
        assert response.status == 200, response
        now = response.json
        assert (now["id"], now["version"], response.etag) == (record["id"], 2, '"2"')
        assert now["created_at"] == record["created_at"] < now["updated_at"]
        assert ours(now, resource.name) == body
        assert head.get(path).body == response.body
        problem(head.put(path, body, headers={"If-Match": '"1"'}), 412, "precondition_failed")

    def test_what_was_read_may_be_sent_back(self, resource, record, head):
        response = head.put(resource.path(record), record, headers={"If-Match": '"1"'})
        assert (response.status, response.json, response.etag) == (200, record, '"1"')

    @only(WITH_OPTIONAL)
    def test_leaving_a_member_out_removes_it(self, resource, record, head):
        schema = schema_of(resource)
        optional = [n for n in ours(record, resource.name) if n not in schema["required"]
                    and (n not in KEPT or "urn" in record)]
        body = {n: v for n, v in ours(record, resource.name).items() if n != optional[0]}
        response = head.put(resource.path(record), body, headers={"If-Match": '"1"'})
        assert response.status == 200, response
        assert optional[0] not in response.json

    def test_without_a_precondition(self, resource, record, head, make):
        body = make.example(resource.name)
        problem(head.put(resource.path(record), body), 428, "precondition_required")
        problem(head.put(resource.path(record), body, headers={"If-None-Match": '"1"'}), 428,
                "precondition_required")

    def test_a_missing_one(self, resource, head, make):
        problem(head.put(missing(resource), make.example(resource.name),
                         headers={"If-Match": '"1"'}), 404, "not_found")

    def test_refuses_what_breaks_the_contract(self, resource, record, head):
        member, bad = resource.wrong
        invalid(head.put(resource.path(record), {**ours(record, resource.name), member: bad},
                                 headers={"If-Match": '"1"'}), f"/{member}")
        assert head.get(resource.path(record)).json == record

    @only(CLASHING_LATER)
    def test_refuses_a_clash(self, resource, record, head, make):
        clashing = resource.clash(make, record)
        other = make.create(resource.name)
        problem(head.put(resource.path(other), clashing, headers={"If-Match": "*"}), 409,
                "conflict")
        assert head.get(resource.path(other)).json == other


class TestPatch:
    def test_changes_what_it_names(self, resource, record, head):
        patch = change_of(resource, record)
        response = head.patch(resource.path(record), patch, '"1"')
        assert response.status == 200, response
        now = response.json
        assert (now["version"], response.etag) == (2, '"2"')
        assert now["updated_at"] >= record["updated_at"]  # in milliseconds
        for name, value in ours(record, resource.name).items():
            if name not in patch:
                assert now[name] == value
        for name, value in patch.items():
            if isinstance(value, dict):
                assert value.items() <= now[name].items()
            else:
                assert now[name] == value

    @pytest.mark.parametrize("tag", ['"1"', '"1.gz"', "*", '"9", "1"', 'W/"1", "1"'])
    def test_takes_the_tag(self, resource, record, head, tag):
        assert head.patch(resource.path(record), change_of(resource, record), tag).status == 200

    @pytest.mark.parametrize("tag", ['"2"', 'W/"1"', '""', '"9", "8"', '"*"'])
    def test_refuses_the_tag(self, resource, record, head, tag):
        problem(head.patch(resource.path(record), change_of(resource, record), tag), 412,
                "precondition_failed")
        assert head.get(resource.path(record)).json == record

    def test_that_changes_nothing_makes_no_version(self, resource, record, head):
        for patch in ({}, ours(record, resource.name), record):
            response = head.patch(resource.path(record), patch, '"1"')
            assert (response.status, response.json, response.etag) == (200, record, '"1"')

    def test_null_removes(self, resource, record, head):
        schema = schema_of(resource)
        for name in list(ours(record, resource.name)):
            patched = head.patch(resource.path(record), {name: None}, "*")
            if name in schema["required"]:
                found = problem(patched, 422, "validation_failed")
                assert found["errors"][0]["pointer"] == f"/{name}"
            elif name not in KEPT or "urn" in record:
                assert patched.status == 200, patched
                assert name not in patched.json

    def test_refuses_what_the_server_sets(self, resource, record, head):
        for name, value in (("id", str(uuid.uuid4())), ("version", 9),
                            ("created_at", "2020-01-01T00:00:00Z"), ("updated_at", None)):
            response = head.patch(resource.path(record), {name: value}, "*")
            found = problem(response, 422, "validation_failed")
            assert [e["pointer"] for e in found["errors"]] == [f"/{name}"]
        assert head.get(resource.path(record)).json == record

    def test_refuses_null_for_what_the_server_sets(self, resource, record, head, make):
        """As any other value: what is not there may be said to be not there."""
        server = {name for name in record if name not in make.example(resource.name)}
        found = problem(head.patch(resource.path(record), dict.fromkeys(server), "*"), 422,
                        "validation_failed")
        assert {e["pointer"] for e in found["errors"]} == {f"/{name}" for name in server}
        assert {e["detail"] for e in found["errors"]} == \
            {"is set by the server and cannot be changed"}
        absent = {name: None for name, node in schema_of(resource)["properties"].items()
                  if node.get("readOnly") and name not in record}
        response = head.patch(resource.path(record), absent, "*")
        assert (response.status, response.json) == (200, record)

    def test_without_a_precondition(self, resource, record, head):
        problem(head.patch(resource.path(record), {}), 428, "precondition_required")

    def test_a_missing_one(self, resource, head):
        problem(head.patch(missing(resource), {}, "*"), 404, "not_found")

    def test_refuses_members_it_has_not(self, resource, record, head):
        invalid(head.patch(resource.path(record), {"nmae": "x"}, "*"), "/nmae")
        assert head.get(resource.path(record)).json == record

    def test_is_refused_as_a_whole(self, resource, record, head):
        member, bad = resource.wrong
        patch = {**change_of(resource, record), member: bad}
        invalid(head.patch(resource.path(record), patch, "*"), f"/{member}")
        assert head.get(resource.path(record)).json == record

    @pytest.mark.parametrize("patch", [[], "x", 1, None, True])
    def test_that_is_no_object(self, resource, record, head, patch):
        problem(head.patch(resource.path(record), patch, "*"), 422, "validation_failed")

    @only(CLASHING_LATER)
    def test_refuses_a_clash(self, resource, record, head, make):
        clashing = resource.clash(make, record)
        other = make.create(resource.name)
        problem(head.patch(resource.path(other), clashing, "*"), 409, "conflict")


class TestDelete:
    def test_removes_the_version_named(self, resource, record, head):
        path = resource.path(record)
        problem(head.delete(path), 428, "precondition_required")
        problem(head.delete(path, '"2"'), 412, "precondition_failed")
        response = head.delete(path, '"1"')
        assert (response.status, response.body) == (204, b"")
        problem(head.get(path), 404, "not_found")
        problem(head.delete(path, "*"), 404, "not_found")

    @only(REFERRED)
    def test_spares_what_others_refer_to(self, resource, record, head, make):
        other = resource.refer(make, record)
        found = problem(head.delete(resource.path(record), "*"), 409, "conflict")
        kind = next(r for r in RESOURCES.values() if head.get(r.path(other)).status == 200)
        assert found["detail"] == (f"Other records refer to this one: {kind.plural.replace('_', ' ')}. "
                                   "Delete or change those first.")
        assert head.get(resource.path(record)).json == record


class TestHistory:
    def test_keeps_every_version(self, resource, record, head):
        path = resource.path(record)
        changed = head.patch(path, change_of(resource, record), "*").json
        head.delete(path, "*")
        response = head.get(path + "/history")
        assert response.status == 200
        items = response.json["items"]
        assert [(i["version"], i["action"]) for i in items] == \
            [(3, "deleted"), (2, "changed"), (1, "created")]
        assert [i["document"] for i in items] == [None, changed, record]
        assert [i["actor"] for i in items] == [head.actor] * 3
        assert items[2]["at"] == record["created_at"]
        assert items[1]["at"] == changed["updated_at"]
        assert items[0]["at"] >= items[1]["at"] >= items[2]["at"]

    def test_names_who_did_it(self, resource, record, head, scoped):
        other = scoped(f"{resource.plural}:write")
        other.patch(resource.path(record), change_of(resource, record), "*")
        items = head.get(resource.path(record, "/history")).json["items"]
        assert [i["actor"] for i in items] == [other.actor, head.actor]

    def test_goes_on_where_the_page_ended(self, resource, record, head):
        path = resource.path(record)
        name, one, two = _toggle(resource, record)
        for value in (one, two, one):
            assert head.patch(path, {name: value}, "*").status == 200
        versions, target = [], path + "/history?limit=1"
        while target:
            response = head.get(target)
            versions += [i["version"] for i in response.json["items"]]
            link = response.header("Link")
            assert (link is None) == (response.json["next"] is None)
            target = link and re.fullmatch(r'<(.*)>; rel="next"', link).group(1)
        assert versions == [4, 3, 2, 1]

    def test_a_wrong_cursor(self, resource, record, head, make):
        head.patch(resource.path(record), change_of(resource, record), "*")
        cursor = head.get(resource.path(record, "/history?limit=1")).json["next"]
        other = make.create(resource.name)
        for target in (resource.path(other, f"/history?cursor={cursor}"),
                       resource.path(record, "/history?cursor=xyz"),
                       resource.path(record, "/history?limit=0")):
            problem(head.get(target), 400, "invalid_parameters")

    def test_of_a_missing_one(self, resource, head):
        problem(head.get(missing(resource) + "/history"), 404, "not_found")

    def test_is_a_file(self, resource, record, head):
        path = resource.path(record)
        head.patch(path, change_of(resource, record), "*")
        items = head.get(path + "/history").json["items"]
        text = head.get(path + "/history?format=ndjson").text
        assert [json.loads(line) for line in text.splitlines()] == items
        response = head.get(path + "/history?format=csv")
        rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
        assert [row["document.id"] for row in rows] == [record["id"]] * 2
        assert [row["version"] for row in rows] == ["2", "1"]
        assert f"{resource.collection.rpartition('/')[2]}-history-" in \
            response.header("Content-Disposition")


def _toggle(resource, record):
    """A member and two values it may take in turn, other than its own."""
    if resource.name == "term_dates":
        year = record["academic_year"][:4]
        return "autumn", {"ends_on": f"{year}-12-18"}, {"ends_on": f"{year}-12-17"}
    name, value = next(iter(resource.change.items()))
    other = {"town": "York", "region": "South", "telephone": "01632 960002", "reason": "Closed.",
             "left_on": "2026-06-30", "ends_on": "2026-06-30", "notes": "Few came.",
             "status": "absent", "suspended": False, "origins": ["https://two.example"],
             "edition": "2022", "title": "A quiet hall", "seen": "Lively corridors.",
             "targets": [], "progress": "All looked.", "name": "A funeral",
             "kind": "safeguarding", "description": "The portal for clusters"}
    return name, value, other[name]


class TestUnique:
    """What is said of a value that there may be once only."""

    def clash(self, head, make, name):
        resource = RESOURCES[name]
        return problem(head.post(resource.collection, resource.clash(make, make.create(name))),
                       409, "conflict")

    def test_one_member(self, head, make):
        found = self.clash(head, make, "ambassador")
        assert found["errors"] == [{"pointer": "/person_id", "detail": "is taken by another record"}]

    def test_two_together(self, head, make):
        found = self.clash(head, make, "attendance")
        assert found["detail"] == \
            "There is a record with this meeting_id and school_id already, and there may be only one."
        assert found["errors"] == [
            {"pointer": f"/{name}", "detail": "is taken by another record, together with the others"}
            for name in ("meeting_id", "school_id")]

    def test_days_that_overlap(self, head, make):
        found = self.clash(head, make, "assignment")
        assert found["errors"] == [
            {"pointer": "/starts_on", "detail": "overlaps with another record"}]

    def test_an_address_that_opens_another_account(self, head, make):
        """The person is new, and yet nobody could tell the two accounts apart at the door."""
        first = make.person()
        make.account(person_id=first["id"])
        second = make.person(email=first["email"].upper())
        found = problem(head.post("/v1/accounts", make.example("account", person_id=second["id"])),
                        409, "conflict")
        assert found["detail"] == "Another account signs in with this person's e-mail address."
        assert [e["pointer"] for e in found["errors"]] == ["/person_id"]
