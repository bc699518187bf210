"""Meetings beyond their form: terms that follow, schools among themselves, and the grid."""

import datetime
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.client import Client
from support.expect import bad_parameter, invalid, problem
from support.exports import XLSX, export, lines, sheet
from support.holding import holding
from support.places import wait_for
from support.resources import ours, terms
from support.world import day


def shifted(year, summer):
    """Terms whose summer begins on that day (MM-DD)."""
    dates = terms(year)
    dates["summer"]["starts_on"] = f"{year + 1}-{summer}"
    dates["spring"]["ends_on"] = f"{year + 1}-03-20"
    return dates


def path_of(meeting):
    return f"/v1/meetings/{meeting['id']}"


@pytest.fixture
def authorities(make):
    """A year and two authorities, of this test's own: numbers that others do not have."""
    first, second = make.number(), make.number()
    while first // 1000 != second // 1000:
        first, second = second, make.number()
    return 2200 + first // 1000 % 6000, [f"{number % 1000:03d}" for number in (first, second)]


@pytest.fixture
def authority(authorities):
    year, (code, _) = authorities
    return year, code


@pytest.fixture
def held(make, authority):
    """A meeting on 20 April at a school of that authority: summer, without dates of its own."""
    year, code = authority
    host = make.school(local_authority_code=code)
    return make.meeting(host_school_id=host["id"], held_on=f"{year + 1}-04-28")


def put_dates(head, authority, summer="05-20"):
    year, code = authority
    response = head.post("/v1/term-dates", {**shifted(year, summer), "local_authority_code": code})
    assert response.status == 201, response
    return response.header("Location")


class TestTimes:
    @pytest.mark.parametrize("start, end, word", [
        (None, "16:00", "needs"), ("16:00", "16:00", "later"), ("16:00", "15:59", "later")])
    def test_end_after_they_begin(self, head, make, start, end, word):
        refused = head.post("/v1/meetings", make.example("meeting", start_time=start, end_time=end))
        assert word in invalid(refused, "/end_time")["/end_time"]

    def test_are_held_together_when_one_is_changed(self, head, make):
        meeting = make.meeting(start_time="14:30", end_time="16:00")
        refused = head.patch(path_of(meeting), {"start_time": None}, "*")
        assert "needs" in invalid(refused, "/end_time")["/end_time"]
        moved = head.patch(path_of(meeting), {"start_time": "09:00", "end_time": "10:00"}, "*")
        assert (moved.status, moved.json["end_time"]) == (200, "10:00")


class TestTerms:
    """What is derived follows what it is derived from."""

    @pytest.fixture
    def term(self, head, held):
        return lambda: head.get(path_of(held)).json["term"]

    def test_follow_dates_that_are_created_changed_and_deleted(self, head, term, authority):
        assert term() == "summer"
        dates = put_dates(head, authority)
        assert term() == "spring"
        year = authority[0]
        for starts, now in (("04-20", "summer"), ("05-19", "spring")):
            assert head.patch(dates, {"summer": {"starts_on": f"{year + 1}-{starts}"}},
                              "*").status == 200
            assert term() == now
        assert head.delete(dates, "*").status == 204
        assert term() == "summer"

    def test_follow_dates_that_become_another_authoritys(self, head, term, authority, authorities):
        dates = put_dates(head, authority)
        other = authorities[1][1]
        moved = head.patch(dates, {"local_authority_code": other}, "*")
        assert (moved.status, term()) == (200, "summer")
        back = head.patch(dates, {"local_authority_code": authority[1]}, "*")
        assert (back.status, term()) == (200, "spring")

    def test_follow_general_dates_where_the_authority_has_none(self, head, make, term, authority):
        elsewhere = make.meeting(held_on=f"{authority[0] + 1}-04-28")
        own = put_dates(head, authority, "04-20")
        general = head.post("/v1/term-dates", shifted(authority[0], "05-20"))
        assert general.status == 201, general
        try:
            assert head.get(path_of(elsewhere)).json["term"] == "spring"
            assert term() == "summer"
            head.delete(own, "*")
            assert term() == "spring"
        finally:
            assert head.delete(general.header("Location"), "*").status == 204
        assert head.get(path_of(elsewhere)).json["term"] == term() == "summer"

    def test_follow_the_hosts_authority(self, head, held, term, authority):
        put_dates(head, authority)
        school = f"/v1/schools/{held['host_school_id']}"
        for code, now in ((None, "summer"), (authority[1], "spring")):
            assert head.patch(school, {"local_authority_code": code}, "*").status == 200
            assert term() == now

    def test_a_change_is_one_like_any_other(self, head, held, authority):
        dates = put_dates(head, authority)
        now = head.get(path_of(held))
        assert now.json == {**held, "version": 2, "term": "spring",
                            "updated_at": now.json["updated_at"]}
        assert now.json["updated_at"] > held["updated_at"]
        assert now.header("ETag").strip('"').split(".")[0] == "2"
        versions = head.get(path_of(held) + "/history").json["items"]
        assert [v["version"] for v in versions] == [2, 1]
        assert versions[0]["actor"] == head.actor
        found = head.get(f"/v1/audit-records?resource_id={held['id']}").json["items"]
        assert [r["operation"] for r in found if r["version"] == 2] == ["create_term_dates"]
        problem(head.patch(path_of(held), {"notes": "Late."}, '"1"'), 412, "precondition_failed")
        assert head.patch(path_of(held), {"notes": "Late."}, '"2"').json["term"] == "spring"
        head.delete(dates, "*")

    def test_only_what_changes_is_changed(self, head, make, held, authority):
        """Not another authority's, another year's, or what stays in its term."""
        year, host = authority[0], held["host_school_id"]
        same = [make.meeting(held_on=f"{year + 1}-04-28"),
                make.meeting(held_on=f"{year}-04-28", host_school_id=host),
                make.meeting(held_on=f"{year + 1}-06-28", host_school_id=host)]
        put_dates(head, authority)
        assert [head.get(path_of(meeting)).json for meeting in same] == same
        assert head.get(path_of(held)).json["version"] == 2

    def test_beside_changes_of_the_meeting(self, head, held, authority):
        """Nothing is lost, nobody waits for the other for ever, and the last word is right."""
        dates, stop, answers = put_dates(head, authority), threading.Event(), []
        year = authority[0]

        def change():
            client = Client(head.port, head.token)
            while not stop.is_set():
                answer = client.patch(path_of(held), {"notes": str(uuid.uuid4())}, "*")
                answers.append((answer.status, answer.json.get("notes"), answer.json["version"]))
            client.close()

        threads = [threading.Thread(target=change) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for turn in range(30):
                starts = f"{year + 1}-{'04-20' if turn % 2 else '05-20'}"
                changed = head.patch(dates, {"summer": {"starts_on": starts}}, "*")
                assert changed.status == 200, changed
                term = head.get(path_of(held)).json["term"]
                assert term == ("summer" if turn % 2 else "spring"), turn
        finally:
            stop.set()
            for thread in threads:
                thread.join(60)
        assert {status for status, *_ in answers} == {200}
        now = head.get(path_of(held)).json
        # 30 changes of dates, the first of which changed nothing, and one when they were made.
        assert now["version"] == 1 + 1 + 29 + len(answers)
        assert len({version for *_, version in answers}) == len(answers)

    def test_one_that_is_written_meanwhile_is_not_left_behind(self, head, make, authority):
        """Creations whose rules were told of old dates fail, or are taken along."""
        year, code = authority
        host, stop, made = make.school(local_authority_code=code)["id"], threading.Event(), []
        body = make.example("meeting", host_school_id=host, held_on=f"{year + 1}-04-28")

        def create():
            client = Client(head.port, head.token)
            while not stop.is_set():
                answer = client.post("/v1/meetings", body)
                if answer.status == 201:
                    made.append(answer.json["id"])
                else:
                    problem(answer, 503, "service_unavailable")
            client.close()

        thread = threading.Thread(target=create)
        thread.start()
        try:
            for _ in range(8):
                dates = put_dates(head, authority)
                assert head.delete(dates, "*").status == 204
            put_dates(head, authority)
            wait_for(lambda: made, "a meeting to be written")
        finally:
            stop.set()
            thread.join(60)
        assert {head.get(f"/v1/meetings/{each}").json["term"] for each in made} == {"spring"}

    def test_locks_that_another_holds_do_not_end_in_a_deadlock(self, head, stage, held, authority):
        """Dates change while somebody holds the meeting: they wait, and nothing is lost."""
        row = f"SELECT FROM meeting WHERE id = '{held['id']}' FOR NO KEY UPDATE"
        with ThreadPoolExecutor(1) as pool, holding(stage.cluster, row) as holder:
            dates = holder.keep_waiting(pool, put_dates, head, authority)
            changed = holder.ask(f"""UPDATE meeting SET version = version + 1, doc = document_with(doc,
                json_build_object('version', version + 1, 'notes', 'Held.'))
                WHERE id = '{held['id']}' RETURNING version; COMMIT""")
            assert changed == ["2"]
            dates.result()
        now = head.get(path_of(held)).json
        assert (now["version"], now["notes"], now["term"]) == (3, "Held.", "spring")


class TestTermOf:
    """The function itself: what the programme's own arithmetic says without any dates."""

    @pytest.mark.parametrize("on, term", [
        ("2126-09-01", "autumn"), ("2126-12-31", "autumn"), ("2127-01-01", "spring"),
        ("2127-03-30", "spring"), ("2127-03-31", "summer"), ("2127-08-31", "summer"),
        ("0001-01-01", "spring"), ("0001-09-01", "autumn"), ("9999-12-31", "autumn")])
    def test_fallback(self, stage, on, term):
        found = stage.cluster.psql(f"SELECT term_of('{on}', NULL)", user="iqm_owner")
        assert found == term

    @pytest.mark.parametrize("sunday", [
        "1818-03-22", "1943-04-25", "1961-04-02", "2000-04-23", "2024-03-31", "2025-04-20",
        "2026-04-05", "2027-03-28", "2038-04-25", "2285-03-22"])
    def test_easter(self, stage, sunday):
        assert stage.cluster.psql(f"SELECT easter_of({sunday[:4]})") == sunday

    @pytest.mark.parametrize("on, year", [
        ("2026-09-01", "2026/27"), ("2027-08-31", "2026/27"), ("1999-10-01", "1999/00"),
        ("0001-08-31", "0000/01"), ("9999-09-01", "9999/00")])
    def test_academic_year(self, stage, on, year):
        assert stage.cluster.psql(f"SELECT academic_year_of('{on}')") == year
        assert stage.cluster.psql(
            f"SELECT '{on}'::date - academic_year_start('{year}') BETWEEN 0 AND 365") == "t"


class Neighbours:
    """Three schools: two of one cluster, one of another; each with a coordinator."""

    def __init__(self, make, world):
        self.make = make
        clusters = [make.cluster()["id"] for _ in range(2)]
        self.clusters = clusters
        self.schools = [make.school(cluster_id=c)["id"] for c in (*clusters[:1], *clusters)]
        self.coordinators = [world.people.coordinator({"id": s}).client for s in self.schools]
        self.leaders = [world.people.leader({"id": cluster}).client for cluster in clusters]

    def body(self, host=0, **members):
        return self.make.example("meeting", kind="additional", cluster_id=None,
                                 host_school_id=self.schools[host], **members)

    def meeting(self, **members):
        response = self.coordinators[0].post("/v1/meetings", self.body(**members))
        assert response.status == 201, response
        return response.json


@pytest.fixture(scope="module")
def near(make, world):
    return Neighbours(make, world)


class TestBetweenSchools:
    def test_a_school_sets_up_changes_and_deletes_what_it_hosts(self, near):
        made = near.meeting(invited_school_ids=[near.schools[1]])
        caller = near.coordinators[0]
        assert caller.get(path_of(made)).json == made
        changed = caller.patch(path_of(made), {"notes": "Ours.",
                                               "cluster_id": near.clusters[0]}, "*")
        assert (changed.status, changed.json["notes"]) == (200, "Ours.")
        assert caller.delete(path_of(made), "*").status == 204

    def test_none_without_a_host(self, near):
        """Unless it is of a cluster, nobody but head office could change it afterwards."""
        caller, made = near.coordinators[0], near.meeting()
        invalid(caller.post("/v1/meetings", {**near.body(), "host_school_id": None}),
                "/host_school_id")
        invalid(caller.patch(path_of(made), {"host_school_id": None}, "*"), "/host_school_id")
        assert caller.get(path_of(made)).json == made

    @pytest.mark.parametrize("members", [
        {"kind": "cluster", "cluster_id": 0}, {"host_school_id": 1},
        {"cluster_id": 1}, {"host_school_id": 2}])
    def test_nothing_else(self, near, members):
        """Neither creating it nor making it that."""
        members = {name: (near.clusters if name == "cluster_id" else near.schools)[value]
                   if isinstance(value, int) else value for name, value in members.items()}
        caller = near.coordinators[0]
        problem(caller.post("/v1/meetings", {**near.body(), **members}), 403, "record_forbidden")
        made = near.meeting()
        problem(caller.patch(path_of(made), members, "*"), 403, "record_forbidden")
        assert caller.get(path_of(made)).json == made

    def test_what_the_cluster_holds_at_its_school_is_not_its_own(self, near):
        made = near.make.meeting(cluster_id=near.clusters[0], host_school_id=near.schools[0])
        caller = near.coordinators[0]
        problem(caller.patch(path_of(made), {"notes": "Ours."}, "*"), 403, "record_forbidden")
        problem(caller.patch(path_of(made), {"kind": "additional"}, "*"), 403, "record_forbidden")
        problem(caller.delete(path_of(made), "*"), 403, "record_forbidden")

    def test_who_is_invited_sees_it_and_its_ambassador_does(self, head, near):
        made = near.meeting()
        guest, leader = near.coordinators[2], near.leaders[1]
        for caller in (guest, leader):
            problem(caller.get(path_of(made)), 404, "not_found")
        invited = head.patch(path_of(made), {"invited_school_ids": [near.schools[2]]}, "*").json
        for caller in (guest, leader):
            assert caller.get(path_of(made)).json == invited
        problem(guest.patch(path_of(made), {"notes": "Mine."}, "*"), 403, "record_forbidden")
        problem(leader.delete(path_of(made), "*"), 403, "record_forbidden")
        kept = near.coordinators[0].patch(path_of(made), {"notes": "Whoever it was."}, "*")
        assert kept.json["invited_school_ids"] == [near.schools[2]]
        head.patch(path_of(made), {"invited_school_ids": []}, "*")
        problem(guest.get(path_of(made)), 404, "not_found")

    def test_schools_invite_those_they_see(self, near):
        """One of another cluster is as one that does not exist."""
        caller = near.coordinators[0]
        assert near.meeting(invited_school_ids=near.schools[:2])
        told = [invalid(caller.post("/v1/meetings", near.body(invited_school_ids=[school])),
                        "/invited_school_ids")
                for school in (near.schools[2], str(uuid.uuid4()))]
        assert told[0] == told[1]
        made = near.meeting()
        invalid(caller.patch(path_of(made), {"invited_school_ids": [near.schools[2]]}, "*"),
                "/invited_school_ids")

    def test_head_office_invites_whoever_exists(self, head, near):
        assert head.post("/v1/meetings", near.body(invited_school_ids=near.schools)).status == 201
        invalid(head.post("/v1/meetings", near.body(invited_school_ids=[str(uuid.uuid4())])),
                "/invited_school_ids")

    def test_cluster_meetings_invite_nobody(self, head, make):
        body = make.example("meeting", invited_school_ids=[make.school()["id"]])
        invalid(head.post("/v1/meetings", body), "/invited_school_ids")
        assert head.post("/v1/meetings", {**body, "invited_school_ids": []}).status == 201

    def test_a_school_stays_while_it_is_invited(self, head, make, near):
        school = make.school()
        made = head.post("/v1/meetings", near.body(invited_school_ids=[school["id"]])).json
        problem(head.delete(f"/v1/schools/{school['id']}", "*"), 409, "conflict")
        assert head.delete(path_of(made), "*").status == 204
        assert head.delete(f"/v1/schools/{school['id']}", "*").status == 204


class TestOwnAttendance:
    @staticmethod
    def record(near, meeting, who=1, **members):
        return near.coordinators[who].post("/v1/attendances", {
            "meeting_id": meeting["id"], "school_id": near.schools[who], "status": "present",
            "impact": "A quiet room.", **members})

    @pytest.mark.parametrize("status", ["present", "apologies", "absent"])
    def test_of_a_meeting_of_the_own_cluster(self, near, make, status):
        response = self.record(near, make.meeting(cluster_id=near.clusters[0]), status=status)
        assert (response.status, response.json["impact"]) == (201, "A quiet room.")

    def test_where_it_is_invited_and_where_it_is_host(self, near):
        made = near.meeting(invited_school_ids=[near.schools[1]])
        assert [self.record(near, made, who).status for who in (0, 1)] == [201, 201]

    def test_nowhere_else(self, near, make):
        foreign = make.meeting(cluster_id=near.clusters[1])
        between = near.meeting()
        for meeting in (foreign, between, {"id": str(uuid.uuid4())}):
            problem(self.record(near, meeting), 403, "record_forbidden")

    def test_of_no_other_school(self, near, make):
        made = make.meeting(cluster_id=near.clusters[0])
        problem(self.record(near, made, school_id=near.schools[0]), 403, "record_forbidden")

    def test_once(self, near, make):
        made = make.meeting(cluster_id=near.clusters[0])
        assert self.record(near, made).status == 201
        problem(self.record(near, made), 409, "conflict")

    def test_what_the_ambassador_says_stands(self, near, make):
        """Of a record that either made: the school changes its impact and nothing else."""
        made = make.meeting(cluster_id=near.clusters[0])
        school, leader = near.coordinators[1], near.leaders[0]
        own = self.record(near, made).json
        other = leader.post("/v1/attendances", {
            "meeting_id": make.meeting(cluster_id=near.clusters[0])["id"],
            "school_id": near.schools[1], "status": "present"}).json
        for record in (own, other):
            path = f"/v1/attendances/{record['id']}"
            for change in ({"status": "absent"}, {"meeting_id": made["id"] if record is other
                                                  else other["meeting_id"]}):
                found = problem(school.patch(path, change, "*"), 403, "member_forbidden")
                assert [e["pointer"] for e in found["errors"]] == [f"/{next(iter(change))}"]
            assert leader.patch(path, {"status": "apologies"}, "*").status == 200
            assert school.patch(path, {"impact": "Much."}, "*").json["status"] == "apologies"
            problem(school.delete(path, "*"), 403, "forbidden")
            assert leader.delete(path, "*").status == 204

    def test_by_who_is_an_ambassador_elsewhere(self, near, make, world):
        """The impact is the own school's: leading another cluster does not lend it."""
        caller = world.people.leader(make.cluster(), roles=("ambassador", "school"),
                                     school={"id": near.schools[0]})
        led = caller.assignment["cluster_id"]
        school = make.school(cluster_id=led)["id"]
        body = {"meeting_id": make.meeting(cluster_id=near.clusters[0])["id"],
                "school_id": near.schools[0], "status": "present", "impact": "Ours."}
        assert caller.client.post("/v1/attendances", body).status == 201
        body = {**body, "meeting_id": make.meeting(cluster_id=led)["id"], "school_id": school}
        problem(caller.client.post("/v1/attendances", body), 403, "record_forbidden")
        assert caller.client.post("/v1/attendances", {**body, "impact": None}).status == 201

    def test_head_office_records_presence_and_no_impact(self, head, near, make):
        made = make.attendance(school_id=near.schools[1],
                               meeting_id=make.meeting(cluster_id=near.clusters[0])["id"])
        path = f"/v1/attendances/{made['id']}"
        assert near.coordinators[1].patch(path, {"impact": "Ours."}, "*").status == 200
        current = head.put(path, {**ours(head.get(path).json, "attendance"), "status": "absent"},
                           headers={"If-Match": "*"}).json
        assert (current["status"], current["impact"]) == ("absent", "Ours.")
        for impact in ("Theirs.", None):
            problem(head.put(path, {**current, "impact": impact}, headers={"If-Match": "*"}),
                    403, "member_forbidden")
        assert head.get(path).json == current


def add_meetings(stage, cluster, on, year, count):
    """Of the autumn, straight into the database."""
    doc = {"kind": "cluster", "cluster_id": cluster, "held_on": on, "location": "Hall",
           "topics": ["One"], "term": "autumn", "academic_year": year}
    stage.cluster.psql(f"""INSERT INTO meeting (id, version, doc)
        SELECT made, 1, document_with('{json.dumps(doc)}', json_build_object(
            'id', made, 'version', 1, 'created_at', time_text(now()),
            'updated_at', time_text(now())))
        FROM (SELECT uuid7() AS made FROM generate_series(1, {count})) AS m""")


class TestGrid:
    @staticmethod
    def of(caller, school, query="academic_year=2021/22", status=200):
        response = caller.get(f"/v1/schools/{school}/meeting-grid?{query}")
        assert response.status == status, response
        return response.json

    @pytest.fixture
    def placed(self, make, world):
        return Neighbours(make, world)

    def test_says_what_was_held_and_what_came_of_it(self, head, make, placed):
        school, cluster = placed.schools[0], placed.clusters[0]
        caller = placed.coordinators[0]
        autumn, spring = (make.meeting(cluster_id=cluster, held_on=on, topics=["One", "Two"],
                                       location="The barn")
                          for on in ("2021-11-10", "2022-02-02"))
        between = placed.meeting(held_on="2022-06-01")
        others = [make.meeting(held_on="2021-11-11"),  # another cluster's
                  make.meeting(cluster_id=cluster, held_on="2022-09-01"),  # another year's
                  make.meeting(kind="additional", cluster_id=cluster, held_on="2021-11-12")]
        made = TestOwnAttendance.record(placed, autumn, 0)
        assert made.status == 201
        grid = self.of(caller, school)
        assert [item["meeting_id"] for item in grid["items"]] == \
            [autumn["id"], spring["id"], between["id"]]
        assert not {item["meeting_id"] for item in grid["items"]} & {o["id"] for o in others}
        assert grid["items"][0] == {
            "meeting_id": autumn["id"], "kind": "cluster", "held_on": "2021-11-10",
            "term": "autumn", "academic_year": "2021/22", "location": "The barn",
            "topics": ["One", "Two"], "status": "present", "impact": "A quiet room.",
            "attendance_id": made.json["id"]}
        assert [(i["kind"], i["status"], i["impact"], i["attendance_id"])
                for i in grid["items"][1:]] == [("cluster", "not_recorded", None, None),
                                                ("additional", "not_recorded", None, None)]
        assert (grid["from"], grid["to"], grid["truncated"]) == ("2021-09-01", "2022-08-31", False)
        assert [(t["term"], t["held"], t["attended"], t["below_one_a_term"])
                for t in grid["terms"]] == \
            [("autumn", 1, 1, False), ("spring", 1, 0, False), ("summer", 0, 0, True)]
        for other in (head, placed.leaders[0]):
            assert self.of(other, school) == grid

    def test_of_a_period_counts_whole_terms(self, head, make, placed):
        school, cluster = placed.schools[0], placed.clusters[0]
        first, last = (make.meeting(cluster_id=cluster, held_on=on)["id"]
                       for on in ("2021-11-10", "2021-11-20"))
        for query, ids in (("from=2021-11-10&to=2021-11-19", [first]),
                           ("from=2021-11-11&to=2021-11-20", [last]),
                           ("from=2021-11-10&to=2021-11-20", [first, last]),
                           ("from=2021-11-11&to=2021-11-11", [])):
            grid = self.of(head, school, query)
            assert [item["meeting_id"] for item in grid["items"]] == ids
            assert [t["held"] for t in grid["terms"]] == [2, 0, 0]
        grid = self.of(head, school, "from=2020-09-01&to=2026-08-31")
        assert len(grid["terms"]) == 18 and len(grid["items"]) == 2

    def test_of_the_current_year_leaves_open_what_goes_on(self, head, make, placed):
        today = datetime.date.fromisoformat(day(0))
        make.meeting(cluster_id=placed.clusters[0], held_on=day(1))
        grid = self.of(head, placed.schools[0], "")
        first = today.year - (today.month < 9)
        assert (grid["from"], grid["to"]) == (f"{first}-09-01", f"{first + 1}-08-31")
        assert None in [t["below_one_a_term"] for t in grid["terms"]]
        assert sum(t["held"] for t in grid["terms"]) == 0

    def test_of_a_school_that_came_from_another(self, head, make, placed):
        """However far back, and where they follow one another in a circle."""
        first, second = (make.school()["id"] for _ in range(2))
        school, caller = placed.schools[0], placed.coordinators[0]
        for before, after in ((first, second), (second, school), (school, first)):
            make.succession(predecessor_id=before, successor_id=after)
        both = make.meeting(cluster_id=placed.clusters[0], held_on="2021-11-10")
        elsewhere = make.meeting(held_on="2022-02-02")
        make.attendance(meeting_id=both["id"], school_id=first, status="absent")
        make.attendance(meeting_id=both["id"], school_id=second)
        old = make.attendance(meeting_id=elsewhere["id"], school_id=first)
        for reader in (head, caller):
            grid = self.of(reader, school)
            assert [(i["meeting_id"], i["status"]) for i in grid["items"]] == \
                [(both["id"], "present"), (elsewhere["id"], "present")]
            assert grid["items"][1]["attendance_id"] == old["id"]
            assert [t["attended"] for t in grid["terms"]] == [1, 1, 0]
        make.attendance(meeting_id=both["id"], school_id=school, status="apologies")
        assert self.of(caller, school)["items"][0]["status"] == "apologies"
        assert caller.get(f"/v1/attendances/{old['id']}").status == 200
        written = caller.patch(f"/v1/attendances/{old['id']}", {"impact": "Mine."}, "*")
        assert (written.status, self.of(caller, school)["items"][1]["impact"]) == (200, "Mine.")

    def test_of_a_school_without_a_cluster(self, head, make):
        school = make.school(cluster_id=None)["id"]
        grid = self.of(head, school)
        assert grid["items"] == [] and [t["held"] for t in grid["terms"]] == [0, 0, 0]

    def test_of_another_school_of_the_cluster_is_not_shown(self, placed):
        """What it took from meetings is its own."""
        caller = placed.coordinators[0]
        for school, code, name in ((placed.schools[1], 403, "forbidden"),
                                   (placed.schools[2], 404, "not_found"),
                                   (str(uuid.uuid4()), 404, "not_found")):
            problem(caller.get(f"/v1/schools/{school}/meeting-grid"), code, name)

    @pytest.mark.parametrize("query, name", [
        ("academic_year=2021/23", "academic_year"), ("academic_year=0000/01", "academic_year"),
        ("academic_year=2021", "academic_year"), ("academic_year=9999/00", "academic_year"),
        ("from=2021-09-01", "to"),
        ("to=2021-09-01", "from"), ("from=2021-09-02&to=2021-09-01", "to"),
        ("from=2020-09-01&to=2026-09-01", "to"), ("from=2021-02-30&to=2021-03-01", "from"),
        ("academic_year=2021/22&from=2021-09-01&to=2021-09-02", "academic_year")])
    def test_of_no_such_period(self, head, placed, query, name):
        bad_parameter(head.get(f"/v1/schools/{placed.schools[0]}/meeting-grid?{query}"), name)

    def test_at_the_ends_of_the_calendar(self, head, placed):
        for query in ("academic_year=0001/02", "academic_year=9998/99",
                      "from=0001-01-01&to=0001-01-01", "from=9999-12-31&to=9999-12-31"):
            assert self.of(head, placed.schools[0], query)["items"] == []

    def test_of_very_many_says_so(self, head, stage, placed):
        add_meetings(stage, placed.clusters[0], "2021-11-10", "2021/22", 1001)
        grid = self.of(head, placed.schools[0])
        assert (len(grid["items"]), grid["truncated"]) == (1000, True)
        assert grid["terms"][0]["held"] == 1001
        path = f"/v1/schools/{placed.schools[0]}/meeting-grid?academic_year=2021/22"
        for name in ("csv", "ndjson", "xlsx"):  # a file could not say so
            bad_parameter(head.get(f"{path}&format={name}"), "academic_year")
            assert head.request("HEAD", f"{path}&format={name}").status == 400
        days = path.replace("academic_year=2021/22", "from=2021-09-01&to=2021-12-01")
        bad_parameter(head.get(days, headers={"Accept": "text/csv"}), "to")
        stage.cluster.psql(f"DELETE FROM meeting WHERE cluster_id = '{placed.clusters[0]}' AND "
                           f"id <> '{grid['items'][0]['meeting_id']}'")
        grid = self.of(head, placed.schools[0])
        assert (len(grid["items"]), grid["truncated"]) == (1, False)
        assert len(lines(export(head, path, "csv"))) == 1


class TestGridAsFile:
    @pytest.fixture(scope="class")
    def placed(self, make, world):
        """With one meeting whose attendance is recorded, and one without."""
        placed = Neighbours(make, world)
        autumn, _ = (make.meeting(cluster_id=placed.clusters[0], held_on=on, location=location,
                                  topics=["One", 'The "Two"'])
                     for on, location in (("2021-11-10", "=The barn"), ("2022-02-02", "Hall")))
        assert TestOwnAttendance.record(placed, autumn, 0, impact="+1 é\nroom").status == 201
        return placed

    @staticmethod
    def path(placed, school=0, query="academic_year=2021/22"):
        return f"/v1/schools/{placed.schools[school]}/meeting-grid?{query}"

    def test_has_its_rows(self, head, placed):
        path = self.path(placed)
        for caller in (head, placed.coordinators[0], placed.leaders[0]):
            items = caller.get(path).json["items"]
            assert len(items) == 2
            response = export(caller, path, "ndjson")
            assert [json.loads(line) for line in response.text.splitlines()] == items
            assert response.header("Content-Disposition").startswith(
                'attachment; filename="meeting-grid-')
            rows = lines(export(caller, path, "csv"))
            assert [row["meeting_id"] for row in rows] == [item["meeting_id"] for item in items]
            assert json.loads(rows[0]["topics"]) == ["One", 'The "Two"']
            assert [(row["location"], row["impact"], row["status"], row["attendance_id"])
                    for row in rows] == [
                ("'=The barn", "'+1 é\nroom", "present", items[0]["attendance_id"]),
                ("Hall", "", "not_recorded", "")]

    def test_has_days_in_a_workbook(self, head, placed):
        names, rows = sheet(export(head, self.path(placed), "xlsx"))
        assert names == list(head.get(self.path(placed)).json["items"][0])
        rows = [dict(zip(names, row)) for row in rows]
        assert [row["held_on"] for row in rows] == [
            datetime.datetime(2021, 11, 10), datetime.datetime(2022, 2, 2)]
        assert (rows[0]["location"], rows[0]["impact"]) == ("=The barn", "+1 é\nroom")
        assert rows[1]["impact"] is None and rows[1]["academic_year"] == "2021/22"

    def test_of_more_rows_than_are_written_at_once(self, head, stage, placed):
        add_meetings(stage, placed.clusters[1], "2019-11-10", "2019/20", 250)
        path = self.path(placed, 2, "academic_year=2019/20")
        ids = [item["meeting_id"] for item in head.get(path).json["items"]]
        assert len(ids) == 250
        assert [row["meeting_id"] for row in lines(export(head, path, "csv"))] == ids
        assert [row[0] for row in sheet(export(head, path, "xlsx"))[1]] == ids

    def test_of_chosen_columns(self, head, placed):
        path = self.path(placed) + "&fields=impact,held_on"
        assert export(head, path + "&bom=true", "csv").body.startswith(
            b"\xef\xbb\xbfheld_on,impact\r\n2021-11-10,")
        assert json.loads(export(head, path, "ndjson").text.splitlines()[1]) == {
            "held_on": "2022-02-02", "impact": None}
        assert sheet(export(head, path, "xlsx"))[0] == ["held_on", "impact"]

    def test_by_accept(self, head, placed):
        for accept, found in (("text/csv", "text/csv"), (XLSX, XLSX), ("*/*", "application/json"),
                              ("application/x-ndjson, application/json;q=0.5", "application/x-ndjson")):
            response = head.get(self.path(placed), headers={"Accept": accept})
            assert (response.status, response.media_type) == (200, found)
            assert "Accept" in response.header("Vary").split(", ")

    def test_of_nothing(self, head, placed):
        path = self.path(placed, query="academic_year=1990/91")
        assert len(export(head, path, "csv").text.splitlines()) == 1
        assert export(head, path, "ndjson").body == b""
        assert sheet(export(head, path, "xlsx"))[1] == []

    @pytest.mark.parametrize("name", ["csv", "ndjson", "xlsx"])
    def test_is_shown_to_whom_the_grid_is(self, placed, anyone, name):
        """What it took from meetings is the school's own."""
        caller = placed.coordinators[0]
        for school, status, word in ((1, 403, "forbidden"), (2, 404, "not_found")):
            path = self.path(placed, school) + f"&format={name}"
            problem(caller.get(path), status, word)
            assert caller.request("HEAD", path).status == status
        path = self.path(placed) + f"&format={name}"
        problem(anyone.get(path), 401, "unauthorized")
        assert placed.leaders[1].get(path).status == \
            placed.leaders[1].get(self.path(placed)).status in (403, 404)
        response = caller.request("HEAD", path)
        assert response.status == 200 and response.body == b""
        assert response.header("Content-Disposition").startswith("attachment; filename=")

    @pytest.mark.parametrize("query, name", [
        ("format=json", "format"), ("format=pdf", "format"), ("fields=held_on", "fields"),
        ("format=csv&fields=terms", "fields"), ("format=csv&fields=", "fields"),
        ("format=csv&bom=maybe", "bom"), ("format=csv&from=2021-09-01", "to")])
    def test_of_what_cannot_be(self, head, placed, query, name):
        bad_parameter(head.get(self.path(placed, query=query)), name)
