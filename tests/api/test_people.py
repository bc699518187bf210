"""People of a school: who keeps them, who sees them, and that nobody is taken over by that."""

import uuid

import pytest

from support.expect import invalid, problem
from support.world import day


def path_of(person):
    return f"/v1/people/{person['id']}"


def forbidden_member(response, *members):
    found = problem(response, 403, "member_forbidden")
    assert sorted(e["pointer"] for e in found["errors"]) == sorted(f"/{m}" for m in members)


@pytest.fixture
def school(world):
    """Of the coordinator who calls."""
    return world.schools["own"]


@pytest.fixture
def coordinator(world):
    return world.coordinators["own"].client


@pytest.fixture
def teacher(world, coordinator):
    response = coordinator.post("/v1/people", world.body("person", "own"))
    assert response.status == 201, response
    return response.json


class TestCoordinators:
    def test_keep_the_people_of_their_school(self, coordinator, school, teacher, head):
        assert teacher["school_id"] == school["id"]
        path = path_of(teacher)
        for change in ({"name": "Ada Testperson"}, {"job_title": "Deputy head"},
                       {"telephone": "020 3"}, {"job_title": None}, {"school_id": school["id"]}):
            response = coordinator.patch(path, change, "*")
            assert response.status == 200, response
            assert all(response.json.get(name) == value for name, value in change.items())
        assert head.get(path).json == response.json
        assert coordinator.delete(path, "*").status == 204
        problem(head.get(path), 404, "not_found")

    def test_list_them(self, coordinator, world, teacher):
        for query in ("limit=200", f"limit=200&school_id={teacher['school_id']}"):
            page = coordinator.get("/v1/people?" + query).json
            while teacher not in page["items"]:
                assert page["next"], query
                page = coordinator.get(f"/v1/people?{query}&cursor={page['next']}").json
        for place in ("same", "foreign"):
            listed = coordinator.get(f"/v1/people?school_id={world.schools[place]['id']}")
            assert listed.json == {"items": [], "next": None}

    def test_do_not_say_what_somebody_signs_in_with(self, coordinator, world, teacher, head):
        body = {**world.body("person", "own"), "email": "somebody@example.org"}
        forbidden_member(coordinator.post("/v1/people", body), "email")
        forbidden_member(coordinator.patch(path_of(teacher), {
            "name": "Other", "email": "somebody@example.org"}, "*"), "email")
        head.patch(path_of(teacher), {"email": "somebody@example.org"}, "*")
        forbidden_member(coordinator.patch(path_of(teacher), {"email": None}, "*"), "email")
        changed = coordinator.patch(path_of(teacher), {"name": "Other"}, "*").json
        assert changed["email"] == "somebody@example.org"

    def test_create_for_their_own_school_only(self, coordinator, world):
        body = world.body("person", "own")
        for wrong in (world.schools["same"]["id"], world.schools["foreign"]["id"], None,
                      str(uuid.uuid4()), world.clusters["own"]["id"]):
            problem(coordinator.post("/v1/people", {**body, "school_id": wrong}), 403, "record_forbidden")

    def test_move_nobody_away(self, coordinator, world, teacher, head):
        for wrong in (world.schools["same"]["id"], world.schools["foreign"]["id"], None,
                      str(uuid.uuid4())):
            problem(coordinator.patch(path_of(teacher), {"school_id": wrong}, "*"), 403,
                    "record_forbidden")
        assert head.get(path_of(teacher)).json == teacher

    def test_take_nobody_over(self, coordinator, world, school, make, head):
        """Of other schools, of head office, of none: they do not exist."""
        others = [world.fresh("person", "same"), world.fresh("person", "foreign"), make.person(),
                  world.officer.person, world.ambassador.person, world.stranger.person]
        for person in others:
            before = head.get(path_of(person)).body
            for change in ({"school_id": school["id"]}, {"name": "Mine"}, {}):
                problem(coordinator.patch(path_of(person), change, "*"), 404, "not_found")
            problem(coordinator.delete(path_of(person), "*"), 404, "not_found")
            assert head.get(path_of(person)).body == before

    @pytest.mark.parametrize("kind", ["ambassador", "ambassador without an account",
                                      "head office", "coordinator of another school"])
    def test_leave_alone_who_is_more_than_that(self, coordinator, world, school, make, head, kind):
        """They work at the school and are seen; what they are called is not the school's to say."""
        if kind == "ambassador without an account":
            person = make.person(school_id=school["id"])
            make.ambassador(person_id=person["id"])
        elif kind == "coordinator of another school":
            person = world.people.coordinator(world.schools["same"]).person
        else:
            person = world.people.somebody(kind.replace(" ", "_")).person
        person = head.patch(path_of(person), {"school_id": school["id"]}, "*").json
        assert coordinator.get(path_of(person)).json == person
        for change in ({"name": "Mine"}, {"telephone": "020 4"}, {"job_title": "Bursar"}):
            problem(coordinator.patch(path_of(person), change, "*"), 403, "record_forbidden")
        problem(coordinator.delete(path_of(person), "*"), 403, "record_forbidden")
        assert head.get(path_of(person)).json == person

    def test_keep_who_becomes_an_ambassador_no_longer(self, coordinator, make, teacher):
        path = path_of(teacher)
        assert coordinator.patch(path, {"name": "Before"}, "*").status == 200
        make.ambassador(person_id=teacher["id"])
        problem(coordinator.patch(path, {"name": "After"}, "*"), 403, "record_forbidden")

    def test_keep_each_other_but_delete_nobody_who_signs_in(self, coordinator, world, school, head):
        fellow = world.people.coordinator(school)
        path = path_of(fellow.person)
        response = coordinator.patch(path, {"job_title": "Inclusion lead"}, "*")
        assert response.status == 200, response
        forbidden_member(coordinator.patch(path, {"email": "new@example.org"}, "*"), "email")
        problem(coordinator.delete(path, "*"), 409, "conflict")
        assert head.delete(f"/v1/accounts/{fellow.account['id']}", "*").status == 204
        assert coordinator.delete(path, "*").status == 204

    def test_stay_where_they_are(self, world, school, head):
        caller = world.people.coordinator(school)
        path = path_of(caller.person)
        for wrong in (world.schools["same"]["id"], None):
            problem(caller.client.patch(path, {"school_id": wrong}, "*"), 403, "record_forbidden")
        assert caller.client.patch(path, {"job_title": "Head teacher"}, "*").status == 200
        assert head.get(path).json["school_id"] == school["id"]

    @pytest.mark.parametrize("elsewhere", [True, False])
    def test_who_work_elsewhere_come_to_their_school_only(self, world, school, head, elsewhere):
        caller = world.people.coordinator(school)
        path = path_of(caller.person)
        works_at = world.schools["foreign"]["id"] if elsewhere else None
        head.patch(path, {"school_id": works_at}, "*")
        response = caller.client.patch(path, {"telephone": "020 5"}, "*")
        assert (response.status, response.json.get("school_id")) == (200, works_at)
        problem(caller.client.patch(path, {"school_id": world.schools["same"]["id"]}, "*"), 403,
                "record_forbidden")
        assert caller.client.patch(path, {"school_id": school["id"]}, "*").status == 200

    def test_of_another_school_from_now_on_keep_its_people(self, world, head, make, school):
        caller, next_school = world.people.coordinator(school), make.school()
        here, there = world.fresh("person", "own"), make.person(school_id=next_school["id"])
        head.patch(f"/v1/accounts/{caller.account['id']}", {"school_id": next_school["id"]}, "*")
        problem(caller.client.get(path_of(here)), 404, "not_found")
        assert caller.client.patch(path_of(there), {"name": "Ours"}, "*").status == 200


class TestAmbassadors:
    def test_see_the_people_of_the_schools_they_lead_today(self, world, head, make):
        cluster = make.cluster()
        school = make.school(cluster_id=cluster["id"])
        person = make.person(school_id=school["id"])
        leader, other = world.people.leader(cluster, -10), world.ambassador
        assert leader.client.get(path_of(person)).json == person
        listed = leader.client.get(f"/v1/people?school_id={school['id']}").json["items"]
        assert listed == [person]
        problem(other.client.get(path_of(person)), 404, "not_found")
        head.patch(f"/v1/assignments/{leader.assignment['id']}", {"ends_on": day(-1)}, "*")
        problem(leader.client.get(path_of(person)), 404, "not_found")
        assert leader.client.get(f"/v1/people?school_id={school['id']}").json["items"] == []

    def test_write_themselves_only(self, world, head):
        person, caller = world.fresh("person", "own"), world.ambassador
        problem(caller.client.patch(path_of(person), {"telephone": "020 6"}, "*"), 403, "record_forbidden")
        problem(caller.client.delete(path_of(person), "*"), 403, "forbidden")
        problem(caller.client.post("/v1/people", world.body("person", "own")), 403, "forbidden")
        forbidden_member(caller.client.patch(path_of(caller.person), {
            "telephone": "020 6", "school_id": world.schools["own"]["id"], "job_title": "Head"},
            "*"), "school_id", "job_title")
        assert head.get(path_of(person)).json == person
        response = caller.client.patch(path_of(caller.person), {"telephone": "020 6"}, "*")
        assert response.status == 200, response

    def test_who_coordinate_a_school_too_keep_its_people(self, world, make):
        """And see those of the clusters they lead, but do not change them."""
        school, cluster = make.school(), make.cluster()
        led_school = make.school(cluster_id=cluster["id"])
        led, kept = make.person(school_id=led_school["id"]), make.person(school_id=school["id"])
        both = world.people.leader(cluster, roles=("ambassador", "school"), school=school)
        assert [both.client.get(path_of(p)).status for p in (led, kept)] == [200, 200]
        assert both.client.patch(path_of(kept), {"name": "Kept"}, "*").status == 200
        for change in ({"telephone": "020 7"}, {"name": "Led"}, {"school_id": school["id"]}):
            response = both.client.patch(path_of(led), change, "*")
            assert response.status == 403, response


class TestHeadOffice:
    def test_moves_people_from_school_to_school(self, head, make, world, teacher, coordinator):
        other = world.schools["foreign"]
        moved = head.patch(path_of(teacher), {"school_id": other["id"]}, "*")
        assert moved.status == 200, moved
        problem(coordinator.get(path_of(teacher)), 404, "not_found")
        there = world.coordinators["foreign"].client
        assert there.get(path_of(teacher)).json == moved.json

    def test_names_a_school_that_exists(self, head, make):
        invalid(head.post("/v1/people", make.example("person", school_id=str(uuid.uuid4()))),
                "/school_id")

    def test_a_school_stays_while_it_has_people(self, head, make):
        school = make.school()
        person = make.person(school_id=school["id"])
        problem(head.delete(f"/v1/schools/{school['id']}", "*"), 409, "conflict")
        assert head.delete(path_of(person), "*").status == 204
        assert head.delete(f"/v1/schools/{school['id']}", "*").status == 204

    @pytest.mark.parametrize("title", ["", "x" * 101, 7])
    def test_form_of_a_job_title(self, head, make, title):
        invalid(head.post("/v1/people", make.example("person", job_title=title)), "/job_title")
