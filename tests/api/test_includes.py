"""Records read along with the one that names them: `include` of GET."""

import json
import urllib.request
import uuid

import pytest

from support.contract import DOCUMENT, OPERATIONS
from support.expect import bad_parameter, problem
from support.places import wait_for
from support.resources import RESOURCES
from support.scratch import scratch_database

HAVING = {name: list(node["includes"]) for name, node in DOCUMENT["x-resources"].items()
          if "includes" in node}


def with_all(client, name, record, *includes, **options):
    asked = ",".join(includes or HAVING[name])
    return client.get(f"{RESOURCES[name].path(record)}?include={asked}", **options)


def responsible(things):
    return {person for thing in things for person in thing["responsible_person_ids"]}


def found_by(head, path):
    return {one["id"] for one in head.get(path + "&limit=200").json["items"]}


def by_hand(head, name, record):
    """Ids of what each include is to hold, by other requests."""
    here = record["id"]
    if name == "plan":
        return {"people": responsible(record["targets"])}
    if name == "project":
        return {"people": responsible(record["steps"])}
    if name == "project_update":
        project = head.get(f"/v1/projects/{record['project_id']}").json
        return {"projects": {project["id"]}, "people": responsible(project["steps"])}
    if name == "meeting":
        came = head.get(f"/v1/attendances?meeting_id={here}").json["items"]
        return {"attendances": {one["id"] for one in came},
                "schools": {one["school_id"] for one in came},
                "invited": set(record["invited_school_ids"]), "hosts": {record["host_school_id"]}}
    if name == "school":
        return {"clusters": {record["cluster_id"]}, "awards": found_by(head, f"/v1/awards?school_id={here}"),
                "people": found_by(head, f"/v1/people?school_id={here}")}
    if name == "review":
        return {"schools": {record["school_id"]}, "awards": {record["award_id"]},
                "people": {record["assessor_person_id"]}}
    if name == "assignment":
        ambassador = head.get(f"/v1/ambassadors/{record['ambassador_id']}").json
        return {"clusters": {record["cluster_id"]}, "ambassadors": {ambassador["id"]},
                "people": {ambassador["person_id"]}}
    assert name == "contribution"
    return {"evidence": found_by(head, f"/v1/evidence?subject_type=contribution&subject_id={here}")}


@pytest.fixture
def full(make):
    """Makes a record that names something of each kind."""
    def record(name):
        if name == "school":
            school = make.school(cluster_id=make.cluster()["id"])
            make.award(school_id=school["id"])
            for _ in range(2):
                make.person(school_id=school["id"])
            return school
        if name == "meeting":
            cluster = make.cluster()["id"]
            schools = [make.school(cluster_id=cluster)["id"] for _ in range(3)]
            meeting = make.meeting(kind="additional", cluster_id=cluster, host_school_id=schools[0],
                                   invited_school_ids=schools[1:])
            for school in (schools[0], schools[2]):
                make.attendance(meeting_id=meeting["id"], school_id=school)
            return meeting
        if name == "contribution":
            shared = make.contribution()
            for _ in range(2):
                make.evidence(school_id=shared["school_id"],
                              subject={"type": "contribution", "id": shared["id"]})
            return shared
        return make.create(name)
    return record


class TestWhat:
    @pytest.mark.parametrize("name", HAVING)
    def test_is_what_other_requests_find(self, head, full, name):
        record = full(name)
        response = with_all(head, name, record)
        assert response.status == 200, response
        document = response.json
        included = document.pop("included")
        assert document == head.get(RESOURCES[name].path(record)).json
        assert included.pop("truncated") == []
        assert list(included) == HAVING[name]
        wanted = by_hand(head, name, document)
        for include, records in included.items():
            assert {one["id"] for one in records} == wanted[include] and wanted[include], include
            assert [one["id"] for one in records] == sorted(one["id"] for one in records)
            resource = DOCUMENT["x-resources"][name]["includes"][include]["resource"]
            for one in records:
                assert one == head.get(RESOURCES[resource].path(one)).json

    @pytest.mark.parametrize("name, include", [(n, i) for n, all_ in HAVING.items() for i in all_])
    def test_only_what_is_asked(self, head, full, name, include):
        included = with_all(head, name, full(name), include).json["included"]
        assert set(included) == {include, "truncated"} and included[include]

    def test_the_order_asked_for_means_nothing(self, head, full):
        record = full("school")
        assert with_all(head, "school", record, "people", "clusters").body == \
            with_all(head, "school", record, "clusters", "people").body

    def test_nothing_is_named(self, head, make):
        included = with_all(head, "school", make.school()).json["included"]
        assert included == {"clusters": [], "awards": [], "people": [], "truncated": []}

    def test_is_there_only_where_asked(self, head, make):
        record = make.school()
        assert "included" not in record
        assert "included" not in head.get(RESOURCES["school"].path(record)).json
        assert "included" not in head.get("/v1/schools?format=csv&fields=id").text
        bad_parameter(head.get("/v1/schools?format=csv&fields=id,included"), "fields")

    def test_no_record(self, head):
        for name in HAVING:
            problem(with_all(head, name, str(uuid.uuid4())), 404, "not_found")

    def test_is_not_taken_back(self, head, make):
        record = with_all(head, "school", make.school(), "clusters").json
        found = problem(head.put(RESOURCES["school"].path(record), record,
                                 headers={"If-Match": "*"}), 422, "validation_failed")
        assert [error["pointer"] for error in found["errors"]] == ["/included"]

    def test_head(self, head, make):
        response = head.request("HEAD", RESOURCES["school"].path(make.school(), "?include=awards"))
        assert response.status == 200 and response.body == b"" and response.etag


class TestHowMuch:
    def test_two_hundred_of_a_kind(self, stage):
        with scratch_database(stage) as scratch, scratch.served(
                scratch.token(), IQM_LIMIT_ADDRESS=0) as client:
            school = client.post("/v1/schools", {"name": "Large", "status": "open"}).json
            path = f"/v1/schools/{school['id']}?include=people,awards"

            def add(count):
                for number in range(count):
                    assert client.post("/v1/people", {
                        "name": f"Somebody {number}", "school_id": school["id"]}).status == 201
            add(200)
            included = client.get(path).json["included"]
            assert len(included["people"]) == 200 and included["truncated"] == []
            add(1)
            included = client.get(path).json["included"]
            ids = [one["id"] for one in client.get(
                f"/v1/people?school_id={school['id']}&limit=200").json["items"]]
            assert [one["id"] for one in included["people"]] == ids
            assert included["truncated"] == ["people"]

    def test_eight_mebibytes(self, stage):
        """Of records as large as no request can make them: not by way of what notes the traffic."""
        with scratch_database(stage) as scratch, scratch.served(scratch.token()) as client:
            school = client.post("/v1/schools", {"name": "Large", "status": "open"}).json
            shared = client.post("/v1/contributions", {
                "school_id": school["id"], "kind": "practice", "title": "Large", "visibility": "cluster",
                "description": "Much.", "happened_on": "2025-11-12"}).json
            for number in range(12):
                assert client.post("/v1/evidence", {
                    "school_id": school["id"], "subject": {"type": "contribution", "id": shared["id"]},
                    "title": str(number), "kind": "link", "url": "https://school.example/"}).status == 201
            scratch.psql("UPDATE evidence SET version = version + 1, doc = document_with(doc, "
                         "json_build_object('version', version + 1, 'notes', repeat('x', 900000)))",
                         user="postgres")
            request = urllib.request.Request(
                f"http://{client.host}:{client.port}/v1/contributions/{shared['id']}?include=evidence",
                headers={"Authorization": f"Bearer {client.token}"})
            with urllib.request.urlopen(request) as response:
                body = response.read()
            included = json.loads(body)["included"]
            assert included["truncated"] == ["evidence"] and len(included["evidence"]) == 9
            assert len(body) <= 8 * 1024 * 1024

    @pytest.mark.parametrize("value", ["", "colour", "people,colour", "people,people", "people,",
                                       "People", "included", "truncated"])
    def test_what_there_is_not(self, head, make, value):
        found = bad_parameter(head.get(RESOURCES["school"].path(make.school(), f"?include={value}")),
                              "include")
        if "colour" in value:
            assert "clusters, awards, people" in json.dumps(found)

    def test_of_what_includes_nothing(self, head, make):
        bad_parameter(head.get(RESOURCES["cluster"].path(make.cluster(), "?include=schools")), "include")
        bad_parameter(head.get("/v1/schools?include=people"), "include")


class TestWho:
    @pytest.mark.parametrize("name, include", [(n, i) for n, all_ in HAVING.items() for i in all_])
    def test_needs_the_scope_of_what_is_included(self, scoped, make, name, include):
        node = DOCUMENT["x-resources"][name]["includes"]
        kinds = [name, node[include]["resource"]]
        if "of" in node[include]:
            kinds.append(node[node[include]["of"]]["resource"])
        scopes = {OPERATIONS[f"get_{kind}"].node["security"][0]["oauth2"][0] for kind in kinds}
        record = make.create(name)
        assert with_all(scoped(*scopes), name, record, include).status == 200
        for missing in scopes:
            response = with_all(scoped(*scopes - {missing}), name, record, include)
            problem(response, 403, "insufficient_scope")
            assert response.json["detail"] == \
                f"The token does not have the scope {missing}, which this needs."
            challenge = response.header("WWW-Authenticate").split('scope="')[1].strip('"').split()
            assert scopes <= set(challenge) and len(challenge) == len(set(challenge))

    def test_names_every_scope_that_is_missing(self, scoped, make):
        response = with_all(scoped("schools:read"), "school", make.school(), "clusters", "awards", "people")
        assert problem(response, 403, "insufficient_scope")["detail"] == (
            "The token does not have the scopes clusters:read, awards:read and people:read, "
            "which this needs.")
        assert response.header("WWW-Authenticate").endswith(
            'scope="schools:read clusters:read awards:read people:read"')

    def test_needs_a_role_that_reads_it(self, reader, world, make):
        """Programs of third parties read no people."""
        record = make.plan()
        assert reader.get(RESOURCES["plan"].path(record)).status == 200
        found = problem(with_all(reader, "plan", record), 403, "forbidden")
        assert "head office, ambassadors and schools" in found["detail"]
        assert with_all(reader, "school", make.school(), "awards", "clusters").status == 200
        problem(with_all(reader, "school", make.school(), "awards", "people"), 403, "forbidden")
        problem(with_all(reader, "assignment", make.assignment()), 403, "forbidden")

    def test_without_a_token(self, anyone, make):
        problem(with_all(anyone, "school", make.school()), 401, "unauthorized")

    def test_a_refusal_is_audited(self, reader, make, head):
        record = make.plan()
        with_all(reader, "plan", record)
        records = head.get("/v1/audit-records?sort=-at&outcome=denied&limit=200").json["items"]
        assert any(one["operation"] == "get_plan" and one["actor"] == reader.actor for one in records)

    @pytest.mark.parametrize("role", ["ambassador", "school"])
    @pytest.mark.parametrize("name", HAVING)
    def test_what_is_not_seen_is_left_out(self, head, world, name, role):
        """As the lists of the same caller have it."""
        client, record = world.callers[role], world.kept(name, "own", role)
        response = with_all(client, name, record)
        assert response.status == 200, response
        for include, records in response.json["included"].items():
            if include == "truncated":
                continue
            kind = DOCUMENT["x-resources"][name]["includes"][include]["resource"]
            wanted = by_hand_or_nothing(head, name, response.json, include)
            seen = {one for one in wanted if client.get(RESOURCES[kind].path(one)).status == 200}
            assert {one["id"] for one in records} == seen, include

    @pytest.mark.parametrize("role", ["ambassador", "school"])
    def test_a_foreign_record_is_none(self, world, role):
        for name in HAVING:
            record = world.kept(name, "foreign", role)
            if world.callers[role].get(RESOURCES[name].path(record)).status == 404:
                problem(with_all(world.callers[role], name, record), 404, "not_found")

    def test_a_school_sees_no_other_schools_people(self, world):
        caller, other = world.callers["school"], world.kept("school", "same", "school")
        assert world.make.person(school_id=other["id"])
        assert with_all(caller, "school", other, "people").json["included"]["people"] == []

    def test_a_program_is_noted_as_recipient(self, stage, world, make):
        person = make.person()
        review = make.review(assessor_person_id=person["id"])
        response = with_all(world.officer.client, "review", review, "people")
        assert [one["name"] for one in response.json["included"]["people"]] == [person["name"]]
        wait_for(lambda: f"{world.people.application['id']}|client|api" in stage.cluster.psql(
            f"SELECT recipient_id, kind, what FROM recipient WHERE person_id = '{person['id']}'"),
            "the note")

    def test_who_was_erased_stays_without_what_is_personal(self, head, make):
        person = make.person()
        review = make.review(assessor_person_id=person["id"])
        assert head.post(f"/v1/people/{person['id']}/erasure", {}).status in (200, 201)
        alone = head.get(f"/v1/people/{person['id']}")
        found = with_all(head, "review", review, "people").json["included"]["people"]
        assert found == ([alone.json] if alone.status == 200 else [])
        assert person["name"] not in json.dumps(found)


def by_hand_or_nothing(head, name, record, include):
    """As by_hand, where a record may name nothing."""
    record = head.get(RESOURCES[name].path(record)).json
    for member in ("cluster_id", "host_school_id"):
        record.setdefault(member, None)
    record.setdefault("invited_school_ids", [])
    return {one for one in by_hand(head, name, record)[include] if one}


class TestTags:
    def test_are_of_the_whole_answer(self, head, full):
        school = full("school")
        path = RESOURCES["school"].path(school)
        first = head.get(path + "?include=people")
        alone = head.get(path).etag
        assert first.etag != alone and first.header("Cache-Control") == "private, no-cache"
        again = head.get(path + "?include=people", headers={"If-None-Match": first.etag})
        assert (again.status, again.body, again.etag) == (304, b"", first.etag)
        assert head.get(path + "?include=people", headers={"If-None-Match": alone}).status == 200
        assert head.get(path, headers={"If-None-Match": first.etag}).status == 200
        assert head.get(path + "?include=awards", headers={"If-None-Match": first.etag}).status == 200
        person = first.json["included"]["people"][0]
        assert head.patch(f"/v1/people/{person['id']}", {"telephone": "020 7946 0123"}, "*").status == 200
        changed = head.get(path + "?include=people", headers={"If-None-Match": first.etag})
        assert changed.status == 200 and changed.etag != first.etag
        assert head.get(path, headers={"If-None-Match": alone}).status == 304

    def test_are_none_to_change_by(self, head, full):
        school = full("school")
        path = RESOURCES["school"].path(school)
        response = head.get(path + "?include=people")
        problem(head.patch(path, {"town": "Leeds"}, response.etag), 412, "precondition_failed")
        assert head.patch(path, {"town": "Leeds"}, f'"{response.json["version"]}"').status == 200

    def test_compressed(self, head, full):
        path = RESOURCES["school"].path(full("school"), "?include=people,awards")
        packed = head.get(path, headers={"Accept-Encoding": "gzip"})
        assert packed.header("Content-Encoding") == "gzip" and packed.etag.endswith('.gz"')
        assert head.get(path, headers={"If-None-Match": packed.etag}).status == 304


@pytest.mark.parametrize("name", HAVING)
def test_no_table_is_read_whole(stage, name):
    """Each include has an index to go by, and ids of any number one plan."""
    for include, node in DOCUMENT["x-resources"][name]["includes"].items():
        plan = stage.cluster.psql(
            "SET ROLE iqm_server; SET iqm.roles = '{head_office}'; SET enable_seqscan = off; "
            "SET plan_cache_mode = force_generic_plan; PREPARE included(uuid[]) AS SELECT doc FROM "
            f"{node['resource']} WHERE {node.get('column', 'id')} = ANY ($1) ORDER BY id LIMIT 201; "
            "EXPLAIN EXECUTE included('{}')")
        assert f"Index Cond: ({node.get('column', 'id')} = ANY ($1))" in plan, (include, plan)
