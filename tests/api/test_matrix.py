"""Every operation as every caller on everybody's records; support/matrix.py says what shall be."""

import base64
import json
import re
import uuid

import pytest

from support import calendars, consents, enquiries, files, hooks, listener, steps
from support.client import Client
from support.contract import DOCUMENT, OPERATIONS, resolve
from support.downloads import DOWNLOADS, await_status, fetch_own
from support.expect import problem
from support.matrix import MEMBERS, ROLES, ROWS
from support.passwords import PAGE, choose, make_link, new_password, secret_of
from support.people import token_in
from support.resources import ALL, RESOURCES, change_of, ours
from support.world import PLACES

REFUSALS = {401: "unauthorized", 403: "forbidden", 404: "not_found"}
ITEM_ACTIONS = ("get", "history", "put", "patch", "delete")
# Where the caller's own record is one of a kind: changed in place, in what harms nobody.
ONE_OF_A_KIND = ("school", "cluster", "person")


@pytest.fixture(scope="module")
def nobodys(stage, head):
    """Records that belong to no place."""
    response = head.post("/v1/imports/register?dry_run=true", body=b"URN,EstablishmentName\r\n",
                         headers={"Content-Type": "text/csv"})
    assert response.status == 202, response
    latest = head.get("/v1/audit-records?sort=-at&limit=1").json["items"]
    download = head.post(DOWNLOADS, {"format": "csv"})
    assert download.status == 202, download
    # One that has ended stays as it is, whoever is erased meanwhile.
    await_status(head, download.json, "ready", "failed", "expired")
    stage.cluster.psql("UPDATE programme_download SET expires_at = now() "
                       f"WHERE id = '{download.json['id']}'")
    await_status(head, download.json, "failed", "expired")
    yield {"register_import": response.json, "audit_record": latest[0],
           "programme_download": download.json}
    assert head.delete(f"{DOWNLOADS}/{download.json['id']}").status == 204


@pytest.fixture
def scene(world, head, people, nobodys):
    return Scene(world, head, people, nobodys)


def post_authorization(caller, people):
    """The answer of a person who does not allow it."""
    page = people.sign_in(people.app(), caller)
    return caller.request("POST", page.target, headers={"Origin": page.origin}, form={
        "email": "nobody@example.org", "password": "not theirs", "decision": "deny",
        "form_token": token_in(page.page())})


def as_program(path, **form):
    """A request that a registered client makes in its own name."""
    return lambda caller, people: caller.request(
        "POST", path, form=form, headers=people.app("confidential").basic())


def oneself(caller, people):
    """Somebody new with the caller's roles, signed in, whose account may be changed; with the
    password. Who is no person stays who they are."""
    me = caller.get("/v1/me")
    if me.status != 200:
        return caller, "nobody's"
    school = {"school_id": me.json["school_id"]} if me.json["school_id"] else {}
    person, client = people.person(*me.json["roles"], **school), Client(people.port)
    client.token = people.sign_in(people.app(), client).tokens(person)["access_token"]
    return client, person.password


def change_password(caller, people):
    client, password = oneself(caller, people)
    return client.put("/v1/me/password", {"current_password": password,
                                          "new_password": new_password()})


def revoke_session(caller, people):
    client, _ = oneself(caller, people)
    me = client.get("/v1/me")
    session = me.json["session_id"] if me.status == 200 else str(uuid.uuid4())
    return client.delete(f"/v1/me/sessions/{session}")


def link_for_somebody(people):
    """The secret of a new link."""
    account = people.person("ambassador", active=False).account
    return secret_of(make_link(people.make.client, account))


def withdrawal(caller, people, method):
    """The link of somebody who consents."""
    person = people.make.person()
    consents.grant(people.make.client, person)
    return caller.request(method, consents.link(people.stage, person))


def create_programme_download(caller, people):
    """Nothing is left behind."""
    response = caller.post(DOWNLOADS, {"format": "csv"})
    if response.status == 202:
        assert caller.delete(f"{DOWNLOADS}/{response.json['id']}").status == 204
    return response


def delete_programme_download(caller, people):
    """Of somebody else at head office; nothing is left behind."""
    made = people.make.client.post(DOWNLOADS, {"format": "csv"}).json
    response = caller.delete(f"{DOWNLOADS}/{made['id']}")
    if response.status != 204:
        assert people.make.client.delete(f"{DOWNLOADS}/{made['id']}").status == 204
    return response


# What a request looks like that is neither of a record nor of a list.
OTHERS = {
    "create_programme_download": create_programme_download,
    "delete_programme_download": delete_programme_download,
    "get_programme_download_file": lambda caller, people: fetch_own(caller),
    "create_register_import": lambda caller, people: caller.request(
        "POST", "/v1/imports/register?dry_run=true", body=b"URN,EstablishmentName\r\n",
        headers={"Content-Type": "text/csv"}),
    "get_authorization": lambda caller, people: caller.get(
        people.sign_in(people.app(), caller).target),
    "post_authorization": post_authorization,
    "get_guide_page": lambda caller, people: caller.get("/docs/guides/paging"),
    "get_reference_asset": lambda caller, people: caller.get(re.search(
        r"/docs/assets/[^\"]+", caller.get("/docs").body.decode())[0]),
    "get_problem_type_page": lambda caller, people: caller.get("/problems/conflict"),
    "create_token": as_program("/oauth/token", grant_type="client_credentials"),
    "revoke_token": as_program("/oauth/revoke", token="iqm_" + "A" * 43),
    "introspect_token": as_program("/oauth/introspect", token="iqm_" + "A" * 43),
    "create_request_verification": lambda caller, people: caller.post(
        "/v1/request-verifications", {"email": "nobody@example.org", "kind": "access"}),
    "confirm_request_verification": lambda caller, people: caller.post(
        f"/v1/request-verifications/{uuid.uuid4()}/confirmation", {"code": "20761234"}),
    "listen_to_changes": lambda caller, people: listener.answer_of(caller),
    "push_changes": lambda caller, people: caller.post("/v1/sync", {"changes": [
        {"client_id": str(uuid.uuid4()), "method": "delete", "type": "meeting",
         "id": str(uuid.uuid4()), "base_version": 1}]}),
    "search_contributions": lambda caller, people: caller.get("/v1/contributions/search?q=corner"),
    "get_webhook_secret": lambda caller, people: caller.get(
        f"/v1/webhook-endpoints/{people.make.webhook_endpoint()['id']}/secret"),
    "rotate_webhook_secret": lambda caller, people: caller.post(
        f"/v1/webhook-endpoints/{people.make.webhook_endpoint()['id']}/secret"),
    "test_webhook_endpoint": lambda caller, people: caller.post(
        f"/v1/webhook-endpoints/{hooks.nowhere(people.make)['id']}/test"),
    "replay_webhook_delivery": lambda caller, people: caller.post(
        f"/v1/webhook-deliveries/{hooks.over(people.make, people.stage)['id']}/replay"),
    "create_account_link": lambda caller, people: caller.post(
        f"/v1/accounts/{people.person('ambassador', active=False).id}/links"),
    "create_client_secret": lambda caller, people: caller.post(
        f"/v1/clients/{people.app('confidential').id}/secret"),
    "change_password": change_password,
    "revoke_sessions": lambda caller, people: oneself(caller, people)[0].delete("/v1/me/sessions"),
    "get_calendar": lambda caller, people: caller.get(calendars.new_calendar(people)),
    "create_consent_wording": lambda caller, people: caller.post("/v1/consent-wordings", {
        "purpose": "marketing", "text": people.make.name("I agree to")}),
    "create_enquiry": lambda caller, people: caller.post(
        "/v1/enquiries", enquiries.body(people.make)),
    "get_erasure_preview": lambda caller, people: caller.get(
        f"/v1/people/{people.make.person()['id']}/erasure-preview"),
    "erase_person": lambda caller, people: caller.post(
        f"/v1/people/{people.make.person()['id']}/erasure", {}),
    "get_consent_withdrawal_page": lambda caller, people: withdrawal(caller, people, "GET"),
    "withdraw_consent": lambda caller, people: withdrawal(caller, people, "POST"),
    "get_password_page": lambda caller, people: caller.get(
        f"{PAGE}?link={link_for_somebody(people)}"),
    "post_password_page": lambda caller, people: choose(
        caller, link_for_somebody(people), new_password()),
}


def change(world, resource, record, role):
    """A merge patch that this role may make, if any, and that changes this record."""
    number = world.make.number()
    changes = {
        "school": {"telephone": f"020 {number}"}, "cluster": {"notes": f"Note {number}."},
        "person": {"telephone": f"020 {number}"}, "assignment": {"ends_on": "2002-07-31"},
        "enquiry": {"notes": f"Note {number}."},
        "account": {"suspended": True}, "client": {"scopes": ["schools:read"]},
        "attendance": {"impact": f"Corner {number}."} if role == "school" else
                      {"status": "apologies"}}
    return changes.get(resource) or change_of(RESOURCES[resource], record)


def merged(record, patch):
    """What a merge patch without nulls leaves."""
    return {**record, **{name: merged(record[name], value) if isinstance(value, dict) else value
                         for name, value in patch.items()}}


class Scene:
    """Finds or makes what a request is about, and sends it."""

    def __init__(self, world, head, people, nobodys):
        self.world, self.head, self.people, self.nobodys = world, head, people, nobodys
        self.spare = {}  # records for those who cannot change them

    def kept(self, resource, place, role):
        return self.nobodys.get(resource) or self.world.kept(resource, place, role)

    def record(self, operation, place, role):
        if operation.action in ("get", "history") or (
                operation.action == "patch" and operation.resource in ONE_OF_A_KIND):
            return self.kept(operation.resource, place, role)
        refused = int(ROWS[operation.id][role][PLACES.index(place)]) >= 400
        if not refused:
            return self.world.fresh(operation.resource, place)
        if place not in self.spare:
            self.spare[place] = self.world.fresh(operation.resource, place)
        return self.spare[place]

    def try_item(self, operation, place, role):
        """One record: what may not be changed is as it was afterwards."""
        record = self.record(operation, place, role)
        target = operation.path.replace("{" + f"{operation.resource}_id" + "}", record["id"])
        path = target.removesuffix("/history")
        before = self.head.get(path)
        options = {} if operation.action in ("get", "history") else {"headers": {"If-Match": "*"}}
        if operation.action == "put":
            options["json"] = merged(ours(before.json, operation.resource), change(self.world, operation.resource,
                                                               before.json, role))
        if operation.action == "patch":
            options["json"] = change(self.world, operation.resource, before.json, role)
        response = self.world.callers[role].request(operation.method.upper(), target, **options)
        if response.status >= 400:
            assert self.head.get(path).body == before.body
        elif operation.action in ("put", "patch"):
            assert response.json["version"] == before.json["version"] + 1
        return response

    def step(self, operation, place, role):
        """A record that is ready for it; if it is not this caller's to step, nothing happens."""
        record = self.world.fresh(operation.resource, place)
        record = steps.ready(self.head, operation.id, record)
        response = steps.attempt(self.world.callers[role], operation.id, record)
        if response.status >= 400:
            path = ALL[operation.resource].path(record)
            assert self.head.get(path).json["version"] == record["version"]
        return response

    def create(self, operation, place, role, **options):
        body = self.world.body(operation.resource, place)
        return self.world.callers[role].request("POST", operation.path, json=body, **options)

    def other(self, operation, role):
        """Neither of a record nor of a list."""
        caller = self.world.callers[role]
        if operation.id in OTHERS:
            return OTHERS[operation.id](caller, self.people)
        assert operation.method == "get" and "{" not in operation.path, \
            f"say in OTHERS what a request of {operation.id} looks like"
        return caller.get(operation.path)

    def revoke_session(self, place, role):
        """Of somebody like the caller, or of a coordinator: they stay signed in."""
        caller = self.world.callers[role]
        if place == "own":
            return revoke_session(caller, self.people)
        other = self.world.coordinators[place].client
        response = caller.delete(f"/v1/me/sessions/{other.session}")
        assert other.get("/v1/me").status == 200
        return response

    def create_calendar_feed(self, place, role):
        """Of the school of this place; nothing is left behind."""
        caller = self.world.callers[role]
        response = caller.post(calendars.FEEDS, {"school_id": self.world.schools[place]["id"]})
        if response.status == 201:
            assert calendars.revoke(caller, response.json["feed"]).status == 204
        return response

    def revoke_calendar_feed(self, place, role):
        """One's own, and of coordinators: theirs stays."""
        caller, other = self.world.callers[role], self.world.coordinators[place].client
        cluster = self.world.clusters["own"]["id"]
        if place == "own":
            made = caller.post(calendars.FEEDS, {"cluster_id": cluster})
            feed = made.json["feed"] if made.status == 201 else {"id": str(uuid.uuid4())}
            return calendars.revoke(caller, feed)
        feed, _ = calendars.new_feed(other, school_id=self.world.schools[place]["id"])
        response = calendars.revoke(caller, feed)
        assert calendars.revoke(other, feed).status == 204
        return response

    def about_a_person(self, operation, place, role):
        """Of the person of this place."""
        caller, person = self.world.callers[role], self.world.kept("person", place, role)
        if operation.method == "get":
            return caller.get(operation.path.format(person_id=person["id"]))
        return caller.post(operation.path, consents.body(self.head, person))

    def put_evidence_file(self, place, role):
        """A record without a file; if it is not this caller's, it stays so."""
        body = {**self.world.body("evidence", place), "kind": "file", "url": None}
        record = self.world.make.create("evidence", **body)
        response = files.upload(self.world.callers[role], record)
        if response.status >= 400:
            assert self.head.get(f"/v1/evidence/{record['id']}").json == record
        return response

    def words(self, operation, role):
        """What comes of it in the three places."""
        allowed = role in operation.node.get("x-roles", [])
        if operation.action == "list":
            records = [self.kept(operation.resource, place, role) for place in PLACES]
            return listed(self.head, self.world.callers[role], operation.path, records)
        if operation.action in ITEM_ACTIONS:
            return [word(self.try_item(operation, place, role), allowed) for place in PLACES]
        if operation.action == "transition":
            return [word(self.step(operation, place, role), allowed) for place in PLACES]
        if operation.action == "create":
            return [word(self.create(operation, place, role), allowed) for place in PLACES]
        if operation.id == "get_evidence_file":
            return [word(self.world.callers[role].get(operation.path.format(
                evidence_id=self.world.evidence[place]["id"]))) for place in PLACES]
        if operation.id == "put_evidence_file":
            return [word(self.put_evidence_file(place, role), allowed) for place in PLACES]
        if operation.id == "get_erasure_certificate":
            return [word(self.world.callers[role].get(operation.path.format(
                erasure_id=self.world.erasures[place]["id"]))) for place in PLACES]
        if operation.id in ("create_consent_record", "get_consent_state", "get_personal_data"):
            return [word(self.about_a_person(operation, place, role), allowed) for place in PLACES]
        if operation.id in ("create_calendar_feed", "revoke_calendar_feed"):
            return [word(getattr(self, operation.id)(place, role)) for place in PLACES]
        if operation.id == "revoke_session":
            return [word(self.revoke_session(place, role)) for place in PLACES]
        if operation.id in ("get_meeting_grid", "get_school_standing", "get_cluster_standing",
                            "get_review_document", "get_review_document_page"):
            return [word(self.world.callers[role].get(operation.path.format(
                school_id=self.world.schools[place]["id"],
                cluster_id=self.world.schools[place]["cluster_id"]))) for place in PLACES]
        return [word(self.other(operation, role))] * 3


def word(response, allowed=False):
    """`allowed`: the role may do this on some record, so that 403 is about this one."""
    if response.status in REFUSALS:
        name = REFUSALS[response.status]
        problem(response, response.status, "record_forbidden" if name == "forbidden" and allowed
                else name)
    return str(response.status)


def cursor_before(head, path, record_id):
    """A cursor to what comes after the ids that are smaller; None: from the start.

    Saves walking through all that other tests have left. Made of one that the server gave.
    """
    given = head.get(path + "?limit=1").json["next"]
    if given is None:
        return None
    plain = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4))
    before = str(uuid.UUID(int=uuid.UUID(record_id).int - 1))
    return base64.urlsafe_b64encode(plain[:10] + before.encode()).rstrip(b"=").decode()


def listed(head, caller, path, records):
    """Which of the records are in the list."""
    ids = [record["id"] for record in records]
    cursor = cursor_before(head, path, min(ids))
    seen = set()
    while True:
        response = caller.get(path + "?limit=100" + (f"&cursor={cursor}" if cursor else ""))
        if response.status != 200:
            return [word(response)] * 3
        page, cursor = [item["id"] for item in response.json["items"]], response.json["next"]
        seen.update(page)
        if cursor is None or page[-1] > max(ids):
            return ["in" if record_id in seen else "out" for record_id in ids]


def test_every_operation_has_a_row():
    assert set(ROWS) == set(OPERATIONS)


@pytest.mark.parametrize("name", ROWS)
def test_the_rows_are_what_the_contract_says(name):
    """Who is not named may not at all; who is may on some record at least."""
    node = OPERATIONS[name].node
    cells = ROWS[name]
    if not node["security"]:
        assert all(cells[role] == cells["anonymous"] for role in ROLES)
        return
    assert cells["anonymous"] == ["401"] * 3
    for role in ROLES[:-1]:
        allowed = any(w == "in" or w.startswith("2") for w in cells[role])
        assert allowed == (role in node["x-roles"]), role
        if not allowed:
            assert cells[role] == ["403"] * 3, role


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda o: o.id)
@pytest.mark.parametrize("role", ROLES)
def test_answers(operation, role, scene):
    assert scene.words(operation, role) == ROWS[operation.id][role]


@pytest.mark.parametrize("operation", [o for o in OPERATIONS.values() if o.action == "put"],
                         ids=lambda o: o.id)
def test_creating_with_put(operation, world):
    """Whoever may not replace may not create under an id of their own either; a record that is
    not there yet is no secret."""
    for role in ROLES:
        found = []
        for place in PLACES:
            target = operation.path.split("{")[0] + str(uuid.uuid4())
            found.append(word(world.callers[role].put(
                target, world.body(operation.resource, place), headers={"If-None-Match": "*"}),
                role in operation.node["x-roles"]))
        words = {"200": "201", "404": "403"}
        assert found == [words.get(w, w) for w in ROWS[operation.id][role]], role


VALUES = {
    "school": {
        "urn": "123456", "laestab": "2013614", "ukprn": "10000001", "name": "Mine",
        "phase": "Nursery",
        "status": "closed", "type": "Free school", "gender": "Girls", "religious_character": "None",
        "local_authority_code": "201", "local_authority_name": "Elsewhere", "region": "Elsewhere",
        "nation": "wales", "street": "1 Road", "locality": "Place", "address_3": "Hall",
        "town": "Town", "county": "County", "postcode": "LS1 1AA", "telephone": "020 1",
        "website": "https://mine.example/", "low_age": 5, "high_age": 12,
        "open_date": "2001-01-01", "close_date": "2030-01-01", "cluster_id": None},
    "cluster": {"name": "Mine", "region": "Elsewhere", "notes": "Mine."},
    "person": {"name": "Somebody Else", "email": "somebody.else@example.org",
               "telephone": "020 2", "school_id": None, "job_title": "Bursar"},
    "attendance": {"meeting_id": None, "school_id": None, "status": "absent", "impact": "Much."},
}


def values(world, resource):
    """A new value of each member; of references one that is the caller's as well."""
    found = dict(VALUES[resource])
    if resource == "school":
        found["cluster_id"] = world.clusters["foreign"]["id"]
    if resource == "person":
        found["school_id"] = world.schools["own"]["id"]
    if resource == "attendance":
        found["meeting_id"] = world.fresh("meeting", "own")["id"]
        found["school_id"] = world.schools["same"]["id"]
    return found


def members_of(resource):
    schema = DOCUMENT["components"]["schemas"][DOCUMENT["x-resources"][resource]["schema"]]
    return {name: node for name, node in schema["properties"].items()
            if "readOnly" not in resolve(node) and not node.get("$ref", "").endswith(
                ("/Id", "/Version", "/Timestamp"))}


class TestMembers:
    def test_the_table_is_what_the_contract_says(self):
        """A row for every role beside head office that may set some members and not others."""
        told = {}
        for resource in DOCUMENT["x-resources"]:
            roles = {role for o in OPERATIONS.values() if o.resource == resource
                     and o.action in ("put", "patch") for role in o.node["x-roles"]}
            for role in roles - {"head_office"}:
                mine = {name for name, node in members_of(resource).items()
                        if role in node.get("x-write", [role])}
                if mine != set(members_of(resource)):
                    told[resource, role] = mine
        assert told == MEMBERS

    @pytest.mark.parametrize("resource, role", MEMBERS)
    def test_each_alone(self, resource, role, world, head):
        new = values(world, resource)
        assert set(new) == set(members_of(resource))
        for member, value in new.items():
            record = self.record(world, resource, role)
            path = f"{RESOURCES[resource].collection}/{record['id']}"
            before = head.get(path)
            response = world.callers[role].patch(path, {member: value}, "*")
            if member in MEMBERS[resource, role]:
                assert (response.status, response.json[member]) == (200, value), response
            else:
                self.forbidden(response, member)
                assert head.get(path).body == before.body

    @pytest.mark.parametrize("resource, role", MEMBERS)
    def test_all_at_once(self, resource, role, world, head):
        """What they may set does not help what they may not; all that is at fault is named."""
        record = self.record(world, resource, role)
        path = f"{RESOURCES[resource].collection}/{record['id']}"
        before = head.get(path)
        new = values(world, resource)
        response = world.callers[role].patch(path, new, "*")
        self.forbidden(response, *(set(new) - MEMBERS[resource, role]))
        assert head.get(path).body == before.body

    @pytest.mark.parametrize("resource, role", MEMBERS)
    def test_repeating_what_stands_there_is_no_change(self, resource, role, world, head):
        record = self.record(world, resource, role)
        path = f"{RESOURCES[resource].collection}/{record['id']}"
        before = head.get(path).json
        mine = {**before, **change(world, resource, before, role)}
        for body, version in ((before, before["version"]), (mine, before["version"] + 1)):
            response = world.callers[role].patch(path, body, "*")
            assert (response.status, response.json["version"]) == (200, version), response

    @staticmethod
    def record(world, resource, role):
        if resource in ONE_OF_A_KIND:
            return world.kept(resource, "own", role)
        return world.fresh(resource, "own")

    @staticmethod
    def forbidden(response, *members):
        found = problem(response, 403, "member_forbidden")
        assert sorted(e["pointer"] for e in found["errors"]) == sorted(f"/{m}" for m in members)


class TestTwoRoles:
    """Ambassador of one cluster, coordinator of a school in another: each role for itself."""

    @pytest.fixture(scope="class")
    def both(self, world):
        cluster = world.make.cluster()
        school = world.make.school(cluster_id=cluster["id"])
        caller = world.people.leader(cluster, roles=("ambassador", "school"),
                                     school=world.schools["foreign"])
        meeting = world.make.meeting(cluster_id=cluster["id"])
        caller.cluster, caller.school = cluster, school
        caller.attendance = world.make.attendance(
            meeting_id=meeting["id"], school_id=school["id"])
        return caller

    def test_sees_what_either_sees(self, both, world):
        for path in (f"/v1/clusters/{both.cluster['id']}", f"/v1/schools/{both.school['id']}",
                     f"/v1/attendances/{both.attendance['id']}",
                     f"/v1/clusters/{world.clusters['foreign']['id']}",
                     f"/v1/schools/{world.schools['foreign']['id']}",
                     f"/v1/meetings/{world.meetings['foreign']['id']}",
                     f"/v1/attendances/{world.attendances['foreign']['id']}"):
            assert both.client.get(path).status == 200, path
        for path in (f"/v1/clusters/{world.clusters['own']['id']}",
                     f"/v1/attendances/{world.attendances['own']['id']}"):
            problem(both.client.get(path), 404, "not_found")

    def test_writes_what_a_school_took_from_it_for_the_own_school_only(self, both, world):
        path = f"/v1/attendances/{world.attendances['foreign']['id']}"
        impact = f"Corner {world.make.number()}."
        assert both.client.patch(path, {"impact": impact}, "*").json["impact"] == impact
        path = f"/v1/attendances/{both.attendance['id']}"
        response = both.client.patch(path, {"impact": impact}, "*")
        assert [e["pointer"] for e in problem(response, 403, "member_forbidden")["errors"]] == \
            ["/impact"]
        assert both.client.get(path).json == both.attendance

    def test_says_who_came_in_the_own_cluster_only(self, both, world):
        path = f"/v1/attendances/{both.attendance['id']}"
        assert both.client.patch(path, {"status": "absent"}, "*").status == 200
        both.attendance = both.client.patch(path, {"status": "present"}, "*").json
        path = f"/v1/attendances/{world.attendances['foreign']['id']}"
        response = both.client.patch(path, {"status": "absent"}, "*")
        assert [e["pointer"] for e in problem(response, 403, "member_forbidden")["errors"]] == \
            ["/status"]

    def test_no_role_lends_the_other_its_members(self, both, world):
        """Status is the ambassador's and impact the school's: no row is both."""
        for record in (both.attendance, world.attendances["foreign"]):
            response = both.client.patch(f"/v1/attendances/{record['id']}",
                                         {"impact": "Mine.", "status": "absent"}, "*")
            assert {e["pointer"] for e in problem(response, 403, "member_forbidden")["errors"]} \
                <= {"/impact", "/status"}

    def test_acts_in_the_role_that_may(self, both, world):
        """Who changes schools is a school, who changes clusters leads them: each sees less."""
        problem(both.client.patch(f"/v1/schools/{both.school['id']}", {"telephone": "020 3"}, "*"),
                404, "not_found")
        problem(both.client.patch(f"/v1/clusters/{world.clusters['foreign']['id']}",
                                  {"notes": "Mine."}, "*"), 404, "not_found")


def test_an_operators_token_is_head_office_too(world, head):
    """Beside the person's: with a token from the command line the same is seen."""
    for resource in ("school", "person", "account"):
        record = world.kept(resource, "foreign", "head_office")
        collection = {"account": "/v1/accounts"}.get(resource) or RESOURCES[resource].collection
        path = f"{collection}/{record['id']}"
        assert head.get(path).body == world.officer.client.get(path).body
