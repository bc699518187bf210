"""Which rows somebody sees: it follows what is so today, and nothing tells of the others."""

import uuid
from urllib.parse import quote

import pytest

from support.contract import OPERATIONS
from support.expect import bad_parameter, invalid, problem
from support.resources import RESOURCES

LISTS = {o.resource: o.path for o in OPERATIONS.values() if o.action == "list"}
ROWS_OF = ("school", "cluster", "ambassador", "assignment", "succession", "meeting", "attendance",
           "contribution", "evidence", "person")
NOBODY = "00000000-0000-4000-8000-000000000000"


def status(caller, path):
    response = caller.get(path)
    if response.status != 200:
        problem(response, 404, "not_found")
    return response.status


def walk(caller, path):
    """The ids of a whole list."""
    ids, cursor = [], ""
    while cursor is not None:
        page = caller.get(path + ("&" if "?" in path else "?") + "limit=100" +
                          (f"&cursor={cursor}" if cursor else ""))
        assert page.status == 200, page
        ids += [item["id"] for item in page.json["items"]]
        cursor = page.json["next"]
    return ids


def without_instance(response):
    """Everything that an answer tells but which request it was."""
    body = {k: v for k, v in response.json.items() if k != "instance"}
    told = {k.lower(): v for k, v in response.headers
            if k.lower() not in ("date", "x-request-id", "content-length", "ratelimit",
                                 "ratelimit-policy")}
    return response.status, body, told


def alike(first, second):
    assert without_instance(first) == without_instance(second)


def not_theirs(response, *pointers):
    """A row that is not theirs to write; pointers to the references that may be why."""
    found = problem(response, 403, "record_forbidden")
    assert response.header("WWW-Authenticate") is None
    assert found["detail"] == ("You may not write this record: it belongs to a school or cluster "
                               "that is not yours, or refers to one.")
    assert sorted(e["pointer"] for e in found.get("errors", [])) == sorted(pointers), found
    return found


class Place:
    """A cluster with a school in it that came to a meeting."""

    def __init__(self, make):
        self.cluster = make.cluster()
        self.school = make.school(cluster_id=self.cluster["id"])
        self.meeting = make.meeting(cluster_id=self.cluster["id"])
        self.attendance = make.attendance(meeting_id=self.meeting["id"],
                                          school_id=self.school["id"])
        self.paths = [f"/v1/clusters/{self.cluster['id']}", f"/v1/schools/{self.school['id']}",
                      f"/v1/meetings/{self.meeting['id']}",
                      f"/v1/attendances/{self.attendance['id']}"]

    def seen_by(self, caller):
        """Whether all of it is; that some is and some is not is an error."""
        found = {status(caller, path) for path in self.paths}
        assert len(found) == 1, found
        listed = [bool(walk(caller, path)) for path in
                  (f"/v1/schools?cluster_id={self.cluster['id']}",
                   f"/v1/meetings?cluster_id={self.cluster['id']}",
                   f"/v1/attendances?meeting_id={self.meeting['id']}")]
        assert listed == [found == {200}] * 3
        return found == {200}


@pytest.fixture
def place(make):
    return Place(make)


class TestAssignments:
    @pytest.mark.parametrize("starts, ends, seen", [
        (-10, None, True), (-10, 10, True), (-10, 0, True), (-10, -1, False),
        (0, None, True), (0, 0, True), (1, None, False), (1, 10, False)])
    def test_hold_from_the_first_day_to_the_last(self, starts, ends, seen, place, world):
        leader = world.people.leader(place.cluster, starts, ends)
        assert place.seen_by(leader.client) == seen
        assert status(leader.client, f"/v1/assignments/{leader.assignment['id']}") == 200
        response = leader.client.patch(place.paths[0], {"notes": "Led."}, "*")
        assert response.status == (200 if seen else 404)

    def test_a_change_holds_at_once(self, place, world, head):
        leader = world.people.leader(place.cluster)
        path = f"/v1/assignments/{leader.assignment['id']}"
        assert place.seen_by(leader.client)
        for change, seen in (({"ends_on": leader.assignment["starts_on"]}, False),
                             ({"ends_on": None}, True)):
            assert head.patch(path, change, "*").status == 200
            assert place.seen_by(leader.client) == seen
        assert head.delete(path, "*").status == 204
        assert not place.seen_by(leader.client)

    def test_of_the_past_and_the_future_show_nothing(self, world):
        """But that they were and will be: an assignment is its ambassador's."""
        for when in ("past", "future"):
            for resource in ("cluster", "school", "meeting", "attendance"):
                record = getattr(world, resource + "s")[when]
                assert status(world.ambassador.client, RESOURCES[resource].path(record)) == 404
            record = world.assignments[when]
            assert status(world.ambassador.client, f"/v1/assignments/{record['id']}") == 200

    def test_a_successor_takes_over(self, place, world, head):
        first = world.people.leader(place.cluster)
        head.delete(f"/v1/assignments/{first.assignment['id']}", "*")
        second = world.people.leader(place.cluster)
        assert place.seen_by(second.client) and not place.seen_by(first.client)

    def test_schools_know_who_leads_them_today(self, place, world, head):
        coordinator = world.people.coordinator(place.school)
        leader = world.people.leader(place.cluster)
        path = f"/v1/ambassadors/{leader.ambassador['id']}"
        assert status(coordinator.client, path) == 200
        head.patch(f"/v1/assignments/{leader.assignment['id']}",
                   {"ends_on": leader.assignment["starts_on"]}, "*")
        assert status(coordinator.client, path) == 404


class TestMoving:
    def test_a_school_takes_its_sight_along(self, world, head, make):
        old, new = Place(make), Place(make)
        leaders = [world.people.leader(place.cluster) for place in (old, new)]
        coordinator = world.people.coordinator(old.school)
        assert old.seen_by(coordinator.client) and status(coordinator.client, new.paths[1]) == 404
        head.patch(old.paths[1], {"cluster_id": new.cluster["id"]}, "*")
        assert [status(leader.client, old.paths[1]) for leader in leaders] == [404, 200]
        assert [status(coordinator.client, path) for path in (old.paths[0], *new.paths[:3])] == \
            [404, 200, 200, 200]
        # What it came to while it was there stays its own.
        assert [status(coordinator.client, path) for path in old.paths[2:]] == [200, 200]

    def test_a_meeting_of_no_cluster_goes_with_its_host(self, world, head, make):
        old, new = Place(make), Place(make)
        leaders = [world.people.leader(place.cluster) for place in (old, new)]
        body = make.example("meeting", kind="additional", host_school_id=old.school["id"],
                            cluster_id=None)
        response = leaders[0].client.post("/v1/meetings", body)
        assert response.status == 201, response
        path = f"/v1/meetings/{response.json['id']}"
        assert [status(leader.client, path) for leader in leaders] == [200, 404]
        head.patch(old.paths[1], {"cluster_id": new.cluster["id"]}, "*")
        assert [status(leader.client, path) for leader in leaders] == [404, 200]
        assert leaders[1].client.patch(path, {"notes": "Ours."}, "*").status == 200
        found = not_theirs(leaders[0].client.post("/v1/meetings", body), "/host_school_id")
        assert found["errors"][0]["detail"] == "refers to a record that is not yours"

    def test_an_ambassador_cannot_give_a_meeting_away(self, world, head):
        meeting = world.fresh("meeting", "own")
        path = f"/v1/meetings/{meeting['id']}"
        elsewhere = {"kind": "additional", "cluster_id": None}
        for change, *members in (
                ({"cluster_id": world.clusters["foreign"]["id"]}, "/cluster_id"),
                ({"cluster_id": world.clusters["past"]["id"]}, "/cluster_id"),
                ({"cluster_id": str(uuid.uuid4())}, "/cluster_id"),
                ({"host_school_id": world.schools["foreign"]["id"]}, "/host_school_id"),
                ({**elsewhere, "host_school_id": world.schools["foreign"]["id"]},
                 "/host_school_id")):
            not_theirs(world.ambassador.client.patch(path, change, "*"), *members)
        change = {**elsewhere, "host_school_id": None}
        invalid(world.ambassador.client.patch(path, change, "*"), "/host_school_id")
        assert head.get(path).json == meeting

    def test_nor_say_that_a_foreign_school_came(self, world, head):
        record = world.fresh("attendance", "own")
        path = f"/v1/attendances/{record['id']}"
        for member, foreign in (("school_id", world.schools), ("meeting_id", world.meetings)):
            change = {member: foreign["foreign"]["id"]}
            not_theirs(world.ambassador.client.patch(path, change, "*"), f"/{member}")
        assert head.get(path).json == record


    def test_a_meeting_of_nobodys(self, world, head):
        """Without a cluster and a host it would belong to no place: head office may have such."""
        body = {**world.body("meeting", "own"), "kind": "additional", "cluster_id": None,
                "host_school_id": None}
        detail = invalid(world.ambassador.client.post("/v1/meetings", body), "/host_school_id")
        assert detail["/host_school_id"] == \
            "is needed where there is no cluster_id, unless head office writes the meeting"
        assert head.post("/v1/meetings", body).status == 201


class TestUnseenReferences:
    """A meeting of the own cluster, but a school of a foreign one had to do with it."""

    @pytest.fixture
    def hosted(self, world, make):
        return make.meeting(cluster_id=world.clusters["own"]["id"],
                            host_school_id=world.schools["foreign"]["id"])

    def test_a_meeting_is_changed_when_its_host_becomes_one_of_theirs(self, hosted, world):
        path = f"/v1/meetings/{hosted['id']}"
        caller = world.ambassador.client
        assert caller.get(path).json == hosted
        not_theirs(caller.patch(path, {"notes": "Mine."}, "*"), "/cluster_id", "/host_school_id")
        assert caller.get(path).json == hosted
        host = world.schools["own"]["id"]
        response = caller.patch(path, {"notes": "Mine.", "host_school_id": host}, "*")
        assert (response.status, response.json["host_school_id"]) == (200, host)

    def test_a_meeting_is_deleted(self, hosted, world, head):
        path = f"/v1/meetings/{hosted['id']}"
        assert world.ambassador.client.delete(path, "*").status == 204
        assert status(head, path) == 404

    def test_an_attendance_is_seen_and_deleted(self, world, head, make):
        record = make.attendance(meeting_id=world.fresh("meeting", "own")["id"],
                                 school_id=world.schools["foreign"]["id"])
        path = f"/v1/attendances/{record['id']}"
        caller = world.ambassador.client
        assert caller.get(path).json == record
        not_theirs(caller.patch(path, {"status": "absent"}, "*"), "/meeting_id", "/school_id")
        assert caller.delete(path, "*").status == 204
        assert status(head, path) == 404

    def test_a_school_that_went_elsewhere_writes_its_impact_itself(self, world, head, make):
        """The ambassador of the school sees who came, and that is all."""
        record = make.attendance(meeting_id=world.fresh("meeting", "foreign")["id"],
                                 school_id=world.schools["own"]["id"])
        path = f"/v1/attendances/{record['id']}"
        assert world.ambassador.client.get(path).json == record
        not_theirs(world.ambassador.client.patch(path, {"status": "absent"}, "*"))
        not_theirs(world.ambassador.client.delete(path, "*"))
        assert world.callers["school"].patch(path, {"impact": "Much."}, "*").status == 200
        assert status(world.callers["school"], f"/v1/meetings/{record['meeting_id']}") == 200
        problem(world.callers["school"].get(
            f"/v1/clusters/{world.clusters['foreign']['id']}"), 404, "not_found")


class TestAccounts:
    def test_a_role_that_is_taken_away_is_gone(self, place, world, head, make):
        home = Place(make)
        caller = world.people.leader(place.cluster, roles=("ambassador", "school"),
                                     school=home.school)
        account = f"/v1/accounts/{caller.account['id']}"
        assert place.seen_by(caller.client) and home.seen_by(caller.client)
        assert head.patch(account, {"roles": ["school"]}, "*").status == 200
        assert home.seen_by(caller.client) and not place.seen_by(caller.client)
        problem(caller.client.patch(place.paths[0], {"notes": "Led."}, "*"), 403, "forbidden")
        head.patch(account, {"roles": ["ambassador"], "school_id": None}, "*")
        assert place.seen_by(caller.client) and not home.seen_by(caller.client)
        problem(caller.client.patch(home.paths[1], {"telephone": "020 1"}, "*"), 403, "forbidden")

    def test_another_school_is_another_sight(self, world, head, make):
        first, second = Place(make), Place(make)
        caller = world.people.coordinator(first.school)
        head.patch(f"/v1/accounts/{caller.account['id']}", {"school_id": second.school["id"]}, "*")
        assert second.seen_by(caller.client) and not first.seen_by(caller.client)

    def test_who_is_suspended_is_out_and_stays_out(self, place, world, head):
        caller = world.people.leader(place.cluster)
        path = f"/v1/accounts/{caller.account['id']}"
        for suspended in (True, False):
            head.patch(path, {"suspended": suspended}, "*")
            response = caller.client.get("/v1/schools")
            problem(response, 401, "unauthorized")
            assert response.header("WWW-Authenticate") == \
                'Bearer realm="iqm", error="invalid_token"'
        assert place.seen_by(world.people.sign_in(caller.account))

    def test_who_is_removed_is_out(self, place, world, head):
        caller = world.people.leader(place.cluster)
        assert head.delete(f"/v1/accounts/{caller.account['id']}", "*").status == 204
        problem(caller.client.get("/v1/schools"), 401, "unauthorized")


class TestGuessing:
    """What is foreign is answered to the letter as what is not there."""

    @pytest.mark.parametrize("role", ["ambassador", "school"])
    @pytest.mark.parametrize("resource", ROWS_OF)
    def test_ids(self, resource, role, world):
        caller = world.callers[role]
        foreign = world.kept(resource, "foreign", role)
        known, unknown = (RESOURCES[resource].path(r) for r in (foreign, str(uuid.uuid4())))
        alike(caller.get(known), caller.get(unknown))
        for tag in ('"1"', '"7"', "*"):
            condition = {"If-None-Match": tag}
            alike(caller.get(known, headers=condition), caller.get(unknown, headers=condition))
            alike(caller.patch(known, {}, tag), caller.patch(unknown, {}, tag))
            alike(caller.patch(known, {"id": 1}, tag), caller.patch(unknown, {"id": 1}, tag))
            alike(caller.delete(known, tag), caller.delete(unknown, tag))
            body = world.body(resource, "own")
            condition = {"If-Match": tag}
            alike(caller.put(known, body, headers=condition),
                  caller.put(unknown, body, headers=condition))
        alike(caller.get(known + "/history"), caller.get(unknown + "/history"))

    def test_references(self, world):
        """A school that is foreign, and one that is not at all."""
        meeting, school = world.fresh("meeting", "own"), world.schools["own"]
        body = {"meeting_id": meeting["id"], "school_id": school["id"], "status": "present"}
        for resource, body, member, foreign in (
                ("attendance", body, "school_id", world.schools["foreign"]),
                ("attendance", body, "meeting_id", world.meetings["foreign"]),
                ("meeting", world.body("meeting", "own"), "host_school_id",
                 world.schools["foreign"]),
                ("meeting", world.body("meeting", "own"), "cluster_id",
                 world.clusters["foreign"])):
            answers = [world.ambassador.client.post(
                RESOURCES[resource].collection, {**body, member: value})
                for value in (foreign["id"], str(uuid.uuid4()))]
            problem(answers[0], 403, "record_forbidden")
            alike(*answers)

    def test_a_pair_that_is_taken_elsewhere(self, world):
        """Unique is checked after whose it is."""
        taken = world.attendances["foreign"]
        response = world.ambassador.client.post("/v1/attendances", {
            "meeting_id": taken["meeting_id"], "school_id": taken["school_id"],
            "status": "present"})
        not_theirs(response, "/meeting_id", "/school_id")

    def test_history_is_head_offices(self, world, head):
        path = RESOURCES["meeting"].path(world.meetings["own"], "/history")
        assert head.get(path).status == 200
        for role in ("ambassador", "school", "client"):
            problem(world.callers[role].get(path), 403, "forbidden")


class TestChosenIds:
    """Creating under an id of one's own would tell which are taken: only head office does."""

    def test_tell_nothing(self, world, head):
        gone = world.fresh("meeting", "own")
        assert head.delete(RESOURCES["meeting"].path(gone), "*").status == 204
        body, condition = world.body("meeting", "own"), {"If-None-Match": "*"}
        path = RESOURCES["meeting"].path
        foreign = head.get(path(world.meetings["foreign"])).body
        unknown = world.ambassador.client.put(path(str(uuid.uuid4())), body, headers=condition)
        problem(unknown, 403, "forbidden")
        for record in (world.meetings["own"], world.meetings["foreign"], gone):
            alike(world.ambassador.client.put(path(record), body, headers=condition), unknown)
        assert head.get(path(world.meetings["foreign"])).body == foreign

    def test_of_records_that_were_are_taken(self, world, head):
        """Their history stands under them, and so do the ETags."""
        for resource in ("meeting", "school", "account"):
            record = world.fresh(resource, "own")
            path = f"{LISTS[resource]}/{record['id']}"
            body, condition = world.body(resource, "own"), {"If-None-Match": "*"}
            for _ in ("there", "deleted"):
                problem(head.put(path, body, headers=condition), 412, "precondition_failed")
                assert head.delete(path, "*").status in (204, 404)


class TestLists:
    def test_a_filter_by_what_is_foreign_finds_nothing(self, place, world, make):
        cluster, school = place.cluster["id"], place.school["id"]
        make.meeting(cluster_id=cluster, host_school_id=school)
        make.succession(successor_id=school)
        world.people.leader(place.cluster)
        for path in (f"/v1/schools?cluster_id={cluster}", f"/v1/meetings?cluster_id={cluster}",
                     f"/v1/schools?urn={place.school['urn']}",
                     "/v1/schools?name_prefix=" + quote(place.school["name"]),
                     f"/v1/meetings?host_school_id={school}", f"/v1/attendances?school_id={school}",
                     f"/v1/attendances?meeting_id={place.meeting['id']}",
                     f"/v1/successions?successor_id={school}",
                     f"/v1/assignments?cluster_id={cluster}"):
            assert walk(world.officer.client, path), path
            for role in ("ambassador", "school"):
                assert walk(world.callers[role], path) == [], path

    @pytest.mark.parametrize("role", ["ambassador", "school"])
    def test_an_order_shows_no_others(self, role, world):
        caller = world.callers[role]
        for path, sort in (("/v1/schools", "name"), ("/v1/clusters", "name"),
                           ("/v1/meetings", "held_on"), ("/v1/assignments", "starts_on")):
            plain = walk(caller, path)
            for order in (sort, "-" + sort):
                assert sorted(walk(caller, f"{path}?sort={order}")) == sorted(plain)

    @pytest.mark.parametrize("role", ["ambassador", "school"])
    def test_a_cursor_of_head_office_shows_no_others(self, role, world, head):
        """It only says where to go on."""
        caller = world.callers[role]
        for path in ("/v1/schools?limit=1", "/v1/schools?limit=1&sort=-name",
                     "/v1/meetings?limit=1", "/v1/people?limit=1"):
            cursor = head.get(path).json["next"]
            page = caller.get(f"{path}&cursor={cursor}".replace("limit=1", "limit=100"))
            assert page.status == 200, page
            own = walk(caller, path.replace("limit=1&", "").replace("?limit=1", ""))
            assert {item["id"] for item in page.json["items"]} <= set(own), path

    def test_a_page_ends_where_the_own_rows_end(self, place, world, head, make):
        """Neither a next page nor a hint that others see more."""
        coordinator = world.people.coordinator(place.school)
        make.school(cluster_id=world.clusters["foreign"]["id"])
        page = coordinator.client.get("/v1/schools?limit=1")
        assert [item["id"] for item in page.json["items"]] == [place.school["id"]]
        assert (page.json["next"], page.header("Link")) == (None, None)
        assert head.get("/v1/schools?limit=1").json["next"] is not None

    def test_one_value_of_a_filter(self, world):
        """Which of two would hold is not for the caller to try out."""
        own, foreign = world.clusters["own"]["id"], world.clusters["foreign"]["id"]
        for first, second in ((own, foreign), (foreign, own), (own, own)):
            bad_parameter(world.ambassador.client.get(
                f"/v1/schools?cluster_id={first}&cluster_id={second}"), "cluster_id")
        for value in (f"{own},{foreign}", "*", f"{own}'%20OR%20true--"):
            bad_parameter(world.ambassador.client.get(f"/v1/schools?cluster_id={value}"),
                          "cluster_id")
        bad_parameter(world.ambassador.client.get(f"/v1/schools?cluster_id[]={own}"),
                      "cluster_id[]")


class TestMassAssignment:
    """Members beside the point, sent along in hope."""

    def test_what_the_server_sets(self, world, head):
        school = f"/v1/schools/{world.schools['own']['id']}"
        before = head.get(school).body
        for change in ({"id": str(uuid.uuid4())}, {"version": 99},
                       {"created_at": "2020-01-01T00:00:00.000Z"},
                       {"updated_at": "2020-01-01T00:00:00.000Z"}):
            invalid(world.callers["school"].patch(school, {"telephone": "020 9", **change}, "*"),
                    *(f"/{name}" for name in change))
        assert head.get(school).body == before

    def test_a_school_into_another_cluster(self, world, head):
        """By neither its coordinator nor the ambassador who would like it."""
        path = f"/v1/schools/{world.schools['own']['id']}"
        before = head.get(path).body
        for wanted in (world.clusters["foreign"]["id"], None):
            found = problem(world.callers["school"].patch(
                path, {"telephone": "020 9", "cluster_id": wanted}, "*"), 403, "member_forbidden")
            assert [e["pointer"] for e in found["errors"]] == ["/cluster_id"]
        assert head.get(path).body == before
        foreign = f"/v1/schools/{world.schools['foreign']['id']}"
        problem(world.ambassador.client.patch(
            foreign, {"cluster_id": world.clusters["own"]["id"]}, "*"), 403, "forbidden")

    def test_roles_for_oneself(self, world, head):
        path = f"/v1/accounts/{world.ambassador.account['id']}"
        before = head.get(path).body
        for role in ("ambassador", "school", "client"):
            caller = world.callers[role]
            problem(caller.patch(path, {"roles": ["head_office"]}, "*"), 403, "forbidden")
            problem(caller.post("/v1/accounts", {**world.body("account", "own"),
                                                 "roles": ["head_office"]}), 403, "forbidden")
        person = f"/v1/people/{world.ambassador.person['id']}"
        for name in ("roles", "account", "activated_at"):
            invalid(world.ambassador.client.patch(person, {name: "x"}, "*"), f"/{name}")
        assert head.get(path).body == before

    def test_a_name_to_sign_in_with(self, world, head):
        """The e-mail address opens an account: not even one's own is one's own to change."""
        path = f"/v1/people/{world.ambassador.person['id']}"
        found = problem(world.ambassador.client.patch(
            path, {"telephone": "020 9", "email": world.officer.person["email"]}, "*"),
            403, "member_forbidden")
        assert [e["pointer"] for e in found["errors"]] == ["/email"]
        assert head.get(path).json["email"] == world.ambassador.person["email"]

    def test_by_taking_away(self, world, head):
        """That is setting it, too."""
        path = f"/v1/attendances/{world.fresh('attendance', 'own')['id']}"
        world.callers["school"].patch(path, {"impact": "Theirs."}, "*")
        for impact in (None, "Mine.", ""):
            for caller in (world.ambassador.client, head):
                found = problem(caller.patch(
                    path, {"status": "absent", "impact": impact}, "*"), 403, "member_forbidden")
                assert [e["pointer"] for e in found["errors"]] == ["/impact"]
        response = world.ambassador.client.patch(
            path, {"status": "absent", "impact": "Theirs."}, "*")
        assert (response.status, response.json["status"]) == (200, "absent")

    def test_when_creating(self, world, head):
        body = {**world.body("attendance", "own"), "impact": "Mine."}
        for caller in (world.ambassador.client, head):
            found = problem(caller.post("/v1/attendances", body), 403, "member_forbidden")
            assert [e["pointer"] for e in found["errors"]] == ["/impact"]
        body["impact"] = None
        assert world.ambassador.client.post("/v1/attendances", body).status == 201


class TestInTheDatabase:
    """The policies themselves, with the settings made by hand as the server makes them."""

    @pytest.fixture
    def ask(self, stage):
        def ask(sql, roles=None, actor=None, check=True):
            become = "".join(f"SET iqm.{name} = '{value}'; " for name, value in
                             (("roles", roles), ("actor", actor)) if value is not None)
            return stage.cluster.psql(become + sql, user="iqm_server", check=check)
        return ask

    @staticmethod
    def rows(ask, table, *settings):
        return ask(f"SELECT id FROM {table} ORDER BY id", *settings).split()

    # Contributions: test_contributions.py; others make some meanwhile that everybody sees.
    @pytest.mark.parametrize("role", ["ambassador", "school"])
    @pytest.mark.parametrize("resource", [name for name in ROWS_OF if name not in
                                          ("contribution", "evidence")])
    def test_shows_what_the_api_shows(self, resource, role, world, ask):
        caller = {"ambassador": world.ambassador, "school": world.coordinators["own"]}[role]
        rows = self.rows(ask, resource, f"{{{role}}}", caller.account["id"])
        assert rows == walk(caller.client, LISTS[resource]) and rows

    def test_shows_both_parts_to_who_has_two_roles(self, world, ask, place):
        caller = world.people.leader(place.cluster, roles=("ambassador", "school"),
                                     school=world.schools["foreign"])
        roles = "{ambassador,school}", caller.account["id"]
        for resource in ("school", "meeting", "attendance", "cluster"):
            rows = self.rows(ask, resource, *roles)
            assert rows == walk(caller.client, LISTS[resource])
            parts = [self.rows(ask, resource, f"{{{role}}}", caller.account["id"])
                     for role in ("ambassador", "school")]
            assert all(parts) and set(rows) == set(parts[0]) | set(parts[1])

    @pytest.mark.parametrize("roles, actor", [
        (None, None), ("", None), ("", ""), ("{}", ""), ("{NULL}", None), ("{HEAD_OFFICE}", None),
        ("{head-office}", None), ("{nobody}", None), ('{"head_office,client"}', None),
        ('{" head_office"}', None), ("head_office", None), ("{head_office", None),
        ("true", None), ("{ambassador}", "nonsense"), ("{school}", "nonsense"),
        ("{ambassador,school}", ""), ("{ambassador,school}", None),
        ("{ambassador,school}", NOBODY)])
    def test_shows_nothing_for_nonsense(self, roles, actor, world, ask):
        assert world.meetings
        for table in (*ROWS_OF, "account", "client", "history", "register_import"):
            done = ask(f"SELECT count(*) FROM {table}", roles, actor, check=False)
            assert done.stdout.strip() in ("", "0"), table
            assert (done.returncode == 0) == (done.stdout.strip() == "0")

    def test_is_not_open_to_one_role_in_the_name_of_another(self, world, ask):
        """An account that has not the role, a token, a person: none is somebody of that role."""
        for roles, actor in (("{school}", world.ambassador.account["id"]),
                             ("{ambassador}", world.coordinators["own"].account["id"]),
                             ("{ambassador}", world.ambassador.person["id"]),
                             ("{ambassador}", world.ambassador.ambassador["id"]),
                             ("{ambassador,school}", world.people.application["id"]),
                             ("{ambassador}", world.officer.account["id"])):
            for table in ("school", "cluster", "meeting", "attendance", "assignment"):
                assert self.rows(ask, table, roles, actor) == [], (table, roles)

    def test_functions_answer_nobody_with_nothing(self, ask):
        for settings in ((), ("", ""), ("{}", ""), ("{ambassador,school}", NOBODY)):
            for name in ("own_person", "own_school", "own_workplace", "own_cluster"):
                assert ask(f"SELECT {name}() IS NULL", *settings) == "t", name
            for name in ("led_clusters", "led_places", "led_meetings", "led_records",
                         "school_sight", "cluster_sight", "ambassador_sight", "assignment_sight",
                         "succession_sight", "meeting_sight", "attendance_sight",
                         "attendance_reach", "person_sight", "kept_people", "own_meetings",
                         "contribution_sight"):
                assert ask(f"SELECT coalesce(array_remove({name}(), NULL), '{{}}') = '{{}}'",
                           *settings) == "t", name

    @pytest.mark.parametrize("role", ["ambassador", "school", "client"])
    def test_changes_nothing_of_others(self, role, world, ask, head):
        caller = {"ambassador": world.ambassador, "school": world.coordinators["own"]}.get(role)
        settings = f"{{{role}}}", caller.account["id"] if caller else world.people.application["id"]
        for resource in ROWS_OF:
            record = world.kept(resource, "foreign", role)
            before = head.get(RESOURCES[resource].path(record)).body
            for sql in (f"UPDATE {resource} SET written_by = NULL, version = version + 1",
                        f"DELETE FROM {resource}"):
                ask(f"BEGIN; {sql} WHERE id = '{record['id']}'; COMMIT", *settings)
            assert head.get(RESOURCES[resource].path(record)).body == before
